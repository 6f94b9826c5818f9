//! torn-transaction: readers of committed records were given some writes of a transaction, and passed over others of it.

use std::collections::HashSet;

use super::facts::{Sent, Transaction};
use super::{Anomaly, Facts, Finding};
use crate::history::{Identity, Isolation, Name, Outcome};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let committed = facts.polls.iter().filter(|poll| poll.isolation == Isolation::Committed);
    let visible: HashSet<Identity> = committed.map(|poll| poll.value.identity()).collect();
    let transactions = facts.transactions.iter();
    let found = transactions.filter_map(|(name, transaction)| of(facts, name, transaction, &visible));
    found.collect()
}

fn of(facts: &Facts<'_>, name: &Name, transaction: &Transaction, visible: &HashSet<Identity>) -> Option<Finding> {
    let sends = || transaction.sends.iter().map(|index| &facts.sends[*index]);
    let seen = sends().find(|send| visible.contains(&send.value.identity()))?;
    let missing = sends().filter(|send| send.outcome == Outcome::Ok && !visible.contains(&send.value.identity()));
    let (missing, passed) = missing.filter_map(|send| Some((send, passed(facts, send)?))).next()?;
    let told = format!(
        "of {name}, {} is visible and {} is not, though readers of {} have passed it",
        seen.value.identity(),
        missing.value.identity(),
        missing.partition
    );
    let shown = facts.read.get(&seen.value.identity()).into_iter().flatten();
    let shown = shown
        .map(|index| &facts.polls[*index])
        .find(|poll| poll.isolation == Isolation::Committed)
        .map(|poll| poll.line);
    let proof = [seen.line, missing.line].into_iter().chain(missing.done).chain(shown);
    Some(Finding::new(Anomaly::TornTransaction, told, proof.chain(passed)))
}

/// The lines that show that readers had this send behind them.
fn passed(facts: &Facts<'_>, send: &Sent<'_>) -> Option<Vec<usize>> {
    let offset = send.offset?;
    let whole = facts
        .final_reads(send.partition)
        .find(|(line, from, to)| send.done.is_some_and(|done| *line > done) && *from <= offset && offset < *to);
    if let Some((line, _, _)) = whole {
        return Some(vec![line]);
    }
    let (before, after) = facts.passed.over(send.partition, offset)?;
    Some(vec![before, after])
}
