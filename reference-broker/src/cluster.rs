//! Brokers in one process: each a thread with a runtime of its own, so that a test can kill one and start it again. One broker
//! is its own controller; several have one beside them, which nobody but they are told of.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use crate::broker::Stop;
use crate::control::{self, Control};
use crate::faults::{Cut, Faults};

mod leadership;
mod listen;
mod member;
mod node;
mod nodes;
mod place;

pub use listen::Listen;
pub use node::{NodeConfig, RunningNode};
pub(crate) use nodes::{Known, Nodes, Roster};

use place::Place;

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the first broker listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What clients are told to connect to; the listening address if absent.
    pub advertise: Option<(String, u16)>,
    /// Listeners beside that one, and which brokers have each, counted from 0, where not all do. Where a port is chosen, the first of
    /// them takes it and the others follow.
    pub listeners: Vec<(Listen, Option<Vec<usize>>)>,
    /// How many brokers, with the ids 1, 2, 3 and so on. Where the first has a port of its own choice, the others follow it.
    pub brokers: usize,
    /// Where the data is, of several brokers a directory each; a temporary directory if absent.
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
            listeners: Vec::new(),
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
    /// No such number of brokers.
    #[error("{0} brokers were asked for; there may be 1 to {MOST_BROKERS}")]
    Brokers(usize),
    /// The brokers run, and one does not become part of the cluster.
    #[error("broker {0} has not become part of the cluster in time")]
    Alone(usize),
    /// A broker with a new directory found no controller that says which cluster it is of.
    #[error(
        "gives up: no controller at {address} has answered within {within_ms} ms (initial.broker.registration.timeout.ms)"
    )]
    NoController {
        /// Where it was looked for.
        address: String,
        /// For how long.
        within_ms: i64,
    },
    /// Clients would be told an address at which nobody is reached.
    #[error("{0} stands for every address of this machine, and clients need one: say --advertise {1}HOST:PORT")]
    Advertised(SocketAddr, String),
    /// Clients could not say by which listener they came.
    #[error("there are two listeners of the name {0}")]
    SameName(String),
    /// Nobody could say which listener a client means.
    #[error("two listeners are at {0}: each needs an address of its own")]
    SameAddress(SocketAddr),
    /// What is said of a listener says of none that there is.
    #[error("there is no listener {0} whose address could be told to clients: say --listen {0}://HOST:PORT")]
    NoListener(String),
    /// A node of this kind must listen.
    #[error("{0} must listen where other nodes find it: say {1} HOST:PORT")]
    Listener(&'static str, &'static str),
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

/// More threads and directories than anyone wants by mistake.
const MOST_BROKERS: usize = 99;
/// How long a broker may take to become part of the cluster.
const JOINS: Duration = Duration::from_secs(60);

