//! What a history does not show: partitions that nobody read to their end, groups that nobody saw through with their input.
//! Where it shows nothing, that nothing is wrong there says nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Anomaly, Facts};
use crate::history::{Event, Name, Place};

/// What is missing.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Partitions that hold acknowledged values.
    unread: Vec<Place>,
    /// Groups, and what of their input.
    undrained: Vec<String>,
    /// Partitions of which less than two replicas were looked at, or one that ends before what was acknowledged.
    uncompared: Vec<Place>,
}

/// What is acknowledged in a partition.
#[derive(Debug, Default, Clone, Copy)]
struct Acknowledged {
    /// The line of the last one.
    line: usize,
    /// The greatest offset that was told.
    offset: Option<i64>,
}

impl Missing {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let acknowledged = acknowledged(facts);
        let unread = acknowledged
            .iter()
            .filter(|(place, last)| !facts.final_reads(place).any(|(line, _, _)| line > last.line));
        Self {
            unread: unread.map(|(place, _)| (*place).clone()).collect(),
            undrained: undrained(facts, &acknowledged),
            uncompared: uncompared(facts, &acknowledged),
        }
    }

    /// Whether the history could show this anomaly.
    pub(super) fn lets_see(&self, anomaly: Anomaly) -> bool {
        match anomaly {
            Anomaly::Unseen => self.unread.is_empty(),
            Anomaly::Unprocessed => self.undrained.is_empty(),
            Anomaly::DivergedReplicas => self.uncompared.is_empty(),
            Anomaly::InconsistentOffsets
            | Anomaly::Phantom
            | Anomaly::LostWrite
            | Anomaly::Duplicate
            | Anomaly::NonmonotonicSend
            | Anomaly::PollSkip
            | Anomaly::NonmonotonicPoll
            | Anomaly::AbortedRead
            | Anomaly::TornTransaction
            | Anomaly::SplitOwnership
            | Anomaly::ZombieCommit
            | Anomaly::Reprocessed => true,
        }
    }

    /// Why it cannot show this one, in words.
    pub(super) fn why(&self, anomaly: Anomaly) -> Option<String> {
        if self.lets_see(anomaly) {
            return None;
        }
        let names = |places: &[Place]| places.iter().map(ToString::to_string).collect::<Vec<_>>();
        Some(match anomaly {
            Anomaly::Unprocessed => self.undrained.join("; "),
            Anomaly::DivergedReplicas => format!(
                "the replicas of {} were not all compared up to what was acknowledged",
                names(&self.uncompared).join(", ")
            ),
            _ => format!(
                "{} not read to the end after the last acknowledgement: what was acknowledged there may be there or not",
                was(&names(&self.unread))
            ),
        })
    }
}

fn was(names: &[String]) -> String {
    let verb = if names.len() == 1 { "was" } else { "were" };
    format!("{} {verb}", names.join(", "))
}

fn acknowledged<'h>(facts: &Facts<'h>) -> BTreeMap<&'h Place, Acknowledged> {
    let mut by_place: BTreeMap<&Place, Acknowledged> = BTreeMap::new();
    for send in &facts.sends {
        let Some(lines) = facts.acknowledged(send) else {
            continue;
        };
        let last = by_place.entry(send.partition).or_default();
        last.line = lines.into_iter().fold(last.line, usize::max);
        last.offset = last.offset.max(send.offset);
    }
    by_place
}

/// A group has to get behind the last acknowledged value of every partition of its topics.
fn undrained(facts: &Facts<'_>, acknowledged: &BTreeMap<&Place, Acknowledged>) -> Vec<String> {
    let ends: BTreeMap<&Name, &BTreeMap<Place, i64>> =
        facts.drained().map(|(_, group, offsets)| (group, offsets)).collect();
    let mut found = Vec::new();
    for (group, topics) in subscribed(facts) {
        let Some(offsets) = ends.get(group) else {
            found.push(format!("nobody saw {group} through with its input"));
            continue;
        };
        let of_group = acknowledged.iter().filter(|(place, _)| topics.contains(&place.topic));
        let is_short =
            |place: &Place, last: &Acknowledged| offsets.get(place).is_none_or(|to| last.offset >= Some(*to));
        let short = of_group.filter(|(place, last)| is_short(place, last));
        let short: Vec<String> = short.map(|(place, _)| place.to_string()).collect();
        if !short.is_empty() {
            found.push(format!("{group} was not seen through with {}", short.join(", ")));
        }
    }
    found
}

fn uncompared(facts: &Facts<'_>, acknowledged: &BTreeMap<&Place, Acknowledged>) -> Vec<Place> {
    let are_compared = |place: &Place, last: &Acknowledged| {
        let all = facts.replicas.get(place);
        all.is_some_and(|all| all.len() > 1 && all.values().all(|replica| replica.is_beyond(last.offset)))
    };
    let places = acknowledged.iter().filter(|(place, last)| !are_compared(place, last));
    places.map(|(place, _)| (*place).clone()).collect()
}

/// By group, the topics that its members were given or committed.
fn subscribed<'h>(facts: &Facts<'h>) -> BTreeMap<&'h Name, BTreeSet<&'h Name>> {
    let mut topics: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for line in &facts.history.lines {
        let (group, places): (_, Vec<&Place>) = match &line.event {
            Event::Assigned { group, partitions, .. } => (group, partitions.iter().collect()),
            Event::Commit { group, offsets, .. } => (group, offsets.keys().collect()),
            _ => continue,
        };
        let names = places.into_iter().map(|place| &place.topic);
        topics.entry(group).or_default().extend(names);
    }
    topics
}
