//! Heartbeat: a sign of life, and the way a member learns that it must join again.

use std::sync::Arc;

use super::{ClassicGroup, Phase};
use crate::group::{Change, Coordinator, Decision, GroupId, InstanceId, MemberId, Outcome, Soft, refuse};
use crate::machine::{Reply, Step};
use crate::units::{ErrorCode, Now};

/// A member is alive.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// Its name for life.
    pub instance: Option<InstanceId>,
    /// The generation that it knows.
    pub generation: i32,
}

impl Coordinator {
    pub(in crate::group) fn decide_heartbeat(&self, heartbeat: &Heartbeat, now: Now) -> Decision {
        if let Some(group) = self.consumers.get(&heartbeat.group) {
            return self.classic_beats(group, heartbeat, now);
        }
        let Some(group) = self.groups.get(&heartbeat.group) else {
            return refuse(ErrorCode::UnknownMemberId);
        };
        if let Err(error) = group.validate(&heartbeat.member, heartbeat.instance.as_deref()) {
            return refuse(error);
        }
        if heartbeat.generation != group.generation {
            return refuse(ErrorCode::IllegalGeneration);
        }
        let outcome = match group.phase {
            Phase::Empty => return refuse(ErrorCode::UnknownMemberId),
            Phase::Preparing { .. } => Outcome::Refused(ErrorCode::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Outcome::Done,
        };
        let renewed = group.renewed(&heartbeat.group, &heartbeat.member, now);
        Step {
            changes: renewed.into_iter().collect(),
            reply: Reply::Now(outcome),
            released: Vec::new(),
        }
    }
}

impl ClassicGroup {
    /// The member has its whole session timeout again.
    pub(in crate::group) fn renewed(&self, id: &GroupId, member_id: &MemberId, now: Now) -> Option<Change> {
        let (member_id, member) = self.members.get_key_value(member_id)?;
        let deadline = now.plus_ms(i64::from(member.session_timeout_ms));
        Some(Change::Soft(
            Arc::clone(id),
            Soft::SessionRenewed(Arc::clone(member_id), deadline),
        ))
    }
}
