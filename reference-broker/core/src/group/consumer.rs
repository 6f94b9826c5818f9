//! A group of the consumer protocol (KIP-848): the coordinator assigns, and every member walks to its share at its own
//! pace. This file has the state and how records change it; the files beside it decide.
//!
//! Everything but deadlines is in [`ConsumerRecord`]s and survives a restart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::timers::Timers;
use super::{Change, Coordinator, GroupId, InstanceId, MemberId, Protocol, Record, Timer};
use crate::units::{Deadline, ErrorCode, TopicId, TopicName};

mod assign;
mod beat;
mod classic;
mod codec;
mod commit;
mod describe;
mod downgrade;
mod heartbeat;
mod join;
mod leave;
mod reconcile;
mod record;
mod regex;
mod topics;
mod upgrade;

pub(super) use codec::{decode, encode};
pub use describe::{ConsumerDescribed, ConsumerMember};
pub use heartbeat::{Beaten, ConsumerHeartbeat, Timing};
pub use record::{
    ClassicMember, ConsumerRecord, Current, GroupEpoch, Held, MemberState, Partitions, Resolved, Subscription,
    TargetEpoch,
};
pub use topics::{TopicFacts, Topics};

/// The epoch of a static member that is away and will be back.
const AWAY: i32 = -2;

/// Why a member is refused, in Kafka's words.
pub(crate) type Refusal = (ErrorCode, String);

/// One group.
#[derive(Debug)]
pub(super) struct ConsumerGroup {
    epoch: i32,
    metadata_hash: i64,
    /// The metadata that the hash was last held against.
    seen: Option<i64>,
    /// The metadata that the regular expressions were last looked up in.
    regexes_seen: Option<i64>,
    target: Option<TargetEpoch>,
    members: BTreeMap<MemberId, Member>,
    instances: HashMap<InstanceId, MemberId>,
    targets: BTreeMap<MemberId, Partitions>,
    /// Who holds a partition, or has yet to give it up.
    holders: HashMap<(TopicId, i32), MemberId>,
    regexes: BTreeMap<Arc<str>, Resolved>,
    /// How many members speak the classic protocol.
    classic_members: usize,
    /// How many of them know a classic protocol.
    supporters: HashMap<Arc<str>, usize>,
}

impl Default for ConsumerGroup {
    /// A group begins in epoch 1, which nobody writes down.
    fn default() -> Self {
        Self {
            epoch: 1,
            metadata_hash: 0,
            seen: None,
            regexes_seen: None,
            target: None,
            members: BTreeMap::new(),
            instances: HashMap::new(),
            targets: BTreeMap::new(),
            holders: HashMap::new(),
            regexes: BTreeMap::new(),
            classic_members: 0,
            supporters: HashMap::new(),
        }
    }
}

/// One member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Member {
    subscription: Subscription,
    current: Current,
}

/// What a restart forgets of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerSoft {
    /// A member was heard of.
    SessionRenewed(MemberId, Deadline),
    /// A member must have given up by then what it was told to.
    RevocationDue(MemberId, Deadline),
    /// It has.
    RevocationOver(MemberId),
    /// A classic member must have joined again by then, unless it was told so before.
    JoinDue(MemberId, Deadline),
    /// It has.
    JoinOver(MemberId),
    /// A classic member must have asked for its assignment by then.
    SyncDue(MemberId, Deadline),
    /// It has.
    SyncOver(MemberId),
    /// The group's topics have been looked at as of this metadata.
    MetadataSeen(i64),
    /// So have its regular expressions.
    RegexesSeen(i64),
}

impl ConsumerGroup {
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn target_epoch(&self) -> i32 {
        self.target.as_ref().map_or(0, |target| target.epoch)
    }

