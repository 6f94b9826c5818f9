//! One node of a cluster whose others run elsewhere: `reference-broker node`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use broker_core::config::BrokerConfig;
use broker_core::units::TopicId;
use tokio::time::timeout;

use super::member::Start;
use super::place::{Place, internal_topics};
use super::{Listen, Nodes, StartError};
use crate::broker::Stop;
use crate::control::{self, Control};
use crate::faults::Faults;
use crate::peer::cluster_id;

/// How many brokers Kafka takes to be there.
const BROKERS: usize = 3;

/// What a node is started with.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Its id in the cluster.
    pub id: i32,
    /// `process.roles`
    pub roles: String,
    /// Where clients and other brokers find it, if it is a broker.
    pub listen: Option<SocketAddr>,
    /// What they are told to connect to; the listening address if absent.
    pub advertise: Option<(String, u16)>,
    /// Listeners beside that one, if it is a broker.
    pub listeners: Vec<Listen>,
    /// Where brokers find it, if it is a controller.
    pub controller_listen: Option<SocketAddr>,
    /// `controller.quorum.voters`
    pub voters: String,
    /// `broker.rack`
    pub rack: Option<String>,
    /// Where its data is.
    pub data_dir: PathBuf,
    /// Configuration in Kafka's words.
    pub properties: Vec<(String, String)>,
    /// Takes what goes wrong while it runs.
    pub complain: fn(&str),
    /// Takes why each connection was closed.
    pub explain: fn(&str),
}

/// A node that runs.
pub struct RunningNode {
    place: Place,
}

impl RunningNode {
    /// Starts a node and returns once it listens. A broker with a new directory first learns of its controller which cluster it is
    /// of, and gives up where none answers in time.
    ///
    /// # Errors
    /// What is wrong with the configuration, the address or the directory.
    pub async fn start(config: NodeConfig) -> Result<Self, StartError> {
        let mut start = config.start();
        start.opens_the_doors_of_its_roles()?;
        start.cluster_id = cluster_of(&start).await?;
        let mut place = Place::of(start);
        place.start().await?;
        Ok(Self { place })
    }

    /// Where it listens: for clients, or for brokers if it is a controller alone.
    pub fn address(&self) -> SocketAddr {
        self.place.address()
    }

    /// Where clients find it besides.
    pub fn listeners(&self) -> &[Listen] {
        self.place.listeners()
    }

    /// What it can be told to do wrong.
    pub fn faults(&self) -> Faults {
        self.place.faults()
    }

    /// Returns once it takes part, which a controller alone does from the start; false where it has ended before.
    pub async fn joined(&mut self) -> bool {
        !self.place.is_broker() || self.place.sees(1).await
    }

    /// Stops it as SIGTERM does: others take over, all is written down and marked as whole.
    /// All is healed first.
    pub async fn stop(mut self) {
        self.place.faults().heal();
        self.place.end(Stop::Clean).await;
    }

    /// Does what comes in at the control port, if there is one, until it is told to stop, which finishes what is under way. False
    /// where it has ended by itself before, which is a fault of ours.
    pub async fn obey(&mut self, control: &mut Option<Control>, stop: impl Future<Output = ()>) -> bool {
        let mut stop = pin!(stop);
        if let Some(control) = control {
            control.begin(Nodes::new([&mut self.place]).roster());
        }
        loop {
            let order = tokio::select! {
                () = self.place.ended() => return false,
                () = &mut stop => break,
                order = control::next(control) => order,
            };
            if order.carry_out(Nodes::new([&mut self.place]), stop.as_mut()).await {
                break;
            }
        }
        control::end(control);
        true
    }

    /// Returns when it has ended by itself, which is a fault of ours.
    pub async fn ended(&mut self) {
        self.place.ended().await;
    }
}

impl NodeConfig {
    fn start(self) -> Start {
        let own = [
            ("node.id", self.id.to_string()),
            ("process.roles", self.roles),
            ("controller.quorum.voters", self.voters),
        ];
        let own = own.into_iter().chain(self.rack.map(|rack| ("broker.rack", rack)));
        let own = own.map(|(key, value)| (key.to_owned(), value));
        // It is one among others: what Kafka ships for a broker that is alone would keep offsets where one kill loses them.
        let kafkas_defaults = internal_topics(BROKERS).map(|(key, value)| (key.to_owned(), value));
        let properties = kafkas_defaults.into_iter().chain(self.properties).chain(own);
        Start {
            listen: self.listen,
            controller_listen: self.controller_listen,
            advertise: self.advertise,
            listeners: self.listeners,
            properties: properties.collect(),
            complain: self.complain,
            explain: self.explain,
            data_dir: self.data_dir,
            durable: true,
            cluster_id: None,
            faults: Faults::default(),
        }
    }
}

impl Start {
    /// One command line serves every node: what it says for a role that a node has not is left aside.
    fn opens_the_doors_of_its_roles(&mut self) -> Result<(), StartError> {
        let roles = BrokerConfig::from_properties(&self.properties)?.cluster.roles;
        for (has, door, lacks) in [
            (roles.has_broker(), &mut self.listen, ("a broker", "--listen")),
            (
                roles.has_controller(),
                &mut self.controller_listen,
                ("a controller", "--controller-listen"),
            ),
        ] {
            match has {
                true if door.is_none() => return Err(StartError::Listener(lacks.0, lacks.1)),
                true => {}
                false => *door = None,
            }
        }
        if !roles.has_broker() {
            self.listeners.clear();
        }
        Ok(())
    }
}

/// Which cluster a new directory of this node will be of; nothing where the node says so itself or the directory does.
async fn cluster_of(start: &Start) -> Result<Option<[u8; 16]>, StartError> {
    let cluster = BrokerConfig::from_properties(&start.properties)?.cluster;
    let (roles, voter) = (cluster.roles, cluster.voter);
    if roles.has_controller() || start.data_dir.join("meta.properties").exists() {
        return Ok(None);
    }
    let Some(voter) = voter else { return Ok(None) };
    let within_ms = cluster.registration_timeout_ms.max(0);
    let limit = Duration::from_millis(within_ms.unsigned_abs());
    let address = (voter.host, voter.port);
    let learned = timeout(limit, cluster_id::learn(&address, start.complain)).await;
    let id = learned.map_err(|_| StartError::NoController {
        address: format!("{}:{}", address.0, address.1),
        within_ms,
    })?;
    match TopicId::parse(&id) {
        Some(parsed) => Ok(Some(parsed.0)),
        None => Err(StartError::DataDir {
            path: start.data_dir.clone(),
            reason: format!("the controller's cluster id {id} is no id of 22 letters; format the directory by hand"),
        }),
    }
}
