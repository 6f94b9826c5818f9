//! The listeners of a broker: the one by which brokers find each other, and those beside it, each with a name. Clients are told of
//! brokers by the listener that they came by.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use broker_core::image;

use super::StartError;
use super::member::Start;
use crate::api::Listener;

/// The listener of every broker, by which others find it.
const PLAINTEXT: &str = "PLAINTEXT";
/// That of a controller.
const CONTROLLER: &str = "CONTROLLER";

/// A listener that a broker has beside the one by which others find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `EXTERNAL`, for example.
    pub name: String,
    /// Where; port 0 takes a free one.
    pub at: SocketAddr,
    /// What clients are told to connect to; the listening address if absent.
    pub advertise: Option<(String, u16)>,
}

impl Listen {
    /// That of the broker so many places behind the first: where that one has a port of its own choice, the others follow it.
    pub(super) fn beside(&self, index: usize) -> Self {
        let at = SocketAddr::new(self.at.ip(), port_beside(self.at.port(), index));
        let advertise = self.advertise.clone();
        Self {
            name: self.name.clone(),
            at,
            advertise: advertise.map(|(host, port)| (host, port_beside(port, index))),
        }
    }
}

/// The port of the broker so many places behind the one with this; any free one stays that.
pub(super) fn port_beside(port: u16, index: usize) -> u16 {
    match port {
        0 => 0,
        _ => port.saturating_add(u16::try_from(index).unwrap_or(u16::MAX)),
    }
}

/// A listener of a node, whatever for.
pub(super) struct Door {
    pub(super) name: String,
    pub(super) kind: Listener,
    pub(super) at: SocketAddr,
    advertise: Option<(String, u16)>,
}

/// All that a node has, of a broker's the one by which others find it first.
///
/// # Errors
/// Two of one name or address: nobody could say which is meant.
pub(super) fn doors(start: &Start) -> Result<Vec<Door>, StartError> {
    let door = |name: &str, kind, at, advertise: &Option<_>| Door {
        name: name.to_owned(),
        kind,
        at,
        advertise: advertise.clone(),
    };
    let first = start
        .listen
        .map(|at| door(PLAINTEXT, Listener::Broker, at, &start.advertise));
    let more = start.listeners.iter();
    let more = more.map(|listen| door(&listen.name, Listener::Broker, listen.at, &listen.advertise));
    let controller = start.controller_listen;
    let controller = controller.map(|at| door(CONTROLLER, Listener::Controller, at, &start.advertise));
    let doors: Vec<Door> = first.into_iter().chain(more).chain(controller).collect();
    let mut names = BTreeSet::from([PLAINTEXT, CONTROLLER]);
    if let Some(twice) = start.listeners.iter().find(|listen| !names.insert(&listen.name)) {
        return Err(StartError::SameName(twice.name.clone()));
    }
    let mut places = BTreeSet::new();
    match doors.iter().find(|door| door.at.port() != 0 && !places.insert(door.at)) {
        Some(twice) => Err(StartError::SameAddress(twice.at)),
        None => Ok(doors),
    }
}

/// What a node says of where it listens: a broker for brokers and clients, a controller that is none for brokers.
///
/// # Errors
/// An address that stands for many, and nothing to say in its place.
pub(super) fn advertised(doors: &[Door]) -> Result<Vec<image::Listener>, StartError> {
    let is_broker = doors.iter().any(|door| door.kind == Listener::Broker);
    let shown = doors.iter().filter(|door| !is_broker || door.kind == Listener::Broker);
    shown.map(Door::advertised).collect()
}

impl Door {
    fn advertised(&self) -> Result<image::Listener, StartError> {
        let (host, port) = match &self.advertise {
            Some(advertise) => advertise.clone(),
            None if self.at.ip().is_unspecified() => return Err(StartError::Advertised(self.at, self.as_prefix())),
            None => (self.at.ip().to_string(), self.at.port()),
        };
        Ok(image::Listener::plaintext(&self.name, &host, port))
    }

    /// As a flag names it.
    fn as_prefix(&self) -> String {
        match self.name.as_str() {
            PLAINTEXT | CONTROLLER => String::new(),
            name => format!("{name}://"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cluster, Config};

    fn listen(name: &str, at: &str) -> (Listen, Option<Vec<usize>>) {
        let listen = Listen {
            name: name.to_owned(),
            at: at.parse().expect("an address"),
            advertise: None,
        };
        (listen, None)
    }

    async fn refused(listeners: Vec<(Listen, Option<Vec<usize>>)>) -> String {
        let config = Config {
            listeners,
            ..Config::default()
        };
        Cluster::start(config).await.err().expect("refused").to_string()
    }

    #[tokio::test]
    async fn a_name_and_an_address_mean_one_listener() {
        for name in ["PLAINTEXT", "CONTROLLER", "EXTRA"] {
            let why = refused(vec![listen("EXTRA", "127.0.0.1:0"), listen(name, "127.0.0.1:0")]).await;
            assert_eq!(why, format!("there are two listeners of the name {name}"));
        }
        let why = refused(vec![listen("A", "127.0.0.1:9"), listen("B", "127.0.0.1:9")]).await;
        assert!(why.contains("two listeners are at 127.0.0.1:9"), "{why}");
    }

    #[tokio::test]
    async fn who_comes_by_a_listener_is_told_an_address_that_can_be_reached() {
        let why = refused(vec![listen("EXTRA", "0.0.0.0:0")]).await;
        assert!(why.contains("--advertise EXTRA://HOST:PORT"), "{why}");
    }

    #[tokio::test]
    async fn each_broker_keeps_the_listeners_that_it_has() {
        let (first, _) = listen("EXTRA", "127.0.0.1:0");
        let config = Config {
            brokers: 2,
            listeners: vec![(first, Some(vec![1]))],
            ..Config::default()
        };
        let mut cluster = Cluster::start(config).await.expect("two brokers");
        let before = cluster.listeners();
        assert!(before.len() == 1 && before[0].at.port() != 0, "{before:?}");
        cluster.restart(1).await.expect("back");
        assert_eq!(cluster.listeners(), before);
        cluster.stop().await;
    }
}
