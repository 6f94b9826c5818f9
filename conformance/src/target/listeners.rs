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

    /// Where a client connects to it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// As a broker is told of it, and tells clients: `EXTRA://127.0.0.1:9094`.
    pub(super) fn spelled(&self) -> String {
        format!("{}://{}", self.name, self.address())
    }
}
