//! Committed offsets: who may commit, what is kept, what is deleted, and when an offset has outlived its use.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::classic::{ClassicGroup, Phase};
use super::consumer::ConsumerGroup;
use super::record::{OffsetKey, OffsetValue, Record};
use super::{Change, Coordinator, Decision, GroupId, InstanceId, MemberId, Outcome, changes, refuse};
use crate::machine::Step;
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now, Offset, TopicId, TopicName};

/// Offsets to commit, by a member or by nobody in particular.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The group.
    pub group: GroupId,
    /// The member; empty where the client has none.
    pub member: MemberId,
    /// Its name for life.
    pub instance: Option<InstanceId>,
    /// The generation that it knows; negative where the client has none.
    pub generation: i32,
    /// How long to keep the offsets, where the commit says so (v2–4); counted from now.
    pub retention_ms: Option<i64>,
    /// The client knows the consumer protocol (v9): a generation of a group that does not exist is answered
    /// GROUP_ID_NOT_FOUND, not ILLEGAL_GENERATION.
    pub tells_unknown_group: bool,
    /// The offsets.
    pub offsets: Vec<OffsetToCommit>,
}

/// One offset to commit.
#[derive(Debug, Clone)]
pub struct OffsetToCommit {
    /// The topic's name.
    pub topic: TopicName,
    /// The topic's id, where the client named it (v10).
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The leader epoch of the last record read; -1 where unknown.
    pub leader_epoch: i32,
    /// What the client wants kept; null is kept as nothing.
    pub metadata: Option<Arc<str>>,
}

/// Which of the committed offsets are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What the replicas in sync have: no failover takes it back.
    Replicated,
    /// All that is written; its answer must wait until replicas have it.
    Written,
}

/// Offsets by group, topic and partition.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    by_group: BTreeMap<GroupId, BTreeMap<TopicName, BTreeMap<i32, OffsetValue>>>,
    /// What was there before a write that replicas in sync lack, by the end of that write in the log.
    before: BTreeMap<(OffsetKey, Offset), Option<OffsetValue>>,
    /// The same in the order of the log.
    unreplicated: VecDeque<(OffsetKey, Offset)>,
    /// Where what is put or removed now ends in the log, if replicas in sync lack it.
    end: Option<Offset>,
}

impl Offsets {
    pub(super) fn put(&mut self, key: &OffsetKey, value: OffsetValue) {
        self.keep(key);
        let topics = self.by_group.entry(Arc::clone(&key.group)).or_default();
        topics
            .entry(Arc::clone(&key.topic))
            .or_default()
            .insert(key.partition, value);
    }

    pub(super) fn remove(&mut self, key: &OffsetKey) {
        self.keep(key);
        let Some(topics) = self.by_group.get_mut(&key.group) else {
            return;
        };
        let Some(partitions) = topics.get_mut(&key.topic) else {
            return;
        };
        partitions.remove(&key.partition);
        if partitions.is_empty() {
            topics.remove(&key.topic);
        }
        if topics.is_empty() {
            self.by_group.remove(&key.group);
        }
    }

    /// What a write is about to change stays readable until the write is replicated.
    fn keep(&mut self, key: &OffsetKey) {
        let Some(end) = self.end else { return };
        let at = (key.clone(), end);
        if !self.before.contains_key(&at) {
            let value = self.get(&key.group, &key.topic, key.partition).cloned();
            self.before.insert(at.clone(), value);
            self.unreplicated.push_back(at);
        }
    }

    fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&OffsetValue> {
        self.by_group.get(group)?.get(topic)?.get(&partition)
    }

    /// What replicas in sync have, where that is not what is written. Of several writes the first has kept it.
    fn replicated<'a>(
        &'a self,
        group: &str,
    ) -> impl Iterator<Item = (&'a OffsetKey, Option<&'a OffsetValue>)> + use<'a> {
        let group = GroupId::from(group);
        let first = OffsetKey {
            group: Arc::clone(&group),
            topic: "".into(),
            partition: i32::MIN,
        };
        let of_group = self.before.range((first, Offset(0))..);
        let of_group = of_group.take_while(move |((key, _), _)| key.group == group);
        let mut last = None;
        of_group.filter_map(move |((key, _), value)| {
            let is_first = last.replace(key) != Some(key);
            is_first.then_some((key, value.as_ref()))
        })
    }

    fn of_group(&self, group: &str) -> impl Iterator<Item = (&TopicName, i32, &OffsetValue)> {
        let topics = self.by_group.get(group).into_iter().flatten();
        topics.flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .map(move |(partition, value)| (topic, *partition, value))
        })
    }
}

