//! reprocessed: a group worked one value off twice. Work is a `process` event, or an output that is visible to readers of
//! committed records and names its source.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Anomaly, Facts, Finding};
use crate::history::{Event, Identity, Isolation, Name};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = by_group(facts);
    found.extend(by_output(facts));
    found
}

fn by_group(facts: &Facts<'_>) -> Vec<Finding> {
    let mut first: HashMap<(&Name, Identity), usize> = HashMap::new();
    let mut found = Vec::new();
    for (line, entry) in facts.history.lines.iter().enumerate() {
        let Event::Process { group, value, .. } = &entry.event else {
            continue;
        };
        match first.entry((group, value.identity())) {
            Entry::Vacant(entry) => drop(entry.insert(line)),
            Entry::Occupied(before) => {
                let told = format!("{group} processed {} twice", value.identity());
                found.push(Finding::new(Anomaly::Reprocessed, told, [*before.get(), line]));
            }
        }
    }
    found
}

fn by_output(facts: &Facts<'_>) -> Vec<Finding> {
    let mut first: HashMap<(&Name, &Identity), (Identity, usize)> = HashMap::new();
    let mut found = Vec::new();
    for poll in facts.polls.iter().filter(|poll| poll.isolation == Isolation::Committed) {
        let Some(source) = &poll.value.source else { continue };
        let output = poll.value.identity();
        match first.entry((&poll.partition.topic, source)) {
            Entry::Vacant(entry) => drop(entry.insert((output, poll.line))),
            Entry::Occupied(before) if before.get().0 != output => {
                let (other, line) = before.get();
                let told = format!("{source} was made into {other} and into {output}");
                found.push(Finding::new(Anomaly::Reprocessed, told, [*line, poll.line]));
            }
            Entry::Occupied(_) => {}
        }
    }
    found
}
