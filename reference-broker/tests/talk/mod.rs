//! One connection of a client that speaks by the schema tables.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use kafka_fixtures::codec;
use kafka_fixtures::schema::{Schemas, request_header_version, response_header_version};
use kafka_fixtures::value::{Struct, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// So long silence is listened to before it counts as such.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Answer(Value),
    Closed,
    Nothing,
}

pub(crate) struct Client {
    socket: TcpStream,
    client_id: &'static str,
    last: i32,
}

impl Client {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::called("tests", address).await
    }

    pub(crate) async fn called(client_id: &'static str, address: SocketAddr) -> Self {
        let socket = timeout(LIMIT, TcpStream::connect(address)).await;
        Self {
            socket: socket.expect("in time").expect("connected"),
            client_id,
            last: 0,
        }
    }

    /// Sends a request; what is heard within the limit.
    pub(crate) async fn hears(&mut self, api: &str, version: i16, request: Struct, within: Duration) -> Heard {
        let schemas = Schemas::latest();
        let key = schemas.api_key(api).expect("an API");
        let asked = schemas.request(key).expect("a request");
        let body = codec::encode(asked, version, &Value::Struct(request)).expect("a request");
        self.last += 1;
        let mut frame = BytesMut::new();
        frame.put_i16(key);
        frame.put_i16(version);
        frame.put_i32(self.last);
        frame.put_i16(self.client_id.len() as i16);
        frame.put_slice(self.client_id.as_bytes());
        if request_header_version(key, version) >= 2 {
            frame.put_u8(0);
        }
        frame.put_slice(&body);
        let sent = [&(frame.len() as u32).to_be_bytes(), &frame[..]].concat();
        if self.socket.write_all(&sent).await.is_err() {
            return Heard::Closed;
        }
        self.listens(key, version, within).await
    }

    /// What is heard of the last request.
    pub(crate) async fn still_hears(&mut self, api: &str, version: i16) -> Heard {
        let key = Schemas::latest().api_key(api).expect("an API");
        self.listens(key, version, LIMIT).await
    }

    /// Whether the other side closes, unasked.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let read = timeout(LIMIT, self.socket.read(&mut [0])).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }

    async fn listens(&mut self, key: i16, version: i16, within: Duration) -> Heard {
        let read = async {
            let length = self.socket.read_u32().await?;
            let mut frame = vec![0; length as usize];
            self.socket.read_exact(&mut frame).await?;
            Ok::<_, std::io::Error>(frame)
        };
        let frame = match timeout(within, read).await {
            Err(_) => return Heard::Nothing,
            Ok(Err(_)) => return Heard::Closed,
            Ok(Ok(frame)) => frame,
        };
        assert_eq!(frame[..4], self.last.to_be_bytes(), "an answer to what was asked");
        let header = 4 + usize::from(response_header_version(key, version) >= 1);
        let answered = Schemas::latest().response(key).expect("an answer");
        let decoded = codec::decode(answered, version, &frame[header..]).expect("an answer");
        Heard::Answer(decoded.value)
    }

    /// The answer, which comes.
    pub(crate) async fn asks(&mut self, api: &str, version: i16, request: Struct) -> Value {
        match self.hears(api, version, request, LIMIT).await {
            Heard::Answer(value) => value,
            other => panic!("{api} v{version}: {other:?}"),
        }
    }

    /// Whether Metadata is answered, as every broker does that serves.
    pub(crate) async fn is_served(&mut self) -> bool {
        let said = self.hears("Metadata", 8, none_in("Topics"), LIMIT).await;
        matches!(said, Heard::Answer(_))
    }
}

/// A request that asks about nothing.
pub(crate) fn none_in(array: &str) -> Struct {
    Struct::new().with(array, Value::Array(Vec::new()))
}
