//! Listeners that some brokers have beside the one of all: clients that come by one of them are told of brokers by it.

use super::{Needs, TargetError, ports};

/// One more listener of one broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `EXTRA`, for example.
    pub name: String,
    /// The place of the broker that has it, from 0.
    pub broker: usize,
    /// Where it is on this machine.
    pub port: u16,
}

impl Listener {
    /// Those that a case needs, on free ports.
    pub(super) fn all(needs: &Needs) -> Result<Vec<Self>, TargetError> {
        let wanted = needs.listeners.iter();
        let wanted = wanted.flat_map(|(name, brokers)| brokers.iter().map(move |broker| (name, *broker)));
        let seated = |(name, broker): (&String, usize)| {
            Ok(Self {
                name: name.clone(),
                broker,
                port: ports::free()?,
            })
        };
        wanted.map(seated).collect()
    }

    /// Those of the broker with this id, which is one more than its place.
    pub(super) fn of(all: &[Self], id: usize) -> impl Iterator<Item = &Self> {
        all.iter().filter(move |listener| listener.broker + 1 == id)
    }

    /// Where a client connects to it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// As a broker is told of it, and tells clients: `EXTRA://127.0.0.1:9094`.
    pub(super) fn spelled(&self) -> String {
        format!("{}://{}", self.name, self.address())
    }

    #[cfg(test)]
    pub(super) fn extra(broker: usize, port: u16) -> Self {
        Self {
            name: "EXTRA".to_owned(),
            broker,
            port,
        }
    }
}
