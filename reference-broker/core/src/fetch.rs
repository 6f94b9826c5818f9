//! Fetch: what a reader asks for and what it gets. Sessions remember what was asked, waits hold what cannot be answered yet.
//!
//! It knows no version and no wire struct; bytes are spans of files, which it never reads.

pub mod session;
pub mod wait;

use std::sync::Arc;

use crate::image::BrokerImage;
use crate::log::aborted::AbortedTransaction;
use crate::peer::BrokerEpoch;
use crate::store::Span;
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicId, TopicName};

/// A Fetch request.
#[derive(Debug, Clone)]
pub struct FetchCommand {
    /// Which session, and which of its requests.
    pub session: SessionRequest,
    /// How the request names topics.
    pub naming: Naming,
    /// Who asks, and so how far it may see.
    pub reader: Reader,
    /// Where it is, if it says so (KIP-392).
    pub rack: Option<Arc<str>>,
    /// How long to wait for `min_bytes`.
    pub max_wait_ms: i32,
    /// How little is too little to answer.
    pub min_bytes: i32,
    /// How much the whole answer may carry.
    pub max_bytes: i32,
    /// What is wanted; in a session, what is new or changed.
    pub partitions: Vec<(PartitionKey, Interest)>,
    /// What is no longer wanted.
    pub forgotten: Vec<PartitionKey>,
}

/// The session part of a request (KIP-227).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRequest {
    /// The session, 0 for none.
    pub id: i32,
    /// The number of the request: 0 begins a session, -1 wants none.
    pub epoch: i32,
    /// A random id, should a session be made.
    pub fresh_id: i32,
}

/// By what a request names its topics: ids since version 13 (KIP-516).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By name.
    Names,
    /// By id.
    Ids,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A consumer with `read_uncommitted`: sees up to the high watermark.
    Uncommitted,
    /// A consumer with `read_committed`: sees up to the last stable offset.
    Committed,
    /// Another broker: sees up to the log end where it keeps the partition.
    Replica(BrokerEpoch),
}

/// Who may answer for a partition (KIP-392).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Nobody else.
    ByLeader,
    /// A follower too, up to the high watermark that it knows.
    ByAnyReplica,
}

/// A partition as the request names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionKey {
    /// By name or by id.
    pub topic: TopicKey,
    /// Partition index.
    pub partition: i32,
}

/// A topic as the request names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TopicKey {
    /// By name.
    Name(TopicName),
    /// By id.
    Id(TopicId),
}

/// What is wanted of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// The first offset wanted.
    pub offset: Offset,
    /// How much of it.
    pub max_bytes: i32,
    /// The epoch in which the reader believes the leader to be; -1 for any.
    pub leader_epoch: LeaderEpoch,
    /// The epoch of the last record that the reader has; -1 for unknown.
    pub last_fetched_epoch: LeaderEpoch,
    /// Who may answer.
    pub served: Served,
    /// Where a replica's log begins.
    pub log_start: Offset,
    /// The high watermark that a replica knows (KIP-1166); nothing is above [`Interest::ANY_HIGH_WATERMARK`].
    pub high_watermark: Offset,
}

impl Interest {
    /// The reader does not say, or does not care.
    pub const ANY_HIGH_WATERMARK: Offset = Offset(i64::MAX);
}

/// A Fetch answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutcome {
    /// An error of the session.
    pub error: Option<ErrorCode>,
    /// The session to go on with, 0 for none.
    pub session_id: i32,
    /// In the order of the answer.
    pub partitions: Vec<Fetched>,
    /// The brokers that partitions name as their leaders.
    pub leaders: Vec<BrokerImage>,
}

impl FetchOutcome {
    /// Nothing but an error.
    pub fn refused(error: ErrorCode) -> Self {
        Self {
            error: Some(error),
            session_id: 0,
            partitions: Vec::new(),
            leaders: Vec::new(),
        }
    }
}

/// What a partition answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The partition as asked for.
    pub key: PartitionKey,
    /// The topic's name, where it is known.
    pub name: Option<TopicName>,
    /// What went wrong.
    pub error: Option<ErrorCode>,
    /// -1 with most errors.
    pub high_watermark: Offset,
    /// -1 with most errors.
    pub last_stable_offset: Offset,
    /// -1 with most errors.
    pub log_start: Offset,
    /// Only for readers of committed records.
    pub aborted: Option<Vec<AbortedTransaction>>,
    /// Where the reader's history leaves the leader's.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// With an error that says that the reader asks the wrong broker or too old an epoch: who leads in which epoch.
    pub leader: Option<(BrokerId, LeaderEpoch)>,
    /// The replica in the reader's rack, which is to be asked instead.
    pub preferred: Option<BrokerId>,
    /// The records.
    pub span: Option<Span>,
}

impl Fetched {
    /// An answer without records.
    pub fn failed(key: PartitionKey, name: Option<TopicName>, error: ErrorCode) -> Self {
        Self {
            key,
            name,
            error: Some(error),
            high_watermark: Offset(-1),
            last_stable_offset: Offset(-1),
            log_start: Offset(-1),
            aborted: None,
            diverging: None,
            leader: None,
            preferred: None,
            span: None,
        }
    }

    /// How many bytes of records it carries.
    pub fn size(&self) -> usize {
        self.span.as_ref().map_or(0, |span| span.length)
    }
}
