//! What one partition of `__consumer_offsets` holds: offsets and groups, each a key with a value or a tombstone.

use std::sync::Arc;

use bytes::Bytes;

use super::consumer::ConsumerRecord;
use super::{GroupId, InstanceId, MemberId};
use crate::units::{TopicId, TopicName};

/// A record of the offsets topic; a value of `None` is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A committed offset.
    Offset(OffsetKey, Option<OffsetValue>),
    /// A classic group with its members.
    Group(GroupId, Option<GroupValue>),
    /// Something of a group of the consumer protocol.
    Consumer(GroupId, ConsumerRecord),
}

/// Whose offset, of which partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OffsetKey {
    /// The group.
    pub group: GroupId,
    /// The topic's name.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetValue {
    /// Where the group goes on reading; any number, Kafka never looks at it.
    pub offset: i64,
    /// Leader epoch of the last record read; -1 where unknown.
    pub leader_epoch: i32,
    /// Whatever the client wanted kept.
    pub metadata: Arc<str>,
    /// When it was committed, milliseconds since the epoch.
    pub commit_unix_ms: i64,
    /// When it expires, where the commit said so itself (OffsetCommit v2–4).
    pub expire_unix_ms: Option<i64>,
    /// The topic's id, where the commit named it (OffsetCommit v10).
    pub topic_id: TopicId,
}

/// A classic group as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupValue {
    /// `consumer`, `connect`, …; empty before the first member.
    pub protocol_type: Arc<str>,
    /// The generation.
    pub generation: i32,
    /// The protocol that the members voted for.
    pub protocol: Option<Arc<str>>,
    /// The member that assigns.
    pub leader: Option<MemberId>,
    /// When the group entered its state, milliseconds since the epoch; -1 where unknown.
    pub since_unix_ms: i64,
    /// The members.
    pub members: Vec<MemberValue>,
}

/// A member as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberValue {
    /// Its id.
    pub member_id: MemberId,
    /// Its name for life, if it is static (KIP-345).
    pub instance_id: Option<InstanceId>,
    /// The client id of its first join.
    pub client_id: Arc<str>,
    /// The address of its first join, `/127.0.0.1`.
    pub client_host: Arc<str>,
    /// How long a rebalance waits for it.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// What it brought for the chosen protocol.
    pub subscription: Bytes,
    /// What the leader gave it.
    pub assignment: Bytes,
}
