//! A small TCP proxy before each broker, through which all clients of a load come. It carries frames as they are, but for the
//! addresses that name brokers, and does to connections what was planned: cuts them at a request, holds them up, slows them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::TcpListener as Listener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_fixtures::codec::decode;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::frame::{self, Head};
use super::plan::Side;
use super::{Generations, generations, rewrite, session};
use crate::driver::wire::{Layout, schema_for};
use crate::history::{Event, Name, Recorder};
use crate::run::event::Direction;

const CONNECT: Duration = Duration::from_secs(5);
/// For a frame to go out: a client that reads no more is given up.
const WRITE: Duration = Duration::from_secs(30);
/// For the answer to a request that came late and that nobody waits for.
const LATE_ANSWER: Duration = Duration::from_secs(2);

/// The proxies of a load.
#[derive(Debug)]
pub struct Proxies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// By the broker's own address, the port of its proxy.
    book: Mutex<BTreeMap<String, u16>>,
    listeners: Mutex<Vec<AbortHandle>>,
    armed: Mutex<Vec<(i16, Side)>>,
    blocked: watch::Sender<Blocked>,
    delay_ms: AtomicU64,
    /// By client id, the producer id and epoch that it sent under last.
    sessions: Mutex<HashMap<String, (i64, i16)>>,
    generations: Arc<Generations>,
    recorder: Arc<Recorder>,
}

/// Between whom nothing passes.
#[derive(Debug, Default, Clone)]
struct Blocked {
    brokers: BTreeSet<String>,
    /// What their client ids begin with.
    clients: BTreeSet<&'static str>,
}

impl Proxies {
    /// One before each of these addresses, and later before each broker that an answer names.
    ///
    /// # Errors
    /// There is no free port.
    pub fn open(brokers: &[String], recorder: Arc<Recorder>, generations: Arc<Generations>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            book: Mutex::default(),
            listeners: Mutex::default(),
            armed: Mutex::default(),
            blocked: watch::Sender::new(Blocked::default()),
            delay_ms: AtomicU64::new(0),
            sessions: Mutex::default(),
            generations,
            recorder,
        });
        for broker in brokers {
            through(&shared, broker)?;
        }
        Ok(Self(shared))
    }

    /// Where clients begin.
    pub fn bootstrap(&self) -> String {
        let book = lock(&self.0.book);
        let addresses: Vec<String> = book.values().map(|port| format!("127.0.0.1:{port}")).collect();
        addresses.join(",")
    }

    pub(super) fn arm(&self, key: i16, side: Side) {
        lock(&self.0.armed).push((key, side));
    }

    /// How many armed cuts met no request, and are none any more.
    pub(super) fn disarm(&self) -> usize {
        std::mem::take(&mut *lock(&self.0.armed)).len()
    }

    pub(super) fn delay(&self, ms: u64) {
        self.0.delay_ms.store(ms, Ordering::Relaxed);
    }

    pub(super) fn silence(&self, broker: &str) {
        self.0.blocked.send_modify(|blocked| {
            blocked.brokers.insert(broker.to_owned());
        });
    }

    pub(super) fn hear(&self, broker: &str) {
        self.0.blocked.send_modify(|blocked| {
            blocked.brokers.remove(broker);
        });
    }

    pub(super) fn isolate(&self, client: &'static str) {
        self.0.blocked.send_modify(|blocked| {
            blocked.clients.insert(client);
        });
    }

    pub(super) fn rejoin(&self, client: &'static str) {
        self.0.blocked.send_modify(|blocked| {
            blocked.clients.remove(client);
        });
    }

    /// No client is cut off any more.
    pub(super) fn rejoin_all(&self) {
        self.0.blocked.send_modify(|blocked| blocked.clients.clear());
    }

    /// Everything passes again.
    pub(super) fn heal(&self) {
        self.delay(0);
        self.0.blocked.send_replace(Blocked::default());
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        for listener in lock(&self.0.listeners).drain(..) {
            listener.abort();
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The port of the proxy before this broker; a new one where there is none yet.
fn through(shared: &Arc<Shared>, broker: &str) -> io::Result<u16> {
    let mut book = lock(&shared.book);
    if let Some(port) = book.get(broker) {
        return Ok(*port);
    }
    let listener = Listener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let listener = TcpListener::from_std(listener)?;
    book.insert(broker.to_owned(), port);
    let serving = tokio::spawn(serve(Arc::clone(shared), broker.to_owned(), listener));
    lock(&shared.listeners).push(serving.abort_handle());
    Ok(port)
}

/// Connections end with their listener.
async fn serve(shared: Arc<Shared>, broker: String, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) => drop(connections.spawn(carry(Arc::clone(&shared), broker.clone(), client))),
            Err(_) => sleep(Duration::from_millis(10)).await, // too many open files: some will close
        }
    }
}

/// How a connection ended from the client's side.
enum Ended {
    Closed,
    /// Its last request is still to arrive.
    Late(Vec<u8>, u64),
}

/// A request whose answer is to come.
struct Waiting {
    head: Head,
    is_cut: bool,
}

