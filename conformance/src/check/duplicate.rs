//! duplicate: one value at two places of the log. What was in flight while its producer began another session is not
//! judged: a broker cannot know it for the same.

use super::{Anomaly, Facts, Finding};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (identity, polls) in &facts.read {
        let first = &facts.polls[polls[0]];
        let elsewhere = polls.iter().map(|index| &facts.polls[*index]);
        let second = elsewhere
            .filter(|poll| (poll.partition, poll.offset) != (first.partition, first.offset))
            .min_by_key(|poll| poll.line);
        if let Some(second) = second.filter(|_| !facts.crossed_sessions(identity)) {
            let told = format!(
                "{identity} is at {} offset {} and at {} offset {}",
                first.partition, first.offset, second.partition, second.offset
            );
            let sends = facts.sent.get(identity).into_iter().flatten();
            let send = sends.map(|index| facts.sends[*index].line).min();
            let proof = send.into_iter().chain([first.line, second.line]);
            found.push(Finding::new(Anomaly::Duplicate, told, proof));
        }
    }
    found
}
