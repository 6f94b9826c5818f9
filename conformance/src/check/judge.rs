//! What a history comes to under the semantics that it names. Made once, from the findings alone; reporters only show it.

use std::collections::BTreeMap;

use super::evidence::Missing;
use super::{Anomaly, Facts, Finding, Promise};
use crate::history::{Decision, Event, History, Outcome};

/// With fewer acknowledged values than this nothing is shown.
pub const ENOUGH: u64 = 100;

/// The judgement on a history.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Every anomaly, found or not.
    pub rows: Vec<Row>,
    /// What happened, in numbers.
    pub counts: Counts,
    /// What that comes to.
    pub verdict: Verdict,
}

/// One anomaly.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which.
    pub anomaly: Anomaly,
    /// What the semantics say of it.
    pub promise: Promise,
    /// Where it shows.
    pub findings: Vec<Finding>,
    /// Why the history could not show it, where it could not.
    pub unseen: Option<String>,
}

/// What a history comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything promised held, and every contrast was shown.
    Held,
    /// A promise was broken.
    Broken,
    /// Too little happened to tell: why, in words.
    TooLittle(Vec<String>),
}

/// What happened, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sends that were invoked.
    pub sends: u64,
    /// Those that were acknowledged.
    pub acknowledged: u64,
    /// Those that failed for good.
    pub failed: u64,
    /// Transactions that were begun.
    pub transactions: u64,
    /// Those that were committed.
    pub committed: u64,
    /// Those that were aborted.
    pub aborted: u64,
    /// Records that reached readers.
    pub polls: u64,
    /// Records that a group worked off.
    pub processed: u64,
    /// Times that a member got partitions.
    pub rebalances: u64,
    /// Partitions that were read to their end.
    pub read: u64,
    /// Replicas whose bytes were looked at.
    pub replicas: u64,
    /// By fault, how many brokers or connections it touched.
    pub faults: BTreeMap<String, u64>,
}

/// Judges a history.
pub fn judge(history: &History) -> Judgement {
    let facts = Facts::of(history);
    let (mut findings, missing) = (super::of(&facts), Missing::of(&facts));
    let semantics = history.header.semantics;
    let rows: Vec<Row> = Anomaly::ALL
        .into_iter()
        .map(|anomaly| Row {
            anomaly,
            promise: anomaly.under(semantics),
            findings: findings.extract_if(.., |finding| finding.anomaly == anomaly).collect(),
            unseen: missing.why(anomaly),
        })
        .collect();
    let counts = Counts::of(history);
    let verdict = verdict(&rows, &counts);
    Judgement { rows, counts, verdict }
}

fn verdict(rows: &[Row], counts: &Counts) -> Verdict {
    if rows.iter().any(Row::is_broken) {
        return Verdict::Broken;
    }
    let missing: Vec<String> = [too_few(counts), not_read(counts), no_fault(counts)]
        .into_iter()
        .flatten()
        .chain(rows.iter().filter_map(Row::untold))
        .chain(rows.iter().filter_map(|row| not_shown(row, counts)))
        .collect();
    match missing.is_empty() {
        true => Verdict::Held,
        false => Verdict::TooLittle(missing),
    }
}

impl Row {
    /// Whether it is there and must not be.
    pub fn is_broken(&self) -> bool {
        self.promise == Promise::Never && !self.findings.is_empty()
    }

    /// Whether it must not be, and the history shows that it is not.
    pub fn is_held(&self) -> bool {
        self.promise == Promise::Never && self.findings.is_empty() && self.unseen.is_none()
    }

    /// Why nobody can tell whether a promise held.
    fn untold(&self) -> Option<String> {
        // Whose files are not ours to read is judged by what it serves.
        let is_wanted = self.promise == Promise::Never && self.anomaly != Anomaly::DivergedReplicas;
        self.unseen.clone().filter(|_| is_wanted)
    }
}

fn too_few(counts: &Counts) -> Option<String> {
    let few = counts.acknowledged < ENOUGH;
    few.then(|| {
        format!(
            "{} values were acknowledged; {ENOUGH} are needed to tell",
            counts.acknowledged
        )
    })
}

fn not_read(counts: &Counts) -> Option<String> {
    let why = "no partition was read to its end: what was acknowledged may be there or not";
    (counts.read == 0).then(|| why.to_owned())
}

fn no_fault(counts: &Counts) -> Option<String> {
    let none = !counts.faults.is_empty() && counts.faults.values().all(|touched| *touched == 0);
    none.then(|| "no fault took effect: nothing shows what happens when one does".to_owned())
}

/// Cut connections show what a weaker promise allows.
fn not_shown(row: &Row, counts: &Counts) -> Option<String> {
    let expected = row.promise == Promise::Shown && counts.faults.get("cut").is_some_and(|cuts| *cuts > 0);
    let missing = expected && row.findings.is_empty();
    missing.then(|| {
        format!(
            "no {} was seen, which these semantics allow: nothing shows the difference",
            row.anomaly.name()
        )
    })
}

impl Counts {
    fn of(history: &History) -> Self {
        let mut counts = Self::default();
        let mut open = BTreeMap::new();
        for line in &history.lines {
            counts.take(&line.event, &mut open);
        }
        counts
    }

    fn take(&mut self, event: &Event, open: &mut BTreeMap<u64, Option<Decision>>) {
        match event {
            Event::Send { id, .. } => {
                self.sends += 1;
                open.insert(*id, None);
            }
            Event::End { id, decision, .. } => drop(open.insert(*id, Some(*decision))),
            Event::Done { id, outcome, .. } => match (open.remove(id), outcome) {
                (Some(None), Outcome::Ok) => self.acknowledged += 1,
                (Some(None), Outcome::Fail) => self.failed += 1,
                (Some(Some(Decision::Commit)), Outcome::Ok) => self.committed += 1,
                (Some(Some(Decision::Abort)), Outcome::Ok) => self.aborted += 1,
                (None | Some(_), _) => {}
            },
            Event::Begin { .. } => self.transactions += 1,
            Event::Poll { .. } => self.polls += 1,
            Event::Process { .. } => self.processed += 1,
            Event::Assigned { .. } => self.rebalances += 1,
            Event::Read { .. } => self.read += 1,
            Event::Replica { .. } => self.replicas += 1,
            Event::Fault { fault, effect, .. } if fault != "heal" => {
                *self.faults.entry(fault.clone()).or_default() += effect;
            }
            Event::Fault { .. }
            | Event::Commit { .. }
            | Event::Revoked { .. }
            | Event::Session
            | Event::Seek { .. }
            | Event::Batch { .. }
            | Event::Drained { .. } => {}
        }
    }
}
