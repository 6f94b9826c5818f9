//! What follows from a change of membership: a rebalance is prepared, completed when all have joined or the time is
//! over, and the next generation starts.

use std::sync::Arc;

use super::{ClassicGroup, Joined, Member, Phase};
use crate::group::{
    Change, Coordinator, Decision, GroupId, InitialDelay, InstanceReturned, MemberId, Outcome, Record, Settle, Soft,
    Timer, changes, nothing,
};
use crate::machine::{Step, Ticket};
use crate::units::{ErrorCode, Now};

impl Coordinator {
    /// Does what an earlier step left to do.
    pub(in crate::group) fn decide_settle(&self, id: &GroupId, settle: Settle, now: Now) -> Decision {
        let mut step = match (settle, self.groups.get(id)) {
            (Settle::ResolveRegexes, _) => self.decide_regexes(id, now),
            (_, None) => changes(Vec::new()),
            (Settle::Rebalance, Some(group)) if group.is_preparing() => complete_if_joined(group, id),
            (Settle::Rebalance, Some(group)) => self.prepare(group, id, ErrorCode::RebalanceInProgress, now),
            (Settle::AssignmentLost(error), Some(group)) if group.phase == Phase::Completing => {
                self.prepare(group, id, error, now)
            }
            (Settle::AssignmentLost(_), Some(_)) => changes(Vec::new()),
            (Settle::CompleteIfJoined, Some(group)) => complete_if_joined(group, id),
            (Settle::Complete, Some(group)) => complete(group, id),
            (Settle::Start, Some(group)) => start(group, id, now),
            (Settle::InstanceReturned(returned), Some(group)) => self.decide_returned(group, id, &returned, now),
        };
        step.changes.insert(0, Change::Soft(Arc::clone(id), Soft::Settled));
        step
    }

    /// Who waits for an assignment is told to join again. An empty group waits to see who else comes, others wait for
    /// those they have.
    fn prepare(&self, group: &ClassicGroup, id: &GroupId, told: ErrorCode, now: Now) -> Decision {
        let timeout_ms = group.rebalance_timeout_ms();
        if group.is_empty() {
            let delay_ms = self.config.initial_rebalance_delay_ms;
            let initial = InitialDelay {
                delay_ms,
                remaining_ms: (timeout_ms - delay_ms).max(0),
            };
            let prepared = Soft::RebalancePrepared(now, now.plus_ms(delay_ms), Some(initial));
            // A delay of nothing needs no timer, whose next tick a newcomer would wait for.
            let over = (delay_ms <= 0).then_some(Soft::Unsettled(Settle::Complete));
            return soft(id, std::iter::once(prepared).chain(over));
        }
        let again = |member: &Member| member.sync.map(|ticket| (ticket, Outcome::Refused(told)));
        let released = group.members.values().filter_map(again).collect();
        let softs = [
            Soft::RebalancePrepared(now, now.plus_ms(timeout_ms), None),
            Soft::Unsettled(Settle::CompleteIfJoined),
        ];
        Step {
            released,
            ..soft(id, softs)
        }
    }

    /// A stable group goes on with a returned static member as if it had not been away, so long as the vote stays the
    /// same.
    fn decide_returned(&self, group: &ClassicGroup, id: &GroupId, returned: &InstanceReturned, now: Now) -> Decision {
        match group.phase {
            Phase::Stable if group.select_protocol() == group.protocol => keep_generation(group, id, returned),
            Phase::Preparing { .. } => complete_if_joined(group, id),
            Phase::Empty | Phase::Completing | Phase::Stable => {
                self.prepare(group, id, ErrorCode::RebalanceInProgress, now)
            }
        }
    }
}

/// Below v9 a leader that came back is told of the leader it was: it then sends no assignment that nobody asked for.
fn keep_generation(group: &ClassicGroup, id: &GroupId, returned: &InstanceReturned) -> Decision {
    let joined = if returned.skips_assignment {
        Joined {
            skip_assignment: group.is_leader(&returned.member),
            ..group.joined(&returned.member)
        }
    } else {
        Joined {
            leader: returned.leader_before.clone(),
            members: Vec::new(),
            ..group.joined(&returned.member)
        }
    };
    let record = Record::Group(
        Arc::clone(id),
        Some(group.as_value(|_, member| member.assignment.clone())),
    );
    let ticket = group.members.get(&returned.member).and_then(|member| member.join);
    let answered = Change::Soft(Arc::clone(id), Soft::JoinAnswered(Arc::clone(&returned.member)));
    Step {
        released: ticket
            .map(|ticket| (ticket, Outcome::Joined(joined)))
            .into_iter()
            .collect(),
        ..changes(vec![Change::Durable(record), answered])
    }
}

