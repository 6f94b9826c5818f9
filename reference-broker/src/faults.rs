//! Faults on demand: what a broker is told to do wrong, from a test in the same process or through the control port.
//!
//! It stands between the connections and the node, which knows nothing of it: what is decided stays Kafka's, what is done
//! with a request or its answer is the fault's.

mod act;
mod refusal;
mod rule;
mod rules;

use std::sync::Arc;

pub use act::{Act, Moment};
pub use rule::{Fault, FaultError, Side, When};
pub use rules::{FaultId, Standing};

pub(crate) use refusal::refusal;

use crate::api::Listener;
use crate::net::header::RequestHeader;
use rules::{Met, Rules};

/// The faults of one broker. Every clone is the same: what is set holds at once, and until it is used up or taken back,
/// also when the broker is started again.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    rules: Arc<Rules>,
}

impl Faults {
    /// Has requests meet this fault. Those that were set before go first, and what one acts on later ones do not see.
    ///
    /// # Errors
    /// There are too many.
    pub fn set(&self, fault: Fault) -> Result<FaultId, FaultError> {
        self.rules.add(fault)
    }

    /// Takes one back; false where it is used up or unknown.
    pub fn take_back(&self, id: FaultId) -> bool {
        self.rules.remove(id)
    }

    /// Takes back all that requests would meet.
    pub fn clear(&self) {
        self.rules.clear();
    }

    /// What is set and not used up yet.
    pub fn list(&self) -> Vec<Standing> {
        self.rules.list()
    }

    /// What this request meets. Nothing is looked up where nothing is set.
    pub(crate) fn met_by(&self, header: &RequestHeader, listener: Listener) -> Option<Act> {
        if self.rules.is_empty() {
            return None;
        }
        self.rules.meet(&Met {
            key: header.entry.key,
            client_id: &header.client_id,
            side: side_of(listener, &header.client_id),
        })
    }
}

/// Brokers are known by the listener that only they use, or by how they call themselves: ours, and Kafka's `broker-1-fetcher-0`.
fn side_of(listener: Listener, client_id: &str) -> Side {
    let kafkas = client_id.strip_prefix("broker-").and_then(|rest| rest.split_once('-'));
    let is_kafkas = kafkas.is_some_and(|(id, _)| id.parse::<u32>().is_ok());
    if listener == Listener::Controller || client_id == crate::peer::CLIENT_ID || is_kafkas {
        Side::Brokers
    } else {
        Side::Clients
    }
}