impl Coordinator {
    /// What is applied from here on ends there in the log, and replicas in sync have all below `replicated`.
    pub fn written(&mut self, end: Offset, replicated: Offset) {
        self.replicated(replicated);
        self.offsets.end = (replicated < end).then_some(end);
    }

    /// Replicas in sync have all below this offset.
    pub fn replicated(&mut self, below: Offset) {
        let offsets = &mut self.offsets;
        let more = offsets.unreplicated.partition_point(|(_, end)| *end <= below);
        for at in offsets.unreplicated.drain(..more) {
            offsets.before.remove(&at);
        }
    }

    /// What is committed for a partition. An offset of a topic's earlier life, known by its id, is none of this one's.
    pub fn committed(
        &self,
        group: &str,
        topic: &str,
        topic_id: TopicId,
        partition: i32,
        view: View,
    ) -> Option<&OffsetValue> {
        let written = self.offsets.get(group, topic, partition).filter(|_| self.exists(group));
        let mut kept = self.kept(group, view);
        let kept = kept.find(|(key, _)| &*key.topic == topic && key.partition == partition);
        let is_of_another =
            |of: &OffsetValue| of.topic_id != TopicId::ZERO && topic_id != TopicId::ZERO && of.topic_id != topic_id;
        kept.map_or(written, |(_, value)| value)
            .filter(|value| !is_of_another(value))
    }

    /// Everything a group has committed.
    pub fn all_committed(&self, group: &str, view: View) -> impl Iterator<Item = (&TopicName, i32, &OffsetValue)> {
        let is_known = self.exists(group);
        let written = self.offsets.of_group(group).filter(|_| is_known);
        let written = written.map(|(topic, partition, value)| ((topic, partition), Some(value)));
        let kept = self.kept(group, view);
        let all: BTreeMap<_, _> = written
            .chain(kept.map(|(key, value)| ((&key.topic, key.partition), value)))
            .collect();
        all.into_iter()
            .filter_map(|((topic, partition), value)| Some((topic, partition, value?)))
    }

