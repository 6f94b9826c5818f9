//! From what a member has to what it should have: first it gives up, then others do, and only then it gets. A partition
//! that anyone still holds is never handed to another (KIP-848).

use std::collections::BTreeSet;

use super::record::{Current, Held, MemberState, Partitions};
use crate::mutant::{self, Mutant};
use crate::units::TopicId;

/// One member's step towards its target.
pub(super) struct Reconciliation<'a> {
    pub(super) current: &'a Current,
    /// The epoch of the target assignment.
    pub(super) target_epoch: i32,
    pub(super) target: &'a Partitions,
    /// The topics that the member is subscribed to now.
    pub(super) subscribed: &'a BTreeSet<TopicId>,
    /// It has just changed what it is subscribed to.
    pub(super) has_new_subscription: bool,
    /// What the member says that it owns, where it says so.
    pub(super) owned: Option<&'a Partitions>,
}

/// The member claims to own something in a state that only one with nothing gets out of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MustRejoin;

impl Reconciliation<'_> {
    /// What the member has next; `is_held` says whether anyone holds a partition.
    pub(super) fn next(&self, is_held: impl Fn(TopicId, i32) -> bool) -> Result<Current, MustRejoin> {
        let is_behind = self.current.epoch != self.target_epoch;
        match self.current.state {
            MemberState::Stable if is_behind => Ok(self.advance(is_held)),
            MemberState::UnrevokedPartitions if !self.owns_any(&self.current.revoking) => Ok(self.advance(is_held)),
            MemberState::UnreleasedPartitions => Ok(self.advance(is_held)),
            MemberState::Stable | MemberState::UnrevokedPartitions if self.has_new_subscription => Ok(self.shrink()),
            MemberState::Stable | MemberState::UnrevokedPartitions => Ok(self.current.clone()),
            MemberState::Unknown if self.owned.is_some_and(Partitions::is_empty) => Ok(self.advance(is_held)),
            MemberState::Unknown => Err(MustRejoin),
        }
    }

    fn advance(&self, is_held: impl Fn(TopicId, i32) -> bool) -> Current {
        let mut assigned = Held::new();
        let mut revoking = Held::new();
        for (topic, partition, epoch) in triples(&self.current.assigned) {
            let keeps = self.is_wanted(topic, partition) || mutant::on(Mutant::RevocationSkipped);
            let to = if keeps { &mut assigned } else { &mut revoking };
            to.entry(topic).or_default().insert(partition, epoch);
        }
        if !revoking.is_empty() && self.owns_any(&revoking) {
            return self.in_epoch(self.current.epoch, MemberState::UnrevokedPartitions, assigned, revoking);
        }
        let mut must_wait = false;
        for (topic, partition) in super::assign::pairs(self.target) {
            if contains(&assigned, topic, partition) || !self.subscribed.contains(&topic) {
                continue;
            }
            let is_free = !is_held(topic, partition) || contains(&self.current.revoking, topic, partition);
            if is_free || mutant::on(Mutant::RevocationSkipped) {
                assigned.entry(topic).or_default().insert(partition, self.target_epoch);
            } else {
                must_wait = true;
            }
        }
        let state = if must_wait {
            MemberState::UnreleasedPartitions
        } else {
            MemberState::Stable
        };
        self.in_epoch(self.target_epoch, state, assigned, Held::new())
    }

    /// Before there is a new target, topics that the member has just left are given up.
    fn shrink(&self) -> Current {
        let mut assigned = self.current.assigned.clone();
        let mut revoking = self.current.revoking.clone();
        for (topic, partitions) in &self.current.assigned {
            if !self.subscribed.contains(topic) {
                assigned.remove(topic);
                revoking.entry(*topic).or_default().extend(partitions);
            }
        }
        if assigned == self.current.assigned {
            return self.current.clone();
        }
        let epoch = self.current.epoch;
        if self.owns_any(&revoking) {
            self.in_epoch(epoch, MemberState::UnrevokedPartitions, assigned, revoking)
        } else {
            self.in_epoch(epoch, self.current.state, assigned, self.current.revoking.clone())
        }
    }

    fn in_epoch(&self, epoch: i32, state: MemberState, assigned: Held, revoking: Held) -> Current {
        Current {
            epoch,
            previous_epoch: self.current.epoch,
            state,
            assigned,
            revoking,
        }
    }

    fn is_wanted(&self, topic: TopicId, partition: i32) -> bool {
        self.subscribed.contains(&topic)
            && self
                .target
                .get(&topic)
                .is_some_and(|target| target.contains(&partition))
    }

    /// A member that does not say what it owns is taken to own everything.
    fn owns_any(&self, held: &Held) -> bool {
        self.owned
            .is_none_or(|owned| super::assign::pairs(owned).any(|(topic, partition)| contains(held, topic, partition)))
    }
}

pub(super) fn contains(held: &Held, topic: TopicId, partition: i32) -> bool {
    held.get(&topic)
        .is_some_and(|partitions| partitions.contains_key(&partition))
}

fn triples(held: &Held) -> impl Iterator<Item = (TopicId, i32, i32)> {
    held.iter().flat_map(|(topic, partitions)| {
        partitions
            .iter()
            .map(move |(partition, epoch)| (*topic, *partition, *epoch))
    })
}

/// The same, without the epochs.
pub(super) fn as_partitions(held: &Held) -> Partitions {
    let topic = |(topic, partitions): (&TopicId, &std::collections::BTreeMap<i32, i32>)| {
        (*topic, partitions.keys().copied().collect())
    };
    held.iter().map(topic).collect()
}