    /// Is anyone subscribed to this topic?
    pub(super) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.members.values().any(|member| {
            let subscription = &member.subscription;
            let resolved = self.resolved(subscription);
            subscription.topics.contains(topic) || resolved.is_some_and(|found| found.topics.contains(topic))
        })
    }

    /// The topics of a subscription, those that its expression stands for among them.
    fn topics_of(&self, subscription: &Subscription) -> BTreeSet<TopicName> {
        let described = self
            .resolved(subscription)
            .into_iter()
            .flat_map(|resolved| resolved.topics.iter().cloned());
        subscription.topics.iter().cloned().chain(described).collect()
    }

    /// What its expression stands for, where that is known.
    fn resolved(&self, subscription: &Subscription) -> Option<&Resolved> {
        self.regexes.get(subscription.regex.as_ref()?)
    }

    fn target_of(&self, member: &str) -> Partitions {
        self.targets.get(member).cloned().unwrap_or_default()
    }

    fn member(&self, group: &str, member: &str) -> Result<&Member, Refusal> {
        self.members.get(member).ok_or_else(|| unknown_member(group, member))
    }

    pub(super) fn apply(&mut self, id: &GroupId, record: &ConsumerRecord, timers: &mut Timers) {
        match record {
            ConsumerRecord::Epoch(Some(value)) => {
                (self.epoch, self.metadata_hash) = (value.epoch, value.metadata_hash);
            }
            ConsumerRecord::Epoch(None) | ConsumerRecord::FormerTopics => {}
            ConsumerRecord::Member(member, Some(subscription)) => self.put_member(member, subscription),
            ConsumerRecord::Member(member, None) => self.remove_member(id, member, timers),
            ConsumerRecord::TargetEpoch(target) => self.target.clone_from(target),
            ConsumerRecord::Target(member, Some(target)) => {
                self.targets.insert(Arc::clone(member), target.clone());
            }
            ConsumerRecord::Target(member, None) => {
                self.targets.remove(member);
            }
            ConsumerRecord::Current(member, current) => self.hold(member, current.clone().unwrap_or_default()),
            ConsumerRecord::Regex(regex, Some(resolved)) => {
                self.regexes.insert(Arc::clone(regex), resolved.clone());
            }
            ConsumerRecord::Regex(regex, None) => {
                self.regexes.remove(regex);
            }
        }
    }

    fn put_member(&mut self, id: &MemberId, subscription: &Subscription) {
        let before = self
            .members
            .get(id)
            .and_then(|member| member.subscription.instance.as_ref());
        if let Some(before) = before.filter(|before| Some(*before) != subscription.instance.as_ref())
            && self.instances.get(before) == Some(id)
        {
            self.instances.remove(before);
        }
        if let Some(instance) = &subscription.instance {
            self.instances.insert(Arc::clone(instance), Arc::clone(id));
        }
        let member = self.members.entry(Arc::clone(id)).or_default();
        let before = std::mem::replace(&mut member.subscription, subscription.clone());
        self.count_classic(&before, |count| count.saturating_sub(1));
        self.count_classic(subscription, |count| count + 1);
    }

    /// A member comes or goes, if it is a classic one.
    fn count_classic(&mut self, subscription: &Subscription, counted: impl Fn(usize) -> usize) {
        let Some(classic) = &subscription.classic else { return };
        self.classic_members = counted(self.classic_members);
        for Protocol { name, .. } in classic.protocols.iter() {
            let count = self.supporters.entry(Arc::clone(name)).or_default();
            *count = counted(*count);
            if *count == 0 {
                self.supporters.remove(name);
            }
        }
    }

    fn remove_member(&mut self, group: &GroupId, id: &MemberId, timers: &mut Timers) {
        self.hold(id, Current::default());
        for timer in [Timer::Session, Timer::Revocation, Timer::MemberJoin, Timer::MemberSync] {
            timers.cancel(&timer(Arc::clone(group), Arc::clone(id)));
        }
        let Some(member) = self.members.remove(id) else { return };
        self.count_classic(&member.subscription, |count| count.saturating_sub(1));
        if let Some(instance) = member.subscription.instance
            && self.instances.get(&instance) == Some(id)
        {
            self.instances.remove(&instance);
        }
    }

    fn hold(&mut self, id: &MemberId, current: Current) {
        let Some(member) = self.members.get_mut(id) else { return };
        let before = std::mem::replace(&mut member.current, current.clone());
        for partition in before.held() {
            if self.holders.get(&partition) == Some(id) {
                self.holders.remove(&partition);
            }
        }
        for partition in current.held() {
            self.holders.insert(partition, Arc::clone(id));
        }
    }

    /// What must hold between two commands.
    pub(super) fn check(&self) -> Result<(), String> {
        let held = self.members.values().flat_map(|member| member.current.held()).count();
        let is_classic = |member: &&Member| member.subscription.classic.is_some();
        let is_sound = held == self.holders.len()
            && self.classic_members == self.members.values().filter(is_classic).count()
            && self.target_epoch() <= self.epoch
            && self.instances.values().all(|id| self.members.contains_key(id));
        if is_sound || crate::mutant::on(crate::mutant::Mutant::RevocationSkipped) {
            Ok(())
        } else {
            Err(format!(
                "a partition has one holder, the target no later epoch than the group, classic members are counted: {self:?}"
            ))
        }
    }
}

