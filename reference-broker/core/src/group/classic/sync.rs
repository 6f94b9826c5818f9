//! SyncGroup: the leader hands in the assignment, everyone else waits for it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{ClassicGroup, Member, Phase};
use crate::group::{Change, Coordinator, Decision, GroupId, InstanceId, MemberId, Outcome, Record, Soft, refuse};
use crate::machine::{Reply, Step, Ticket};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now};

/// A member asks for its assignment; the leader brings everyone's.
#[derive(Debug, Clone)]
pub struct Sync {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// Its name for life.
    pub instance: Option<InstanceId>,
    /// The generation that it knows.
    pub generation: i32,
    /// The protocol type that it knows, from v5.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol that it knows, from v5.
    pub protocol: Option<Arc<str>>,
    /// What the leader gives to whom.
    pub assignments: Vec<(MemberId, Bytes)>,
    /// Where the answer goes.
    pub ticket: Ticket,
}

/// A member's assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The group's protocol type.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol voted for.
    pub protocol: Option<Arc<str>>,
    /// Opaque here; empty where the leader left the member out.
    pub assignment: Bytes,
}

impl Coordinator {
    pub(in crate::group) fn decide_sync(&self, sync: Sync, now: Now) -> Decision {
        if let Some(group) = self.consumers.get(&sync.group) {
            return self.classic_syncs(group, sync, now);
        }
        let Some(group) = self.groups.get(&sync.group).filter(|group| !group.is_empty()) else {
            return refuse(ErrorCode::UnknownMemberId);
        };
        if let Err(error) = validate(group, &sync) {
            return refuse(error);
        }
        match group.phase {
            Phase::Empty => refuse(ErrorCode::UnknownMemberId),
            Phase::Preparing { .. } => refuse(ErrorCode::RebalanceInProgress),
            Phase::Completing if group.is_leader(&sync.member) => spread(group, sync, now),
            Phase::Completing => park(group, sync),
            Phase::Stable => answer_again(group, sync),
        }
    }
}

fn validate(group: &ClassicGroup, sync: &Sync) -> Result<(), ErrorCode> {
    group.validate(&sync.member, sync.instance.as_deref())?;
    if sync.generation != group.generation {
        return Err(ErrorCode::IllegalGeneration);
    }
    if differ(&sync.protocol_type, &group.protocol_type) || differ(&sync.protocol, &group.protocol) {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    Ok(())
}

/// What one of the two leaves open agrees with the other.
fn differ(theirs: &Option<Arc<str>>, ours: &Option<Arc<str>>) -> bool {
    theirs
        .as_ref()
        .zip(ours.as_ref())
        .is_some_and(|(theirs, ours)| theirs != ours)
}

/// The leader's: everyone who waits gets theirs once the group is durable.
fn spread(group: &ClassicGroup, sync: Sync, now: Now) -> Decision {
    let given: HashMap<MemberId, Bytes> = sync.assignments.into_iter().collect();
    let given_to = |id: &str| {
        let id = if mutant::on(Mutant::LeadersAssignmentForAll) {
            &sync.member
        } else {
            id
        };
        given.get(id).cloned().unwrap_or_default()
    };
    let answer = |(id, member): (&MemberId, &Member)| {
        let ticket = member.sync.filter(|_| *id != sync.member)?;
        Some((ticket, Outcome::Synced(group.synced(given_to(id)))))
    };
    let record = Record::Group(Arc::clone(&sync.group), Some(group.as_value(|id, _| given_to(id))));
    let changes = vec![
        Change::Soft(
            Arc::clone(&sync.group),
            Soft::SyncParked(Arc::clone(&sync.member), sync.ticket),
        ),
        Change::Durable(record),
        Change::Soft(Arc::clone(&sync.group), Soft::AssignmentSpread(now)),
    ];
    Step {
        changes,
        reply: Reply::Now(Outcome::Synced(group.synced(given_to(&sync.member)))),
        released: group.members.iter().filter_map(answer).collect(),
    }
}

/// A follower's. Of two parked syncs of one member Kafka forgets the first; here it is told to join again.
fn park(group: &ClassicGroup, sync: Sync) -> Decision {
    let displaced = group.members.get(&sync.member).and_then(|member| member.sync);
    let again = |ticket| (ticket, Outcome::Refused(ErrorCode::RebalanceInProgress));
    Step {
        changes: vec![Change::Soft(sync.group, Soft::SyncParked(sync.member, sync.ticket))],
        reply: Reply::Parked(sync.ticket),
        released: displaced.map(again).into_iter().collect(),
    }
}

fn answer_again(group: &ClassicGroup, sync: Sync) -> Decision {
    let assignment = group
        .members
        .get(&sync.member)
        .map(|member| member.assignment.clone())
        .unwrap_or_default();
    Step {
        changes: vec![Change::Soft(sync.group, Soft::SyncSeen(sync.member))],
        ..Step::answer(Outcome::Synced(group.synced(assignment)))
    }
}

impl ClassicGroup {
    fn synced(&self, assignment: Bytes) -> Synced {
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment,
        }
    }
}
