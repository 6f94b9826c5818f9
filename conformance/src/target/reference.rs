//! `reference`: the reference broker, in this process. Met over the protocol like any other; only its life is in our hands.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use reference_broker::{Cluster, Config, Cut, Faults, Listen, Other, StartError};

use super::ground::Ground;
use super::layout::CONTROLLER;
use super::{LaunchError, Listener, Needs, TargetError, ports, properties};

/// A case that wants several brokers gets as many, up to so many; more have to be asked for by `reference:N`.
pub(super) const MOST_UNASKED: usize = 3;

pub(super) struct Node {
    cluster: Cluster,
    _ground: Arc<Ground>,
}

impl Node {
    pub(super) async fn start(brokers: usize, needs: &Needs, listeners: &[Listener]) -> Result<Self, TargetError> {
        let ground = Ground::hold()?;
        // A broker that comes back must find its port free, and the kernel lends its own choice to others meanwhile.
        let in_a_row = u16::try_from(brokers).unwrap_or(u16::MAX);
        let port = if needs.kill { ports::free_in_a_row(in_a_row)? } else { 0 };
        let config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], port)),
            listeners: listeners.iter().map(listen).collect(),
            brokers,
            properties: properties::of(needs, &[], brokers).into_iter().collect(),
            temporary_in: Some(ground.path().to_owned()),
            ..Config::default()
        };
        let cluster = Cluster::start(config).await.map_err(told)?;
        Ok(Self {
            cluster,
            _ground: ground,
        })
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        let addresses = self.cluster.addresses();
        addresses.iter().map(ToString::to_string).collect()
    }

    pub(super) fn data_dir(&self, broker: usize) -> Option<&Path> {
        self.cluster.data_dirs().get(broker).copied()
    }

    pub(super) async fn kill(&mut self, broker: usize) {
        self.cluster.kill(broker).await;
    }

    pub(super) async fn pause(&self, broker: usize) -> Result<(), TargetError> {
        let paused = self.faults(broker)?.pause().await;
        paused.map_err(|error| TargetError(error.to_string()))
    }

    pub(super) fn resume(&self, broker: usize) -> Result<(), TargetError> {
        self.faults(broker).map(|faults| faults.resume())
    }

    /// Silent in both directions. A controller asks its brokers nothing.
    pub(super) fn disconnect(&self, broker: usize) -> Result<(), TargetError> {
        self.faults(broker)?.cut(node(CONTROLLER), Cut::Silent);
        let mut others = (0..self.addresses().len()).filter(|other| *other != broker);
        let cut = others.try_for_each(|other| self.cluster.cut(broker, other, Cut::Silent));
        cut.map_err(TargetError)
    }

    pub(super) fn reconnect(&self, broker: usize) -> Result<(), TargetError> {
        let own = self.faults(broker)?;
        own.mend(node(CONTROLLER));
        for other in (0..self.addresses().len()).filter(|other| *other != broker) {
            own.mend(node(other + 1));
            self.faults(other)?.mend(node(broker + 1));
        }
        Ok(())
    }

    fn faults(&self, broker: usize) -> Result<Faults, TargetError> {
        let none = || TargetError(format!("there is no broker {broker}"));
        self.cluster.faults(broker).ok_or_else(none)
    }

    pub(super) async fn close(&mut self, broker: usize) {
        self.cluster.close(broker).await;
    }

    pub(super) async fn restart(&mut self, broker: usize) -> Result<(), LaunchError> {
        let refused = |error: &StartError| !matches!(error, StartError::Listen { .. } | StartError::System(_));
        self.cluster
            .restart(broker)
            .await
            .map_err(|error| match refused(&error) {
                true => LaunchError::Ended(told(error).0),
                false => told(error).into(),
            })
    }

    pub(super) async fn stop(self) {
        self.cluster.stop().await;
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reference broker at {:?}", self.addresses())
    }
}

fn listen(listener: &Listener) -> (Listen, Option<Vec<usize>>) {
    let at = SocketAddr::from(([127, 0, 0, 1], listener.port));
    let listen = Listen {
        name: listener.name.clone(),
        at,
        advertise: None,
    };
    (listen, Some(vec![listener.broker]))
}

/// A node as the others know it; brokers have the ids from 1.
fn node(id: usize) -> Other {
    Other::Node(i32::try_from(id).unwrap_or(i32::MAX))
}

fn told(error: StartError) -> TargetError {
    TargetError(format!("the reference broker did not start: {error}"))
}

#[cfg(test)]
mod tests {
    use crate::target::{Needs, Target};

    #[tokio::test]
    async fn the_reference_comes_back_on_its_port_after_a_kill() {
        let needs = Needs {
            kill: true,
            ..Needs::default()
        };
        let target = Target::parse("reference").expect("a target");
        let mut running = target.start(&needs).await.expect("a broker");
        let before = running.bootstrap().to_vec();
        running.answers().await.expect("an answer");
        running.kill(0).await.expect("gone");
        running.answers().await.expect_err("nobody listens");
        running.restart(0).await.expect("back");
        running.answers().await.expect("an answer");
        assert_eq!(running.bootstrap(), before);
        running.stop().await;
    }
}
