//! What a group of the consumer protocol (KIP-848) keeps in `__consumer_offsets`: six kinds of records, each with a value
//! or a tombstone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::group::{InstanceId, MemberId, Protocol};
use crate::units::{TopicId, TopicName};

/// Partitions by topic.
pub type Partitions = BTreeMap<TopicId, BTreeSet<i32>>;

/// Partitions by topic, each with the epoch in which its member got it (KIP-1251).
pub type Held = BTreeMap<TopicId, BTreeMap<i32, i32>>;

/// A record of one group; a value of `None` is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerRecord {
    /// The group and its epoch.
    Epoch(Option<GroupEpoch>),
    /// Who a member is and what it wants.
    Member(MemberId, Option<Subscription>),
    /// The epoch of the target assignment.
    TargetEpoch(Option<TargetEpoch>),
    /// What a member should have.
    Target(MemberId, Option<Partitions>),
    /// What a member has, and is giving up.
    Current(MemberId, Option<Current>),
    /// The topics that a regular expression stands for.
    Regex(Arc<str>, Option<Resolved>),
    /// The topics subscribed to, as Kafka kept them before it had a hash of them. Nobody reads them; with its group goes
    /// what there may be.
    FormerTopics,
}

/// A group's epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEpoch {
    /// Rises with every change of members, subscriptions or topics.
    pub epoch: i32,
    /// A hash of the topics subscribed to, with their partitions.
    pub metadata_hash: i64,
}

/// When the target assignment was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEpoch {
    /// The group epoch that it is for.
    pub epoch: i32,
    /// Milliseconds since the Unix epoch; 0 where unknown.
    pub unix_ms: i64,
}

/// Who a member is and what it wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscription {
    /// Its name for life, if it is static.
    pub instance: Option<InstanceId>,
    /// Its rack.
    pub rack: Option<Arc<str>>,
    /// The client's name for itself.
    pub client_id: Arc<str>,
    /// The client's address.
    pub client_host: Arc<str>,
    /// The topics that it names.
    pub topics: BTreeSet<TopicName>,
    /// The topics that it describes.
    pub regex: Option<Arc<str>>,
    /// How long it may take to give up partitions; -1 where it never said.
    pub rebalance_timeout_ms: i32,
    /// The assignor that it would have.
    pub assignor: Option<Arc<str>>,
    /// What it said as a member that speaks the classic protocol.
    pub classic: Option<ClassicMember>,
}

/// A member that speaks the classic protocol in a group of the consumer protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicMember {
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// Its protocols, by preference, with what it says for each.
    pub protocols: Arc<[Protocol]>,
}

/// Where a member stands on the way to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberState {
    /// It has what it can have.
    #[default]
    Stable,
    /// It must give partitions up before it may go on.
    UnrevokedPartitions,
    /// It waits for partitions that others have not given up yet.
    UnreleasedPartitions,
    /// A newer Kafka wrote something else: it must come back with nothing.
    Unknown,
}

/// What a member has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The epoch that it is in.
    pub epoch: i32,
    /// The one before, in which it may still ask if an answer was lost.
    pub previous_epoch: i32,
    /// Where it stands.
    pub state: MemberState,
    /// What it owns.
    pub assigned: Held,
    /// What it must give up.
    pub revoking: Held,
}

impl Current {
    /// Every partition that it has or has yet to give up.
    pub(super) fn held(&self) -> impl Iterator<Item = (TopicId, i32)> {
        let all = self.assigned.iter().chain(&self.revoking);
        all.flat_map(|(topic, partitions)| partitions.keys().map(move |partition| (*topic, *partition)))
    }
}

impl Default for Current {
    fn default() -> Self {
        Self {
            epoch: 0,
            previous_epoch: -1,
            state: MemberState::Stable,
            assigned: Held::new(),
            revoking: Held::new(),
        }
    }
}

/// The topics that a regular expression stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Their names.
    pub topics: BTreeSet<TopicName>,
    /// The metadata that they were looked up in.
    pub version: i64,
    /// When, milliseconds since the Unix epoch.
    pub unix_ms: i64,
}
