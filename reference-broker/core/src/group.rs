//! The coordinator of the groups that one partition of `__consumer_offsets` owns.
//!
//! It knows groups, members, offsets and deadlines. It refuses to know API versions (the shell names what a version
//! means), topics (the node has looked whether they exist) and how a record becomes bytes in a log.
//!
//! A command is decided in one step, or in several: a join that makes a rebalance due leaves a [`Settle`] behind, which
//! the caller takes from [`Coordinator::unsettled`] and decides next, until nothing is left. So no decision has to
//! foresee the effect of its own changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::GroupConfig;
use crate::log::producers::TransactionResult;
use crate::machine::{Machine, Step, Ticket};
use crate::units::{Deadline, ErrorCode, Now, Producer, ProducerId, TopicId, TopicName};

mod classic;
mod codec;
mod consumer;
mod describe;
mod embedded;
mod hash;
mod offsets;
mod pending;
mod record;
mod timers;

use classic::ClassicGroup;
pub use classic::{Heartbeat, Join, Joined, JoinedMember, Leave, Leaver, Protocol, Sync, Synced};
pub use codec::{decode, encode};
use consumer::ConsumerGroup;
pub use consumer::{
    Beaten, ClassicMember, ConsumerDescribed, ConsumerHeartbeat, ConsumerMember, ConsumerRecord, ConsumerSoft, Current,
    GroupEpoch, Held, MemberState, Partitions, Resolved, Subscription, TargetEpoch, Timing, TopicFacts, Topics,
};
pub use describe::{Described, DescribedMember, Listed};
pub use hash::partition_for;
use offsets::Offsets;
pub use offsets::{Commit, OffsetToCommit, View};
use pending::Pending;
pub use pending::TxnCommit;
pub use record::{GroupValue, MemberValue, OffsetKey, OffsetValue, Record};
pub use timers::Timer;
use timers::Timers;

/// A group's name.
pub type GroupId = Arc<str>;
/// A member's id, given by the coordinator.
pub type MemberId = Arc<str>;
/// A static member's own name (KIP-345).
pub type InstanceId = Arc<str>;

/// What may be asked of a coordinator.
#[derive(Debug)]
pub enum Command {
    /// JoinGroup.
    Join(Join),
    /// SyncGroup.
    Sync(Sync),
    /// Heartbeat.
    Heartbeat(Heartbeat),
    /// LeaveGroup.
    Leave(Leave),
    /// ConsumerGroupHeartbeat.
    ConsumerHeartbeat(Box<ConsumerHeartbeat>),
    /// OffsetCommit.
    Commit(Commit),
    /// TxnOffsetCommit.
    TxnCommit(TxnCommit),
    /// OffsetDelete.
    DeleteOffsets(GroupId, Vec<(TopicName, i32)>),
    /// DeleteGroups, one group.
    DeleteGroup(GroupId),
    /// A topic is gone, and with it every offset in it.
    TopicDeleted(TopicName, TopicId),
    /// The log has been replayed: members have their session timeout to show up. Those of the consumer protocol have it
    /// from what their groups obey.
    Load(Vec<(GroupId, Timing)>),
    /// A deadline fell due.
    Expire(Timer),
    /// What an earlier step left to do.
    Settle(GroupId, Settle),
}

impl Command {
    /// What is refused before anyone looks whether there is such a group, or who coordinates it.
    pub fn refusal(&self, config: &GroupConfig) -> Option<Outcome> {
        match self {
            Self::Join(join) => join.refusal(config),
            Self::Sync(Sync { group, .. })
            | Self::Heartbeat(Heartbeat { group, .. })
            | Self::Leave(Leave { group, .. })
            | Self::DeleteOffsets(group, _) => group.is_empty().then_some(Outcome::Refused(ErrorCode::InvalidGroupId)),
            Self::TxnCommit(TxnCommit { commit, .. }) => commit
                .group
                .is_empty()
                .then_some(Outcome::Refused(ErrorCode::InvalidGroupId)),
            Self::ConsumerHeartbeat(beat) => beat
                .refusal(config)
                .map(|(error, why)| Outcome::RefusedWith(error, why)),
            Self::Commit(_)
            | Self::DeleteGroup(_)
            | Self::TopicDeleted(..)
            | Self::Load(_)
            | Self::Expire(_)
            | Self::Settle(..) => None,
        }
    }

