//! The markers of a decided transaction: which are due, and what follows once they are written.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    Change, Coordinator, Decision, NO_PRODUCER, Outcome, Producer, State, Transaction, TransactionalId, Version, refuse,
};
use crate::log::producers::TransactionResult;
use crate::machine::{Reply, Step};
use crate::units::{ErrorCode, Now, ProducerEpoch, TopicPartition};

/// The markers of one transaction. Each goes to whoever leads its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    /// Whose transaction it was; under version 2 with the epoch that it will have.
    pub producer: Producer,
    /// How it ended.
    pub result: TransactionResult,
    /// Which rules the epoch must obey.
    pub version: Version,
    /// When it began: what tells it from an earlier one of the same producer.
    pub started_unix_ms: i64,
    /// Where they are missing.
    pub partitions: BTreeSet<TopicPartition>,
}

impl Coordinator {
    /// The ids whose transactions are decided, and whose markers are yet to be written.
    pub fn prepared(&self) -> Vec<TransactionalId> {
        self.prepared.iter().cloned().collect()
    }

    /// The markers that an id's transaction still waits for; none where it is not decided.
    pub fn markers_due(&self, id: &str) -> Option<Markers> {
        let transaction = self.get(id).filter(|_| self.prepared.contains(id))?;
        Some(Markers {
            producer: transaction.producer(),
            result: match transaction.state {
                State::PrepareCommit => TransactionResult::Commit,
                _ => TransactionResult::Abort,
            },
            version: transaction.version,
            started_unix_ms: transaction.started_unix_ms,
            partitions: transaction.partitions.clone(),
        })
    }

    pub(super) fn decide_marked(
        &self,
        id: &TransactionalId,
        partitions: BTreeSet<TopicPartition>,
        now: Now,
    ) -> Decision {
        let Some(known) = self.get(id).filter(|known| known.state.is_prepared()) else {
            return refuse(ErrorCode::InvalidTxnState);
        };
        let is_whole = known.partitions.is_subset(&partitions);
        let mut changes = vec![Change::Marked(Arc::clone(id), partitions)];
        if is_whole {
            changes.push(Change::Durable((Arc::clone(id), Some(known.completed(now)))));
        }
        Step {
            changes,
            reply: Reply::Now(Outcome::Done),
            released: Vec::new(),
        }
    }
}

/// It stays decided: nothing more can happen to it but a restart.
pub(super) fn give_up(id: TransactionalId) -> Decision {
    Step {
        changes: vec![Change::GivenUp(id)],
        reply: Reply::Now(Outcome::Done),
        released: Vec::new(),
    }
}

impl Transaction {
    /// Done with: a producer whose epochs are used up makes room for its successor.
    fn completed(&self, now: Now) -> Self {
        let state = match self.state {
            State::PrepareCommit => State::CompleteCommit,
            _ => State::CompleteAbort,
        };
        let rotates = self.version == Version::Second && self.next_producer_id != NO_PRODUCER;
        let (producer_id, epoch) = if rotates {
            (self.next_producer_id, ProducerEpoch(0))
        } else {
            (self.producer_id, self.epoch)
        };
        Self {
            producer_id,
            epoch,
            next_producer_id: NO_PRODUCER,
            partitions: BTreeSet::new(),
            ..self.changed(state, now)
        }
    }
}