fn complete_if_joined(group: &ClassicGroup, id: &GroupId) -> Decision {
    match group.phase {
        Phase::Preparing { initial: None, .. } if group.all_joined() => complete(group, id),
        Phase::Empty | Phase::Preparing { .. } | Phase::Completing | Phase::Stable => changes(Vec::new()),
    }
}

/// Dynamic members that have not joined are dropped; static ones have until their session times out.
pub(super) fn complete(group: &ClassicGroup, id: &GroupId) -> Decision {
    let is_late = |member: &Member| member.join.is_none() && member.instance_id.is_none();
    let late = group.members.iter().filter(|(_, member)| is_late(member));
    let removed = late.map(|(id, _)| Soft::MemberRemoved(Arc::clone(id)));
    soft(id, removed.chain([Soft::Unsettled(Settle::Start)]))
}

fn start(group: &ClassicGroup, id: &GroupId, now: Now) -> Decision {
    if group.members.is_empty() {
        return become_empty(group, id, now);
    }
    let joined = |id: &&MemberId| group.members.get(*id).is_some_and(|member| member.join.is_some());
    let leader = group.leader.iter().chain(group.members.keys()).find(joined);
    match (leader, group.select_protocol()) {
        (Some(leader), Some(protocol)) => start_generation(group, id, (leader, &protocol), now),
        (Some(_), None) => disband(group, id),
        // Only static members are left and none has joined: wait until they do or their sessions end.
        (None, _) => soft(
            id,
            [Soft::JoinExtended(now.plus_ms(group.rebalance_timeout_ms()), None)],
        ),
    }
}

/// Nobody's choice can be everybody's: somebody named each of his protocols twice. Kafka's coordinator fails here and
/// leaves the members waiting.
fn disband(group: &ClassicGroup, id: &GroupId) -> Decision {
    let refused = |(id, member): (&MemberId, &Member)| {
        member.join.map(|ticket| {
            (
                ticket,
                Outcome::JoinRefused(Arc::clone(id), ErrorCode::InconsistentGroupProtocol),
            )
        })
    };
    let removed = group
        .members
        .keys()
        .map(|member| Soft::MemberRemoved(Arc::clone(member)));
    let released = group.members.iter().filter_map(refused).collect();
    Step {
        released,
        ..soft(id, removed.chain([Soft::Unsettled(Settle::Start)]))
    }
}

fn become_empty(group: &ClassicGroup, id: &GroupId, now: Now) -> Decision {
    let mut value = group.as_value(|_, _| nothing());
    value.generation = group.generation.wrapping_add(1);
    value.protocol = None;
    value.since_unix_ms = now.unix_ms;
    let record = Record::Group(Arc::clone(id), Some(value));
    changes(vec![
        Change::TimerCleared(Timer::Join(Arc::clone(id))),
        Change::Durable(record),
    ])
}

fn start_generation(group: &ClassicGroup, id: &GroupId, elected: (&MemberId, &Arc<str>), now: Now) -> Decision {
    let (leader, protocol) = elected;
    let answer = |(member_id, member): (&MemberId, &Member)| -> Option<(Ticket, Outcome)> {
        let joined = Joined {
            member: Arc::clone(member_id),
            generation: group.generation.wrapping_add(1),
            protocol_type: group.protocol_type.clone(),
            protocol: Some(Arc::clone(protocol)),
            leader: Some(Arc::clone(leader)),
            members: if member_id == leader {
                group.joined_members(protocol)
            } else {
                Vec::new()
            },
            skip_assignment: false,
        };
        member.join.map(|ticket| (ticket, Outcome::Joined(joined)))
    };
    let started = Soft::GenerationStarted(now, Arc::clone(leader), Arc::clone(protocol));
    Step {
        released: group.members.iter().filter_map(answer).collect(),
        ..soft(id, [started])
    }
}

/// A step of soft changes that nobody waits for.
pub(super) fn soft(id: &GroupId, softs: impl IntoIterator<Item = Soft>) -> Decision {
    changes(
        softs
            .into_iter()
            .map(|soft| Change::Soft(Arc::clone(id), soft))
            .collect(),
    )
}
