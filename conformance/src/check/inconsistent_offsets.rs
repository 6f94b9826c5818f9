//! inconsistent-offsets: one (partition, offset) seen with two values, by readers or in the answer to a send. Where a leader alone
//! acknowledges, what it says of an offset is gone with it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Anomaly, Facts, Finding};
use crate::history::{Outcome, Place, Semantics, Value};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut seen: HashMap<(&Place, i64), (&Value, Vec<usize>)> = HashMap::new();
    let mut found = Vec::new();
    for (partition, offset, value, lines) in sightings(facts) {
        match seen.entry((partition, offset)) {
            Entry::Vacant(entry) => drop(entry.insert((value, lines))),
            Entry::Occupied(entry) => {
                let (before, shown) = entry.get();
                if before.identity() != value.identity() {
                    let told = format!(
                        "{partition} offset {offset} is {} and {}",
                        before.identity(),
                        value.identity()
                    );
                    let proof = shown.iter().copied().chain(lines);
                    found.push(Finding::new(Anomaly::InconsistentOffsets, told, proof));
                }
            }
        }
    }
    found
}

fn sightings<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = (&'f Place, i64, &'f Value, Vec<usize>)> {
    let is_kept = facts.history.header.semantics != Semantics::AtMostOnce;
    let acknowledged = facts
        .sends
        .iter()
        .filter(move |send| is_kept && send.outcome == Outcome::Ok);
    let acknowledged = acknowledged.filter_map(|send| {
        let lines = std::iter::once(send.line).chain(send.done).collect();
        Some((send.partition, send.offset?, send.value, lines))
    });
    let polled = facts
        .polls
        .iter()
        .map(|poll| (poll.partition, poll.offset, poll.value, vec![poll.line]));
    acknowledged.chain(polled)
}
