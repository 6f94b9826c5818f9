//! phantom: a reader was given what nobody had sent by then, or other bytes than were sent.

use super::{Anomaly, Facts, Finding};
use crate::check::facts::{Polled, Sent};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts.polls.iter().filter_map(|poll| of(facts, poll)).collect()
}

fn of(facts: &Facts<'_>, poll: &Polled<'_>) -> Option<Finding> {
    let identity = poll.value.identity();
    let sends = facts.sent.get(&identity).into_iter().flatten();
    let before: Vec<&Sent<'_>> = sends
        .map(|index| &facts.sends[*index])
        .filter(|send| send.line < poll.line && send.partition == poll.partition)
        .collect();
    let at = format!("{} offset {}", poll.partition, poll.offset);
    let Some(send) = before.first() else {
        let told = format!("{identity} at {at} was not sent there before it was read");
        return Some(Finding::new(Anomaly::Phantom, told, [poll.line]));
    };
    let unharmed = |send: &&Sent<'_>| send.value.checksum == poll.value.checksum && send.value.key == poll.value.key;
    if before.iter().any(unharmed) {
        return None;
    }
    let told = format!("{identity} at {at} is not what was sent");
    Some(Finding::new(Anomaly::Phantom, told, [send.line, poll.line]))
}
