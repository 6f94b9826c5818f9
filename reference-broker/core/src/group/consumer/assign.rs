//! The server's assignors: who should have which partitions. `uniform` spreads them evenly and moves as few as it can;
//! `range` gives neighbouring partitions, and the same ones of every topic that has as many.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Partitions;
use crate::config::Assignor;
use crate::group::MemberId;
use crate::units::TopicId;

mod mixed;

/// A member as an assignor sees it.
#[derive(Debug)]
pub(super) struct Participant<'a> {
    pub(super) id: &'a MemberId,
    pub(super) instance: Option<&'a str>,
    pub(super) topics: BTreeSet<TopicId>,
    pub(super) before: &'a Partitions,
}

/// The partition count of every topic that somebody is subscribed to.
pub(super) type Counts = BTreeMap<TopicId, i32>;

/// What each participant should have, in their order.
pub(super) fn assign(assignor: Assignor, participants: &[Participant<'_>], counts: &Counts) -> Vec<Partitions> {
    match assignor {
        Assignor::Range => range(participants, counts),
        Assignor::Uniform if participants.windows(2).all(|pair| pair[0].topics == pair[1].topics) => {
            uniform(participants, counts)
        }
        Assignor::Uniform => mixed::assign(participants, counts),
    }
}

/// All are subscribed to the same: everyone keeps what it had up to its share, the rest goes to who has less.
fn uniform(participants: &[Participant<'_>], counts: &Counts) -> Vec<Partitions> {
    let topics = participants.first().map(|first| &first.topics);
    let all: BTreeSet<(TopicId, i32)> = topics
        .into_iter()
        .flatten()
        .filter_map(|topic| Some((*topic, *counts.get(topic)?)))
        .flat_map(|(topic, count)| (0..count).map(move |partition| (topic, partition)))
        .collect();
    let share = all.len() / participants.len().max(1);
    let mut larger_shares = all.len() % participants.len().max(1);
    let mut free = all.clone();
    let mut targets = Vec::with_capacity(participants.len());
    for participant in participants {
        let had = pairs(participant.before).filter(|pair| free.contains(pair));
        let mut kept: Vec<_> = had.take(share + usize::from(larger_shares > 0)).collect();
        kept.dedup();
        larger_shares -= usize::from(kept.len() > share);
        kept.iter().for_each(|pair| {
            free.remove(pair);
        });
        targets.push(kept);
    }
    let mut free = free.into_iter();
    for kept in &mut targets {
        let is_larger = kept.len() > share;
        let wanted = share.saturating_sub(kept.len());
        kept.extend(free.by_ref().take(wanted));
        if !is_larger && larger_shares > 0 && kept.len() == share {
            larger_shares -= 1;
            kept.extend(free.next());
        }
    }
    targets.into_iter().map(collect).collect()
}

/// Static members come first, by their names for life, so that a restart changes nothing.
fn range(participants: &[Participant<'_>], counts: &Counts) -> Vec<Partitions> {
    let mut targets = vec![Partitions::new(); participants.len()];
    for (topic, count) in counts {
        let mut subscribed: Vec<usize> = (0..participants.len())
            .filter(|at| participants[*at].topics.contains(topic))
            .collect();
        subscribed.sort_by_key(|at| {
            let participant = &participants[*at];
            (participant.instance.is_none(), participant.instance, participant.id)
        });
        let Ok(members) = i32::try_from(subscribed.len()) else {
            continue;
        };
        if members == 0 {
            continue;
        }
        let mut next = 0;
        for (place, at) in (0..).zip(subscribed) {
            let length = count / members + i32::from(place < count % members);
            if length > 0 {
                targets[at].insert(*topic, (next..next + length).collect());
            }
            next += length;
        }
    }
    targets
}

pub(super) fn pairs(partitions: &Partitions) -> impl Iterator<Item = (TopicId, i32)> {
    partitions
        .iter()
        .flat_map(|(topic, partitions)| partitions.iter().map(move |partition| (*topic, *partition)))
}

pub(super) fn collect(pairs: impl IntoIterator<Item = (TopicId, i32)>) -> Partitions {
    let mut partitions = Partitions::new();
    for (topic, partition) in pairs {
        partitions.entry(topic).or_default().insert(partition);
    }
    partitions
}

#[cfg(test)]
mod tests;
