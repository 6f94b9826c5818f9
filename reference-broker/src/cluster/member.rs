//! One node of a cluster: a thread with a runtime of its own, its listeners, and its order to stop.

use std::io;
use std::net::SocketAddr;
use std::panic;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use broker_core::Node;
use broker_core::config::{BrokerConfig, ConnectionLimits};
use broker_core::node::Identity;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle as TaskHandle;

use super::StartError;
use super::listen::{Door, Listen, advertised, doors};
use crate::api::{Listener, Unstable};
use crate::broker::{Broker, Clock, Job, Stop};
use crate::faults::Faults;
use crate::net::{connection::Link, listener};
use crate::store::{DiskStore, FaultyStore};

/// What a node is started with.
#[derive(Clone)]
pub(super) struct Start {
    /// Where clients and other brokers find it, if it is a broker.
    pub(super) listen: Option<SocketAddr>,
    /// Where brokers find it, if it is a controller that others ask.
    pub(super) controller_listen: Option<SocketAddr>,
    pub(super) advertise: Option<(String, u16)>,
    /// Where clients find it besides, if it is a broker.
    pub(super) listeners: Vec<Listen>,
    pub(super) properties: Vec<(String, String)>,
    pub(super) complain: fn(&str),
    pub(super) explain: fn(&str),
    pub(super) data_dir: PathBuf,
    pub(super) durable: bool,
    /// Which cluster a new directory is of; a new one if absent.
    pub(super) cluster_id: Option<[u8; 16]>,
    /// What stands in the way of its requests; the same whenever it is started again.
    pub(super) faults: Faults,
}

/// Where a node listens by now, and what it says of itself.
#[derive(Debug, Clone)]
pub(super) struct Listening {
    pub(super) broker: Option<SocketAddr>,
    pub(super) controller: Option<SocketAddr>,
    /// In the order in which it was told of them.
    pub(super) more: Vec<SocketAddr>,
    pub(super) cluster_id: String,
    /// How many brokers it sees, itself among them, once it takes part.
    pub(super) seen: watch::Receiver<usize>,
}

/// A node that runs. Dropping it stops it cleanly.
pub(super) struct Member {
    stop: Option<oneshot::Sender<Stop>>,
    thread: Option<JoinHandle<()>>,
    seen: watch::Receiver<usize>,
    faults: Faults,
}

impl Member {
    /// Starts a node and returns once it listens.
    pub(super) async fn start(start: Start) -> Result<(Self, Listening), StartError> {
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let faults = start.faults.clone();
        faults.starts();
        let thread = std::thread::Builder::new()
            .name("broker".into())
            .spawn(move || run(start, ready, stopped))?;
        let gone = || StartError::System(io::Error::other("the broker's thread ended"));
        let listening = started.await.map_err(|_| gone())??;
        faults.started();
        let member = Self {
            stop: Some(stop),
            thread: Some(thread),
            seen: listening.seen.clone(),
            faults,
        };
        Ok((member, listening))
    }

    /// Returns when the node has ended by itself.
    pub(super) async fn ended(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.closed().await;
        }
    }

    /// Returns once it takes part and sees so many brokers; false where it has ended before.
    pub(super) async fn sees(&mut self, brokers: usize) -> bool {
        self.seen.wait_for(|seen| *seen >= brokers).await.is_ok()
    }

    /// Ends the node and waits until it is gone.
    pub(super) async fn end(mut self, how: Stop) {
        self.order(how);
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(|| thread.join());
            let _ = joined.await;
        }
    }

    /// Has the node end, and does not wait. One that has ended by itself takes no order; what keeps it
    /// from doing so is over: one that stands still goes on, and its disk is quick.
    pub(super) fn order(&mut self, how: Stop) {
        let _ = self.stop.take().map(|stop| stop.send(how));
        self.faults.ends();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.order(Stop::Clean);
        // A thread that panicked has nothing left to stop.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// How many requests may wait for the node; beyond that, connections wait to be read.
const INBOX: usize = 1024;

type Ready = oneshot::Sender<Result<Listening, StartError>>;

fn run(start: Start, ready: Ready, stop: oneshot::Receiver<Stop>) {
    let runtime = match Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error.into()))),
    };
    runtime.block_on(async {
        match open(&start).await {
            Ok(opened) => serve(opened, ready, stop).await,
            Err(error) => drop(ready.send(Err(error))),
        }
    });
}

