//! A history, looked at once: who sent what and how that ended, who read what, which transactions were decided.
//! Every checker reads from here; none of it judges.

use std::collections::{BTreeMap, HashMap};

use super::diverged_replicas::{self, Replicas};
use super::lost_write::Spans;
use crate::history::{Decision, Event, History, Identity, Isolation, Name, Outcome, Place, Value};

/// A send and what became of it.
#[derive(Debug)]
pub(super) struct Sent<'h> {
    pub(super) line: usize,
    pub(super) partition: &'h Place,
    pub(super) value: &'h Value,
    pub(super) transaction: Option<&'h Name>,
    pub(super) outcome: Outcome,
    /// The line of its completion.
    pub(super) done: Option<usize>,
    pub(super) offset: Option<i64>,
}

/// A record that reached a reader.
#[derive(Debug)]
pub(super) struct Polled<'h> {
    pub(super) line: usize,
    pub(super) process: &'h Name,
    pub(super) partition: &'h Place,
    pub(super) offset: i64,
    pub(super) value: &'h Value,
    pub(super) isolation: Isolation,
}

/// A transaction and what became of it.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Indices into [`Facts::sends`].
    pub(super) sends: Vec<usize>,
    /// The line at which a commit was first asked for.
    pub(super) commit: Option<usize>,
    /// The line that says that it is committed.
    pub(super) committed: Option<usize>,
    /// The line that says that it is aborted, or that its commit failed for good.
    pub(super) aborted: Option<usize>,
}

/// A history, indexed.
#[derive(Debug)]
pub(super) struct Facts<'h> {
    pub(super) history: &'h History,
    pub(super) sends: Vec<Sent<'h>>,
    pub(super) polls: Vec<Polled<'h>>,
    pub(super) transactions: HashMap<&'h Name, Transaction>,
    /// By value, indices into `sends`.
    pub(super) sent: HashMap<Identity, Vec<usize>>,
    /// By value, indices into `polls`.
    pub(super) read: HashMap<Identity, Vec<usize>>,
    /// Lines of [`Event::Read`] by partition.
    pub(super) finals: HashMap<&'h Place, Vec<usize>>,
    /// Lines at which each life of a producer began a session.
    sessions: HashMap<&'h Name, Vec<usize>>,
    /// What readers have passed.
    pub(super) passed: Spans<'h>,
    /// What brokers hold.
    pub(super) replicas: Replicas<'h>,
    /// How each other invocation ended, by id.
    done: HashMap<u64, (usize, Outcome)>,
}

impl<'h> Facts<'h> {
    /// Looks at a history.
    pub(super) fn of(history: &'h History) -> Self {
        let mut facts = Self {
            history,
            sends: Vec::new(),
            polls: Vec::new(),
            transactions: HashMap::new(),
            sent: HashMap::new(),
            read: HashMap::new(),
            finals: HashMap::new(),
            sessions: HashMap::new(),
            passed: Spans::of(history),
            replicas: diverged_replicas::replicas(history),
            done: HashMap::new(),
        };
        let mut open = HashMap::new();
        for (line, entry) in history.lines.iter().enumerate() {
            facts.take(line, &entry.process, &entry.event, &mut open);
        }
        facts
    }

    fn take(&mut self, line: usize, process: &'h Name, event: &'h Event, open: &mut HashMap<u64, Open<'h>>) {
        match event {
            Event::Send {
                id,
                partition,
                value,
                transaction,
            } => {
                open.insert(*id, Open::Send(self.sends.len()));
                self.send(line, partition, value, transaction.as_ref());
            }
            Event::End {
                id,
                transaction,
                decision,
            } => {
                open.insert(*id, Open::End(transaction, *decision));
                if *decision == Decision::Commit {
                    self.transaction(transaction).commit.get_or_insert(line);
                }
            }
            Event::Done {
                id, outcome, offset, ..
            } => {
                self.done.insert(*id, (line, *outcome));
                self.end(line, open.remove(id), *outcome, *offset);
            }
            Event::Poll {
                partition,
                offset,
                value,
                isolation,
                ..
            } => {
                self.read.entry(value.identity()).or_default().push(self.polls.len());
                self.polls.push(Polled {
                    line,
                    process,
                    partition,
                    offset: *offset,
                    value,
                    isolation: *isolation,
                });
            }
            Event::Read { partition, .. } => self.finals.entry(partition).or_default().push(line),
            Event::Begin { transaction, .. } => drop(self.transaction(transaction)),
            Event::Session => self.sessions.entry(process).or_default().push(line),
            Event::Commit { .. }
            | Event::Process { .. }
            | Event::Assigned { .. }
            | Event::Revoked { .. }
            | Event::Seek { .. }
            | Event::Fault { .. }
            | Event::Batch { .. }
            | Event::Replica { .. }
            | Event::Drained { .. } => {}
        }
    }

