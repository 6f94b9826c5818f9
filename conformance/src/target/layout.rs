//! Who is who among the nodes of a cluster: brokers with ids from 1, and a controller apart where there are several.

use super::{Listener, TargetError, ports};

/// The id of a controller that is no broker.
pub(super) const CONTROLLER: usize = 100;

/// Where the nodes of a cluster listen: its brokers, with ids from 1, and its controller.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) brokers: Vec<u16>,
    pub(super) controller: u16,
    /// What brokers have beside that.
    pub(super) listeners: Vec<Listener>,
}

impl Layout {
    /// Free ports for so many brokers.
    pub(super) fn of(brokers: usize, listeners: &[Listener]) -> Result<Self, TargetError> {
        Ok(Self {
            brokers: (0..brokers).map(|_| ports::free()).collect::<Result<_, _>>()?,
            controller: ports::free()?,
            listeners: listeners.to_vec(),
        })
    }

    /// What the broker with this id has beside the listener of all, as it is told of it.
    pub(super) fn more_of(&self, id: usize) -> impl Iterator<Item = String> {
        Listener::of(&self.listeners, id).map(Listener::spelled)
    }

    /// Whether the controller is a node of its own. Where brokers come and go it must not go with them: two of three that are down
    /// would take the quorum along, and each election would take as long as the one of the controllers before it.
    pub(super) fn has_controller_apart(&self) -> bool {
        self.brokers.len() > 1
    }
}