async fn carry(shared: Arc<Shared>, broker: String, client: TcpStream) {
    shared.passable(&broker, "").await;
    let Ok(Ok(upstream)) = timeout(CONNECT, TcpStream::connect(&broker)).await else {
        return;
    };
    // Without it answers wait for acknowledgements; with an error the connection has ended, which shows at once.
    let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = upstream.into_split();
    let waiting = Mutex::default();
    let ended = tokio::select! {
        ended = requests(&shared, &broker, &mut from_client, &mut to_broker, &waiting) => ended,
        () = answers(&shared, &broker, &mut from_broker, &mut to_client, &waiting) => Ended::Closed,
    };
    drop((from_client, to_client));
    if let Ended::Late(request, ms) = ended {
        sleep(Duration::from_millis(ms)).await;
        // Whether the broker still takes it is its affair.
        let _ = timeout(WRITE, to_broker.write_all(&request)).await;
        let _ = timeout(LATE_ANSWER, frame::read(&mut from_broker)).await;
    }
}

async fn requests(
    shared: &Shared,
    broker: &str,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    waiting: &Mutex<VecDeque<Waiting>>,
) -> Ended {
    loop {
        let Ok(request) = frame::read(from).await else {
            return Ended::Closed;
        };
        let Some(head) = frame::head(&request) else {
            return Ended::Closed;
        };
        shared.passable(broker, &head.client).await;
        shared.session(&head, &request);
        let cut = shared.cut(&head);
        match cut {
            Some(Side::Before) => return Ended::Closed,
            Some(Side::Late(ms)) => return Ended::Late(request, ms),
            Some(Side::After) | None => {}
        }
        if head.is_answered {
            let is_cut = cut.is_some();
            lock(waiting).push_back(Waiting { head, is_cut });
        }
        if !written(to, &request).await {
            return Ended::Closed;
        }
    }
}

async fn answers(
    shared: &Arc<Shared>,
    broker: &str,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    waiting: &Mutex<VecDeque<Waiting>>,
) {
    while let Ok(answer) = frame::read(from).await {
        let asked = frame::correlation(&answer).and_then(|correlation| asked(waiting, correlation));
        let Some(Waiting { head, is_cut }) = asked else {
            return;
        };
        shared.passable(broker, &head.client).await;
        if is_cut {
            return;
        }
        shared.overhear(&head, &answer);
        let answer = shared.rewritten(&head, answer);
        let delay = shared.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
        }
        if !written(to, &answer).await {
            return;
        }
    }
}

/// Answers come in the order of their requests.
fn asked(waiting: &Mutex<VecDeque<Waiting>>, correlation: i32) -> Option<Waiting> {
    let mut waiting = lock(waiting);
    while let Some(first) = waiting.pop_front() {
        if first.head.correlation == correlation {
            return Some(first);
        }
    }
    None
}

async fn written(to: &mut OwnedWriteHalf, frame: &[u8]) -> bool {
    matches!(timeout(WRITE, to.write_all(frame)).await, Ok(Ok(())))
}

impl Shared {
    /// Waits until frames pass between these two.
    async fn passable(&self, broker: &str, client: &str) {
        let mut blocked = self.blocked.subscribe();
        let is_free = |blocked: &Blocked| {
            !blocked.brokers.contains(broker) && !blocked.clients.iter().any(|begin| client.starts_with(begin))
        };
        // The sender lives as long as this.
        let _ = blocked.wait_for(is_free).await;
    }

    /// What is to be done at this request.
    fn cut(&self, head: &Head) -> Option<Side> {
        let mut armed = lock(&self.armed);
        let fits = |(key, side): &(i16, Side)| *key == head.key && (head.is_answered || *side != Side::After);
        let index = armed.iter().position(fits)?;
        let (key, side) = armed.remove(index);
        let place = match side {
            Side::Before => "before it arrived",
            Side::After => "before its answer",
            Side::Late(_) => "and it arrived late",
        };
        let event = Event::Fault {
            fault: "cut".to_owned(),
            on: format!("{} of {} {place}", Layout::api_name(key), head.client),
            effect: 1,
        };
        self.recorder.add(&Name::from("faults"), event);
        Some(side)
    }

    /// A producer that sends under another id or epoch than before has begun another session; librdkafka raises its epoch by itself.
    fn session(&self, head: &Head, request: &[u8]) {
        let Some(now) = session::of(head, request) else { return };
        let before = lock(&self.sessions).insert(head.client.clone(), now);
        if before.is_some_and(|before| before != now) {
            self.recorder.add(&Name::from(head.client.as_str()), Event::Session);
        }
    }

    fn overhear(&self, head: &Head, answer: &[u8]) {
        if !generations::KEYS.contains(&head.key) {
            return;
        }
        let body = frame::body_at(head.key, head.version, answer).map(|at| &answer[at..]);
        let message = schema_for(head.key, head.version, Direction::Response);
        if let (Some(body), Some(message)) = (body, message)
            && let Ok(decoded) = decode(message, head.version, body)
        {
            self.generations.hear(&head.client, &decoded.value);
        }
    }

    fn rewritten(self: &Arc<Self>, head: &Head, answer: Vec<u8>) -> Vec<u8> {
        if !rewrite::KEYS.contains(&head.key) {
            return answer;
        }
        let mut proxy = |host: &str, port: u16| {
            let broker = format!("{host}:{port}");
            let port = through(self, &broker).ok()?;
            Some(("127.0.0.1".to_owned(), port))
        };
        rewrite::rewritten(head.key, head.version, &answer, &mut proxy).unwrap_or(answer)
    }
}
