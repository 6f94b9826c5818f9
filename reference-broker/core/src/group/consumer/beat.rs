//! What one accepted heartbeat does: the member's record, the group's epoch, the target assignment, and the member's own
//! step towards it. Each part builds on what the one before it has decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assign::{self, Counts, Participant};
use super::heartbeat::{Beaten, ConsumerHeartbeat, Entry};
use super::reconcile::{MustRejoin, Reconciliation, as_partitions};
use super::{
    ConsumerGroup, ConsumerRecord, ConsumerSoft, Current, GroupEpoch, MemberState, Partitions, Refusal, Subscription,
    TargetEpoch, Topics, durable, soft,
};
use crate::config::Assignor;
use crate::group::{Change, Coordinator, MemberId, Settle, Soft};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now, TopicName};

/// One heartbeat on its way through.
pub(super) struct Beat<'a> {
    group: &'a ConsumerGroup,
    topics: &'a Topics,
    assignors: &'a [Assignor],
    beat: &'a ConsumerHeartbeat,
    entry: Entry<'a>,
    subscription: Subscription,
    now: Now,
    changes: Vec<Change>,
}

/// What becomes of the last member of the consumer protocol as it comes back with the classic one.
pub(super) struct Last {
    pub(super) changes: Vec<Change>,
    /// The epoch that it is in.
    pub(super) epoch: i32,
    /// What it wants.
    pub(super) subscription: Subscription,
    /// What the group was assigned is not for its present members.
    pub(super) is_stale: bool,
}

impl<'a> Beat<'a> {
    pub(super) fn new(
        coordinator: &'a Coordinator,
        group: &'a ConsumerGroup,
        beat: &'a ConsumerHeartbeat,
        entry: Entry<'a>,
        now: Now,
    ) -> Self {
        Self {
            subscription: beat.update(&entry.before.subscription),
            topics: &coordinator.topics,
            assignors: &coordinator.config.consumer_assignors,
            group,
            beat,
            entry,
            now,
            changes: Vec::new(),
        }
    }

    pub(super) fn decide(mut self) -> Result<(Vec<Change>, Beaten), Refusal> {
        self.replace();
        let has_new_topics = self.record_member();
        let has_new_regex = self.update_regexes();
        let epoch = self.bump(has_new_topics || has_new_regex);
        let (target_epoch, target) = self.retarget(epoch);
        let current = self.reconcile(target_epoch, &target, has_new_topics || has_new_regex)?;
        self.renew();
        let assignment = self.tells(&current).then(|| as_partitions(&current.assigned));
        let beaten = Beaten {
            member: Arc::clone(&self.beat.member),
            epoch: current.epoch,
            heartbeat_interval_ms: self.beat.timing.heartbeat_interval_ms,
            assignment,
        };
        Ok((self.changes, beaten))
    }

    /// The same for a member after whom nobody is of the consumer protocol: no target is made any more.
    pub(super) fn decide_last(mut self) -> Result<Last, Refusal> {
        self.replace();
        let has_new_topics = self.record_member();
        let has_new_regex = self.update_regexes();
        let is_stale = self.bump(has_new_topics || has_new_regex) > self.group.target_epoch();
        let current = if is_stale {
            self.entry.before.current.clone()
        } else {
            let target = self.group.target_of(self.former(&self.beat.member));
            self.reconcile(self.group.target_epoch(), &target, false)?
        };
        Ok(Last {
            changes: self.changes,
            epoch: current.epoch,
            subscription: self.subscription,
            is_stale,
        })
    }

    fn replace(&mut self) {
        if let Some(old) = &self.entry.replaces {
            self.changes = self
                .group
                .replace(&self.beat.group, old, &self.beat.member, &self.entry.before);
        }
    }

    fn push(&mut self, record: ConsumerRecord) {
        self.changes.push(durable(&self.beat.group, record));
    }

    fn push_soft(&mut self, change: ConsumerSoft) {
        self.changes.push(soft(&self.beat.group, change));
    }

