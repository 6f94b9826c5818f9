//! Values as bytes: `p1 0 17 - xxxx…`, and back. A reader takes whatever comes: what is no value of ours is named by its checksum.

use crate::history::{Identity, Name, Value};

/// A value and the bytes of its record.
pub(super) fn made(identity: Identity, key: Name, source: Option<Identity>, size: usize) -> (Value, Vec<u8>) {
    let Identity {
        producer,
        run,
        sequence,
    } = identity;
    let of = source.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let mut bytes = format!("{producer} {run} {sequence} {of} ").into_bytes();
    bytes.resize(bytes.len().max(size), b'x');
    let value = Value {
        producer,
        run,
        sequence,
        key,
        checksum: crc32c::crc32c(&bytes),
        source,
    };
    (value, bytes)
}

/// What a record holds.
pub(super) fn read(key: &[u8], bytes: &[u8]) -> Value {
    let checksum = crc32c::crc32c(bytes);
    let key = Name::from(String::from_utf8_lossy(key).as_ref());
    let known = std::str::from_utf8(bytes).ok().and_then(words);
    let (identity, source) = known.unwrap_or_else(|| {
        let foreign = Identity {
            producer: "nobody".into(),
            run: 0,
            sequence: u64::from(checksum),
        };
        (foreign, None)
    });
    Value {
        producer: identity.producer,
        run: identity.run,
        sequence: identity.sequence,
        key,
        checksum,
        source,
    }
}

fn words(text: &str) -> Option<(Identity, Option<Identity>)> {
    let mut words = text.split(' ');
    let identity = Identity {
        producer: words.next()?.into(),
        run: words.next()?.parse().ok()?,
        sequence: words.next()?.parse().ok()?,
    };
    let source = match words.next()? {
        "-" => None,
        of => Some(Identity::parse(of)?),
    };
    Some((identity, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_was_made() {
        for source in [None, Identity::parse("p2.3.4")] {
            let identity = Identity::parse("p1.0.17").expect("a value");
            let (value, bytes) = made(identity, "k3".into(), source, 50);
            assert_eq!(bytes.len(), 50);
            assert_eq!(read(b"k3", &bytes), value);
        }
    }

    #[test]
    fn foreign_bytes_are_a_value_that_nobody_sent() {
        assert_eq!(read(b"", b"hello").producer.as_str(), "nobody");
        assert_eq!(read(b"", &[0xff]).producer.as_str(), "nobody");
    }
}
