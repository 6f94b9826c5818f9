//! Frames to a peer and back. What a peer answers is believed no more than what a client asks: the length is checked before
//! anything is allocated, and the structural walk comes before the typed decode.

use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_fixtures::schema::{Schemas, request_header_version, response_header_version};
use kafka_fixtures::walk::{Budget, walk};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Address;
use crate::api::{ReadBody, WriteBody};
use crate::net::frame::{FrameError, FrameReader};

/// A request that is ready to leave.
pub(super) struct Exchange {
    key: i16,
    version: i16,
    client_id: &'static str,
    body: Bytes,
    /// How long its answer may take.
    pub(super) timeout: Duration,
}

/// `request.timeout.ms` of a controller's clients: `controller.socket.timeout.ms`, `replica.socket.timeout.ms`.
pub(super) const REQUEST: Duration = Duration::from_secs(30);
/// No answer is longer: those of a replica's fetch are bounded by what it asks for, but for one batch.
const LONGEST_ANSWER: i32 = 256 << 20;
/// Room for a header, or for a body that names one partition.
const USUAL: usize = 128;
/// Kafka's own nodes name themselves so.
pub(crate) const CLIENT_ID: &str = "reference-broker";
/// Who carries out an order of whoever has the cluster in hand. What is set to go wrong is set for others.
pub(crate) const ORDERED: &str = "reference-broker-ordered";

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("the link is cut by a fault")]
    Cut,
    #[error("no answer for {0:?}")]
    Silent(Duration),
    #[error("sending failed: {0}")]
    Send(io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the answer is to request {got}, and {asked} was asked")]
    Correlation { asked: i32, got: i32 },
    #[error("the answer ends inside its header")]
    Header,
    #[error("the answer does not decode: {0}")]
    Body(String),
}

impl Exchange {
    /// A request of that key and version.
    pub(super) fn new(key: i16, version: i16, request: &impl WriteBody) -> Result<Self, String> {
        let mut body = BytesMut::with_capacity(USUAL);
        let written = request.write(&mut body, version);
        written.map_err(|malformed| format!("the request does not encode: {}", malformed.0))?;
        Ok(Self {
            key,
            version,
            client_id: CLIENT_ID,
            body: body.freeze(),
            timeout: REQUEST,
        })
    }

    /// The same with a long poll in it.
    pub(super) fn waiting(self, max_wait_ms: i32) -> Self {
        let wait = Duration::from_millis(u64::try_from(max_wait_ms).unwrap_or(0));
        Self {
            timeout: REQUEST + wait,
            ..self
        }
    }

    /// How Kafka calls it.
    pub(super) fn name(&self) -> String {
        let name = Schemas::latest().api_name(self.key).unwrap_or("request");
        format!("{name} v{}", self.version)
    }

    fn frame(&self, correlation_id: i32) -> Bytes {
        let mut frame = BytesMut::with_capacity(self.body.len() + USUAL);
        frame.put_i32(0);
        put_header(&mut frame, (self.key, self.version), correlation_id, self.client_id);
        frame.put_slice(&self.body);
        let length = (frame.len() - 4) as i32;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame.freeze()
    }

    /// The body of an answer, once it is sure that it can be one.
    fn body_of(&self, mut answer: Bytes, asked: i32) -> Result<Bytes, PeerError> {
        let got = answer.try_get_i32().map_err(|_| PeerError::Header)?;
        if got != asked {
            return Err(PeerError::Correlation { asked, got });
        }
        // Nobody sends tagged fields in this header; one that has some is refused.
        if response_header_version(self.key, self.version) >= 1 && answer.try_get_u8() != Ok(0) {
            return Err(PeerError::Header);
        }
        let schema = Schemas::latest().response(self.key);
        let schema = schema.ok_or_else(|| PeerError::Body("it has no schema".into()))?;
        let mut budget = Budget::for_frame(answer.len());
        let walked = walk(schema, self.version, &answer, &mut budget);
        match walked {
            Ok(length) if length == answer.len() => Ok(answer),
            Ok(length) => Err(PeerError::Body(format!("{} bytes follow it", answer.len() - length))),
            Err(refusal) => Err(PeerError::Body(refusal.to_string())),
        }
    }
}

/// A connection on which requests go one at a time.
pub(super) struct Connection {
    socket: TcpStream,
    frames: FrameReader,
    last: i32,
}

impl Connection {
    pub(super) fn new(socket: TcpStream) -> Self {
        // A socket that refuses TCP_NODELAY is already closing.
        let _ = socket.set_nodelay(true);
        Self {
            socket,
            frames: FrameReader::new(LONGEST_ANSWER, Duration::MAX),
            last: 0,
        }
    }

    /// Has the peer closed it, or sent what nobody asked for?
    pub(super) fn is_over(&self) -> bool {
        let mut byte = [0];
        match self.socket.try_read(&mut byte) {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            Ok(_) => true,
        }
    }

    /// Sends a request and waits for its answer. The caller has the deadline.
    pub(super) async fn exchange(&mut self, exchange: &Exchange) -> Result<Bytes, PeerError> {
        self.last = self.last.wrapping_add(1);
        let frame = exchange.frame(self.last);
        self.socket.write_all(&frame).await.map_err(PeerError::Send)?;
        let answer = self.frames.next(&mut self.socket).await?;
        exchange.body_of(answer, self.last)
    }
}

/// The header of a request of that key and version. A client id is no longer than a string may be.
pub(super) fn put_header(bytes: &mut BytesMut, (key, version): (i16, i16), correlation_id: i32, client_id: &str) {
    bytes.put_i16(key);
    bytes.put_i16(version);
    bytes.put_i32(correlation_id);
    bytes.put_i16(client_id.len() as i16);
    bytes.put_slice(client_id.as_bytes());
    if request_header_version(key, version) >= 2 {
        bytes.put_u8(0);
    }
}

/// One request on a connection of its own, under this client id. The caller has the deadline.
pub(crate) async fn ask_once<T: ReadBody>(
    address: &Address,
    client_id: &'static str,
    (key, version): (i16, i16),
    request: &impl WriteBody,
) -> Result<T, String> {
    let exchange = Exchange {
        client_id,
        ..Exchange::new(key, version, request)?
    };
    let socket = TcpStream::connect((address.0.as_str(), address.1)).await;
    let mut connection = Connection::new(socket.map_err(|error| PeerError::Connect(error).to_string())?);
    let body = connection.exchange(&exchange).await;
    decode(body.map_err(|error| error.to_string())?, version)
}

/// Decodes the body of an answer.
pub(super) fn decode<T: ReadBody>(mut body: Bytes, version: i16) -> Result<T, String> {
    let decoded = T::read(&mut body, version);
    decoded.map_err(|malformed| format!("the answer does not decode: {}", malformed.0))
}
