//! LeaveGroup: members go by themselves, or are shown out by their instance id (KIP-345).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ClassicGroup, Phase};
use crate::group::{Change, Coordinator, Decision, GroupId, InstanceId, MemberId, Outcome, Settle, Soft};
use crate::machine::{Reply, Step, Ticket};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now};

/// Members leave a group.
#[derive(Debug, Clone)]
pub struct Leave {
    /// The group.
    pub group: GroupId,
    /// Who.
    pub members: Vec<Leaver>,
}

/// One that leaves.
#[derive(Debug, Clone)]
pub struct Leaver {
    /// Its id; empty where an administrator names the instance.
    pub member: MemberId,
    /// Its name for life.
    pub instance: Option<InstanceId>,
}

impl Coordinator {
    pub(in crate::group) fn decide_leave(&self, leave: &Leave, now: Now) -> Decision {
        if let Some(group) = self.consumers.get(&leave.group) {
            return self.classic_leaves(group, leave, now);
        }
        let Some(group) = self.groups.get(&leave.group) else {
            return Step::answer(Outcome::Left(vec![
                Some(ErrorCode::UnknownMemberId);
                leave.members.len()
            ]));
        };
        if mutant::on(Mutant::LeaveIgnored) {
            return Step::answer(Outcome::Left(vec![None; leave.members.len()]));
        }
        let mut gone = BTreeSet::new();
        let results = leave
            .members
            .iter()
            .map(|leaver| remove_one(group, leaver, &mut gone))
            .collect();
        show_out(group, &leave.group, &gone, results)
    }
}

fn show_out(
    group: &ClassicGroup,
    id: &GroupId,
    gone: &BTreeSet<MemberId>,
    results: Vec<Option<ErrorCode>>,
) -> Decision {
    let mut softs: Vec<Soft> = gone
        .iter()
        .map(|member| Soft::MemberRemoved(Arc::clone(member)))
        .collect();
    match group.phase {
        _ if gone.is_empty() => {}
        Phase::Stable | Phase::Completing => softs.push(Soft::Unsettled(Settle::Rebalance)),
        Phase::Preparing { .. } => softs.push(Soft::Unsettled(Settle::CompleteIfJoined)),
        Phase::Empty => {}
    }
    Step {
        changes: softs
            .into_iter()
            .map(|soft| Change::Soft(Arc::clone(id), soft))
            .collect(),
        reply: Reply::Now(Outcome::Left(results)),
        released: gone.iter().flat_map(|member| group.turned_away(member)).collect(),
    }
}

/// Kafka takes one after the other: who is named twice is unknown the second time.
fn remove_one(group: &ClassicGroup, leaver: &Leaver, gone: &mut BTreeSet<MemberId>) -> Option<ErrorCode> {
    let id = match find(group, leaver) {
        Ok(id) => id,
        Err(error) => return Some(error),
    };
    if gone.insert(id) {
        None
    } else {
        Some(ErrorCode::UnknownMemberId)
    }
}

fn find(group: &ClassicGroup, leaver: &Leaver) -> Result<MemberId, ErrorCode> {
    if leaver.member.is_empty() {
        let owner = leaver
            .instance
            .as_ref()
            .and_then(|instance| group.instances.get(instance));
        return owner.cloned().ok_or(ErrorCode::UnknownMemberId);
    }
    if !group.awaited.contains(&leaver.member) {
        group.validate(&leaver.member, leaver.instance.as_deref())?;
    }
    Ok(Arc::clone(&leaver.member))
}

impl ClassicGroup {
    /// The parked requests of a member that is being removed, answered: it may join anew.
    pub(super) fn turned_away(&self, member: &MemberId) -> Vec<(Ticket, Outcome)> {
        let Some(member) = self.members.get(member) else {
            return Vec::new();
        };
        let join = member.join.map(|ticket| {
            (
                ticket,
                Outcome::JoinRefused(MemberId::default(), ErrorCode::UnknownMemberId),
            )
        });
        let sync = member
            .sync
            .map(|ticket| (ticket, Outcome::Refused(ErrorCode::UnknownMemberId)));
        join.into_iter().chain(sync).collect()
    }
}