    /// Where a view differs from what is written, and what is there instead.
    fn kept<'a>(
        &'a self,
        group: &str,
        view: View,
    ) -> impl Iterator<Item = (&'a OffsetKey, Option<&'a OffsetValue>)> + use<'a> {
        let replicated =
            (view == View::Replicated && !self.offsets.before.is_empty()).then(|| self.offsets.replicated(group));
        replicated.into_iter().flatten()
    }

    pub(super) fn decide_commit(&self, commit: Commit, now: Now) -> Decision {
        let group = self.groups.get(&commit.group);
        let valid = match self.consumers.get(&commit.group) {
            Some(group) => group.validate_commit(&commit),
            None => validate(group, &commit),
        };
        if let Err(error) = valid {
            return refuse(error);
        }
        let renewed = group
            .filter(|group| group.is_preparing() || group.phase() == Phase::Stable)
            .and_then(|group| group.renewed(&commit.group, &commit.member, now));
        let (kept, results) = self.checked(&commit, now);
        let records = kept
            .into_iter()
            .map(|(key, value)| Change::Durable(Record::Offset(key, Some(value))));
        Step {
            changes: renewed.into_iter().chain(records).collect(),
            ..Step::answer(Outcome::Offsets(results))
        }
    }

    /// The offsets that are kept, and one result for each that was sent.
    pub(super) fn checked(&self, commit: &Commit, now: Now) -> (Vec<Kept>, Vec<Option<ErrorCode>>) {
        let mut kept = Vec::with_capacity(commit.offsets.len());
        let check = |offset: &OffsetToCommit| {
            let checked = self.check_metadata(offset);
            if checked.is_ok() {
                kept.push(offset.kept(commit, now));
            }
            checked.err()
        };
        let results = commit.offsets.iter().map(check).collect();
        (kept, results)
    }

    /// Kafka counts Java's `String.length()`.
    fn check_metadata(&self, offset: &OffsetToCommit) -> Result<(), ErrorCode> {
        let length = offset
            .metadata
            .as_deref()
            .map_or(0, |metadata| metadata.encode_utf16().count());
        if length > self.config.offset_metadata_max_bytes {
            Err(ErrorCode::OffsetMetadataTooLarge)
        } else {
            Ok(())
        }
    }

    /// Offsets of topics that members are subscribed to stay.
    pub(super) fn decide_delete_offsets(&self, id: &GroupId, partitions: &[(TopicName, i32)]) -> Decision {
        if !self.exists(id) {
            return refuse(ErrorCode::GroupIdNotFound);
        }
        let group = self.groups.get(id);
        if group.is_some_and(|group| !group.is_empty() && !group.is_of_consumers()) {
            return refuse(ErrorCode::NonEmptyGroup);
        }
        let refusal = |topic: &str| {
            self.is_subscribed_to(id, topic)
                .then_some(ErrorCode::GroupSubscribedToTopic)
        };
        let results = partitions.iter().map(|(topic, _)| refusal(topic)).collect();
        let is_there = |topic: &TopicName, partition| {
            self.offsets.get(id, topic, partition).is_some() || self.is_unstable(id, topic, partition)
        };
        let deleted = partitions
            .iter()
            .filter(|(topic, partition)| refusal(topic).is_none() && is_there(topic, *partition));
        let tombstones = deleted
            .map(|(topic, partition)| tombstone(id, topic, *partition))
            .collect();
        Step {
            changes: tombstones,
            ..Step::answer(Outcome::Offsets(results))
        }
    }

    /// Is a member of the group, of either kind, subscribed to this topic?
    fn is_subscribed_to(&self, id: &str, topic: &str) -> bool {
        let classic = self.groups.get(id).is_some_and(|group| group.is_subscribed_to(topic));
        classic
            || self
                .consumers
                .get(id)
                .is_some_and(|group| group.is_subscribed_to(topic))
    }

    pub(super) fn is_empty(&self, id: &str) -> bool {
        let classic = self.groups.get(id).is_none_or(ClassicGroup::is_empty);
        classic && self.consumers.get(id).is_none_or(ConsumerGroup::is_empty)
    }

    /// The records that end a group of either kind.
    pub(super) fn group_tombstones(&self, id: &GroupId) -> Vec<Change> {
        if self.consumers.contains_key(id) {
            self.consumer_tombstones(id)
        } else {
            vec![Change::Durable(Record::Group(Arc::clone(id), None))]
        }
    }

    pub(super) fn decide_delete_group(&self, id: &GroupId) -> Decision {
        if !self.exists(id) {
            return refuse(ErrorCode::GroupIdNotFound);
        }
        if !self.is_empty(id) {
            return refuse(ErrorCode::NonEmptyGroup);
        }
        let offsets = self
            .offsets
            .of_group(id)
            .map(|(topic, partition, _)| tombstone(id, topic, partition));
        // What waits for a transaction must not come back with it.
        let waiting = self.pending.of_group(id);
        let only_waiting = waiting.filter(|key| self.offsets.get(id, &key.topic, key.partition).is_none());
        let pending = only_waiting.map(|key| tombstone(id, &key.topic, key.partition));
        changes(offsets.chain(pending).chain(self.group_tombstones(id)).collect())
    }

    /// Offsets that were committed under another id of the same name belong to an earlier or later topic.
    pub(super) fn decide_topic_deleted(&self, topic: &TopicName, topic_id: TopicId) -> Decision {
        let is_of_it = |value: &OffsetValue| {
            value.topic_id == TopicId::ZERO || topic_id == TopicId::ZERO || value.topic_id == topic_id
        };
        let of_topic = self
            .offsets
            .by_group
            .iter()
            .filter_map(|(group, topics)| Some((group, topics.get(topic)?)));
        let offsets = of_topic.flat_map(|(group, partitions)| partitions.iter().map(move |entry| (group, entry)));
        let gone = offsets.filter(|(_, (_, value))| is_of_it(value));
        let gone = gone.map(|(group, (partition, _))| (group, *partition));
        let waiting = self.pending.all_of(|key, value| key.topic == *topic && is_of_it(value));
        let waiting = waiting.into_iter().map(|key| (&key.group, key.partition));
        let all: BTreeSet<(&GroupId, i32)> = gone.chain(waiting).collect();
        let tombstones = all
            .into_iter()
            .map(|(group, partition)| tombstone(group, topic, partition));
        changes(tombstones.collect())
    }

    /// Old offsets go, and with its last offset an empty group.
    pub(super) fn decide_retention(&self, now: Now) -> Decision {
        let next = now.plus_ms(self.config.offsets_retention_check_interval_ms);
        let ids = self.groups.keys().chain(self.consumers.keys());
        let expired = ids.flat_map(|id| self.expire(id, now));
        changes(expired.chain([Change::RetentionScheduled(next)]).collect())
    }

    fn expire(&self, id: &GroupId, now: Now) -> Vec<Change> {
        let mut tombstones = Vec::new();
        let mut all_expired = true;
        for (topic, partition, value) in self.offsets.of_group(id) {
            if self.is_expired(id, topic, value, now) {
                tombstones.push(tombstone(id, topic, partition));
            } else {
                all_expired = false;
            }
        }
        if all_expired && self.is_empty(id) && !self.pending.has_group(id) {
            tombstones.extend(self.group_tombstones(id));
        }
        tombstones
    }

    /// Retention counts from when the group became empty; from the commit in a group that never had members, and for
    /// what a stable group of consumers, or any of the consumer protocol, is not subscribed to.
    fn is_expired(&self, id: &GroupId, topic: &str, value: &OffsetValue, now: Now) -> bool {
        let from = match self.groups.get(id) {
            None => Some(value.commit_unix_ms),
            Some(group) => group.retained_from(value),
        };
        let Some(from) = from else { return false };
        let retention_ms = self.config.offsets_retention_minutes.saturating_mul(60_000);
        let is_old = value
            .expire_unix_ms
            .map_or(now.unix_ms.saturating_sub(from) >= retention_ms, |expiry| {
                now.unix_ms >= expiry
            });
        is_old && !self.is_subscribed_to(id, topic)
    }
}

