//! unseen: an acknowledged value is not there when the final reads have read all of its partition.

use super::{Anomaly, Facts, Finding};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for send in facts.sends.iter().filter(|send| !facts.was_read(send.value)) {
        let Some(lines) = facts.acknowledged(send) else {
            continue;
        };
        if send
            .offset
            .is_some_and(|offset| facts.passed.over(send.partition, offset).is_some())
        {
            continue; // told as lost already
        }
        let done = lines.last().copied().unwrap_or(send.line);
        // What was deleted before the first offset that there is was not lost.
        let gone = |from: i64| send.offset.is_some_and(|offset| offset < from);
        let Some((read, _, to)) = facts
            .final_reads(send.partition)
            .find(|(line, from, _)| *line > done && !gone(*from))
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
