//! What is written inside a transaction: its partition must be in it, or comes into it (KIP-890).

use std::collections::{BTreeSet, HashMap};

use super::Node;
use crate::log::append::{Appended, Entering, Refusal};
use crate::log::walk::Walked;
use crate::txn::{Producer, Version};
use crate::units::{ErrorCode, Now, ProducerEpoch, ProducerId, TopicPartition};

/// What a request does for a partition that is not in its producer's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enlistment {
    /// It is refused with INVALID_TXN_STATE: the client knows of nothing better.
    Refused,
    /// It is refused with TRANSACTION_ABORTABLE.
    Abortable,
    /// It comes into the transaction.
    Implicit,
}

/// The lowest sequence with which a producer has tried to enter a partition, by epoch. Kafka forgets what is old; here it
/// is forgotten once there is much of it.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<(TopicPartition, ProducerId), (ProducerEpoch, i32)>);

const MOST_ATTEMPTS: usize = 10_000;

impl Attempts {
    fn note(&mut self, tp: &TopicPartition, producer: Producer, sequence: i32) {
        if self.0.len() >= MOST_ATTEMPTS {
            self.0.clear();
        }
        let tried = (producer.epoch, sequence);
        let known = self.0.entry((tp.clone(), producer.id)).or_insert(tried);
        if known.0 < producer.epoch || (known.0 == producer.epoch && sequence < known.1) {
            *known = tried;
        }
    }

    fn lowest(&self, tp: &TopicPartition, producer: Producer) -> i32 {
        let known = self.0.get(&(tp.clone(), producer.id));
        known.map_or(i32::MAX, |(_, sequence)| *sequence)
    }
}

impl Node {
    /// A producer tries to enter a partition with a batch of this sequence.
    pub fn tries_to_enter(&mut self, tp: &TopicPartition, producer: Producer, sequence: i32) {
        self.transactions.attempts.note(tp, producer, sequence);
    }

    /// Appends the first batch of a transaction in a partition.
    ///
    /// # Errors
    /// The log's.
    pub fn produce_entering(
        &mut self,
        tp: &TopicPartition,
        walked: Walked,
        producer: Producer,
        enlistment: Enlistment,
        now: Now,
    ) -> Result<Appended, Refusal> {
        let entering = Entering {
            lowest_sequence: self.transactions.attempts.lowest(tp, producer),
            begins_with_zero: enlistment == Enlistment::Implicit,
        };
        let appended = self.produce_first(tp, walked, entering, now);
        if appended.is_ok() {
            self.transactions.attempts.0.remove(&(tp.clone(), producer.id));
        }
        appended
    }

    /// Is there an open transaction of this producer in a partition? Then nobody asks its coordinator.
    pub fn is_in_transaction(&self, tp: &TopicPartition, producer: Producer) -> bool {
        let known = self.log(tp).and_then(|log| log.producers().get(producer.id));
        known.is_some_and(|known| known.is_open(producer.epoch))
    }

    /// What keeps a producer from writing to these partitions, one answer each, in order.
    pub fn enlist(
        &mut self,
        id: &str,
        producer: Producer,
        partitions: &[TopicPartition],
        enlistment: Enlistment,
        now: Now,
    ) -> Vec<Result<(), ErrorCode>> {
        if let Some(verdicts) = self.verdicts_from_elsewhere(id, producer, partitions, enlistment) {
            return verdicts;
        }
        if enlistment == Enlistment::Implicit {
            let all: BTreeSet<TopicPartition> = partitions.iter().cloned().collect();
            let added = self.add_partitions(id, producer, all, Version::Second, now);
            return vec![added.map_err(|error| as_produce_error(error, enlistment)); partitions.len()];
        }
        let verify = |tp| self.verify_partition(id, producer, tp, now);
        let verified = partitions.iter().map(verify);
        verified
            .map(|verified| verified.map_err(|error| as_produce_error(error, enlistment)))
            .collect()
    }
}

/// In the words of a producer, which is older than this question.
pub(super) fn as_produce_error(error: ErrorCode, enlistment: Enlistment) -> ErrorCode {
    match (error, enlistment) {
        (ErrorCode::ProducerFenced, _) => ErrorCode::InvalidProducerEpoch,
        (ErrorCode::TransactionAbortable, Enlistment::Refused) => ErrorCode::InvalidTxnState,
        (ErrorCode::ConcurrentTransactions, Enlistment::Refused | Enlistment::Abortable)
        | (ErrorCode::CoordinatorLoadInProgress | ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator, _) => {
            ErrorCode::NotEnoughReplicas
        }
        (other, _) => other,
    }
}
