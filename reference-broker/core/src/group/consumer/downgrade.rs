//! A group whose last member of the consumer protocol goes becomes a classic one again, if those that stay are of that:
//! they keep what they should have, and who assigns from now on is one of them (KIP-848).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{ConsumerGroup, Subscription};
use crate::group::classic::{ClassicGroup, Member as Classic};
use crate::group::{Change, Coordinator, GroupId, MemberId, Record, Settle, Soft, embedded};
use crate::mutant::{self, Mutant};
use crate::units::Now;

/// Who goes and who takes whose place.
pub(super) struct Turn<'a> {
    pub(super) leaving: &'a BTreeSet<MemberId>,
    /// A static member comes back with the classic protocol, in the place of this one.
    pub(super) replaces: Option<(&'a MemberId, &'a MemberId, &'a Subscription)>,
    /// The members must be assigned anew.
    pub(super) rebalances: bool,
}

impl Coordinator {
    /// Is what these members leave behind a classic group?
    pub(super) fn leaves_classic(&self, group: &ConsumerGroup, leaving: &BTreeSet<MemberId>) -> bool {
        let size = group.members.len().saturating_sub(leaving.len());
        let classic = leaving.iter().filter(|id| group.is_classic(id)).count();
        size > 0 && group.classic_members.saturating_sub(classic) == size && self.downgrades(size)
    }

    /// Would the group be a classic one if this member became one?
    pub(super) fn becomes_classic(&self, group: &ConsumerGroup, replaced: &MemberId) -> bool {
        let size = group.members.len();
        !group.is_classic(replaced) && group.classic_members + 1 == size && self.downgrades(size)
    }

    fn downgrades(&self, size: usize) -> bool {
        self.config.migration.downgrades() && size <= self.config.max_size && !mutant::on(Mutant::MigrationOneWay)
    }

    /// The changes that make a classic group of it; `None` where its members have no protocol in common.
    pub(super) fn downgrade(
        &self,
        group: &ConsumerGroup,
        id: &GroupId,
        turn: &Turn<'_>,
        now: Now,
    ) -> Option<Vec<Change>> {
        let replaced = turn.replaces.map(|(old, ..)| old);
        let staying = group.members.iter().map(|(id, member)| (id, &member.subscription));
        let staying = staying.filter(|(id, _)| !turn.leaving.contains(*id) && Some(*id) != replaced);
        let joining = turn.replaces.map(|(_, new, subscription)| (new, subscription));
        let members = staying
            .chain(joining)
            .filter_map(|(id, of)| Some((Arc::clone(id), as_classic(of)?)));
        let classic = ClassicGroup::of_consumers(group.epoch, members, now);
        let protocol = classic.protocol()?;
        let assignment = |id: &MemberId, member: &Classic| {
            let of = turn
                .replaces
                .filter(|(_, new, _)| *new == id)
                .map_or(id, |(old, ..)| old);
            let said = member.metadata(protocol);
            embedded::assignment(&group.target_of(of), &said, &self.topics).unwrap_or_default()
        };
        let record = Record::Group(Arc::clone(id), Some(classic.as_value(assignment)));
        let renamed = turn.replaces.map(|(old, new, _)| (old, new));
        let mut changes = group.tombstones(id, renamed);
        changes.push(Change::Durable(record));
        changes.extend(classic.as_known(id, now));
        changes.extend(
            turn.rebalances
                .then(|| Change::Soft(Arc::clone(id), Soft::Unsettled(Settle::Rebalance))),
        );
        Some(changes)
    }
}

impl ConsumerGroup {
    fn is_classic(&self, member: &MemberId) -> bool {
        let member = self.members.get(member);
        member.is_some_and(|member| member.subscription.classic.is_some())
    }
}

/// A member as a classic group has it.
fn as_classic(subscription: &Subscription) -> Option<Classic> {
    let classic = subscription.classic.as_ref()?;
    Some(Classic {
        instance_id: subscription.instance.clone(),
        client_id: Arc::clone(&subscription.client_id),
        client_host: Arc::clone(&subscription.client_host),
        rebalance_timeout_ms: subscription.rebalance_timeout_ms,
        session_timeout_ms: classic.session_timeout_ms,
        protocols: Arc::clone(&classic.protocols),
        assignment: Bytes::new(),
        join: None,
        sync: None,
        is_new: false,
    })
}
