//! Producers that want all replicas in sync to have their records (acks=all): each waits until the high watermark has passed them,
//! until this broker no longer leads, or until its time is up.

use std::collections::{BTreeSet, HashMap};

use super::Node;
use crate::log::Log;
use crate::machine::{Reply, Ticket};
use crate::mutant::{self, Mutant};
use crate::node::Released;
use crate::replica::Role;
use crate::units::{Deadline, ErrorCode, Now, Offset, TopicPartition};

/// What became of the records of one partition once they were appended.
pub(super) type Acknowledged = Result<(), ErrorCode>;

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Acks {
    waiting: HashMap<Ticket, Waiting>,
    by_partition: HashMap<TopicPartition, BTreeSet<Ticket>>,
    deadlines: BTreeSet<(Deadline, Ticket)>,
}

/// One request.
#[derive(Debug)]
struct Waiting {
    deadline: Deadline,
    /// The offset behind each partition's records, and what became of them.
    results: Vec<(TopicPartition, Offset, Option<Acknowledged>)>,
}

impl Acks {
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn park(&mut self, ticket: Ticket, waiting: Waiting) {
        for (tp, ..) in waiting.results.iter().filter(|(.., result)| result.is_none()) {
            self.by_partition.entry(tp.clone()).or_default().insert(ticket);
        }
        self.deadlines.insert((waiting.deadline, ticket));
        self.waiting.insert(ticket, waiting);
    }

    fn take(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.deadlines.remove(&(waiting.deadline, ticket));
        for (tp, ..) in &waiting.results {
            if let Some(tickets) = self.by_partition.get_mut(tp) {
                tickets.remove(&ticket);
                if tickets.is_empty() {
                    self.by_partition.remove(tp);
                }
            }
        }
        Some(waiting)
    }
}

impl Node {
    /// Answers once every partition is replicated up to its offset, or cannot be. One result a partition, in order.
    pub fn await_replicas(
        &mut self,
        appended: Vec<(TopicPartition, Offset)>,
        timeout_ms: i32,
        now: Now,
    ) -> Reply<Vec<Result<(), ErrorCode>>> {
        let stands = |(tp, end): (TopicPartition, Offset)| {
            let result = self.acknowledged(&tp, end);
            (tp, end, result)
        };
        let results: Vec<_> = appended.into_iter().map(stands).collect();
        if results.iter().all(|(.., result)| result.is_some()) || mutant::on(Mutant::AcknowledgedUnreplicated) {
            return Reply::Now(
                results
                    .into_iter()
                    .map(|(.., result)| result.unwrap_or(Ok(())))
                    .collect(),
            );
        }
        let ticket = self.issue_ticket();
        let deadline = now.plus_ms(timeout_ms.into());
        self.replicas.acks.park(ticket, Waiting { deadline, results });
        Reply::Parked(ticket)
    }

    /// A partition has moved, or is led by somebody else now: who only waited for that is answered.
    pub(in crate::node) fn acknowledge(&mut self, tp: &TopicPartition) {
        let tickets: Vec<Ticket> = self
            .replicas
            .acks
            .by_partition
            .get(tp)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for ticket in tickets {
            let Some(end) = self
                .replicas
                .acks
                .waiting
                .get(&ticket)
                .and_then(|waiting| waiting.lacks(tp))
            else {
                continue;
            };
            let Some(result) = self.acknowledged(tp, end) else {
                continue;
            };
            let waiting = self.replicas.acks.waiting.get_mut(&ticket);
            if waiting.is_some_and(|waiting| waiting.settle(tp, result)) {
                self.release_acks(ticket);
            }
        }
    }

    /// Answers those whose time is up: what is appended stays, and may be replicated yet.
    pub(super) fn acks_tick(&mut self, now: Now) {
        while let Some((deadline, ticket)) = self.replicas.acks.deadlines.first().copied() {
            if !deadline.is_due(now) {
                return;
            }
            self.release_acks(ticket);
        }
    }

    fn release_acks(&mut self, ticket: Ticket) {
        if let Some(waiting) = self.replicas.acks.take(ticket) {
            let result = |(.., result): (_, _, Option<Acknowledged>)| result.unwrap_or(Err(ErrorCode::RequestTimedOut));
            self.release(
                ticket,
                Released::Produce(waiting.results.into_iter().map(result).collect()),
            );
        }
    }

    fn acknowledged(&self, tp: &TopicPartition, end: Offset) -> Option<Acknowledged> {
        let Some(log) = self.log(tp) else {
            return Some(Err(ErrorCode::NotLeaderOrFollower));
        };
        match self.role(tp) {
            _ if log.is_offline() => Some(Err(ErrorCode::KafkaStorageError)),
            None => Some(Ok(())),
            Some(Role::Follower(_)) => Some(Err(ErrorCode::NotLeaderOrFollower)),
            Some(Role::Leader(_)) => self.acknowledged_by_others(tp, log, end),
        }
    }

    fn acknowledged_by_others(&self, tp: &TopicPartition, log: &Log, end: Offset) -> Option<Acknowledged> {
        let is_replicated = log.high_watermark() >= end;
        is_replicated.then(|| match self.is_under_min_isr(tp) {
            true => Err(ErrorCode::NotEnoughReplicasAfterAppend),
            false => Ok(()),
        })
    }
}

impl Waiting {
    fn lacks(&self, tp: &TopicPartition) -> Option<Offset> {
        let open = self.results.iter().find(|(of, _, result)| of == tp && result.is_none());
        open.map(|(_, end, _)| *end)
    }

    /// True once nothing is lacking.
    fn settle(&mut self, tp: &TopicPartition, result: Acknowledged) -> bool {
        for (of, _, open) in &mut self.results {
            if of == tp && open.is_none() {
                *open = Some(result);
            }
        }
        self.results.iter().all(|(.., result)| result.is_some())
    }
}
