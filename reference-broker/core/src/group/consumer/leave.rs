//! Who goes: by its own word, because it was silent for too long, or because it kept what it had to give up.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::downgrade::Turn;
use super::heartbeat::{Beaten, ConsumerHeartbeat, Timing, check_owner};
use super::{AWAY, ConsumerGroup, ConsumerRecord, ConsumerSoft, GroupEpoch, MemberState, Refusal, durable, soft};
use crate::group::{Change, Coordinator, Decision, GroupId, MemberId, Outcome, changes};
use crate::machine::Step;
use crate::units::{Now, TopicName};

impl Coordinator {
    /// A member takes its leave, for good or, if it has a name for life, for a while.
    pub(super) fn consumer_leaves(&self, beat: &ConsumerHeartbeat, now: Now) -> Result<Decision, Refusal> {
        let group = self.consumer_group(&beat.group)?;
        let member = match &beat.instance {
            None => {
                group.member(&beat.group, &beat.member)?;
                Arc::clone(&beat.member)
            }
            Some(instance) => {
                let owner = group.owner(instance)?;
                check_owner(beat, instance, owner)?;
                Arc::clone(owner)
            }
        };
        let changes = if beat.epoch == AWAY {
            group.go_away(&beat.group, &member)?
        } else {
            self.fence(group, &beat.group, &[Arc::clone(&member)].into(), now)
        };
        let beaten = Beaten {
            member,
            epoch: beat.epoch,
            heartbeat_interval_ms: 0,
            assignment: None,
        };
        Ok(Step {
            changes,
            ..Step::answer(Outcome::Beaten(beaten))
        })
    }

    /// A classic member has not come in time to join or to sync. One that is of the consumer protocol by now need not.
    pub(in crate::group) fn end_classic_wait(&self, id: &GroupId, member: &MemberId, now: Now) -> Option<Decision> {
        let known = self.consumers.get(id)?.members.get(member)?;
        known.subscription.classic.as_ref()?;
        self.end_consumer_session(id, member, now)
    }

    /// A member has not been heard of for its session timeout.
    pub(in crate::group) fn end_consumer_session(&self, id: &GroupId, member: &MemberId, now: Now) -> Option<Decision> {
        let group = self.consumers.get(id)?;
        let known = group.members.contains_key(member);
        Some(changes(if known {
            self.fence(group, id, &[Arc::clone(member)].into(), now)
        } else {
            Vec::new()
        }))
    }

    /// A member's time to give up partitions is over.
    pub(in crate::group) fn end_revocation(&self, id: &GroupId, member: &MemberId, now: Now) -> Option<Decision> {
        let group = self.consumers.get(id)?;
        let holds_on = |member: &super::Member| member.current.state == MemberState::UnrevokedPartitions;
        let must_go = group.members.get(member).is_some_and(holds_on);
        Some(changes(if must_go {
            self.fence(group, id, &[Arc::clone(member)].into(), now)
        } else {
            Vec::new()
        }))
    }

    /// All members of groups must show up after a restart, whatever protocol they speak.
    pub(in crate::group) fn watch_consumers(&self, timings: &[(GroupId, Timing)], now: Now) -> Vec<Change> {
        let groups = timings
            .iter()
            .filter_map(|(id, timing)| Some((id, timing, self.consumers.get(id)?)));
        groups
            .flat_map(|(id, timing, group)| group.watch(id, *timing, now))
            .collect()
    }

    /// Members are out: their partitions are free and a new epoch begins, or those that stay are a classic group.
    pub(super) fn fence(
        &self,
        group: &ConsumerGroup,
        id: &GroupId,
        leaving: &BTreeSet<MemberId>,
        now: Now,
    ) -> Vec<Change> {
        if leaving.is_empty() {
            return Vec::new();
        }
        let turn = Turn {
            leaving,
            replaces: None,
            rebalances: true,
        };
        let classic = self
            .leaves_classic(group, leaving)
            .then(|| self.downgrade(group, id, &turn, now))
            .flatten();
        classic.unwrap_or_else(|| {
            let records = self.without(group, leaving).into_iter();
            records.map(|record| durable(id, record)).collect()
        })
    }

