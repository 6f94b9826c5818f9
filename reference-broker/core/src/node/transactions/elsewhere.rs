//! A producer's coordinator may be another broker: then it is asked whether a partition is in the transaction, or to take it in,
//! before anything is written (KIP-890). The request waits, and is served again once there are verdicts.

use std::collections::HashMap;
use std::sync::Arc;

use super::produce::{Enlistment, as_produce_error};
use super::{CoordinatorKind, Node};
use crate::machine::Ticket;
use crate::node::{Purpose, Released};
use crate::peer::{Enlist, Peer, Question, Reply};
use crate::txn::{Producer, TransactionalId};
use crate::units::{BrokerId, ErrorCode, TopicPartition};

/// Whose partition a verdict is about.
type Case = (TransactionalId, Producer, TopicPartition);

/// What coordinators elsewhere have said, until the request that waits for it takes it.
#[derive(Debug, Default)]
pub(super) struct Verdicts(HashMap<Case, Result<(), ErrorCode>>);

/// Those of requests whose clients went are never taken.
const MOST_VERDICTS: usize = 10_000;

impl Node {
    /// Asks the coordinator of an id about partitions, where that is another broker and has not spoken yet. The request is to be
    /// served again when the ticket is released.
    pub fn ask_coordinator(
        &mut self,
        id: &str,
        producer: Producer,
        partitions: &[TopicPartition],
        enlistment: Enlistment,
    ) -> Option<Ticket> {
        let coordinator = self.coordinator_elsewhere(id)?;
        let id = TransactionalId::from(id);
        let is_open = |tp: &&TopicPartition| {
            let case = (Arc::clone(&id), producer, (*tp).clone());
            !self.transactions.verdicts.0.contains_key(&case)
        };
        let partitions: Vec<TopicPartition> = partitions.iter().filter(is_open).cloned().collect();
        if partitions.is_empty() {
            return None;
        }
        let ticket = self.issue_ticket();
        let enlist = Enlist {
            id,
            producer,
            partitions,
            verify_only: enlistment != Enlistment::Implicit,
        };
        let purpose = Purpose::Enlisting(enlist.clone(), ticket);
        self.ask(Peer::Broker(coordinator), Question::Enlist(enlist), purpose);
        Some(ticket)
    }

    /// The verdicts on these partitions, where the coordinator is another broker.
    pub(super) fn verdicts_from_elsewhere(
        &mut self,
        id: &str,
        producer: Producer,
        partitions: &[TopicPartition],
        enlistment: Enlistment,
    ) -> Option<Vec<Result<(), ErrorCode>>> {
        self.coordinator_elsewhere(id)?;
        let id = TransactionalId::from(id);
        let verdicts = &mut self.transactions.verdicts.0;
        let mut take = |tp: &TopicPartition| {
            let verdict = verdicts.remove(&(Arc::clone(&id), producer, tp.clone()));
            verdict.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
        };
        let taken = partitions.iter().map(&mut take);
        Some(
            taken
                .map(|verdict| verdict.map_err(|error| as_produce_error(error, enlistment)))
                .collect(),
        )
    }

    /// The coordinator has spoken, or could not be asked.
    pub(crate) fn enlisting_answered(&mut self, asked: Enlist, ticket: Ticket, reply: Reply) {
        let said: HashMap<TopicPartition, Result<(), ErrorCode>> = match reply {
            Reply::Enlisted(Ok(said)) => said.into_iter().collect(),
            Reply::Enlisted(Err(error)) => asked.partitions.iter().map(|tp| (tp.clone(), Err(error))).collect(),
            _ => HashMap::new(),
        };
        if self.transactions.verdicts.0.len() >= MOST_VERDICTS {
            self.transactions.verdicts.0.clear();
        }
        for tp in asked.partitions {
            let verdict = said.get(&tp).copied().unwrap_or(Err(ErrorCode::NetworkException));
            let case = (Arc::clone(&asked.id), asked.producer, tp);
            self.transactions.verdicts.0.insert(case, verdict);
        }
        self.release(ticket, Released::Again);
    }

    /// Does another broker lead a partition, as far as this one knows? Then nothing is written here.
    pub fn is_led_elsewhere(&self, tp: &TopicPartition) -> bool {
        let topic = self.image().topic(&tp.topic);
        let partition = topic.and_then(|topic| topic.partition(tp.partition));
        partition.is_some_and(|partition| partition.leader != self.broker_id())
    }

    fn coordinator_elsewhere(&self, id: &str) -> Option<BrokerId> {
        let coordinator = self.coordinator_of(CoordinatorKind::Transaction, id).ok()?;
        Some(coordinator.id).filter(|broker| *broker != self.broker_id())
    }
}