impl Coordinator {
    /// A group is there from its first record on; a simple group of that name becomes it, and keeps its offsets.
    pub(super) fn apply_consumer(&mut self, id: &GroupId, record: &ConsumerRecord) {
        if matches!(record, ConsumerRecord::Epoch(None)) {
            self.consumers.remove(id);
            return;
        }
        let is_tombstone = matches!(
            record,
            ConsumerRecord::Member(_, None)
                | ConsumerRecord::TargetEpoch(None)
                | ConsumerRecord::Target(_, None)
                | ConsumerRecord::Current(_, None)
                | ConsumerRecord::Regex(_, None)
                | ConsumerRecord::FormerTopics
        );
        if is_tombstone && !self.consumers.contains_key(id) {
            return;
        }
        if !self.consumers.contains_key(id) {
            self.remove_group(id);
        }
        let group = self.consumers.entry(Arc::clone(id)).or_default();
        group.apply(id, record, &mut self.timers);
    }

    pub(super) fn apply_consumer_soft(&mut self, id: &GroupId, soft: &ConsumerSoft) {
        let of = |timer: fn(GroupId, MemberId) -> Timer, member: &MemberId| timer(Arc::clone(id), Arc::clone(member));
        let timers = &mut self.timers;
        match soft {
            ConsumerSoft::SessionRenewed(member, deadline) => timers.set(of(Timer::Session, member), *deadline),
            ConsumerSoft::RevocationDue(member, deadline) => timers.set(of(Timer::Revocation, member), *deadline),
            ConsumerSoft::RevocationOver(member) => timers.cancel(&of(Timer::Revocation, member)),
            ConsumerSoft::JoinDue(member, deadline) => timers.set_if_absent(of(Timer::MemberJoin, member), *deadline),
            ConsumerSoft::JoinOver(member) => timers.cancel(&of(Timer::MemberJoin, member)),
            ConsumerSoft::SyncDue(member, deadline) => timers.set(of(Timer::MemberSync, member), *deadline),
            ConsumerSoft::SyncOver(member) => timers.cancel(&of(Timer::MemberSync, member)),
            ConsumerSoft::MetadataSeen(version) => {
                if let Some(group) = self.consumers.get_mut(id) {
                    group.seen = Some(*version);
                }
            }
            ConsumerSoft::RegexesSeen(version) => {
                if let Some(group) = self.consumers.get_mut(id) {
                    group.regexes_seen = Some(*version);
                }
            }
        }
    }
}

fn unknown_member(group: &str, member: &str) -> Refusal {
    let why = format!("Member {member} is not a member of group {group}.");
    (ErrorCode::UnknownMemberId, why)
}

/// A record of a group, as a change.
fn durable(group: &GroupId, record: ConsumerRecord) -> Change {
    Change::Durable(Record::Consumer(Arc::clone(group), record))
}

/// What a restart forgets, as a change.
fn soft(group: &GroupId, soft: ConsumerSoft) -> Change {
    Change::Soft(Arc::clone(group), super::Soft::Consumer(soft))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
mod tests;
