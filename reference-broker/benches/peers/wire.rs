//! The least of a client: requests of the versions that every peer has, one connection, a deadline on every answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

const TIMEOUT: Duration = Duration::from_secs(30);
/// A topic or its leader that is not there yet, a coordinator that is not, a transaction that is being ended.
const TRANSIENT: [i16; 7] = [3, 5, 6, 14, 15, 16, 51];

pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self, String> {
        let socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
        socket
            .set_nodelay(true)
            .and_then(|()| socket.set_read_timeout(Some(TIMEOUT)))
            .map_err(|error| error.to_string())?;
        Ok(Self(socket))
    }

    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response, String> {
        self.send(&frame(version, request))?;
        self.receive::<R>(version)
    }

    /// Asks until the answer has no error that passes by itself; answers with it.
    pub(crate) fn insist<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        error: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, String> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let answer = self.ask(version, request)?;
            match error(&answer) {
                0 => return Ok(answer),
                code if !TRANSIENT.contains(&code) => return Err(format!("error {code} from API {}", R::KEY)),
                code if Instant::now() > deadline => {
                    return Err(format!("error {code} from API {} for {TIMEOUT:?}", R::KEY));
                }
                _ => std::thread::yield_now(),
            }
        }
    }

    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<(), String> {
        self.0.write_all(frame).map_err(|error| error.to_string())
    }

    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response, String> {
        let mut length = [0; 4];
        self.read(&mut length, R::KEY)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.read(&mut body, R::KEY)?;
        let mut body = Bytes::from(body);
        let trouble = |error| format!("API {}: {error}", R::KEY);
        ResponseHeader::decode(&mut body, R::Response::header_version(version)).map_err(trouble)?;
        R::Response::decode(&mut body, version).map_err(trouble)
    }

    fn read(&mut self, into: &mut [u8], key: i16) -> Result<(), String> {
        self.0.read_exact(into).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => format!("no answer from API {key} within {TIMEOUT:?}"),
            _ => format!("API {key}: {error}"),
        })
    }
}

/// A whole request as it goes over the wire.
pub(crate) fn frame<R: Request>(version: i16, request: &R) -> BytesMut {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("peers")));
    let mut bytes = BytesMut::from([0; 4].as_slice());
    header
        .encode(&mut bytes, R::header_version(version))
        .and_then(|()| request.encode(&mut bytes, version))
        .expect("a request of a version that has it");
    let length = u32::try_from(bytes.len() - 4).expect("a small request");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// A batch of these values; of a transaction if a producer is given, its id, epoch and next sequence.
pub(crate) fn batch(values: &[Bytes], producer: Option<(i64, i16, i32)>) -> Bytes {
    let (producer_id, producer_epoch, sequence) = producer.unwrap_or((-1, -1, -1));
    let record = |(n, value): (usize, &Bytes)| Record {
        transactional: producer.is_some(),
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id,
        producer_epoch,
        timestamp_type: TimestampType::Creation,
        offset: n as i64,
        sequence: sequence + n as i32,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(value.clone()),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = values.iter().enumerate().map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("records that fit");
    bytes.freeze()
}
