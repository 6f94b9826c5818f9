//! A classic group that comes from, or goes on as, one of the consumer protocol.

use std::sync::Arc;

use super::{CONSUMER, ClassicGroup, Member, Phase};
use crate::group::{Change, GroupId, MemberId, Outcome, Soft};
use crate::machine::Ticket;
use crate::units::{ErrorCode, Now};

impl ClassicGroup {
    /// A stable group of these consumers, in this generation. It has no protocol where they have none in common.
    pub(in crate::group) fn of_consumers(
        generation: i32,
        members: impl Iterator<Item = (MemberId, Member)>,
        now: Now,
    ) -> Self {
        let mut group = Self {
            phase: Phase::Stable,
            generation,
            protocol_type: Some(CONSUMER.into()),
            since_unix_ms: Some(now.unix_ms),
            ..Self::default()
        };
        for (id, member) in members {
            group.leader.get_or_insert_with(|| Arc::clone(&id));
            group.insert(id, member);
        }
        group.protocol = group.select_protocol();
        group
    }

    /// What its record does not tell: all protocols of its members, and when they must have been heard of.
    pub(in crate::group) fn as_known(&self, id: &GroupId, now: Now) -> Vec<Change> {
        let soft = |soft| Change::Soft(Arc::clone(id), soft);
        let known = self.members.iter().flat_map(|(member_id, member)| {
            let deadline = now.plus_ms(i64::from(member.session_timeout_ms));
            [
                soft(Soft::ProtocolsKnown(
                    Arc::clone(member_id),
                    Arc::clone(&member.protocols),
                )),
                soft(Soft::SessionRenewed(Arc::clone(member_id), deadline)),
            ]
        });
        known.collect()
    }

    /// Every parked request, told to come again.
    pub(in crate::group) fn interrupted(&self) -> Vec<(Ticket, Outcome)> {
        let told = ErrorCode::RebalanceInProgress;
        let parked = |(id, member): (&MemberId, &Member)| {
            let join = member
                .join
                .map(|ticket| (ticket, Outcome::JoinRefused(Arc::clone(id), told)));
            join.into_iter()
                .chain(member.sync.map(|ticket| (ticket, Outcome::Refused(told))))
        };
        self.members.iter().flat_map(parked).collect()
    }
}
