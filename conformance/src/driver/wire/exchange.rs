//! One request and its reply as messages: header and body to a frame, a frame to a body, and what each byte is.

use bytes::Bytes;
use kafka_fixtures::codec::{self, DecodeError, Decoded, EncodeError, Forge, Span};
use kafka_fixtures::schema::{Message, RELEASES, Schemas, request_header_version, response_header_version};
use kafka_fixtures::value::{Struct, Value};

use crate::run::event::{Direction, FieldSpan, FrameReport};

/// The client id that requests carry where a case does not say another.
const CLIENT_ID: &str = "conformance";

/// A request before it is bytes.
#[derive(Debug, Clone)]
pub struct Request {
    /// Kafka's name of the API.
    pub api: String,
    /// Its version, also one that no release has.
    pub version: i16,
    /// Fields by Kafka's names; what is missing takes its default.
    pub body: Value,
    /// Deliberate faults in the body.
    pub forge: Forge,
    /// The client id; `None` is null.
    pub client_id: Option<String>,
    /// Tagged fields of the header that no schema names.
    pub header_tags: Vec<(u32, Bytes)>,
}

/// A reply as a message.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// As the target echoed it.
    pub correlation_id: i32,
    /// The decoded body.
    pub body: Value,
    /// Every byte of the frame by field.
    pub spans: Vec<FieldSpan>,
    /// What is odd about the bytes though they decode.
    pub findings: Vec<String>,
}

/// Where the layout of messages comes from.
#[derive(Debug)]
pub struct Layout;

impl Layout {
    /// Kafka's name for a key; the key itself where no release has one.
    pub fn api_name(key: i16) -> String {
        newest_first()
            .find_map(|schemas| schemas.api_name(key))
            .map_or_else(|| key.to_string(), str::to_owned)
    }

    /// The key of an API name; also a bare number, for keys that no release has.
    pub fn api_key(api: &str) -> Option<i16> {
        newest_first()
            .find_map(|schemas| schemas.api_key(api))
            .or_else(|| api.parse().ok())
    }
}

fn newest_first() -> impl Iterator<Item = &'static Schemas> {
    RELEASES.iter().rev().filter_map(|release| Schemas::release(release))
}

/// The layout of a message at a version: of the newest release that has the version, or of the newest at all.
pub fn schema_for(key: i16, version: i16, direction: Direction) -> Option<&'static Message> {
    let of = |schemas: &'static Schemas| match direction {
        Direction::Request => schemas.request(key),
        Direction::Response => schemas.response(key),
    };
    newest_first()
        .filter_map(of)
        .find(|message| message.versions.contains(version))
        .or_else(|| newest_first().find_map(of))
}

/// A version that no release has is laid out as the nearest that one has.
fn layout_version(message: &Message, version: i16) -> i16 {
    if message.versions.is_empty() {
        version
    } else {
        version.clamp(message.versions.min, message.versions.max)
    }
}

impl Request {
    /// A plain request.
    pub fn new(api: &str, version: i16, body: Value) -> Self {
        Self {
            api: api.to_owned(),
            version,
            body,
            forge: Forge::new(),
            client_id: Some(CLIENT_ID.to_owned()),
            header_tags: Vec::new(),
        }
    }

    /// The API key; -1 where the name is unknown.
    pub fn key(&self) -> i16 {
        Layout::api_key(&self.api).unwrap_or(-1)
    }

    /// Header and body, without the length prefix.
    pub fn encode(&self, correlation_id: i32) -> Result<Vec<u8>, EncodeError> {
        let key = self.key();
        let mut frame = self.header(key, correlation_id)?;
        match schema_for(key, self.version, Direction::Request) {
            Some(message) => {
                let layout = layout_version(message, self.version);
                frame.extend_from_slice(&codec::encode_forged(message, layout, &self.body, &self.forge)?);
            }
            // A key that no release has: the header alone says it all.
            None if self.body == Value::Struct(Struct::new()) => {}
            None => {
                return Err(EncodeError {
                    path: String::new(),
                    what: format!("no release knows the API {}", self.api),
                });
            }
        }
        Ok(frame)
    }

    fn header(&self, key: i16, correlation_id: i32) -> Result<Vec<u8>, EncodeError> {
        let version = self.header_version(key);
        let mut header = Struct::new()
            .with("RequestApiKey", key)
            .with("RequestApiVersion", self.version)
            .with("CorrelationId", correlation_id);
        if version >= 1 {
            header.set("ClientId", self.client_id.clone());
        }
        header.unknown_tags.clone_from(&self.header_tags);
        let message = header_message("RequestHeader")?;
        Ok(codec::encode(message, version, &Value::Struct(header))?.to_vec())
    }

