//! aborted-read (G1a): a reader of committed records was given what had failed, was aborted, or was not yet to be committed.

use super::facts::{Polled, Sent};
use super::{Anomaly, Facts, Finding};
use crate::history::{Isolation, Outcome};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let committed = facts.polls.iter().filter(|poll| poll.isolation == Isolation::Committed);
    committed.filter_map(|poll| of(facts, poll)).collect()
}

fn of(facts: &Facts<'_>, poll: &Polled<'_>) -> Option<Finding> {
    let sends = facts.sent.get(&poll.value.identity())?;
    let mut why = None;
    // A value that was sent more than once is right when one of them is.
    for index in sends {
        why = Some(wrong(facts, &facts.sends[*index], poll.line)?);
    }
    let (why, proof) = why?;
    let told = format!(
        "{} at {} offset {} {why}, and {} was given it",
        poll.value.identity(),
        poll.partition,
        poll.offset,
        poll.process
    );
    Some(Finding::new(
        Anomaly::AbortedRead,
        told,
        proof.into_iter().chain([poll.line]),
    ))
}

/// Why this send cannot be what was read at this line; None where it can.
fn wrong(facts: &Facts<'_>, send: &Sent<'_>, read: usize) -> Option<(String, Vec<usize>)> {
    if send.outcome == Outcome::Fail {
        return Some((
            "failed".to_owned(),
            std::iter::once(send.line).chain(send.done).collect(),
        ));
    }
    let name = send.transaction?;
    let transaction = facts.transactions.get(name)?;
    if transaction.committed.is_some() {
        // Whoever reads before the commit is asked for has read too early all the same.
        let asked = transaction.commit?;
        return (read < asked).then(|| {
            (
                format!("was read before {name} was to be committed"),
                vec![send.line, asked],
            )
        });
    }
    match (transaction.aborted, transaction.commit) {
        (Some(aborted), _) => Some((
            format!("belongs to {name}, which was aborted"),
            vec![send.line, aborted],
        )),
        (None, None) => Some((format!("belongs to {name}, which nobody committed"), vec![send.line])),
        (None, Some(asked)) if read < asked => Some((
            format!("was read before {name} was to be committed"),
            vec![send.line, asked],
        )),
        (None, Some(_)) => None,
    }
}