    fn send(&mut self, line: usize, partition: &'h Place, value: &'h Value, transaction: Option<&'h Name>) {
        let index = self.sends.len();
        self.sent.entry(value.identity()).or_default().push(index);
        if let Some(transaction) = transaction {
            self.transaction(transaction).sends.push(index);
        }
        self.sends.push(Sent {
            line,
            partition,
            value,
            transaction,
            outcome: Outcome::Unknown,
            done: None,
            offset: None,
        });
    }

    fn end(&mut self, line: usize, what: Option<Open<'h>>, outcome: Outcome, offset: Option<i64>) {
        match what {
            Some(Open::Send(index)) => {
                let send = &mut self.sends[index];
                (send.outcome, send.done) = (outcome, Some(line));
                send.offset = offset.filter(|_| outcome == Outcome::Ok);
            }
            Some(Open::End(name, decision)) => {
                let transaction = self.transaction(name);
                match (decision, outcome) {
                    (Decision::Commit, Outcome::Ok) => transaction.committed = Some(line),
                    (Decision::Abort, Outcome::Ok) | (Decision::Commit, Outcome::Fail) => {
                        transaction.aborted = Some(line);
                    }
                    (Decision::Abort, Outcome::Fail) | (_, Outcome::Unknown) => {}
                }
            }
            None => {}
        }
    }

    fn transaction(&mut self, name: &'h Name) -> &mut Transaction {
        self.transactions.entry(name).or_default()
    }

    /// How an invocation ended, with the line that says so.
    pub(super) fn ended(&self, id: u64) -> Option<(usize, Outcome)> {
        self.done.get(&id).copied()
    }

    /// Whether this send counts: acknowledged, and in a transaction, that that is committed. With the lines that say so.
    pub(super) fn acknowledged(&self, send: &Sent<'_>) -> Option<Vec<usize>> {
        if send.outcome != Outcome::Ok {
            return None;
        }
        let mut lines: Vec<usize> = std::iter::once(send.line).chain(send.done).collect();
        if let Some(name) = send.transaction {
            lines.push(self.transactions.get(name)?.committed?);
        }
        Some(lines)
    }

    /// Whether a value was in flight while its producer began another session: it may be there once for each.
    pub(super) fn crossed_sessions(&self, value: &Identity) -> bool {
        let sends = self
            .sent
            .get(value)
            .into_iter()
            .flatten()
            .map(|index| &self.sends[*index]);
        sends.filter(|send| send.transaction.is_none()).any(|send| {
            let process = &self.history.lines[send.line].process;
            let sessions = self.sessions.get(process).into_iter().flatten();
            let until = send.done.unwrap_or(usize::MAX);
            sessions.into_iter().any(|line| (send.line..until).contains(line))
        })
    }

    /// Whether anybody read this value.
    pub(super) fn was_read(&self, value: &Value) -> bool {
        self.read.contains_key(&value.identity())
    }

    /// The final reads of a partition, each with its line and the offsets from and to.
    pub(super) fn final_reads(&self, partition: &Place) -> impl Iterator<Item = (usize, i64, i64)> {
        let lines = self.finals.get(partition).into_iter().flatten();
        lines.filter_map(|line| match &self.history.lines[*line].event {
            Event::Read { from, to, .. } => Some((*line, *from, *to)),
            _ => None,
        })
    }

    /// The committed offsets of groups in the end: line, group, offsets.
    pub(super) fn drained(&self) -> impl Iterator<Item = (usize, &'h Name, &'h BTreeMap<Place, i64>)> {
        let lines = self.history.lines.iter().enumerate();
        lines.filter_map(|(line, entry)| match &entry.event {
            Event::Drained { group, offsets } => Some((line, group, offsets)),
            _ => None,
        })
    }
}

enum Open<'h> {
    Send(usize),
    End(&'h Name, Decision),
}