    /// The answer when something other than the rules of groups is in the way.
    pub fn failure(&self, error: ErrorCode) -> Outcome {
        match self {
            Self::Join(_) => Outcome::JoinRefused(MemberId::default(), error),
            _ => Outcome::Refused(error),
        }
    }
}

impl Outcome {
    /// The same answer, had its records not been written.
    pub fn failed(self, error: ErrorCode) -> Self {
        match self {
            Self::Joined(_) | Self::JoinRefused(..) => Self::JoinRefused(MemberId::default(), error),
            _ => Self::Refused(error),
        }
    }
}

/// What may happen to a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A record of the offsets topic, appended before it is applied.
    Durable(Record),
    /// An offset committed in the transaction of a producer, in a batch of that transaction.
    Pending(Producer, OffsetKey, OffsetValue),
    /// A marker ended a producer's transaction. It is written where all markers are.
    Decided(ProducerId, TransactionResult),
    /// Something about a group that a restart forgets.
    Soft(GroupId, Soft),
    /// A deadline has been dealt with.
    TimerCleared(Timer),
    /// What a deadline brought could not be written: it is tried again then.
    TimerSet(Timer, Deadline),
    /// Replay is over.
    Loaded(Now),
    /// When offsets are looked over next.
    RetentionScheduled(Deadline),
    /// The topics are as these say.
    TopicsSeen(Arc<Topics>),
}

/// What a restart forgets of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soft {
    /// A new member was given an id and told to come back with it.
    MemberAwaited(MemberId, Deadline),
    /// A member is in, its join parked, to be heard of until the deadline.
    MemberJoined(Box<Join>, MemberId, Deadline),
    /// A member joined again: what it brings may have changed, and its join is parked.
    MemberRejoined(Box<Join>, MemberId),
    /// A member, or one awaited, is out.
    MemberRemoved(MemberId),
    /// A static member came back under a new id.
    InstanceReplaced(InstanceId, MemberId, MemberId, Now),
    /// Everyone must join again, until the deadline.
    RebalancePrepared(Now, Deadline, Option<InitialDelay>),
    /// The time to join is longer now.
    JoinExtended(Deadline, Option<InitialDelay>),
    /// All who will join have: the next generation begins under this leader with this protocol.
    GenerationStarted(Now, MemberId, Arc<str>),
    /// A parked join has been answered by itself.
    JoinAnswered(MemberId),
    /// A member waits for its assignment.
    SyncParked(MemberId, Ticket),
    /// A member asked for its assignment.
    SyncSeen(MemberId),
    /// Every waiting member got its assignment.
    AssignmentSpread(Now),
    /// A member was heard of.
    SessionRenewed(MemberId, Deadline),
    /// All protocols of a member that came from a group of the consumer protocol.
    ProtocolsKnown(MemberId, Arc<[Protocol]>),
    /// Something of a group of the consumer protocol.
    Consumer(ConsumerSoft),
    /// Something follows.
    Unsettled(Settle),
    /// It is being done.
    Settled,
}

/// How the first rebalance of a group waits: `group.initial.rebalance.delay.ms` at a time while newcomers arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialDelay {
    /// This wait.
    pub delay_ms: i64,
    /// What may be waited beyond it.
    pub remaining_ms: i64,
}

/// What a step leaves to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settle {
    /// Membership changed: prepare a rebalance, or see whether the running one is complete.
    Rebalance,
    /// The leader's assignment could not be written: everyone who waits for it is told so, and joins again.
    AssignmentLost(ErrorCode),
    /// See whether everyone has joined; the first rebalance of a group waits for its delay regardless.
    CompleteIfJoined,
    /// The join phase is over: who has not joined is dropped.
    Complete,
    /// Start the next generation with who is left.
    Start,
    /// A static member came back under a new id.
    InstanceReturned(InstanceReturned),
    /// Look up what the regular expressions of a group stand for.
    ResolveRegexes,
}

