//! unseen: an acknowledged value is not there when the final reads have read all of its partition. What others were given
//! before counts for nothing: it may have gone since.

use std::collections::HashSet;

use super::{Anomaly, Facts, Finding};
use crate::history::{Identity, Name, Place};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let there = there(facts);
    let mut found = Vec::new();
    for send in &facts.sends {
        let Some(lines) = facts.acknowledged(send) else {
            continue;
        };
        let is_passed = |offset| facts.passed.over(send.partition, offset).is_some();
        if !facts.was_read(send.value) && send.offset.is_some_and(is_passed) {
            continue; // told as lost already
        }
        let done = lines.last().copied().unwrap_or(send.line);
        // What was deleted before the first offset that there is was not lost.
        let gone = |from: i64| send.offset.is_some_and(|offset| offset < from);
        let is_there = |line: usize| {
            let reader = &facts.history.lines[line].process;
            there.contains(&(reader, send.partition, send.value.identity()))
        };
        let Some((read, _, to)) = facts
            .final_reads(send.partition)
            .find(|(line, from, _)| *line > done && !gone(*from) && !is_there(*line))
        else {
            continue;
        };
        let told = format!(
            "{} was acknowledged and is not in {}, read to its end at {to}",
            send.value.identity(),
            send.partition
        );
        found.push(Finding::new(Anomaly::Unseen, told, lines.into_iter().chain([read])));
    }
    found
}

/// What the readers whose reads are final were given: by whom, where, what.
fn there<'f>(facts: &'f Facts<'_>) -> HashSet<(&'f Name, &'f Place, Identity)> {
    let readers = facts.finals.values().flatten();
    let readers: HashSet<&Name> = readers.map(|line| &facts.history.lines[*line].process).collect();
    let polls = facts.polls.iter().filter(|poll| readers.contains(poll.process));
    polls
        .map(|poll| (poll.process, poll.partition, poll.value.identity()))
        .collect()
}