    /// The header of a version that there is not is that of the nearest one.
    fn header_version(&self, key: i16) -> i16 {
        let layout = schema_for(key, self.version, Direction::Request);
        // Version 0 was ControlledShutdown's alone and is in no table.
        layout.map_or(1, |message| {
            request_header_version(key, layout_version(message, self.version)).max(1)
        })
    }

    /// The request as a report shows it; a frame that is wrong on purpose is described as far as it decodes.
    pub fn report(&self, frame: &[u8]) -> FrameReport {
        let key = self.key();
        let header = header_message("RequestHeader")
            .ok()
            .and_then(|message| codec::decode(message, self.header_version(key), frame).ok());
        let mut fields = Vec::new();
        if let Some(header) = header {
            let body = schema_for(key, self.version, Direction::Request)
                .and_then(|message| codec::decode(message, self.version, &frame[header.consumed..]).ok());
            fields = spans(&header.spans, 0);
            fields.extend(body.map(|body| spans(&body.spans, header.consumed)).unwrap_or_default());
        }
        FrameReport {
            direction: Direction::Request,
            api: self.api.clone(),
            version: self.version,
            hex: hex(frame),
            fields,
        }
    }
}

impl Exchange {
    /// Reads the reply to a request.
    pub fn decode(request: &Request, frame: &[u8]) -> Result<Self, DecodeError> {
        match Self::decode_at(request, request.version, frame) {
            // An ApiVersions request that is too new is answered in version 0 (KIP-511).
            Err(_) if request.key() == 18 => Self::decode_at(request, 0, frame),
            decoded => decoded,
        }
    }

    fn decode_at(request: &Request, version: i16, frame: &[u8]) -> Result<Self, DecodeError> {
        let key = request.key();
        let nothing = |what: &str| DecodeError {
            offset: 0,
            path: String::new(),
            what: what.to_owned(),
        };
        let header_message = header_message("ResponseHeader").map_err(|error| nothing(&error.to_string()))?;
        let header = codec::decode(header_message, response_header_version(key, version), frame)?;
        let message =
            schema_for(key, version, Direction::Response).ok_or_else(|| nothing("an API that no release knows"))?;
        let body = codec::decode(message, version, &frame[header.consumed..])?;
        let mut fields = spans(&header.spans, 0);
        fields.extend(spans(&body.spans, header.consumed));
        let correlation_id = header
            .value
            .get("CorrelationId")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        Ok(Self {
            correlation_id: i32::try_from(correlation_id).unwrap_or_default(),
            findings: findings(message, version, &body, &frame[header.consumed..]),
            body: body.value,
            spans: fields,
        })
    }

    /// The reply as a report shows it.
    pub fn report(&self, request: &Request, frame: &[u8]) -> FrameReport {
        FrameReport {
            direction: Direction::Response,
            api: request.api.clone(),
            version: request.version,
            hex: hex(frame),
            fields: self.spans.clone(),
        }
    }
}

/// A frame that does not decode, as a report shows it.
pub(crate) fn undecoded(request: &Request, frame: &[u8]) -> FrameReport {
    FrameReport {
        direction: Direction::Response,
        api: request.api.clone(),
        version: request.version,
        hex: hex(frame),
        fields: Vec::new(),
    }
}

/// Bytes that decode and yet are not what Kafka writes: real clients may stumble over them.
fn findings(message: &Message, version: i16, body: &Decoded, bytes: &[u8]) -> Vec<String> {
    let mut findings = Vec::new();
    if body.consumed < bytes.len() {
        findings.push(format!(
            "{}: {} bytes follow the reply",
            message.name,
            bytes.len() - body.consumed
        ));
    }
    match codec::encode(message, version, &body.value) {
        Ok(again) if again == bytes[..body.consumed] => {}
        Ok(again) => {
            let at = again
                .iter()
                .zip(bytes)
                .take_while(|(ours, theirs)| ours == theirs)
                .count();
            let field = body
                .spans
                .iter()
                .find(|span| span.end > at)
                .map_or("", |span| span.path.as_str());
            findings.push(format!(
                "{}: other bytes than Kafka writes for the same values, first at byte {at} ({field}); \
                 a tagged field at its default may have been sent",
                message.name
            ));
        }
        Err(error) => findings.push(format!("{}: does not encode again: {error}", message.name)),
    }
    findings
}

fn header_message(name: &str) -> Result<&'static Message, EncodeError> {
    Schemas::latest().named(name).ok_or_else(|| EncodeError {
        path: String::new(),
        what: format!("the tables lack {name}"),
    })
}

fn spans(spans: &[Span], offset: usize) -> Vec<FieldSpan> {
    spans
        .iter()
        .map(|span| FieldSpan {
            start: span.start + offset,
            end: span.end + offset,
            path: span.path.clone(),
            value: span.value.clone(),
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
