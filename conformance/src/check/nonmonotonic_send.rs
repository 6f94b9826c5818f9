//! nonmonotonic-send: within a partition, what one life of a producer sent later lies before what it sent earlier. What was
//! in flight while its producer began another session is not judged.

use std::collections::{BTreeMap, HashMap};

use super::{Anomaly, Facts, Finding};
use crate::check::facts::Polled;
use crate::history::{Name, Place};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut logs: BTreeMap<&Place, BTreeMap<i64, &Polled<'_>>> = BTreeMap::new();
    let judged = facts
        .polls
        .iter()
        .filter(|poll| !facts.crossed_sessions(&poll.value.identity()));
    for poll in judged {
        logs.entry(poll.partition)
            .or_default()
            .entry(poll.offset)
            .or_insert(poll);
    }
    let found = logs.values().flat_map(|log| within(log.values().copied()));
    found.collect()
}

/// The order of sending is the order of sequences.
fn within<'f>(log: impl Iterator<Item = &'f Polled<'f>>) -> Vec<Finding> {
    let mut latest: HashMap<(&Name, u32), &Polled<'_>> = HashMap::new();
    let mut found = Vec::new();
    for poll in log {
        let life = (&poll.value.producer, poll.value.run);
        match latest.get(&life) {
            Some(before) if before.value.sequence > poll.value.sequence => {
                let told = format!(
                    "{} lies at {} offset {}, behind {} at offset {}",
                    poll.value.identity(),
                    poll.partition,
                    poll.offset,
                    before.value.identity(),
                    before.offset
                );
                found.push(Finding::new(Anomaly::NonmonotonicSend, told, [before.line, poll.line]));
            }
            _ => drop(latest.insert(life, poll)),
        }
    }
    found
}