/// Running brokers. Dropping it stops them cleanly.
pub struct Cluster {
    /// In order of their ids, from 1 on. They go before their controller.
    brokers: Vec<Place>,
    controller: Option<Box<Place>>,
    data: DataDir,
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
    /// Starts the brokers and returns once they answer, and each knows of all.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if !(1..=MOST_BROKERS).contains(&config.brokers) {
            return Err(StartError::Brokers(config.brokers));
        }
        let data = match (&config.data_dir, &config.temporary_in) {
            (Some(path), _) => DataDir::Given(path.clone()),
            (None, Some(parent)) => DataDir::Left(TempDir::with_prefix_in("reference-broker-", parent)?.keep()),
            (None, None) => DataDir::Temporary(TempDir::with_prefix("reference-broker-")?),
        };
        let mut cluster = Self {
            brokers: Vec::new(),
            controller: None,
            data,
        };
        cluster.launch(&config).await?;
        Ok(cluster)
    }

    async fn launch(&mut self, config: &Config) -> Result<(), StartError> {
        let durable = matches!(self.data, DataDir::Given(_));
        let path = self.data.path().to_owned();
        if config.brokers == 1 {
            let mut place = Place::alone(config, path, durable);
            place.start().await?;
            self.brokers.push(place);
            return Ok(());
        }
        // Where a broker does not come up, those that have go before their controller.
        let controller = self
            .controller
            .insert(Box::new(Place::controller(config, &path, durable)));
        controller.start().await?;
        for index in 0..config.brokers {
            let mut place = Place::broker(config, &path, durable, index, controller);
            place.start().await?;
            self.brokers.push(place);
        }
        self.all_joined(config.brokers).await
    }

    async fn all_joined(&mut self, brokers: usize) -> Result<(), StartError> {
        for (index, place) in self.brokers.iter_mut().enumerate() {
            let joined = timeout(JOINS, place.sees(brokers)).await;
            if !joined.unwrap_or(false) {
                return Err(StartError::Alone(index + 1));
            }
        }
        Ok(())
    }

    /// Where the brokers listen, in order of their ids.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.brokers.iter().map(Place::address).collect()
    }

    /// Their listeners beside that, in the same order.
    pub fn listeners(&self) -> Vec<Listen> {
        self.brokers.iter().flat_map(Place::listeners).cloned().collect()
    }

    /// Where the data is.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Where the data of each broker is, in order of their ids.
    pub fn data_dirs(&self) -> Vec<&Path> {
        self.brokers.iter().map(Place::data_dir).collect()
    }

    /// What a broker, counted from 0, can be told to do wrong.
    pub fn faults(&self, broker: usize) -> Option<Faults> {
        self.brokers.get(broker).map(Place::faults)
    }

    /// The same of the controller that several brokers have.
    pub fn controller_faults(&self) -> Option<Faults> {
        self.controller.as_ref().map(|place| place.faults())
    }

    /// Cuts the link between two brokers, counted from 0, in both directions.
    ///
    /// # Errors
    /// One that there is not, or one and the same.
    pub fn cut(&self, one: usize, other: usize, how: Cut) -> Result<(), String> {
        let (one, other) = (self.broker(one)?.id(), self.broker(other)?.id());
        self.roster().cut(one, other, how)
    }

    /// Makes everything whole: nobody stands still, links pass, disks are quick and have room.
    pub fn heal(&self) {
        self.roster().heal();
    }

    fn roster(&self) -> Roster {
        Roster::at(self.brokers.iter().chain(self.controller.as_deref()))
    }

    /// Has a broker, counted from 0, lead a partition that it has a replica of: it becomes the preferred leader, and that one is
    /// elected. Returns once it leads.
    ///
    /// # Errors
    /// What Kafka's own requests answer, in words.
    pub async fn move_leader(&mut self, topic: &str, partition: i32, broker: usize) -> Result<(), String> {
        let to = self.broker(broker)?.id();
        self.nodes().move_leader(topic, partition, to).await
    }

    /// Does what comes in at the control port, if there is one, until it is told to stop, which finishes what is under way. False
    /// where a node has ended by itself before, which is a fault of ours.
    pub async fn obey(&mut self, control: &mut Option<Control>, stop: impl Future<Output = ()>) -> bool {
        let mut stop = pin!(stop);
        if let Some(control) = control {
            control.begin(self.nodes().roster());
        }
        loop {
            let order = tokio::select! {
                () = self.ended() => return false,
                () = &mut stop => break,
                order = control::next(control) => order,
            };
            if order.carry_out(self.nodes(), stop.as_mut()).await {
                break;
            }
        }
        control::end(control);
        true
    }

    fn broker(&self, index: usize) -> Result<&Place, String> {
        let place = self.brokers.get(index);
        place.ok_or_else(|| format!("there is no broker {index}, counted from 0"))
    }

    fn nodes(&mut self) -> Nodes<'_> {
        Nodes::new(self.brokers.iter_mut().chain(self.controller.as_deref_mut()))
    }

    /// Stops every broker as SIGTERM does: all is written down and marked as whole. All is healed first: a broker would wait for a
    /// controller that stands still, or for a slow disk.
    pub async fn stop(mut self) {
        self.heal();
        for place in &mut self.brokers {
            place.order(Stop::Clean);
        }
        for place in &mut self.brokers {
            place.end(Stop::Clean).await;
        }
        if let Some(controller) = &mut self.controller {
            controller.end(Stop::Clean).await;
        }
    }

    /// Returns when a node has ended by itself, which is a fault of ours.
    pub async fn ended(&mut self) {
        let places = self.brokers.iter_mut().chain(self.controller.as_deref_mut());
        let mut ends: Vec<_> = places.map(|place| Box::pin(place.ended())).collect();
        poll_fn(|context| {
            let any = ends.iter_mut().any(|end| pin!(end).poll(context).is_ready());
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await
    }

    /// Ends a broker, counted from 0, as kill -9 does: connections are cut, nothing more is written.
    pub async fn kill(&mut self, broker: usize) {
        self.end(broker, Stop::Kill).await;
    }

    /// Ends a broker as SIGTERM does, to be started again.
    pub async fn close(&mut self, broker: usize) {
        self.end(broker, Stop::Clean).await;
    }

    /// Starts a broker again, on the same address and data. It returns once the broker takes part.
    pub async fn restart(&mut self, broker: usize) -> Result<(), StartError> {
        let Some(place) = self.brokers.get_mut(broker) else {
            return Err(StartError::Brokers(broker + 1));
        };
        place.restart().await
    }

    /// Ends the controller that several brokers have, as kill -9 does.
    pub async fn controller_kill(&mut self) {
        if let Some(controller) = &mut self.controller {
            controller.end(Stop::Kill).await;
        }
    }

    /// Starts it again, on the same address and data.
    pub async fn controller_restart(&mut self) -> Result<(), StartError> {
        match &mut self.controller {
            Some(controller) => {
                controller.end(Stop::Clean).await;
                controller.start().await
            }
            None => Ok(()),
        }
    }

    async fn end(&mut self, broker: usize, how: Stop) {
        if let Some(place) = self.brokers.get_mut(broker) {
            place.end(how).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Each broker is waited for, and would wait for a controller that stands still.
        self.heal();
    }
}
