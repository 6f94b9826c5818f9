//! The request header: key, version, correlation id, client id, and in flexible versions tagged fields, which are skipped.

use bytes::{Buf, Bytes};
use kafka_fixtures::schema::{request_header_version, response_header_version};

use crate::api::{self, Listener, Unstable};

/// A header that names an API which this broker serves, at a version that it serves, or ApiVersions at any version.
pub(crate) struct RequestHeader {
    pub(crate) entry: &'static api::Entry,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: String,
    /// False for ApiVersions above its maximum, which is answered all the same.
    pub(crate) supported: bool,
}

/// Why a header closes the connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("the frame ends inside its header")]
    Truncated,
    #[error("API key {0} is not served")]
    UnknownKey(i16),
    #[error("{0} v{1} is not served")]
    UnknownVersion(&'static str, i16),
    #[error("the client id is not UTF-8")]
    ClientId,
    #[error("the header's tagged fields do not decode")]
    Tags,
}

/// Tagged fields beyond this many are refused: no client sends any in a header today.
const MAX_TAGS: u32 = 64;

impl RequestHeader {
    /// Reads the header of a frame that came in by this listener, and leaves the body in it.
    pub(crate) fn read(frame: &mut Bytes, listener: Listener, unstable: Unstable) -> Result<Self, HeaderError> {
        if frame.len() < 8 {
            return Err(HeaderError::Truncated);
        }
        let (key, version, correlation_id) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
        let entry = api::find(key, listener).ok_or(HeaderError::UnknownKey(key))?;
        let supported = entry.serves(version, unstable);
        if !(supported || entry.is_api_versions() && version > *entry.versions.end()) {
            return Err(HeaderError::UnknownVersion(entry.name, version));
        }
        if !supported {
            return Ok(Self {
                entry,
                version,
                correlation_id,
                client_id: String::new(),
                supported,
            });
        }
        let client_id = read_nullable_string(frame)?;
        if request_header_version(key, version) >= 2 {
            skip_tags(frame)?;
        }
        Ok(Self {
            entry,
            version,
            correlation_id,
            client_id,
            supported,
        })
    }

    /// The bytes that stand before the response body.
    pub(crate) fn response_header(&self) -> Vec<u8> {
        let mut header = self.correlation_id.to_be_bytes().to_vec();
        if self.supported && response_header_version(self.entry.key, self.version) >= 1 {
            header.push(0);
        }
        header
    }
}

/// A null client id counts as empty.
fn read_nullable_string(frame: &mut Bytes) -> Result<String, HeaderError> {
    let length = frame.try_get_i16().map_err(|_| HeaderError::Truncated)?;
    let Ok(length) = usize::try_from(length) else {
        return if length == -1 {
            Ok(String::new())
        } else {
            Err(HeaderError::Truncated)
        };
    };
    if frame.len() < length {
        return Err(HeaderError::Truncated);
    }
    String::from_utf8(frame.split_to(length).into()).map_err(|_| HeaderError::ClientId)
}

fn skip_tags(frame: &mut Bytes) -> Result<(), HeaderError> {
    let count = read_varint(frame)?;
    if count > MAX_TAGS {
        return Err(HeaderError::Tags);
    }
    for _ in 0..count {
        let _tag = read_varint(frame)?;
        let size = read_varint(frame)? as usize;
        if frame.len() < size {
            return Err(HeaderError::Tags);
        }
        frame.advance(size);
    }
    Ok(())
}

fn read_varint(frame: &mut Bytes) -> Result<u32, HeaderError> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let byte = frame.try_get_u8().map_err(|_| HeaderError::Tags)?;
        value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(HeaderError::Tags)
}
