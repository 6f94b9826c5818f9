//! The little of a frame that a proxy reads: its header, and whether a Produce wants an answer.

use std::io;

use bytes::{Buf, Bytes};
use kafka_fixtures::schema::{request_header_version, response_header_version};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Larger frames are no Kafka's.
const LARGEST: usize = 128 << 20;

/// Who asks what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: i16,
    pub(super) version: i16,
    pub(super) correlation: i32,
    pub(super) client: String,
    /// Where the body begins, behind the length prefix.
    pub(super) body: usize,
    /// False for Produce with acks=0.
    pub(super) is_answered: bool,
}

/// A frame with its length prefix.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = from.read_i32().await?;
    let length = usize::try_from(length)
        .ok()
        .filter(|length| (4..=LARGEST).contains(length));
    let length = length.ok_or(io::ErrorKind::InvalidData)?;
    let mut frame = Vec::with_capacity(4 + length.min(1 << 20));
    frame.extend_from_slice(&(length as u32).to_be_bytes());
    let mut body = from.take(length as u64);
    body.read_to_end(&mut frame).await?;
    match frame.len() == 4 + length {
        true => Ok(frame),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// What a request says of itself.
pub(super) fn head(frame: &[u8]) -> Option<Head> {
    let mut rest = Bytes::copy_from_slice(frame.get(4..frame.len().min(4 + 1024))?);
    let (key, version) = (rest.try_get_i16().ok()?, rest.try_get_i16().ok()?);
    let correlation = rest.try_get_i32().ok()?;
    let client = string(&mut rest)?.unwrap_or_default();
    let is_flexible = request_header_version(key, version) == 2;
    if is_flexible {
        skip_tags(&mut rest)?;
    }
    let body = frame.len().min(4 + 1024) - rest.remaining();
    let is_answered = key != 0 || acks(&mut rest, is_flexible) != Some(0);
    Some(Head {
        key,
        version,
        correlation,
        client,
        body,
        is_answered,
    })
}

fn acks(rest: &mut Bytes, is_flexible: bool) -> Option<i16> {
    if is_flexible {
        let length = usize::try_from(varint(rest)?).ok()?.saturating_sub(1);
        (rest.remaining() >= length).then(|| rest.advance(length))?;
    } else {
        string(rest)?;
    }
    rest.try_get_i16().ok()
}

fn string(rest: &mut Bytes) -> Option<Option<String>> {
    let Ok(length) = usize::try_from(rest.try_get_i16().ok()?) else {
        return Some(None);
    };
    let taken = (rest.remaining() >= length).then(|| rest.split_to(length))?;
    Some(Some(String::from_utf8_lossy(&taken).into_owned()))
}

fn varint(rest: &mut Bytes) -> Option<u32> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = rest.try_get_u8().ok()?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn skip_tags(rest: &mut Bytes) -> Option<()> {
    for _ in 0..varint(rest)? {
        varint(rest)?;
        let length = usize::try_from(varint(rest)?).ok()?;
        (rest.remaining() >= length).then(|| rest.advance(length))?;
    }
    Some(())
}

/// The correlation id of an answer.
pub(super) fn correlation(frame: &[u8]) -> Option<i32> {
    frame.get(4..)?.try_get_i32().ok()
}

/// Where the body of an answer begins, behind the length prefix and the header.
pub(super) fn body_at(key: i16, version: i16, frame: &[u8]) -> Option<usize> {
    let mut rest = Bytes::copy_from_slice(frame.get(8..frame.len().min(8 + 1024))?);
    let before = rest.remaining();
    if response_header_version(key, version) == 1 {
        skip_tags(&mut rest)?;
    }
    Some(8 + before - rest.remaining())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::wire::Request;
    use kafka_fixtures::value::{Struct, Value};

    fn framed(request: &Request) -> Vec<u8> {
        let body = request.encode(7).expect("a request");
        [&u32::try_from(body.len()).expect("short").to_be_bytes()[..], &body].concat()
    }

    #[test]
    fn a_head_is_read_at_every_version_of_produce() {
        for version in 3..=13 {
            for (acks, is_answered) in [(0, false), (1, true), (-1, true)] {
                let body = Struct::new()
                    .with("Acks", Value::Int(acks))
                    .with("TimeoutMs", Value::Int(1));
                let frame = framed(&Request::new("Produce", version, Value::Struct(body)));
                let head = head(&frame).expect("a head");
                assert_eq!((head.key, head.version, head.correlation), (0, version, 7));
                assert_eq!(head.is_answered, is_answered, "v{version} acks={acks}");
            }
        }
    }

    #[test]
    fn what_is_no_request_has_no_head() {
        assert_eq!(head(&[0, 0, 0, 4, 0, 3, 0]), None);
        assert_eq!(head(&[]), None);
    }

    #[tokio::test]
    async fn a_frame_that_ends_early_or_is_too_long_is_none() {
        assert!(read(&mut &[0, 0, 0, 9, 1, 2][..]).await.is_err());
        assert!(read(&mut &[0x7f, 0, 0, 0][..]).await.is_err());
        let whole = [0, 0, 0, 4, 1, 2, 3, 4];
        assert_eq!(read(&mut &whole[..]).await.expect("a frame"), whole);
    }
}
