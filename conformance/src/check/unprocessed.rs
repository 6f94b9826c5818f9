//! unprocessed: a group is through with its input, and a value that counts there was never worked off: no `process` event
//! names it, and no output that is visible to readers of committed records has it as its source.

use std::collections::HashSet;

use super::{Anomaly, Facts, Finding};
use crate::history::{Event, Identity, Isolation};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let worked = worked_off(facts);
    let mut found = Vec::new();
    for (line, group, offsets) in facts.drained() {
        for send in &facts.sends {
            let identity = send.value.identity();
            let Some(to) = offsets.get(send.partition).filter(|_| !worked.contains(&identity)) else {
                continue;
            };
            // What is not in the log is lost, not left out.
            let Some(lines) = facts.acknowledged(send).filter(|_| facts.was_read(send.value)) else {
                continue;
            };
            if send.offset.is_some_and(|offset| offset >= *to) {
                continue;
            }
            let told = format!(
                "{group} has committed {} up to {to} and never processed {identity}",
                send.partition
            );
            found.push(Finding::new(
                Anomaly::Unprocessed,
                told,
                lines.into_iter().chain([line]),
            ));
        }
    }
    found
}

fn worked_off(facts: &Facts<'_>) -> HashSet<Identity> {
    let processed = facts.history.lines.iter().filter_map(|entry| match &entry.event {
        Event::Process { value, .. } => Some(value.identity()),
        _ => None,
    });
    let outputs = facts.polls.iter().filter(|poll| poll.isolation == Isolation::Committed);
    let made = outputs.filter_map(|poll| poll.value.source.clone());
    processed.chain(made).collect()
}
