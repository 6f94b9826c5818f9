//! Faults on demand: what a broker is told to do wrong, from a test in the same process or through the control port.
//!
//! It stands between the connections and the node, which knows nothing of it: what is decided stays Kafka's, what is done
//! with a request or its answer is the fault's.

mod act;
mod disk;
mod links;
mod refusal;
mod rule;
mod rules;
mod standstill;

use std::sync::Arc;
use std::time::Duration;

pub use act::{Act, Moment};
pub use links::{Cut, Other};
pub use rule::{Fault, FaultError, Side, When};
pub use rules::{FaultId, Standing};

pub(crate) use disk::Disk;
pub(crate) use links::Links;
pub(crate) use refusal::refusal;
pub(crate) use rule::name_of;

use crate::api::Listener;
use crate::net::header::RequestHeader;
use rules::{Met, Rules};
use standstill::Standstill;

/// The faults of one broker. Every clone is the same: what is set holds at once, and until it is used up or taken back,
/// also when the broker is started again.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    rules: Arc<Rules>,
    standstill: Arc<Standstill>,
    links: Arc<Links>,
    disk: Arc<Disk>,
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

    /// Has the broker stand still, as under SIGSTOP, and returns once it does: it serves nothing, reads no socket and lets no time
    /// pass; its connections stay open. Stopping or killing it ends that. Where this is dropped before, it goes on.
    ///
    /// # Errors
    /// It does not run, or it waits for its disk for too long to stand still.
    pub async fn pause(&self) -> Result<(), FaultError> {
        self.standstill.begin().await
    }

    /// Lets it go on, as SIGCONT does.
    pub fn resume(&self) {
        self.standstill.end();
    }

    /// Does it stand still?
    pub fn is_paused(&self) -> bool {
        self.standstill.stands()
    }

    /// Cuts the link to another node or to the clients. Between two nodes this cuts what this one asks of the other: both are told
    /// where nothing shall pass. When clients begin to be refused, connections of nodes are closed too, and made anew at once.
    pub fn cut(&self, other: Other, how: Cut) {
        self.links.cut(other, how);
    }

    /// Makes that link whole again.
    pub fn mend(&self, other: Other) {
        self.links.mend(other);
    }

    /// The links that are cut.
    pub fn cuts(&self) -> Vec<(Other, Cut)> {
        self.links.list()
    }

    /// Has every write and every sync take at least this time. A broker has one thread to write with: what it serves waits for it.
    /// Whoever writes hears of a change at once, and of being stopped or killed.
    ///
    /// # Errors
    /// Nobody waits so long.
    pub fn slow_disk(&self, by: Duration) -> Result<(), FaultError> {
        if by > disk::SLOWEST {
            return Err(FaultError::TooLong(by, disk::SLOWEST));
        }
        self.disk.slow_by(by);
        Ok(())
    }

    /// Has every write fail because there is no room. A log that was written to answers KAFKA_STORAGE_ERROR from then on; as with
    /// Kafka it comes back when the broker is started again and there is room.
    pub fn fill_disk(&self) {
        self.disk.fill(true);
    }

    /// How slow the disk is at least, and whether it is full.
    pub fn disk_is(&self) -> (Duration, bool) {
        (self.disk.slow(), self.disk.is_full())
    }

    /// Makes everything whole: it goes on, links pass, the disk is quick and has room. What requests meet stays; see [`Self::clear`].
    pub fn heal(&self) {
        self.links.mend_all();
        self.disk.slow_by(Duration::ZERO);
        self.disk.fill(false);
        self.resume();
    }

    /// A node is about to be started with these.
    pub(crate) fn starts(&self) {
        self.disk.is_left(false);
    }

    /// It runs.
    pub(crate) fn started(&self) {
        self.standstill.is_run(true);
    }

    /// It is to end: what would keep it is over.
    pub(crate) fn ends(&self) {
        self.disk.is_left(true);
        self.standstill.is_run(false);
    }

    /// Does a node run with these, which nobody has told to end?
    pub(crate) fn runs(&self) -> bool {
        self.standstill.runs()
    }

    /// Returns when the broker is to stand still.
    pub(crate) async fn called_to_stand_still(&self) {
        self.standstill.called().await;
    }

    /// Stands still on this thread.
    pub(crate) fn stand_still(&self) {
        self.standstill.stand();
    }

    pub(crate) fn links(&self) -> Arc<Links> {
        self.links.clone()
    }

    pub(crate) fn disk(&self) -> Arc<Disk> {
        self.disk.clone()
    }

    /// Returns when what this one sends may pass; false where it is cut off.
    pub(crate) async fn lets_pass(&self, side: Side) -> bool {
        match side {
            Side::Clients if self.links.how(Other::Clients).is_some() => self.links.passes(Other::Clients).await,
            Side::Clients | Side::Brokers => true,
        }
    }

    /// Are clients refused?
    pub(crate) fn refuses_clients(&self) -> bool {
        self.links.how(Other::Clients) == Some(Cut::Refused)
    }

    /// What this request meets. Nothing is looked up where nothing is set.
    pub(crate) fn met_by(&self, header: &RequestHeader, side: Side) -> Option<Act> {
        if self.rules.is_empty() || header.client_id == crate::peer::ORDERED {
            return None;
        }
        self.rules.meet(&Met {
            key: header.entry.key,
            client_id: &header.client_id,
            side,
        })
    }
}

/// Brokers are known by the listener that only they use, or by how they call themselves: ours, and Kafka's `broker-1-fetcher-0`.
pub(crate) fn side_of(listener: Listener, client_id: &str) -> Side {
    let kafkas = client_id.strip_prefix("broker-").and_then(|rest| rest.split_once('-'));
    let is_kafkas = kafkas.is_some_and(|(id, _)| id.parse::<u32>().is_ok());
    let is_ours = [crate::peer::CLIENT_ID, crate::peer::ORDERED].contains(&client_id);
    if listener == Listener::Controller || is_ours || is_kafkas {
        Side::Brokers
    } else {
        Side::Clients
    }
}