    fn without(&self, group: &ConsumerGroup, leaving: &BTreeSet<MemberId>) -> Vec<ConsumerRecord> {
        let mut records: Vec<_> = leaving.iter().flat_map(member_tombstones).collect();
        let others = || group.members.iter().filter(|(id, _)| !leaving.contains(*id));
        let expressions: BTreeSet<_> = others()
            .filter_map(|(_, member)| member.subscription.regex.as_ref())
            .collect();
        let orphans = group.regexes.keys().filter(|regex| !expressions.contains(regex));
        records.extend(orphans.map(|regex| ConsumerRecord::Regex(Arc::clone(regex), None)));
        let subscribed: BTreeSet<TopicName> = others()
            .flat_map(|(_, member)| group.topics_of(&member.subscription))
            .collect();
        records.push(ConsumerRecord::Epoch(Some(GroupEpoch {
            epoch: group.epoch + 1,
            metadata_hash: self.topics.hash(&subscribed),
        })));
        records
    }

    /// The records that end a group without members.
    pub(in crate::group) fn consumer_tombstones(&self, id: &GroupId) -> Vec<Change> {
        self.consumers
            .get(id)
            .map(|group| group.tombstones(id, None))
            .unwrap_or_default()
    }
}

impl ConsumerGroup {
    fn watch(&self, id: &GroupId, timing: Timing, now: Now) -> Vec<Change> {
        let mut watched = Vec::with_capacity(self.members.len());
        for (member_id, member) in &self.members {
            let session = now.plus_ms(i64::from(timing.session_timeout_ms));
            watched.push(ConsumerSoft::SessionRenewed(Arc::clone(member_id), session));
            if member.current.state == MemberState::UnrevokedPartitions {
                let due = now.plus_ms(i64::from(member.subscription.rebalance_timeout_ms));
                watched.push(ConsumerSoft::RevocationDue(Arc::clone(member_id), due));
            }
        }
        watched.into_iter().map(|of| soft(id, of)).collect()
    }

    /// The records that end the group, in Kafka's order; of a member that another has just replaced nothing is left.
    pub(super) fn tombstones(&self, id: &GroupId, renamed: Option<(&MemberId, &MemberId)>) -> Vec<Change> {
        let now_named = |member| match renamed {
            Some((old, new)) if old == member => Arc::clone(new),
            _ => Arc::clone(member),
        };
        let members: Vec<MemberId> = self.members.keys().map(now_named).collect();
        let of = |record: fn(MemberId) -> ConsumerRecord| members.iter().cloned().map(record);
        let regexes = self.regexes.keys();
        of(|member| ConsumerRecord::Current(member, None))
            .chain(of(|member| ConsumerRecord::Target(member, None)))
            .chain([ConsumerRecord::TargetEpoch(None)])
            .chain(of(|member| ConsumerRecord::Member(member, None)))
            .chain(regexes.map(|regex| ConsumerRecord::Regex(Arc::clone(regex), None)))
            .chain([ConsumerRecord::FormerTopics, ConsumerRecord::Epoch(None)])
            .map(|record| durable(id, record))
            .collect()
    }

    /// A static member is away: what it has stays its own until its session ends.
    fn go_away(&self, id: &GroupId, member: &MemberId) -> Result<Vec<Change>, Refusal> {
        let mut current = self.member(id, member)?.current.clone();
        current.epoch = AWAY;
        current.revoking.clear();
        let over = ConsumerSoft::RevocationOver(Arc::clone(member));
        Ok(vec![
            durable(id, ConsumerRecord::Current(Arc::clone(member), Some(current))),
            soft(id, over),
        ])
    }

    /// Is nobody else subscribed by this expression?
    pub(super) fn is_only_subscriber(&self, regex: &str, member: &str) -> bool {
        let others = self.members.iter().filter(|(id, _)| &***id != member);
        others
            .map(|(_, member)| member)
            .all(|member| member.subscription.regex.as_deref() != Some(regex))
    }
}

fn member_tombstones(member: &MemberId) -> Vec<ConsumerRecord> {
    vec![
        ConsumerRecord::Current(Arc::clone(member), None),
        ConsumerRecord::Target(Arc::clone(member), None),
        ConsumerRecord::Member(Arc::clone(member), None),
    ]
}