/// A static member that came back, and what its answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceReturned {
    /// Its new id.
    pub member: MemberId,
    /// The leader before it came.
    pub leader_before: Option<MemberId>,
    /// Its client understands `SkipAssignment` (JoinGroup v9, KIP-814).
    pub skips_assignment: bool,
}

/// What a coordinator answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The member is in this generation.
    Joined(Joined),
    /// Not in: the member id to answer with, and why.
    JoinRefused(MemberId, ErrorCode),
    /// The assignment.
    Synced(Synced),
    /// A member of the consumer protocol is in this epoch.
    Beaten(Beaten),
    /// Refused as a whole, in these words.
    RefusedWith(ErrorCode, String),
    /// Nothing to say but that it is so.
    Done,
    /// Refused as a whole.
    Refused(ErrorCode),
    /// One result a member, in order.
    Left(Vec<Option<ErrorCode>>),
    /// One result an offset, in order.
    Offsets(Vec<Option<ErrorCode>>),
}

pub(crate) type Decision = Step<Change, Outcome>;

/// The groups and offsets of one partition of `__consumer_offsets`.
#[derive(Debug)]
pub struct Coordinator {
    config: GroupConfig,
    groups: BTreeMap<GroupId, ClassicGroup>,
    /// No id is in both.
    consumers: BTreeMap<GroupId, ConsumerGroup>,
    topics: Arc<Topics>,
    offsets: Offsets,
    pending: Pending,
    timers: Timers,
    unsettled: Option<(GroupId, Settle)>,
}

