//! What the nodes of a cluster ask of each other, by Kafka's own requests without their wire form: a follower's Fetch, a
//! coordinator's WriteTxnMarkers, and what brokers ask of the controller (KIP-500, KIP-497, KIP-631).
//!
//! A node asks with [`Node::ask`](crate::Node); whoever runs it takes the questions up, brings them to the peer, and tells the
//! node what became of them. Nothing here knows a socket: in a simulation the peer is another node in the same memory.

use bytes::Bytes;

use crate::controller::brokers::Registration;
use crate::controller::topics::NewTopic;
use crate::node::transactions::Marked;
use crate::txn::TransactionalId;
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, Offset, Producer, TopicId, TopicPartition};

/// Whom a node asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// The active controller, wherever it is.
    Controller,
    /// A registered broker.
    Broker(BrokerId),
}

/// The claim check of a question. Unique for the life of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskId(pub u64);

/// A question on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What the answer is told with.
    pub id: AskId,
    /// Who is asked.
    pub peer: Peer,
    /// What.
    pub question: Question,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Fetch (1) by a replica, without a session.
    Fetch(ReplicaFetch),
    /// ListOffsets (2) by a replica.
    Bounds(AskBounds),
    /// FetchSnapshot (59): metadata whose records the controller has deleted.
    Snapshot(AskSnapshot),
    /// WriteTxnMarkers (27): the markers of one transaction.
    WriteMarkers(Marked, Vec<TopicPartition>),
    /// AddPartitionsToTxn (24) by the leader of partitions that a producer writes to.
    Enlist(Enlist),
    /// AlterPartition (56).
    AlterPartitions(AlterPartitions),
    /// BrokerRegistration (62).
    Register(Registration),
    /// BrokerHeartbeat (63).
    Heartbeat(BrokerHeartbeat),
    /// AllocateProducerIds (67).
    AllocateProducerIds(BrokerEpoch),
    /// CreateTopics (19): what a broker wants for itself or for clients that asked for what is not there.
    CreateTopics(Vec<NewTopic>),
}

/// What comes back. The variant is the question's.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nobody answered, or nothing that could be read.
    Unreachable(String),
    /// Fetch.
    Fetched(Result<Vec<ReplicaFetched>, ErrorCode>),
    /// ListOffsets: one result a partition.
    Bounds(Vec<(TopicPartition, Result<Offset, ErrorCode>)>),
    /// FetchSnapshot.
    Snapshot(Result<SnapshotPart, ErrorCode>),
    /// WriteTxnMarkers: one result a partition.
    MarkersWritten(Verdicts),
    /// AddPartitionsToTxn: one result a partition.
    Enlisted(Result<Verdicts, ErrorCode>),
    /// AlterPartition.
    PartitionsAltered(Result<Vec<PartitionAltered>, ErrorCode>),
    /// BrokerRegistration: the broker's epoch.
    Registered(Result<i64, ErrorCode>),
    /// BrokerHeartbeat.
    Heartbeat(Result<BrokerState, ErrorCode>),
    /// AllocateProducerIds: the first id of the block and how many.
    ProducerIds(Result<(i64, i32), ErrorCode>),
    /// CreateTopics: what was refused of each topic, by name.
    TopicsCreated(Vec<(String, Option<ErrorCode>)>),
}

/// What became of each partition.
pub type Verdicts = Vec<(TopicPartition, Result<(), ErrorCode>)>;

/// A broker in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerEpoch {
    /// Which broker.
    pub broker: BrokerId,
    /// The offset of its registration; -1 before it.
    pub epoch: i64,
}

/// What a replica wants of the leader of some partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaFetch {
    /// Who asks (ReplicaState of Fetch v15, KIP-903).
    pub replica: BrokerEpoch,
    /// `replica.fetch.wait.max.ms`
    pub max_wait_ms: i32,
    /// `replica.fetch.min.bytes`
    pub min_bytes: i32,
    /// `replica.fetch.response.max.bytes`
    pub max_bytes: i32,
    /// From where on.
    pub partitions: Vec<ReplicaPartition>,
}

/// Where a replica stands in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaPartition {
    /// The partition.
    pub tp: TopicPartition,
    /// Its topic.
    pub topic_id: TopicId,
    /// The leader epoch that the replica follows.
    pub leader_epoch: LeaderEpoch,
    /// The first offset that it lacks.
    pub offset: Offset,
    /// The epoch of its last record; -1 for none (KIP-595).
    pub last_fetched_epoch: LeaderEpoch,
    /// Where its log begins.
    pub log_start: Offset,
    /// The high watermark that it knows: a leader with a higher one answers at once (KIP-1166).
    pub high_watermark: Offset,
    /// `replica.fetch.max.bytes`
    pub max_bytes: i32,
    /// The log directory that it is in: who follows the metadata says so (KIP-853), and zero is none.
    pub directory: [u8; 16],
}

