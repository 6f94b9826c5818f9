//! The transactions of one broker: who coordinates which, what is asked of coordinators, and what follows from a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Node;
use super::groups::CoordinatorKind;
use crate::log::producers::TransactionResult;
use crate::txn::{Asked, Coordinator, Filter, Listed, Outcome, Producer, Transaction, TransactionalId, Version};
use crate::units::{Deadline, ErrorCode, Now, Offset, TopicName, TopicPartition};

mod coordinate;
mod elsewhere;
mod markers;
mod produce;

pub use markers::Marked;
pub use produce::Enlistment;

/// The coordinators of this broker, by partition of `__transaction_state`.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    coordinators: BTreeMap<i32, Coordinator>,
    /// When open transactions are looked over for ones whose time is up.
    next_time_out: Option<Deadline>,
    /// When ids are looked over for ones that nobody uses.
    next_expiration: Option<Deadline>,
    /// When markers that could not be written are written again.
    retry_markers: Option<Deadline>,
    attempts: produce::Attempts,
    verdicts: elsewhere::Verdicts,
    /// Up to where the replicas in sync must have a partition before an id's transaction is acted upon.
    awaited: BTreeMap<(i32, TransactionalId), Offset>,
}

/// The topic that keeps transactions.
pub const TRANSACTIONS_TOPIC: &str = CoordinatorKind::Transaction.topic();

/// How long a partition that could not be marked is left alone.
const MARKER_BACKOFF_MS: i64 = 1_000;

impl Node {
    /// InitProducerId with a transactional id.
    ///
    /// # Errors
    /// Kafka's, see [`crate::txn`].
    pub fn init_transactions(
        &mut self,
        id: &str,
        timeout_ms: i32,
        expected: Option<Producer>,
        now: Now,
    ) -> Result<Producer, ErrorCode> {
        let id = TransactionalId::from(id);
        let asked = Asked::Init(Arc::clone(&id), timeout_ms, expected);
        match self.ask_transactions(&id, asked, now)? {
            Outcome::Producer(producer) => Ok(producer),
            Outcome::Done => Err(ErrorCode::UnknownServerError),
            Outcome::Refused(error) => Err(error),
        }
    }

    /// AddPartitionsToTxn: these come into the transaction, all of them or none.
    ///
    /// # Errors
    /// Kafka's.
    pub fn add_partitions(
        &mut self,
        id: &str,
        producer: Producer,
        partitions: BTreeSet<TopicPartition>,
        version: Version,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let id = TransactionalId::from(id);
        let asked = Asked::Enlist(Arc::clone(&id), producer, partitions, version);
        self.ask_transactions(&id, asked, now).and_then(done)
    }

    /// Is a partition in the transaction of this producer?
    ///
    /// # Errors
    /// As for adding it; TRANSACTION_ABORTABLE where it is not.
    pub fn verify_partition(
        &mut self,
        id: &str,
        producer: Producer,
        tp: &TopicPartition,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let partition = self.transactions_partition(id, now)?;
        self.transactions_of(partition)?.verify(id, producer, tp)
    }

    /// AddOffsetsToTxn: the partition of the offsets topic that keeps the group comes into the transaction.
    ///
    /// # Errors
    /// Kafka's.
    pub fn add_offsets(&mut self, id: &str, producer: Producer, group: &str, now: Now) -> Result<(), ErrorCode> {
        let partition = self.offsets_partition(group);
        self.add_partitions(id, producer, BTreeSet::from([partition]), Version::First, now)
    }

    /// EndTxn. Answers who the producer is from now on.
    ///
    /// # Errors
    /// Kafka's.
    pub fn end_transaction(
        &mut self,
        id: &str,
        producer: Producer,
        result: TransactionResult,
        version: Version,
        now: Now,
    ) -> Result<Producer, ErrorCode> {
        let id = TransactionalId::from(id);
        let asked = Asked::End(Arc::clone(&id), producer, result, version);
        match self.ask_transactions(&id, asked, now)? {
            Outcome::Producer(producer) => Ok(producer),
            Outcome::Done => Ok(producer),
            Outcome::Refused(error) => Err(error),
        }
    }

    /// DescribeTransactions, one id.
    ///
    /// # Errors
    /// NOT_COORDINATOR, TRANSACTIONAL_ID_NOT_FOUND, INVALID_REQUEST for an id without characters.
    pub fn describe_transaction(&mut self, id: &str, now: Now) -> Result<Transaction, ErrorCode> {
        let partition = self.transactions_partition(id, now)?;
        let known = self.transactions_of(partition)?.get(id);
        known.cloned().ok_or(ErrorCode::TransactionalIdNotFound)
    }

    /// ListTransactions: all that this broker coordinates and that pass.
    pub fn list_transactions(&self, filter: &Filter, now: Now) -> Vec<Listed> {
        let coordinators = self.transactions.coordinators.values();
        coordinators
            .flat_map(|coordinator| coordinator.list(filter, now))
            .collect()
    }

