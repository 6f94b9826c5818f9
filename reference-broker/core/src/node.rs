//! One broker's rooms, composed: a command goes to the room that owns it, its records are appended, then applied.
//!
//! The shell calls one method a request, drains [`Node::take_released`], and calls [`Node::tick`] when
//! [`Node::next_deadline`] falls due. Each room adds its own methods to `Node` in a file beside this one.

mod control;
mod coordinators;
pub mod data;
mod fetch;
pub mod groups;
mod lifecycle;
mod observer;
pub mod observers;
mod peers;
mod replicas;
pub mod transactions;

pub use control::cluster::{LogDir, Quorum};
pub use data::{Flush, Promise};
pub use lifecycle::Stage;
pub use peers::Purpose;
pub use replicas::LowWatermark;

use crate::config::BrokerConfig;
use crate::fetch::FetchOutcome;
use crate::fetch::session::Sessions;
use crate::fetch::wait::Waits;
use crate::image::Listener;
use crate::machine::Ticket;
use crate::store::{Store, StoreError};
use crate::units::{Deadline, ErrorCode, Now};

/// One broker.
pub struct Node {
    pub(crate) store: Box<dyn Store>,
    outbox: Vec<(Ticket, Leaving)>,
    complaints: Vec<String>,
    pub(crate) config: BrokerConfig,
    pub(crate) logs: data::Logs,
    pub(crate) control: control::Control,
    pub(crate) groups: groups::Groups,
    pub(crate) transactions: transactions::Transactions,
    pub(crate) sessions: Sessions,
    pub(crate) waits: Waits,
    peers: peers::Peers,
    coordinating: coordinators::Coordinating,
    lifecycle: lifecycle::Lifecycle,
    observer: observer::Observer,
    observers: observers::Observers,
    replicas: replicas::Replicas,
    next_ticket: u64,
}

/// Who this broker is and where it is found. The ids count only where the data directory has none yet.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Where it listens, as it is told to others: first where other nodes find it. None where nobody has to.
    pub listeners: Vec<Listener>,
    /// A fresh cluster id.
    pub cluster_id: [u8; 16],
    /// A fresh directory id.
    pub directory_id: [u8; 16],
    /// This start's incarnation of the broker.
    pub incarnation_id: [u8; 16],
}

/// Why a node cannot be opened on a data directory.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory belongs to another cluster, or a file in it is not what it should be.
    #[error("{0}")]
    Foreign(String),
}

/// What a parked request was waiting for: one variant for each room that parks.
#[derive(Debug)]
pub enum Released {
    /// A long poll.
    Fetch(FetchOutcome),
    /// What a coordinator elsewhere says: the request is to be served again.
    Again,
    /// A join or a sync.
    Group(crate::group::Outcome),
    /// Records that all replicas in sync were to have: one result a partition.
    Produce(Vec<Result<(), ErrorCode>>),
    /// Records that all replicas were to let go of: one answer a partition.
    Deleted(Vec<LowWatermark>),
}

/// A parked request that is over.
#[derive(Debug)]
enum Leaving {
    /// With this answer.
    Answered(Released),
    /// A long poll for which there has been enough since then.
    Reads(Now),
}

/// The features of the cluster (KIP-584).
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// What this broker could run at.
    pub supported: Vec<SupportedFeature>,
    /// What the cluster runs at, by name.
    pub finalized: Vec<(String, i16)>,
    /// The metadata offset of the last change.
    pub epoch: i64,
}

/// A feature with the levels that a broker supports.
#[derive(Debug, Clone)]
pub struct SupportedFeature {
    /// Its name, `metadata.version`.
    pub name: &'static str,
    /// Lowest level.
    pub min: i16,
    /// Highest level.
    pub max: i16,
}

/// More than so many at once say nothing new.
const MAX_COMPLAINTS: usize = 100;

impl Node {
    /// Opens a data directory: a new one is formatted, another one is read, recovered and replayed.
    pub fn open(store: Box<dyn Store>, config: BrokerConfig, identity: Identity, now: Now) -> Result<Self, OpenError> {
        let mut node = Self {
            store,
            logs: data::Logs::default(),
            control: control::Control::default(),
            groups: groups::Groups::default(),
            transactions: transactions::Transactions::default(),
            sessions: Sessions::new(config.fetch_session_slots),
            config,
            waits: Waits::default(),
            peers: peers::Peers::default(),
            coordinating: coordinators::Coordinating::default(),
            lifecycle: lifecycle::Lifecycle::default(),
            observer: observer::Observer::default(),
            observers: observers::Observers::default(),
            replicas: replicas::Replicas::default(),
            outbox: Vec::new(),
            complaints: Vec::new(),
            next_ticket: 0,
        };
        // Before anything changes: whose directory is this?
        node.claim(&identity)?;
        node.recover_logs()?;
        node.open_control(&identity, now)?;
        node.recover_discarded(now)?;
        node.load_all_groups(now)?;
        node.load_all_transactions(now)?;
        Ok(node)
    }

    /// Ends in order: everything is written down and the directory marked as whole.
    pub fn close(&mut self) {
        // A stop that cannot be written down is a crash: the mark of a clean stop is written last.
        let _ = self.close_control();
        let _ = self.close_logs();
    }

    /// A claim check for a request that will be answered later.
    pub(crate) fn issue_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Answers a parked request. The shell takes it up after the present call.
    pub(crate) fn release(&mut self, ticket: Ticket, released: Released) {
        self.outbox.push((ticket, Leaving::Answered(released)));
    }

    /// The parked requests that have been answered since the last call. Readers get what there is by now: all that one request
    /// brought, also where it appended to several partitions.
    pub fn take_released(&mut self) -> Vec<(Ticket, Released)> {
        let leaving = std::mem::take(&mut self.outbox);
        let released = |(ticket, leaving)| match leaving {
            Leaving::Answered(released) => Some((ticket, released)),
            Leaving::Reads(at) => Some((ticket, Released::Fetch(self.read_by_now(ticket, at)?))),
        };
        leaving.into_iter().filter_map(released).collect()
    }

    /// Notes what whoever runs this broker should know: a file that failed, and what is out of service for it.
    pub(crate) fn complain(&mut self, what: String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(what);
        }
    }

    /// What went wrong since the last call.
    pub fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// When [`Node::tick`] must be called at the latest.
    pub fn next_deadline(&self) -> Option<Deadline> {
        [
            self.fetch_deadline(),
            self.groups_deadline(),
            self.logs_deadline(),
            self.transactions_deadline(),
            self.observer_deadline(),
            self.observers_deadline(),
            self.lifecycle_deadline(),
            self.controller_deadline(),
            self.replicas_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Lets everything happen that has fallen due.
    pub fn tick(&mut self, now: Now) {
        self.fetch_tick(now);
        self.groups_tick(now);
        self.transactions_tick(now);
        self.replicas_tick(now);
        self.logs_tick(now);
        self.observer_tick(now);
        self.observers_tick(now);
        self.lifecycle_tick(now);
        self.controller_tick(now);
    }
}