/// What the leader gives of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaFetched {
    /// The partition.
    pub tp: TopicPartition,
    /// What went wrong.
    pub error: Option<ErrorCode>,
    /// The leader's.
    pub high_watermark: Offset,
    /// The leader's.
    pub log_start: Offset,
    /// Where the replica's history leaves the leader's: truncate to there at most, and ask again.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// Of the metadata: what was asked for is deleted, and this stands for it.
    pub snapshot: Option<SnapshotId>,
    /// Who leads in which epoch, with an error that says that the question went to the wrong broker.
    pub leader: Option<(BrokerId, LeaderEpoch)>,
    /// Whole batches from the offset on, as they stand in the leader's log.
    pub records: Bytes,
}

/// What the metadata came to where their first records are deleted (KIP-630).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotId {
    /// The first offset that is not in it.
    pub end: Offset,
    /// The epoch of the last record that is.
    pub epoch: LeaderEpoch,
}

/// The next bytes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskSnapshot {
    /// Who asks.
    pub replica: BrokerId,
    /// The epoch of the controller that is followed.
    pub leader_epoch: LeaderEpoch,
    /// Which.
    pub snapshot: SnapshotId,
    /// From where on.
    pub position: i64,
    /// How many.
    pub max_bytes: i32,
}

/// Some bytes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPart {
    /// How many it has in all.
    pub size: i64,
    /// Where these begin.
    pub position: i64,
    /// They may end inside a batch.
    pub bytes: Bytes,
}

/// One of the ends of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Where it begins.
    Start,
    /// The first offset that it lacks.
    End,
}

/// Where the logs of a leader begin or end, for a replica that lost its way in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskBounds {
    /// Who asks.
    pub replica: BrokerId,
    /// Which end.
    pub bound: Bound,
    /// Of which logs, and the leader epoch that the replica follows.
    pub partitions: Vec<(TopicPartition, LeaderEpoch)>,
}

/// Partitions that a producer writes to, and that its coordinator shall know of (KIP-890).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enlist {
    /// Whose transaction.
    pub id: TransactionalId,
    /// Who writes.
    pub producer: Producer,
    /// Where.
    pub partitions: Vec<TopicPartition>,
    /// They must be in the transaction already, and do not come into it.
    pub verify_only: bool,
}

/// Leaders that want other in-sync replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterPartitions {
    /// Who leads them.
    pub broker: BrokerEpoch,
    /// Which, and what they want.
    pub partitions: Vec<AlterPartition>,
}

/// A partition whose in-sync replicas shall be others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterPartition {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// The epoch in which the asker leads.
    pub leader_epoch: LeaderEpoch,
    /// The epoch that the change builds on: compare and set.
    pub partition_epoch: i32,
    /// The replicas in sync, each with the epoch of its broker.
    pub isr: Vec<BrokerEpoch>,
    /// LeaderRecoveryState: 0 recovered, 1 recovering from an unclean election.
    pub leader_recovery_state: i8,
}

/// What the controller says of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionAltered {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// How it stands now, or why not.
    pub result: Result<PartitionState, ErrorCode>,
}

/// How a partition stands at the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// Who leads.
    pub leader: BrokerId,
    /// In which epoch.
    pub leader_epoch: LeaderEpoch,
    /// After how many changes.
    pub partition_epoch: i32,
    /// Who is in sync.
    pub isr: Vec<BrokerId>,
    /// LeaderRecoveryState.
    pub leader_recovery_state: i8,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerHeartbeat {
    /// Whose.
    pub broker: BrokerEpoch,
    /// The highest metadata offset that it has applied.
    pub metadata_offset: i64,
    /// It wants to stay fenced.
    pub want_fence: bool,
    /// It wants to shut down in order.
    pub want_shut_down: bool,
    /// Its log directories that failed.
    pub offline_log_dirs: Vec<[u8; 16]>,
    /// Those that take no new replicas (KIP-1066).
    pub cordoned_log_dirs: Vec<[u8; 16]>,
}

/// What the controller thinks of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerState {
    /// It has applied its own registration.
    pub is_caught_up: bool,
    /// It takes no part.
    pub is_fenced: bool,
    /// It leads nothing any more and may go.
    pub should_shut_down: bool,
}
