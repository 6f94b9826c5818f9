//! What one node of a cluster is started with, time and again: its id and roles, its directory, its address.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use broker_core::config::BrokerConfig;
use broker_core::units::TopicId;

use super::listen::{Listen, port_beside};
use super::member::{Member, Start};
use super::{Config, JOINS, StartError};
use tokio::time::timeout;

use crate::broker::Stop;
use crate::faults::Faults;

/// The node id of the controller of several brokers: theirs count from 1.
const CONTROLLER: i32 = 100;

/// A node, whether it runs or not.
pub(super) struct Place {
    start: Start,
    /// Which cluster it found itself to be of.
    cluster_id: String,
    running: Option<Member>,
}

impl Place {
    /// The one broker, which is its own controller.
    pub(super) fn alone(config: &Config, data_dir: PathBuf, durable: bool) -> Self {
        Self::of(Start {
            listen: Some(config.listen),
            advertise: config.advertise.clone(),
            listeners: listeners_of(config, 0),
            ..Self::start_of(config, data_dir, durable)
        })
    }

    /// The controller of several brokers. Only they find it: it takes a free port.
    pub(super) fn controller(config: &Config, data: &Path, durable: bool) -> Self {
        let data_dir = data.join("controller");
        let mut start = Self::start_of(config, data_dir, durable);
        start.controller_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        start.settle(&[
            ("node.id", CONTROLLER.to_string()),
            ("process.roles", "controller".into()),
        ]);
        start.suggest(&internal_topics(config.brokers));
        Self::of(start)
    }

    /// One of several brokers, counted from 0.
    pub(super) fn broker(config: &Config, data: &Path, durable: bool, index: usize, controller: &Self) -> Self {
        let id = index + 1;
        let mut start = Self::start_of(config, data.join(format!("broker-{id}")), durable);
        let beside = |port| port_beside(port, index);
        start.listen = Some(SocketAddr::new(config.listen.ip(), beside(config.listen.port())));
        start.advertise = config.advertise.clone().map(|(host, port)| (host, beside(port)));
        start.listeners = listeners_of(config, index);
        start.cluster_id = TopicId::parse(&controller.cluster_id).map(|id| id.0);
        start.settle(&[
            ("node.id", id.to_string()),
            ("process.roles", "broker".into()),
            ("controller.quorum.voters", controller.as_voter()),
        ]);
        start.suggest(&[("broker.rack", format!("r{id}"))]);
        start.suggest(&internal_topics(config.brokers));
        Self::of(start)
    }

    fn start_of(config: &Config, data_dir: PathBuf, durable: bool) -> Start {
        Start {
            listen: None,
            controller_listen: None,
            advertise: None,
            listeners: Vec::new(),
            properties: config.properties.clone(),
            complain: config.complain,
            explain: config.explain,
            data_dir,
            durable,
            cluster_id: None,
            faults: Faults::default(),
        }
    }

    /// A node that is started with this.
    pub(super) fn of(start: Start) -> Self {
        Self {
            start,
            cluster_id: String::new(),
            running: None,
        }
    }

    /// Starts it. From then on it keeps its addresses.
    pub(super) async fn start(&mut self) -> Result<(), StartError> {
        let (member, listening) = Member::start(self.start.clone()).await?;
        self.start.listen = listening.broker;
        self.start.controller_listen = listening.controller;
        for (listener, at) in self.start.listeners.iter_mut().zip(listening.more) {
            listener.at = at;
        }
        self.cluster_id = listening.cluster_id;
        self.running = Some(member);
        Ok(())
    }

    /// Where clients find it, or brokers if it is a controller alone.
    pub(super) fn address(&self) -> SocketAddr {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        self.start.listen.or(self.start.controller_listen).unwrap_or(nowhere)
    }

    /// Where clients find it besides.
    pub(super) fn listeners(&self) -> &[Listen] {
        &self.start.listeners
    }

    pub(super) fn is_broker(&self) -> bool {
        self.start.listen.is_some()
    }

    /// Its id; that of no node where its configuration is none.
    pub(super) fn id(&self) -> i32 {
        BrokerConfig::from_properties(&self.start.properties).map_or(-1, |config| config.node_id)
    }

    pub(super) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Starts it again and returns once it takes part.
    pub(super) async fn restart(&mut self) -> Result<(), StartError> {
        self.end(Stop::Clean).await;
        self.start().await?;
        let joins = async { !self.is_broker() || self.sees(1).await };
        match timeout(JOINS, joins).await {
            Ok(true) => Ok(()),
            _ => {
                // It gives up by itself, which must not end the others.
                self.end(Stop::Clean).await;
                Err(StartError::Alone(usize::try_from(self.id()).unwrap_or(0)))
            }
        }
    }

    pub(super) fn faults(&self) -> Faults {
        self.start.faults.clone()
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.start.data_dir
    }

    /// Returns once it takes part and sees so many brokers; false where it does not run.
    pub(super) async fn sees(&mut self, brokers: usize) -> bool {
        match &mut self.running {
            Some(running) => running.sees(brokers).await,
            None => false,
        }
    }

    /// Returns when it has ended by itself.
    pub(super) async fn ended(&mut self) {
        match &mut self.running {
            Some(running) => running.ended().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn order(&mut self, how: Stop) {
        if let Some(running) = &mut self.running {
            running.order(how);
        }
    }

    pub(super) async fn end(&mut self, how: Stop) {
        if let Some(running) = self.running.take() {
            running.end(how).await;
        }
    }

    fn as_voter(&self) -> String {
        let address = self.start.controller_listen;
        address.map_or_else(String::new, |address| format!("{CONTROLLER}@{address}"))
    }
}

/// What a broker of these, counted from 0, has beside the listener of all.
fn listeners_of(config: &Config, index: usize) -> Vec<Listen> {
    let own = |(listener, on): &(Listen, Option<Vec<usize>>)| {
        let place = match on {
            None => index,
            Some(on) => on.iter().position(|broker| *broker == index)?,
        };
        Some(listener.beside(place))
    };
    config.listeners.iter().filter_map(own).collect()
}

impl Start {
    /// What is so, whatever is asked for.
    fn settle(&mut self, properties: &[(&str, String)]) {
        let own = properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        self.properties.extend(own);
    }

    /// What is so unless something else is asked for.
    fn suggest(&mut self, properties: &[(&str, String)]) {
        let own = properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        self.properties.splice(0..0, own);
    }
}

/// As many replicas of Kafka's own topics as it wants, or as there are brokers for.
pub(super) fn internal_topics(brokers: usize) -> [(&'static str, String); 5] {
    let (replicas, in_sync) = (brokers.min(3).to_string(), brokers.min(2).to_string());
    [
        ("offsets.topic.replication.factor", replicas.clone()),
        ("share.coordinator.state.topic.min.isr", in_sync.clone()),
        ("share.coordinator.state.topic.replication.factor", replicas.clone()),
        ("transaction.state.log.min.isr", in_sync),
        ("transaction.state.log.replication.factor", replicas),
    ]
}
