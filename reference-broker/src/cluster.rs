//! Brokers in one process: each a thread with a runtime of its own, so that a test can kill one and start it again.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

use crate::broker::Stop;

mod member;

use member::{Member, Start};

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
    running: Option<Member>,
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
            Some(running) => running.ended().await,
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
            running.end(how).await;
        }
    }

    async fn launch(&mut self) -> Result<(), StartError> {
        let start = Start {
            listen: Some(self.address),
            controller_listen: None,
            advertise: self.config.advertise.clone(),
            properties: self.config.properties.clone(),
            complain: self.config.complain,
            explain: self.config.explain,
            data_dir: self.data.path().to_owned(),
            durable: matches!(self.data, DataDir::Given(_)),
            cluster_id: None,
        };
        let (member, listening) = Member::start(start).await?;
        self.address = listening.broker.unwrap_or(self.address);
        self.running = Some(member);
        Ok(())
    }
}
