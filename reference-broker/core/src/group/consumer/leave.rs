//! Who goes: by its own word, because it was silent for too long, or because it kept what it had to give up.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::heartbeat::{Beaten, ConsumerHeartbeat, check_owner};
use super::{AWAY, ConsumerGroup, ConsumerRecord, ConsumerSoft, GroupEpoch, MemberState, Refusal, durable, soft};
use crate::group::{Change, Coordinator, Decision, GroupId, MemberId, Outcome, changes};
use crate::machine::Step;
use crate::units::{ErrorCode, Now, TopicName};

impl Coordinator {
    /// A member takes its leave, for good or, if it has a name for life, for a while.
    pub(super) fn consumer_leaves(&self, beat: &ConsumerHeartbeat) -> Result<Decision, Refusal> {
        let group = self.consumer_group(&beat.group)?;
        let member = match &beat.instance {
            None => {
                group.member(&beat.group, &beat.member)?;
                Arc::clone(&beat.member)
            }
            Some(instance) => {
                let why = || {
                    (
                        ErrorCode::UnknownMemberId,
                        format!("Instance id {instance} is unknown."),
                    )
                };
                let owner = group.instances.get(instance).ok_or_else(why)?;
                check_owner(beat, instance, owner)?;
                Arc::clone(owner)
            }
        };
        let changes = if beat.epoch == AWAY {
            group.go_away(&beat.group, &member)?
        } else {
            self.fence(group, &beat.group, &member)
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

    /// A member has not been heard of for its session timeout.
    pub(in crate::group) fn end_consumer_session(&self, id: &GroupId, member: &MemberId) -> Option<Decision> {
        let group = self.consumers.get(id)?;
        let known = group.members.contains_key(member);
        Some(changes(if known {
            self.fence(group, id, member)
        } else {
            Vec::new()
        }))
    }

    /// A member's time to give up partitions is over.
    pub(in crate::group) fn end_revocation(&self, id: &GroupId, member: &MemberId) -> Option<Decision> {
        let group = self.consumers.get(id)?;
        let holds_on = |member: &super::Member| member.current.state == MemberState::UnrevokedPartitions;
        let must_go = group.members.get(member).is_some_and(holds_on);
        Some(changes(if must_go {
            self.fence(group, id, member)
        } else {
            Vec::new()
        }))
    }

    /// All members of groups must show up after a restart.
    pub(in crate::group) fn watch_consumers(&mut self, at: Now) {
        let session = at.plus_ms(self.config.consumer_session_timeout_ms);
        let mut softs = Vec::new();
        for (id, group) in &self.consumers {
            for (member_id, member) in &group.members {
                softs.push((
                    Arc::clone(id),
                    ConsumerSoft::SessionRenewed(Arc::clone(member_id), session),
                ));
                if member.current.state == MemberState::UnrevokedPartitions {
                    let due = at.plus_ms(i64::from(member.subscription.rebalance_timeout_ms));
                    softs.push((Arc::clone(id), ConsumerSoft::RevocationDue(Arc::clone(member_id), due)));
                }
            }
        }
        for (id, soft) in softs {
            self.apply_consumer_soft(&id, &soft);
        }
    }

    /// A member is out: its partitions are free and a new epoch begins.
    fn fence(&self, group: &ConsumerGroup, id: &GroupId, member: &MemberId) -> Vec<Change> {
        let mut records = member_tombstones(member);
        let regex = group
            .members
            .get(member)
            .and_then(|member| member.subscription.regex.clone());
        let orphan = regex.filter(|regex| group.regexes.contains_key(regex) && group.is_only_subscriber(regex, member));
        records.extend(orphan.map(|regex| ConsumerRecord::Regex(regex, None)));
        let others = group.members.iter().filter(|(id, _)| *id != member);
        let subscribed: BTreeSet<TopicName> = others
            .flat_map(|(_, member)| group.topics_of(&member.subscription))
            .collect();
        records.push(ConsumerRecord::Epoch(Some(GroupEpoch {
            epoch: group.epoch + 1,
            metadata_hash: self.topics.hash(&subscribed),
        })));
        records.into_iter().map(|record| durable(id, record)).collect()
    }

    /// The records that end a group without members.
    pub(in crate::group) fn consumer_tombstones(&self, id: &GroupId) -> Vec<Change> {
        let Some(group) = self.consumers.get(id) else {
            return Vec::new();
        };
        let members = group.members.keys().flat_map(member_tombstones);
        let regexes = group
            .regexes
            .keys()
            .map(|regex| ConsumerRecord::Regex(Arc::clone(regex), None));
        members
            .chain([ConsumerRecord::TargetEpoch(None)])
            .chain(regexes)
            .chain([ConsumerRecord::Epoch(None)])
            .map(|record| durable(id, record))
            .collect()
    }
}

impl ConsumerGroup {
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
