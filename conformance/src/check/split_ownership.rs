//! split-ownership: two members of a group were given a partition in one generation.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Anomaly, Facts, Finding};
use crate::history::Event;

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut owners = HashMap::new();
    let mut found = Vec::new();
    for (line, entry) in facts.history.lines.iter().enumerate() {
        let Event::Assigned {
            group,
            generation: Some(generation),
            partitions,
        } = &entry.event
        else {
            continue;
        };
        for partition in partitions {
            match owners.entry((group, generation, partition)) {
                Entry::Vacant(owner) => drop(owner.insert((&entry.process, line))),
                Entry::Occupied(owner) if owner.get().0 != &entry.process => {
                    let (other, before) = owner.get();
                    let told = format!(
                        "{partition} belongs to {other} and to {} in generation {generation} of {group}",
                        entry.process
                    );
                    found.push(Finding::new(Anomaly::SplitOwnership, told, [*before, line]));
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    found
}