impl Coordinator {
    /// One that has replayed nothing yet.
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            consumers: BTreeMap::new(),
            topics: Arc::new(Topics::default()),
            offsets: Offsets::default(),
            pending: Pending::default(),
            timers: Timers::default(),
            unsettled: None,
        }
    }

    /// What the last step left to do, to be decided before anything else.
    pub fn unsettled(&self) -> Option<Command> {
        self.unsettled
            .clone()
            .map(|(group, settle)| Command::Settle(group, settle))
    }

    /// The groups of the consumer protocol.
    pub fn consumer_groups(&self) -> impl Iterator<Item = &GroupId> {
        self.consumers.keys()
    }

    /// Is there a group of that name, and of the consumer protocol?
    pub fn has_consumer_group(&self, id: &str) -> bool {
        self.consumers.contains_key(id)
    }

    /// When something falls due next.
    pub fn deadline(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// What has fallen due, to be decided as [`Command::Expire`].
    pub fn due(&self, now: Now) -> Option<Timer> {
        self.timers.due(now).cloned()
    }

    /// The groups that have more members than `group.max.size` lets in; they rebalance when loaded.
    pub fn oversized(&self) -> Vec<GroupId> {
        let oversized = self
            .groups
            .iter()
            .filter(|(_, group)| group.size() > self.config.max_size);
        oversized.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// What must hold between two commands.
    ///
    /// # Errors
    /// Which claim does not, of which group.
    pub fn check(&self) -> Result<(), String> {
        self.groups.values().try_for_each(ClassicGroup::check)?;
        self.consumers.values().try_for_each(ConsumerGroup::check)
    }

    /// Every parked request, given up because this node no longer coordinates.
    pub fn abandon(&self) -> Vec<(Ticket, Outcome)> {
        self.groups.values().flat_map(ClassicGroup::abandon).collect()
    }
}

impl Machine for Coordinator {
    type Command = Command;
    type Change = Change;
    type Outcome = Outcome;

    fn decide(&self, command: Command, now: Now) -> Decision {
        if let Some(refusal) = command.refusal(&self.config) {
            return Step::answer(refusal);
        }
        match command {
            Command::Join(join) => self.decide_join(join, now),
            Command::Sync(sync) => self.decide_sync(sync, now),
            Command::Heartbeat(heartbeat) => self.decide_heartbeat(&heartbeat, now),
            Command::Leave(leave) => self.decide_leave(&leave, now),
            Command::ConsumerHeartbeat(beat) => self.decide_consumer_heartbeat(&beat, now),
            Command::Commit(commit) => self.decide_commit(commit, now),
            Command::TxnCommit(commit) => self.decide_txn_commit(commit, now),
            Command::DeleteOffsets(group, partitions) => self.decide_delete_offsets(&group, &partitions),
            Command::DeleteGroup(group) => self.decide_delete_group(&group),
            Command::TopicDeleted(topic, id) => self.decide_topic_deleted(&topic, id),
            Command::Load(timings) => self.decide_load(&timings, now),
            Command::Expire(timer) => self.decide_expire(timer, now),
            Command::Settle(group, settle) => self.decide_settle(&group, settle, now),
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Durable(Record::Offset(key, value)) => self.apply_offset(key, value.as_ref()),
            Change::Durable(Record::Consumer(id, record)) => self.apply_consumer(id, record),
            Change::Pending(producer, key, value) => self.apply_pending(producer.id, key, value),
            Change::Decided(producer_id, result) => self.apply_decided(*producer_id, *result),
            Change::Durable(Record::Group(id, Some(value))) => self.apply_group(id, value),
            Change::Durable(Record::Group(id, None)) => self.remove_group(id),
            Change::Soft(id, soft) => self.apply_soft(id, soft),
            Change::TimerCleared(timer) => self.timers.cancel(timer),
            Change::TimerSet(timer, deadline) => self.timers.set(timer.clone(), *deadline),
            Change::Loaded(at) => self.watch_members(*at),
            Change::TopicsSeen(topics) => self.topics = Arc::clone(topics),
            Change::RetentionScheduled(deadline) => self.timers.set(Timer::Retention, *deadline),
        }
    }
}

impl Coordinator {
    /// A commit without membership makes a simple group: one without members or protocol type.
    fn apply_offset(&mut self, key: &OffsetKey, value: Option<&OffsetValue>) {
        if let Some(value) = value {
            self.ensure_group(&key.group);
            self.pending.overtaken(key);
            self.offsets.put(key, value.clone());
        } else {
            self.pending.remove(key);
            self.offsets.remove(key);
        }
    }

    /// Is there a group of that name, of either kind?
    fn exists(&self, id: &str) -> bool {
        self.groups.contains_key(id) || self.consumers.contains_key(id)
    }

    fn ensure_group(&mut self, id: &GroupId) {
        if !self.exists(id) {
            self.groups.insert(Arc::clone(id), ClassicGroup::default());
        }
    }

    fn apply_group(&mut self, id: &GroupId, value: &GroupValue) {
        self.groups.entry(Arc::clone(id)).or_default().restore(value);
    }

    fn remove_group(&mut self, id: &GroupId) {
        if let Some(group) = self.groups.remove(id) {
            group.cancel_timers(id, &mut self.timers);
        }
    }

    fn apply_soft(&mut self, id: &GroupId, soft: &Soft) {
        match soft {
            Soft::Unsettled(settle) => self.unsettled = Some((Arc::clone(id), settle.clone())),
            Soft::Settled => self.unsettled = None,
            Soft::Consumer(soft) => self.apply_consumer_soft(id, soft),
            soft => {
                if let Some(group) = self.groups.get_mut(id) {
                    group.apply(id, soft, &mut self.timers);
                }
            }
        }
    }

    fn watch_members(&mut self, at: Now) {
        for (id, group) in &self.groups {
            group.watch_members(id, at, &mut self.timers);
        }
    }

    fn decide_load(&self, timings: &[(GroupId, Timing)], now: Now) -> Decision {
        let next = now.plus_ms(self.config.offsets_retention_check_interval_ms);
        let loaded = [Change::Loaded(now), Change::RetentionScheduled(next)];
        let consumers = self.watch_consumers(timings, now);
        changes(loaded.into_iter().chain(consumers).collect())
    }
}

/// A step that refuses the command as a whole.
fn refuse(error: ErrorCode) -> Decision {
    Step::answer(Outcome::Refused(error))
}

/// A step that nobody waits for.
fn changes(changes: Vec<Change>) -> Decision {
    Step {
        changes,
        ..Step::answer(Outcome::Done)
    }
}

/// An empty byte string, for a member without an assignment.
fn nothing() -> Bytes {
    Bytes::new()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
pub(crate) mod tests;