    /// True where the topics that it names are others than before.
    fn record_member(&mut self) -> bool {
        let before = &self.entry.before.subscription;
        let is_known = self.group.members.contains_key(&self.beat.member) || self.entry.replaces.is_some();
        let has_new_topics = self.subscription.topics != before.topics;
        if self.subscription != *before || !is_known {
            let value = Some(self.subscription.clone());
            self.push(ConsumerRecord::Member(Arc::clone(&self.beat.member), value));
        }
        has_new_topics
    }

    /// True where the member's expression is another, and what it stands for is known. An unknown one is looked up next.
    fn update_regexes(&mut self) -> bool {
        let (old, new) = (
            self.entry.before.subscription.regex.clone(),
            self.subscription.regex.clone(),
        );
        let is_real = |regex: &&Arc<str>| !regex.is_empty();
        let real = new.as_ref().filter(is_real);
        let unresolved = real.is_some_and(|regex| !self.group.regexes.contains_key(regex));
        let is_stale = !self.group.regexes.is_empty() && self.group.regexes_seen != Some(self.topics.version);
        if unresolved || is_stale {
            let settle = Soft::Unsettled(Settle::ResolveRegexes);
            self.changes.push(Change::Soft(Arc::clone(&self.beat.group), settle));
        }
        if old == new {
            return false;
        }
        if let Some(old) = old.filter(|old| !old.is_empty() && self.group.is_only_subscriber(old, &self.beat.member)) {
            self.push(ConsumerRecord::Regex(old, None));
        }
        !unresolved
    }

    /// All members as they will be, the reporting one among them.
    fn members(&self) -> BTreeMap<&MemberId, &Subscription> {
        let members = self.group.members.iter().map(|(id, member)| (id, &member.subscription));
        let mut members: BTreeMap<_, _> = members
            .filter(|(id, _)| Some(*id) != self.entry.replaces.as_ref())
            .collect();
        members.insert(&self.beat.member, &self.subscription);
        members
    }

    /// The id under which the group knows a member as yet: another one where it takes over a name for life.
    fn former<'b>(&'b self, id: &'b MemberId) -> &'b MemberId {
        let replaced = self.entry.replaces.as_ref().filter(|_| *id == self.beat.member);
        replaced.unwrap_or(id)
    }

    /// A change of subscriptions or of the topics subscribed to begins a new epoch.
    fn bump(&mut self, has_changed: bool) -> i32 {
        let is_seen = self.group.seen == Some(self.topics.version);
        if !has_changed && is_seen {
            return self.group.epoch;
        }
        let subscribed: BTreeSet<TopicName> = self
            .members()
            .values()
            .flat_map(|subscription| self.group.topics_of(subscription))
            .collect();
        let metadata_hash = self.topics.hash(&subscribed);
        let topics_changed = metadata_hash != self.group.metadata_hash && !mutant::on(Mutant::TopicChangesUnseen);
        self.push_soft(ConsumerSoft::MetadataSeen(self.topics.version));
        if !has_changed && !topics_changed {
            return self.group.epoch;
        }
        let epoch = self.group.epoch + 1;
        self.push(ConsumerRecord::Epoch(Some(GroupEpoch { epoch, metadata_hash })));
        epoch
    }

    /// A new epoch gets a new target, but not sooner after the last one than the assignment interval.
    fn retarget(&mut self, epoch: i32) -> (i32, Partitions) {
        let last = self
            .group
            .target
            .clone()
            .unwrap_or(TargetEpoch { epoch: 0, unix_ms: 0 });
        let interval_ms = i64::from(self.beat.timing.assignment_interval_ms);
        let may = last.unix_ms == 0 || interval_ms == 0 || self.now.unix_ms >= last.unix_ms.saturating_add(interval_ms);
        if epoch <= last.epoch || !may {
            return (last.epoch, self.group.target_of(self.former(&self.beat.member)));
        }
        let targets = self.assign();
        let mut own = Partitions::new();
        for (id, target) in targets {
            if id == self.beat.member {
                own = target.clone();
            }
            if self.group.targets.get(self.former(&id)) != Some(&target) {
                self.push(ConsumerRecord::Target(id, Some(target)));
            }
        }
        let unix_ms = self.now.unix_ms;
        self.push(ConsumerRecord::TargetEpoch(Some(TargetEpoch { epoch, unix_ms })));
        (epoch, own)
    }

