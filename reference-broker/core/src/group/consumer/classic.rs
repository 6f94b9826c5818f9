//! Classic members in a group of the consumer protocol, once they are in: SyncGroup, Heartbeat and LeaveGroup. Their
//! generation is their epoch; to catch up they join again.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::reconcile::{as_partitions, contains};
use super::{ClassicMember, ConsumerGroup, ConsumerSoft, Member, MemberState, soft};
use crate::group::classic::CONSUMER;
use crate::group::{
    Change, Coordinator, Decision, GroupId, Heartbeat, InstanceId, Leave, Leaver, MemberId, Outcome, Protocol, Sync,
    Synced, embedded,
};
use crate::machine::{Reply, Step};
use crate::units::{ErrorCode, Now};

impl Coordinator {
    /// A classic member asks for its assignment.
    pub(in crate::group) fn classic_syncs(&self, group: &ConsumerGroup, sync: Sync, now: Now) -> Decision {
        let asked = self.classic_assignment(group, &sync);
        let over = soft(&sync.group, ConsumerSoft::SyncOver(Arc::clone(&sync.member)));
        match asked {
            Ok((member, assignment)) => Step {
                changes: vec![over, member.renewed(&sync.group, &sync.member, now)],
                reply: Reply::Now(Outcome::Synced(Synced {
                    protocol_type: sync.protocol_type,
                    protocol: sync.protocol,
                    assignment,
                })),
                released: Vec::new(),
            },
            Err(error) => Step {
                changes: group.must_join(&sync.group, &sync.member, error, now),
                ..crate::group::refuse(error)
            },
        }
    }

    fn classic_assignment<'a>(&self, group: &'a ConsumerGroup, sync: &Sync) -> Result<(Classic<'a>, Bytes), ErrorCode> {
        let of = group.classic_member(&sync.member, sync.instance.as_ref(), sync.generation)?;
        let Protocol { name, metadata } = of.classic.protocols.first().ok_or(ErrorCode::UnknownServerError)?;
        let is_other = |theirs: &Option<Arc<str>>, ours: &str| theirs.as_deref().is_some_and(|theirs| theirs != ours);
        if is_other(&sync.protocol_type, CONSUMER) || is_other(&sync.protocol, name) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let current = &of.member.current;
        if group.target_epoch() > current.epoch && current.state != MemberState::UnrevokedPartitions {
            return Err(ErrorCode::RebalanceInProgress);
        }
        let assigned = as_partitions(&current.assigned);
        let assignment = embedded::assignment(&assigned, metadata, &self.topics);
        assignment
            .map(|assignment| (of, assignment))
            .map_err(|_| ErrorCode::UnknownServerError)
    }

    /// A classic member is alive, and learns that it must join again.
    pub(in crate::group) fn classic_beats(&self, group: &ConsumerGroup, beat: &Heartbeat, now: Now) -> Decision {
        let of = match group.classic_member(&beat.member, beat.instance.as_ref(), beat.generation) {
            Ok(of) => of,
            Err(error) => return crate::group::refuse(error),
        };
        let mut changes = vec![of.renewed(&beat.group, &beat.member, now)];
        let outcome = if group.has_more_for(&beat.member, of.member) {
            let again = ErrorCode::RebalanceInProgress;
            changes.extend(group.must_join(&beat.group, &beat.member, again, now));
            Outcome::Refused(again)
        } else {
            Outcome::Done
        };
        Step {
            changes,
            reply: Reply::Now(outcome),
            released: Vec::new(),
        }
    }

    /// Members of either protocol are shown out.
    pub(in crate::group) fn classic_leaves(&self, group: &ConsumerGroup, leave: &Leave, now: Now) -> Decision {
        let mut gone = BTreeSet::new();
        let mut results = Vec::with_capacity(leave.members.len());
        for leaver in &leave.members {
            let found = group.leaver(leaver);
            results.push(found.as_ref().err().copied());
            gone.extend(found);
        }
        Step {
            changes: self.fence(group, &leave.group, &gone, now),
            reply: Reply::Now(Outcome::Left(results)),
            released: Vec::new(),
        }
    }
}

/// A member that speaks the classic protocol.
struct Classic<'a> {
    member: &'a Member,
    classic: &'a ClassicMember,
}

impl Classic<'_> {
    fn renewed(&self, id: &GroupId, member: &MemberId, now: Now) -> Change {
        let deadline = now.plus_ms(i64::from(self.classic.session_timeout_ms));
        soft(id, ConsumerSoft::SessionRenewed(Arc::clone(member), deadline))
    }
}

impl ConsumerGroup {
    /// The member of that id, which its instance id belongs to, in that epoch.
    fn classic_member(
        &self,
        id: &MemberId,
        instance: Option<&InstanceId>,
        generation: i32,
    ) -> Result<Classic<'_>, ErrorCode> {
        if let Some(instance) = instance {
            let owner = self.instances.get(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if owner != id {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        let member = self.members.get(id).ok_or(ErrorCode::UnknownMemberId)?;
        let classic = member.subscription.classic.as_ref().ok_or(ErrorCode::UnknownMemberId)?;
        if generation != member.current.epoch {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok(Classic { member, classic })
    }

    /// Is there a new target, something to give up, or all that it waits for?
    fn has_more_for(&self, id: &MemberId, member: &Member) -> bool {
        let current = &member.current;
        let waits = || {
            let mut target = self.targets.get(id).into_iter().flat_map(super::assign::pairs);
            target.any(|(topic, partition)| {
                !contains(&current.assigned, topic, partition) && self.holders.contains_key(&(topic, partition))
            })
        };
        current.epoch < self.target_epoch()
            || current.state == MemberState::UnrevokedPartitions
            || (current.state == MemberState::UnreleasedPartitions && !waits())
    }

    /// A member that is told to join again has the time of a rebalance to do so.
    fn must_join(&self, id: &GroupId, member_id: &MemberId, told: ErrorCode, now: Now) -> Vec<Change> {
        let told = self
            .members
            .get(member_id)
            .filter(|_| told == ErrorCode::RebalanceInProgress);
        let due = told.map(|member| {
            let due = now.plus_ms(i64::from(member.subscription.rebalance_timeout_ms));
            soft(id, ConsumerSoft::JoinDue(Arc::clone(member_id), due))
        });
        due.into_iter().collect()
    }

    fn leaver(&self, leaver: &Leaver) -> Result<MemberId, ErrorCode> {
        let Some(instance) = &leaver.instance else {
            let known = self.members.get_key_value(&leaver.member);
            return known.map(|(id, _)| Arc::clone(id)).ok_or(ErrorCode::UnknownMemberId);
        };
        let owner = self.instances.get(instance).ok_or(ErrorCode::UnknownMemberId)?;
        if leaver.member.is_empty() || *owner == leaver.member {
            Ok(Arc::clone(owner))
        } else {
            Err(ErrorCode::FencedInstanceId)
        }
    }
}
