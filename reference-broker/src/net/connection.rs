//! One client's connection: one request at a time, answered before the next is read, as Kafka does.

use std::sync::Arc;
use std::time::Duration;

use broker_core::mutant::{self, Mutant};
use bytes::Bytes;
use kafka_fixtures::schema::Schemas;
use kafka_fixtures::walk::{Budget, walk};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::frame::{FrameError, FrameReader};
use super::header::{HeaderError, RequestHeader};
use super::send::send;
use crate::api::{self, Listener};
use crate::broker::{Job, Outgoing, Piece};
use crate::faults::{self, Act, Faults, Moment, side_of};

/// What a connection needs besides its socket.
#[derive(Clone)]
pub(crate) struct Link {
    /// The node's inbox.
    pub(crate) inbox: mpsc::Sender<Job>,
    /// Which APIs are served.
    pub(crate) listener: Listener,
    /// By which name answers name brokers.
    pub(crate) listener_name: Arc<str>,
    /// `socket.request.max.bytes`
    pub(crate) max_request_bytes: i32,
    /// `unstable.api.versions.enable`
    pub(crate) unstable: api::Unstable,
    /// `connections.max.idle.ms`; also how long a reader may take over an answer.
    pub(crate) idle: Duration,
    /// Takes why a connection was closed.
    pub(crate) explain: fn(&str),
    /// What stands in the way.
    pub(crate) faults: Faults,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("the body was refused: {0}")]
    Body(String),
    #[error("its address has as many connections as max.connections.per.ip allows")]
    PerIp,
    #[error("the broker stopped")]
    Stopped,
    #[error("the peer left before its answer")]
    Gone,
    #[error("sending failed: {0}")]
    Send(#[from] std::io::Error),
    #[error("the peer took no bytes for too long")]
    SlowReader,
    #[error("clients are cut off by a fault")]
    Cut,
    #[error("a fault was set on {0}")]
    Fault(&'static str),
}

/// Serves one client until either side closes.
pub(crate) async fn serve(mut socket: TcpStream, client_host: Arc<str>, link: Link) -> Closed {
    let mut frames = FrameReader::new(link.max_request_bytes, link.idle);
    loop {
        if let Err(closed) = exchange(&mut socket, &mut frames, &client_host, &link).await {
            return closed;
        }
    }
}

async fn exchange(
    socket: &mut TcpStream,
    frames: &mut FrameReader,
    client_host: &Arc<str>,
    link: &Link,
) -> Result<(), Closed> {
    let body = frames.next(socket).await?;
    if mutant::on(Mutant::ResponseOutOfOrder)
        && let Ok(overtaking) = timeout(LONG, frames.next(socket)).await
    {
        respond(socket, overtaking?, client_host, link).await?;
    }
    respond(socket, body, client_host, link).await
}

async fn respond(socket: &mut TcpStream, mut body: Bytes, client_host: &Arc<str>, link: &Link) -> Result<(), Closed> {
    let header = RequestHeader::read(&mut body, link.listener, link.unstable)?;
    let response_header = header.response_header();
    let side = side_of(link.listener, &header.client_id);
    if !link.faults.lets_pass(side).await {
        return Err(Closed::Cut);
    }
    let outgoing = if header.supported {
        guard(&header, &body)?;
        let met = link.faults.met_by(&header, side);
        let request = Request {
            header,
            body,
            client_host: client_host.clone(),
        };
        match met {
            None => ask(socket, request, link).await?,
            Some(act) => meet(act, socket, request, link).await?,
        }
    } else {
        Outgoing::Body(vec![Piece::Bytes(
            api::unsupported_api_versions().map_err(|malformed| Closed::Body(malformed.0))?,
        )])
    };
    if !link.faults.lets_pass(side).await {
        return Err(Closed::Cut);
    }
    match outgoing {
        Outgoing::Body(answer) => {
            let sending = send(socket, &response_header, answer);
            timeout(link.idle, sending).await.map_err(|_| Closed::SlowReader)?
        }
        Outgoing::Nothing => Ok(()),
        Outgoing::Close(reason) => Err(Closed::Body(reason)),
    }
}

/// A request, and who asks.
struct Request {
    header: RequestHeader,
    body: Bytes,
    client_host: Arc<str>,
}

/// What becomes of a request that meets a fault.
async fn meet(act: Act, socket: &TcpStream, request: Request, link: &Link) -> Result<Outgoing, Closed> {
    let entry = request.header.entry;
    match act {
        Act::Delay(Moment::Request, by) => sleep(by).await,
        Act::Drop(Moment::Request) => return Ok(Outgoing::Nothing),
        Act::Close(Moment::Request) => return Err(Closed::Fault(entry.name)),
        Act::Error(error) => {
            let refused =
                faults::refusal(entry.key, request.header.version, &request.body, error).map_err(Closed::Body)?;
            return Ok(refused.map_or(Outgoing::Nothing, |body| Outgoing::Body(vec![Piece::Bytes(body)])));
        }
        Act::Delay(Moment::Answer, _) | Act::Drop(Moment::Answer) | Act::Close(Moment::Answer) => {}
    }
    let answer = ask(socket, request, link).await?;
    match act {
        Act::Delay(Moment::Answer, by) => sleep(by).await,
        Act::Drop(Moment::Answer) => return Ok(Outgoing::Nothing),
        Act::Close(Moment::Answer) => return Err(Closed::Fault(entry.name)),
        Act::Delay(Moment::Request, _) | Act::Drop(Moment::Request) | Act::Close(Moment::Request) | Act::Error(_) => {}
    }
    Ok(answer)
}

/// The structural walk: counts against the bytes that are there, the decoded size against a budget, before any typed decode.
pub(crate) fn guard(header: &RequestHeader, body: &Bytes) -> Result<(), Closed> {
    let schema = Schemas::latest().request(header.entry.key);
    let schema = schema.ok_or_else(|| Closed::Body(format!("no schema for {}", header.entry.name)))?;
    let mut budget = Budget::for_frame(body.len());
    walk(schema, header.version, body, &mut budget).map_err(|refusal| Closed::Body(refusal.to_string()))?;
    Ok(())
}

/// An answer that takes longer than this is a long poll or a join: then it matters whether the client still waits for it.
const LONG: Duration = Duration::from_millis(50);
/// So long a client that has closed its side may still wait for its answer, as with Kafka; most have closed both.
const HALF_CLOSED: Duration = Duration::from_secs(30);

async fn ask(socket: &TcpStream, request: Request, link: &Link) -> Result<Outgoing, Closed> {
    let Request {
        header,
        body,
        client_host,
    } = request;
    let (reply, mut answer) = oneshot::channel();
    let job = Job {
        entry: header.entry,
        version: header.version,
        client_id: header.client_id,
        client_host,
        listener: link.listener,
        listener_name: link.listener_name.clone(),
        body,
        reply,
    };
    link.inbox.send(job).await.map_err(|_| Closed::Stopped)?;
    let answer = match timeout(LONG, &mut answer).await {
        Ok(answer) => answer,
        Err(_) => tokio::select! {
            answer = answer => answer,
            () = gone(socket) => return Err(Closed::Gone),
        },
    };
    answer.map_err(|_| Closed::Stopped)
}

/// Resolves when the peer has closed. A peer that has already sent its next request is not watched any further.
async fn gone(socket: &TcpStream) {
    match socket.peek(&mut [0]).await {
        Ok(0) => tokio::time::sleep(HALF_CLOSED).await,
        Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}