    fn assign(&self) -> Vec<(MemberId, Partitions)> {
        let members = self.members();
        let names: BTreeMap<_, _> = members
            .iter()
            .map(|(id, subscription)| (*id, self.group.topics_of(subscription)))
            .collect();
        let counts: Counts = names
            .values()
            .flatten()
            .filter_map(|name| self.topics.get(name))
            .map(|facts| (facts.id, facts.partitions()))
            .collect();
        let nothing = Partitions::new();
        let participants: Vec<Participant<'_>> = members
            .iter()
            .map(|(id, subscription)| Participant {
                id,
                instance: subscription.instance.as_deref(),
                topics: names.get(*id).map(|names| self.topics.ids(names)).unwrap_or_default(),
                before: self.group.targets.get(self.former(id)).unwrap_or(&nothing),
            })
            .collect();
        let assignor = preferred(members.values().copied(), self.assignors);
        let targets = assign::assign(assignor, &participants, &counts);
        members.into_keys().cloned().zip(targets).collect()
    }

    fn reconcile(
        &mut self,
        target_epoch: i32,
        target: &Partitions,
        has_new_subscription: bool,
    ) -> Result<Current, Refusal> {
        let before = self.entry.before.current.clone();
        if !has_new_subscription && before.state == MemberState::Stable && before.epoch == target_epoch {
            return Ok(before);
        }
        let reconciliation = Reconciliation {
            current: &before,
            target_epoch,
            target,
            subscribed: &self.topics.ids(&self.group.topics_of(&self.subscription)),
            has_new_subscription,
            owned: self.beat.owned.as_ref(),
        };
        let replaced = self.entry.replaces.as_ref();
        let is_held = |topic, partition| {
            let holder = self.group.holders.get(&(topic, partition));
            holder.is_some_and(|holder| Some(holder) != replaced)
        };
        let next = reconciliation.next(is_held).map_err(|MustRejoin| must_rejoin())?;
        if next != before {
            self.push(ConsumerRecord::Current(
                Arc::clone(&self.beat.member),
                Some(next.clone()),
            ));
            let member = Arc::clone(&self.beat.member);
            let within_ms = i64::from(self.subscription.rebalance_timeout_ms);
            self.push_soft(match next.state {
                MemberState::UnrevokedPartitions => ConsumerSoft::RevocationDue(member, self.now.plus_ms(within_ms)),
                _ => ConsumerSoft::RevocationOver(member),
            });
        }
        Ok(next)
    }

    fn renew(&mut self) {
        let classic = self.subscription.classic.as_ref();
        let session_ms = classic.map_or(self.beat.timing.session_timeout_ms, |classic| {
            classic.session_timeout_ms
        });
        let deadline = self.now.plus_ms(i64::from(session_ms));
        self.push_soft(ConsumerSoft::SessionRenewed(Arc::clone(&self.beat.member), deadline));
    }

    fn tells(&self, current: &Current) -> bool {
        self.beat.joins() || self.beat.is_full() || current.assigned != self.entry.before.current.assigned
    }
}

/// The assignor that most members would have, or the default, the first of those that the broker has.
pub(super) fn preferred<'a>(members: impl Iterator<Item = &'a Subscription>, known: &[Assignor]) -> Assignor {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for assignor in members.filter_map(|member| member.assignor.as_deref()) {
        *votes.entry(assignor).or_default() += 1;
    }
    let chosen = votes.into_iter().max_by_key(|(_, count)| *count);
    let chosen = chosen.and_then(|(name, _)| known.iter().find(|assignor| assignor.name() == name));
    chosen.or(known.first()).copied().unwrap_or(Assignor::Uniform)
}

fn must_rejoin() -> Refusal {
    let why = "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.";
    (ErrorCode::FencedMemberEpoch, why.to_owned())
}