impl ClassicGroup {
    /// What retention is counted from; none while the members may need the offset.
    fn retained_from(&self, value: &OffsetValue) -> Option<i64> {
        match (self.protocol_type(), self.phase()) {
            (None, _) => Some(value.commit_unix_ms),
            (Some(_), Phase::Empty) => Some(self.since_unix_ms().unwrap_or(value.commit_unix_ms)),
            (Some(_), Phase::Stable) if self.is_of_consumers() && self.knows_subscriptions() => {
                Some(value.commit_unix_ms)
            }
            (Some(_), Phase::Preparing { .. } | Phase::Completing | Phase::Stable) => None,
        }
    }
}

/// An offset as it is kept.
type Kept = (OffsetKey, OffsetValue);

impl OffsetToCommit {
    fn kept(&self, commit: &Commit, now: Now) -> Kept {
        let key = OffsetKey {
            group: Arc::clone(&commit.group),
            topic: Arc::clone(&self.topic),
            partition: self.partition,
        };
        let value = OffsetValue {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.clone().unwrap_or_default(),
            commit_unix_ms: now.unix_ms,
            expire_unix_ms: commit
                .retention_ms
                .map(|retention_ms| now.unix_ms.wrapping_add(retention_ms)),
            topic_id: self.topic_id,
        };
        (key, value)
    }
}

/// Without a generation anyone may commit to a group that is empty or not there yet; otherwise it takes a member of the
/// present generation.
fn validate(group: Option<&ClassicGroup>, commit: &Commit) -> Result<(), ErrorCode> {
    let Some(group) = group else {
        return match commit.generation {
            ..0 => Ok(()),
            0.. if commit.tells_unknown_group => Err(ErrorCode::GroupIdNotFound),
            0.. => Err(ErrorCode::IllegalGeneration),
        };
    };
    if commit.generation < 0 && group.is_empty() {
        return Ok(());
    }
    if commit.generation < 0 && commit.member.is_empty() && commit.instance.is_none() {
        return Err(ErrorCode::UnknownMemberId);
    }
    group.validate(&commit.member, commit.instance.as_deref())?;
    if commit.generation != group.generation() && !mutant::on(Mutant::StaleGenerationAccepted) {
        return Err(ErrorCode::IllegalGeneration);
    }
    if group.phase() == Phase::Completing {
        Err(ErrorCode::RebalanceInProgress)
    } else {
        Ok(())
    }
}

fn tombstone(group: &GroupId, topic: &TopicName, partition: i32) -> Change {
    let key = OffsetKey {
        group: Arc::clone(group),
        topic: Arc::clone(topic),
        partition,
    };
    Change::Durable(Record::Offset(key, None))
}