struct Opened {
    doors: Vec<(TcpListener, Link)>,
    listening: Listening,
    limits: watch::Receiver<ConnectionLimits>,
    broker: Broker,
    inbox: mpsc::Receiver<Job>,
}

async fn open(start: &Start) -> Result<Opened, StartError> {
    let mut config = BrokerConfig::from_properties(&start.properties)?;
    config.settle("log.dirs", start.data_dir.display().to_string());
    let (inbox, jobs) = mpsc::channel(INBOX);
    let link = |door: &Door| Link {
        inbox: inbox.clone(),
        listener: door.kind,
        listener_name: door.name.as_str().into(),
        explain: start.explain,
        faults: start.faults.clone(),
        max_request_bytes: config.socket_request_max_bytes,
        unstable: Unstable::of(&config),
        // A negative time is none: Kafka's way to say never.
        idle: u64::try_from(config.connections_max_idle_ms).map_or(Duration::MAX, Duration::from_millis),
    };
    let mut doors = doors(start)?;
    let mut open = Vec::new();
    for door in &mut doors {
        let (listener, at) = bind(door.at).await?;
        door.at = at;
        open.push((listener, link(door)));
    }
    let in_data_dir = |reason: String| StartError::DataDir {
        path: start.data_dir.clone(),
        reason,
    };
    let store = DiskStore::open(&start.data_dir, start.durable).map_err(|error| in_data_dir(error.to_string()))?;
    let store = FaultyStore::new(store, start.faults.disk());
    let sources = store.sources();
    let clock = Clock::start();
    let fresh = || uuid::Uuid::new_v4().into_bytes();
    let identity = Identity {
        listeners: advertised(&doors)?,
        cluster_id: start.cluster_id.unwrap_or_else(fresh),
        directory_id: fresh(),
        incarnation_id: fresh(),
    };
    let node =
        Node::open(Box::new(store), config, identity, clock.now()).map_err(|error| in_data_dir(error.to_string()))?;
    // A start looks at every log; from here on those are open that somebody touches.
    sources.close();
    let cluster_id = node.cluster_id().to_owned();
    let (broker, told) = Broker::new(node, sources, clock, start.complain, start.faults.clone());
    let mut at_broker = doors
        .iter()
        .filter(|door| door.kind == Listener::Broker)
        .map(|door| door.at);
    let mut at_controller = doors.iter().filter(|door| door.kind == Listener::Controller);
    Ok(Opened {
        doors: open,
        listening: Listening {
            broker: at_broker.next(),
            more: at_broker.collect(),
            controller: at_controller.next().map(|door| door.at),
            cluster_id,
            seen: told.seen,
        },
        limits: told.limits,
        broker,
        inbox: jobs,
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = |error| StartError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

/// Clients wait before the door until the broker takes part, as with Kafka; who asks a controller need not.
async fn accept(
    door: TcpListener,
    link: Link,
    limits: watch::Receiver<ConnectionLimits>,
    mut seen: watch::Receiver<usize>,
) {
    if link.listener == Listener::Controller || seen.wait_for(|seen| *seen > 0).await.is_ok() {
        listener::run(door, link, limits).await;
    }
}

async fn serve(opened: Opened, ready: Ready, stop: oneshot::Receiver<Stop>) {
    let Opened {
        doors,
        listening,
        limits,
        broker,
        inbox,
    } = opened;
    let open = |(door, link): (TcpListener, Link)| {
        let (limits, seen) = (limits.clone(), listening.seen.clone());
        tokio::spawn(accept(door, link, limits, seen))
    };
    let accepting: Vec<TaskHandle<()>> = doors.into_iter().map(open).collect();
    let _ = ready.send(Ok(listening.clone()));
    // A task among the others: what wakes a runtime's own future has it look for sockets first, at every request.
    let (mut node, how) = match tokio::spawn(broker.run(inbox, stop)).await {
        Ok(ended) => ended,
        // A panic goes on to whoever waits for this thread.
        Err(panicked) => panic::resume_unwind(panicked.into_panic()),
    };
    for accepting in accepting {
        accepting.abort();
        // Wait for the abort: the port is free when a restart asks for it.
        let _ = accepting.await;
    }
    if how == Stop::Clean {
        node.close();
    }
}
