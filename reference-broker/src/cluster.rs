//! Brokers in one process: each a thread with a runtime of its own, so that a test can kill one and start it again.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use broker_core::Node;
use broker_core::config::{BrokerConfig, ConnectionLimits};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};

use crate::broker::{Broker, Clock, Stop};
use crate::net::{connection::Link, listener};
use crate::store::DiskStore;

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the first broker listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What clients are told to connect to; the listening address if absent.
    pub advertise: Option<(String, u16)>,
    /// How many brokers.
    pub brokers: usize,
    /// Where the data is; a temporary directory if absent.
    pub data_dir: Option<PathBuf>,
    /// Where a temporary directory is made, and left to the caller. If absent it is made where the system has them, and
    /// removed at the end.
    pub temporary_in: Option<PathBuf>,
    /// Broker configuration in Kafka's words.
    pub properties: Vec<(String, String)>,
    /// Takes what goes wrong while a broker runs: a line that names the file, and what is out of service for it.
    pub complain: fn(&str),
    /// Takes why each connection was closed: a line that names the peer, for whoever writes a client.
    pub explain: fn(&str),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertise: None,
            brokers: 1,
            data_dir: None,
            temporary_in: None,
            properties: Vec::new(),
            complain: |_| {},
            explain: |_| {},
        }
    }
}

/// Why a broker did not start: whose fault, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// More brokers than this release can run.
    #[error("{0} brokers were asked for; this release runs one")]
    Brokers(usize),
    /// Clients would be told an address at which nobody is reached.
    #[error("{0} stands for every address of this machine, and clients need one: say --advertise HOST:PORT")]
    Advertised(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A property has no such name or no such value.
    #[error(transparent)]
    Config(#[from] broker_core::config::ConfigError),
    /// The data directory cannot be used.
    #[error("data directory {path}: {reason}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused a thread or a runtime.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Running brokers. Dropping it stops them cleanly.
pub struct Cluster {
    config: Config,
    data: DataDir,
    address: SocketAddr,
    running: Option<RunningBroker>,
}

enum DataDir {
    Given(PathBuf),
    /// Temporary too, but not ours to remove.
    Left(PathBuf),
    Temporary(TempDir),
}

impl DataDir {
    fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::Left(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

struct RunningBroker {
    stop: oneshot::Sender<Stop>,
    thread: JoinHandle<()>,
}

impl Cluster {
    /// Starts the brokers and returns once they answer.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if config.brokers != 1 {
            return Err(StartError::Brokers(config.brokers));
        }
        let data = match (&config.data_dir, &config.temporary_in) {
            (Some(path), _) => DataDir::Given(path.clone()),
            (None, Some(parent)) => DataDir::Left(TempDir::with_prefix_in("reference-broker-", parent)?.keep()),
            (None, None) => DataDir::Temporary(TempDir::with_prefix("reference-broker-")?),
        };
        let address = config.listen;
        let mut cluster = Self {
            config,
            data,
            address,
            running: None,
        };
        cluster.launch().await?;
        Ok(cluster)
    }

    /// Where the brokers listen, in order of their ids.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        vec![self.address]
    }

    /// Where the data is.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Stops every broker as SIGTERM does: all is written down and marked as whole.
    pub async fn stop(mut self) {
        self.end(Stop::Clean).await;
    }

    /// Returns when a broker has ended by itself, which is a fault of ours.
    pub async fn ended(&mut self) {
        match &mut self.running {
            Some(running) => running.stop.closed().await,
            None => std::future::pending().await,
        }
    }

    /// Ends a broker as kill -9 does: connections are cut, nothing more is written.
    pub async fn kill(&mut self, _broker: usize) {
        self.end(Stop::Kill).await;
    }

    /// Ends a broker as SIGTERM does, to be started again.
    pub async fn close(&mut self, _broker: usize) {
        self.end(Stop::Clean).await;
    }

    /// Starts a broker again, on the same address and data.
    pub async fn restart(&mut self, _broker: usize) -> Result<(), StartError> {
        self.end(Stop::Clean).await;
        self.launch().await
    }

    async fn end(&mut self, how: Stop) {
        if let Some(running) = self.running.take() {
            // A broker that has ended by itself takes no order.
            let _ = running.stop.send(how);
            let joined = tokio::task::spawn_blocking(|| running.thread.join());
            let _ = joined.await;
        }
    }

    async fn launch(&mut self) -> Result<(), StartError> {
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let start = Start {
            listen: self.address,
            advertise: self.config.advertise.clone(),
            properties: self.config.properties.clone(),
            complain: self.config.complain,
            explain: self.config.explain,
            data_dir: self.data.path().to_owned(),
            durable: matches!(self.data, DataDir::Given(_)),
        };
        let thread = std::thread::Builder::new()
            .name("broker".into())
            .spawn(move || run(start, ready, stopped))?;
        let gone = || StartError::System(io::Error::other("the broker's thread ended"));
        self.address = started.await.map_err(|_| gone())??;
        self.running = Some(RunningBroker { stop, thread });
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.stop.send(Stop::Clean);
            // A thread that panicked has nothing left to stop.
            let _ = running.thread.join();
        }
    }
}

