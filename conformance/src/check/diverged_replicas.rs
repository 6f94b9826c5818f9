//! diverged-replicas: two replicas of a partition do not hold the same bytes, from the first offset that all have to the last. One that
//! ends before others is behind: what it lacks, it may get.

use std::collections::{BTreeMap, BTreeSet};

use super::{Anomaly, Facts, Finding};
use crate::history::{Event, History, Name, Place};

/// What a broker holds of a partition.
#[derive(Debug, Default)]
pub(super) struct Replica<'h> {
    /// The line that says that this is all of it, from which offset, and up to which.
    whole: Option<(usize, i64, i64)>,
    /// By offset: the line and the digest.
    batches: BTreeMap<i64, (usize, &'h Name)>,
}

/// By partition and broker.
pub(super) type Replicas<'h> = BTreeMap<&'h Place, BTreeMap<&'h Name, Replica<'h>>>;

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let replicas = facts.replicas.iter();
    replicas.filter_map(|(place, all)| of(place, all)).collect()
}

/// Those of which the history has everything.
pub(super) fn replicas(history: &History) -> Replicas<'_> {
    let mut found: Replicas<'_> = BTreeMap::new();
    for (line, entry) in history.lines.iter().enumerate() {
        let broker = &entry.process;
        match &entry.event {
            Event::Batch {
                partition,
                offset,
                digest,
                ..
            } => {
                let replica = found.entry(partition).or_default().entry(broker).or_default();
                replica.batches.insert(*offset, (line, digest));
            }
            Event::Replica { partition, from, to } => {
                let replica = found.entry(partition).or_default().entry(broker).or_default();
                replica.whole = Some((line, *from, *to));
            }
            _ => {}
        }
    }
    for all in found.values_mut() {
        all.retain(|_, replica| replica.whole.is_some());
    }
    found
}

impl Replica<'_> {
    /// Whether it is whole and goes beyond this offset.
    pub(super) fn is_beyond(&self, offset: Option<i64>) -> bool {
        self.whole.is_some_and(|(_, _, to)| Some(to) > offset)
    }
}

/// The first batch in which they differ.
fn of(place: &Place, all: &BTreeMap<&Name, Replica<'_>>) -> Option<Finding> {
    let wholes = || all.values().filter_map(|replica| replica.whole);
    let begin = wholes().map(|(_, from, _)| from).max()?;
    let end = wholes().map(|(_, _, to)| to).min()?.max(begin);
    let batches = all.values().flat_map(|replica| replica.batches.range(begin..end));
    let offsets: BTreeSet<i64> = batches.map(|(offset, _)| *offset).collect();
    let held = |replica: &Replica<'_>, offset: &i64| replica.batches.get(offset).map(|(_, digest)| (*digest).clone());
    for offset in offsets {
        let mut brokers = all.iter();
        let (first, one) = brokers.next()?;
        let Some((second, other)) = brokers.find(|(_, other)| held(other, &offset) != held(one, &offset)) else {
            continue;
        };
        let told = format!(
            "{place} at offset {offset}: {first} holds {}, {second} {}",
            shown(held(one, &offset)),
            shown(held(other, &offset))
        );
        let line = |replica: &Replica<'_>| match replica.batches.get(&offset) {
            Some((line, _)) => Some(*line),
            None => replica.whole.map(|(line, ..)| line),
        };
        let proof = [one, other].into_iter().filter_map(line);
        return Some(Finding::new(Anomaly::DivergedReplicas, told, proof));
    }
    None
}

fn shown(digest: Option<Name>) -> String {
    digest.map_or_else(|| "no batch".to_owned(), |digest| digest.to_string())
}