    /// The topic of the coordinators is gone, and with it all that they know.
    pub(crate) fn transactions_topic_deleted(&mut self, topic: &TopicName) {
        if **topic == *TRANSACTIONS_TOPIC {
            self.transactions = Transactions::default();
        }
    }

    /// When something falls due in any transaction.
    pub(crate) fn transactions_deadline(&self) -> Option<Deadline> {
        let all = &self.transactions;
        let has_any = all.coordinators.values().any(|coordinator| !coordinator.is_empty());
        let looks = [all.next_time_out, all.next_expiration].into_iter().flatten();
        looks.filter(|_| has_any).chain(all.retry_markers).min()
    }

    /// Aborts what was open for too long, forgets what nobody uses, and writes markers again that could not be written.
    pub(crate) fn transactions_tick(&mut self, now: Now) {
        let is_due = |deadline: Option<Deadline>| deadline.is_some_and(|deadline| deadline.is_due(now));
        if is_due(self.transactions.next_time_out) {
            self.transactions.next_time_out = Some(now.plus_ms(self.config.transaction_time_out_check_ms));
            self.time_out_transactions(now);
        }
        if is_due(self.transactions.next_expiration) {
            self.transactions.next_expiration = Some(now.plus_ms(self.config.transactional_id_expiration_check_ms));
            self.forget_idle_ids(now);
        }
        if is_due(self.transactions.retry_markers) {
            self.transactions.retry_markers = None;
            for partition in self.coordinated_transactions() {
                self.mark_all(partition, now);
            }
        }
    }

    fn time_out_transactions(&mut self, now: Now) {
        for partition in self.coordinated_transactions() {
            let late = self
                .transactions_of(partition)
                .map_or(Vec::new(), |coordinator| coordinator.timed_out(now));
            for id in late {
                // What cannot be written now is tried again at the next look.
                let _ = self.run_transactions(partition, &id, Asked::TimeOut(Arc::clone(&id)), now);
            }
        }
    }

    fn forget_idle_ids(&mut self, now: Now) {
        let since = now.unix_ms.saturating_sub(self.config.transactional_id_expiration_ms);
        for partition in self.coordinated_transactions() {
            let idle = self
                .transactions_of(partition)
                .map_or(Vec::new(), |coordinator| coordinator.idle_since(since));
            for ids in idle.chunks(IDS_A_BATCH) {
                if self
                    .run_transactions(partition, "", Asked::Forget(ids.to_vec()), now)
                    .is_err()
                {
                    // Long ids do not fit together; what cannot be written alone is tried again at the next look.
                    for id in ids {
                        let _ = self.run_transactions(partition, "", Asked::Forget(vec![Arc::clone(id)]), now);
                    }
                }
            }
        }
    }

    /// Another broker coordinates these transactions now.
    pub(crate) fn give_up_transactions(&mut self, partition: i32) {
        self.transactions.coordinators.remove(&partition);
        self.transactions.awaited.retain(|(of, _), _| *of != partition);
    }

    /// Replicas in sync have more of a partition: what was only decided is acted upon.
    pub(crate) fn transactions_replicated(&mut self, tp: &TopicPartition, now: Now) {
        if *tp.topic != *TRANSACTIONS_TOPIC || self.transactions.awaited.is_empty() {
            return;
        }
        let awaited = self.transactions.awaited.keys();
        let ids: Vec<TransactionalId> = awaited
            .filter(|(partition, _)| *partition == tp.partition)
            .map(|(_, id)| TransactionalId::clone(id))
            .collect();
        for id in ids {
            if !self.is_awaited(tp.partition, &id) {
                self.mark(tp.partition, &id, now);
            }
        }
    }

    /// What was just written of a transaction may be lost with this broker, while others lack it.
    fn await_transaction(&mut self, partition: i32, id: &str) {
        let tp = TopicPartition::new(TRANSACTIONS_TOPIC, partition);
        if let Some(end) = self.unreplicated_end(&tp) {
            self.transactions.awaited.insert((partition, id.into()), end);
        }
    }

    /// Is it still so?
    fn is_awaited(&mut self, partition: i32, id: &str) -> bool {
        let key = (partition, TransactionalId::from(id));
        let Some(end) = self.transactions.awaited.get(&key) else {
            return false;
        };
        let log = self.log(&TopicPartition::new(TRANSACTIONS_TOPIC, partition));
        let lacks = log.is_some_and(|log| log.high_watermark() < *end);
        if !lacks {
            self.transactions.awaited.remove(&key);
        }
        lacks
    }

    fn ask_transactions(&mut self, id: &str, asked: Asked, now: Now) -> Result<Outcome, ErrorCode> {
        let partition = self.transactions_partition(id, now)?;
        self.run_transactions(partition, id, asked, now)
    }
}

/// Tombstones need not be written together; so many are.
const IDS_A_BATCH: usize = 1_000;

fn done(outcome: Outcome) -> Result<(), ErrorCode> {
    match outcome {
        Outcome::Done | Outcome::Producer(_) => Ok(()),
        Outcome::Refused(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
