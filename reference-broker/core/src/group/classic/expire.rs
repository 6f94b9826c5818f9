//! What happens when a deadline of a classic group falls due.

use std::sync::Arc;

use super::{ClassicGroup, Phase, rebalance};
use crate::group::{Change, Coordinator, Decision, GroupId, InitialDelay, MemberId, Settle, Soft, Timer, changes};
use crate::machine::Step;
use crate::units::Now;

impl Coordinator {
    /// A timer is over: it is cleared, and what it watched is acted upon.
    pub(in crate::group) fn decide_expire(&self, timer: Timer, now: Now) -> Decision {
        let mut step = match &timer {
            Timer::Session(id, member) => match self.groups.get(id) {
                Some(group) => Some(end_session(group, id, member)),
                None => self.end_consumer_session(id, member, now),
            },
            Timer::Revocation(id, member) => self.end_revocation(id, member, now),
            Timer::MemberJoin(id, member) | Timer::MemberSync(id, member) => self.end_classic_wait(id, member, now),
            Timer::Join(id) => self.groups.get(id).map(|group| self.end_join(group, id, now)),
            Timer::Sync(id) => self.groups.get(id).map(|group| end_sync(group, id)),
            Timer::Retention => Some(self.decide_retention(now)),
        }
        .unwrap_or_else(|| changes(Vec::new()));
        step.changes.insert(0, Change::TimerCleared(timer));
        step
    }

    /// The first rebalance of a group waits on while newcomers arrive, but no longer than the rebalance timeout in all.
    fn end_join(&self, group: &ClassicGroup, id: &GroupId, now: Now) -> Decision {
        match group.phase {
            Phase::Preparing {
                initial: Some(initial),
                newcomers: true,
            } if initial.remaining_ms != 0 => {
                let delay_ms = self.config.initial_rebalance_delay_ms.min(initial.remaining_ms);
                let remaining_ms = (initial.remaining_ms - initial.delay_ms).max(0);
                let extension = InitialDelay { delay_ms, remaining_ms };
                rebalance::soft(id, [Soft::JoinExtended(now.plus_ms(delay_ms), Some(extension))])
            }
            Phase::Preparing { .. } => rebalance::complete(group, id),
            Phase::Empty | Phase::Completing | Phase::Stable => changes(Vec::new()),
        }
    }
}

/// A member that has not been heard of is out, unless its parked request shows that it waits.
fn end_session(group: &ClassicGroup, id: &GroupId, member_id: &MemberId) -> Decision {
    let alive = group
        .members
        .get(member_id)
        .is_some_and(super::Member::is_alive_by_waiting);
    if alive || !(group.members.contains_key(member_id) || group.awaited.contains(member_id)) {
        return changes(Vec::new());
    }
    let was_awaited = group.awaited.contains(member_id);
    let follows = match group.phase {
        Phase::Stable | Phase::Completing if !was_awaited => Some(Settle::Rebalance),
        Phase::Preparing { .. } if group.all_joined_without(member_id) => Some(Settle::Complete),
        Phase::Empty | Phase::Preparing { .. } | Phase::Completing | Phase::Stable => None,
    };
    let removed = Soft::MemberRemoved(Arc::clone(member_id));
    let softs = std::iter::once(removed).chain(follows.map(Soft::Unsettled));
    Step {
        released: group.turned_away(member_id),
        ..rebalance::soft(id, softs)
    }
}

/// Whoever never asked for an assignment is out, and the others are assigned anew.
fn end_sync(group: &ClassicGroup, id: &GroupId) -> Decision {
    if group.unsynced.is_empty() || !matches!(group.phase, Phase::Completing | Phase::Stable) {
        return changes(Vec::new());
    }
    let removed = group
        .unsynced
        .iter()
        .map(|member| Soft::MemberRemoved(Arc::clone(member)));
    rebalance::soft(id, removed.chain([Soft::Unsettled(Settle::Rebalance)]))
}

impl ClassicGroup {
    fn all_joined_without(&self, member: &MemberId) -> bool {
        let joined = self
            .members
            .get(member)
            .map(|member| usize::from(member.join.is_some()));
        let size = self.members.len() - usize::from(joined.is_some());
        let awaited = self.awaited.len() - usize::from(self.awaited.contains(member));
        size == self.joining - joined.unwrap_or(0) && awaited == 0
    }
}