/// How many requests may wait for the node; beyond that, connections wait to be read.
const INBOX: usize = 1024;

struct Start {
    listen: SocketAddr,
    advertise: Option<(String, u16)>,
    properties: Vec<(String, String)>,
    complain: fn(&str),
    explain: fn(&str),
    data_dir: PathBuf,
    durable: bool,
}

fn run(start: Start, ready: oneshot::Sender<Result<SocketAddr, StartError>>, stop: oneshot::Receiver<Stop>) {
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
    listener: TcpListener,
    address: SocketAddr,
    link: Link,
    limits: watch::Receiver<ConnectionLimits>,
    broker: Broker,
    inbox: mpsc::Receiver<crate::broker::Job>,
}

async fn open(start: &Start) -> Result<Opened, StartError> {
    let mut config = BrokerConfig::from_properties(&start.properties)?;
    config.settle("log.dirs", start.data_dir.display().to_string());
    let listen = |error| StartError::Listen {
        address: start.listen,
        error,
    };
    let listener = TcpListener::bind(start.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (host, port) = start
        .advertise
        .clone()
        .unwrap_or_else(|| (address.ip().to_string(), address.port()));
    if start.advertise.is_none() && address.ip().is_unspecified() {
        return Err(StartError::Advertised(address));
    }
    let in_data_dir = |reason: String| StartError::DataDir {
        path: start.data_dir.clone(),
        reason,
    };
    let store = DiskStore::open(&start.data_dir, start.durable).map_err(|error| in_data_dir(error.to_string()))?;
    let sources = store.sources();
    let (inbox, jobs) = mpsc::channel(INBOX);
    let link = Link {
        inbox,
        explain: start.explain,
        max_request_bytes: config.socket_request_max_bytes,
        // A negative time is none: Kafka's way to say never.
        idle: u64::try_from(config.connections_max_idle_ms).map_or(Duration::MAX, Duration::from_millis),
    };
    let clock = Clock::start();
    let identity = broker_core::node::Identity {
        host,
        port,
        cluster_id: uuid::Uuid::new_v4().into_bytes(),
        directory_id: uuid::Uuid::new_v4().into_bytes(),
        incarnation_id: uuid::Uuid::new_v4().into_bytes(),
    };
    let node =
        Node::open(Box::new(store), config, identity, clock.now()).map_err(|error| in_data_dir(error.to_string()))?;
    let (broker, limits) = Broker::new(node, sources, clock, start.complain);
    Ok(Opened {
        listener,
        address,
        link,
        limits,
        broker,
        inbox: jobs,
    })
}

async fn serve(opened: Opened, ready: oneshot::Sender<Result<SocketAddr, StartError>>, stop: oneshot::Receiver<Stop>) {
    let Opened {
        listener,
        address,
        link,
        limits,
        broker,
        inbox,
    } = opened;
    let accepting = tokio::spawn(listener::run(listener, link, limits));
    let _ = ready.send(Ok(address));
    let (mut node, how) = broker.run(inbox, stop).await;
    accepting.abort();
    // Wait for the abort: the port is free when a restart asks for it.
    let _ = accepting.await;
    if how == Stop::Clean {
        node.close();
    }
}
