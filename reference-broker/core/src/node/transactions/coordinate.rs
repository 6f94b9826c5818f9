//! One step of a coordinator of transactions: decided, written to its partition of `__transaction_state`, applied; then the
//! markers that have become due. And at the start all that was written, replayed.

use bytes::Bytes;

use super::{CoordinatorKind, Node, TRANSACTIONS_TOPIC};
use crate::log::build::{Batch, KeyValue};
use crate::machine::{Machine, Reply, Step};
use crate::node::groups::as_coordinator_error;
use crate::store::StoreError;
use crate::txn::{self, Asked, Change, Command, Coordinator, Outcome};
use crate::units::{ErrorCode, Now, Offset, TopicPartition};

impl Node {
    /// Takes on the transactions of all partitions of the topic that this broker leads.
    ///
    /// # Errors
    /// A log cannot be read.
    pub(crate) fn load_all_transactions(&mut self, now: Now) -> Result<(), StoreError> {
        let mut led = self.owned_partitions(CoordinatorKind::Transaction).into_iter();
        led.try_for_each(|partition| self.load_transactions(partition, now))
    }

    /// Replays a partition of the topic. What was decided when the broker went is finished now.
    pub(crate) fn load_transactions(&mut self, partition: i32, now: Now) -> Result<(), StoreError> {
        let mut coordinator = Coordinator::default();
        let tp = TopicPartition::new(TRANSACTIONS_TOPIC, partition);
        self.read_records(&tp, Offset(0), &mut |_, key, value, _| {
            replay(&mut coordinator, key, value)
        })?;
        self.transactions.coordinators.insert(partition, coordinator);
        let (time_out_ms, expiration_ms) = (
            self.config.transaction_time_out_check_ms,
            self.config.transactional_id_expiration_check_ms,
        );
        self.transactions.next_time_out.get_or_insert(now.plus_ms(time_out_ms));
        self.transactions
            .next_expiration
            .get_or_insert(now.plus_ms(expiration_ms));
        for id in self
            .transactions_of(partition)
            .map_or(Vec::new(), Coordinator::prepared)
        {
            self.await_transaction(partition, &id);
        }
        self.mark_all(partition, now);
        Ok(())
    }

    pub(super) fn coordinated_transactions(&self) -> Vec<i32> {
        self.transactions.coordinators.keys().copied().collect()
    }

    pub(super) fn transactions_of(&self, partition: i32) -> Result<&Coordinator, ErrorCode> {
        let coordinator = self.transactions.coordinators.get(&partition);
        coordinator.ok_or(ErrorCode::NotCoordinator)
    }

    /// The partition of the topic that owns an id, if this broker leads it; its transactions are loaded by now. An id
    /// without characters is refused before anyone looks for it.
    pub(super) fn transactions_partition(&mut self, id: &str, now: Now) -> Result<i32, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let partition = self.owned_partition(CoordinatorKind::Transaction, id)?;
        if !self.transactions.coordinators.contains_key(&partition) {
            self.load_transactions(partition, now)
                .map_err(|_| ErrorCode::NotCoordinator)?;
        }
        Ok(partition)
    }

    /// Decides, appends, applies, and writes the markers that are due then. What could not be written has not happened.
    pub(super) fn run_transactions(
        &mut self,
        partition: i32,
        id: &str,
        asked: Asked,
        now: Now,
    ) -> Result<Outcome, ErrorCode> {
        let fresh = match self.transactions_of(partition)?.wants_producer_id(&asked) {
            true => Some(self.fresh_producer_id(now)?),
            false => None,
        };
        let outcome = self.step_transactions(partition, Command { asked, fresh }, now)?;
        self.await_transaction(partition, id);
        self.note_transaction(partition, id);
        self.mark(partition, id, now);
        Ok(outcome)
    }

    /// What is asked again, and was written then, waits as well. A transaction's writes have its own time to be replicated, as in
    /// Kafka.
    fn note_transaction(&mut self, partition: i32, id: &str) {
        let transaction = self.transactions_of(partition).ok().and_then(|all| all.get(id));
        if let Some(timeout_ms) = transaction.map(|transaction| transaction.timeout_ms) {
            self.note_unreplicated(&TopicPartition::new(TRANSACTIONS_TOPIC, partition), timeout_ms);
        }
    }

    pub(super) fn step_transactions(
        &mut self,
        partition: i32,
        command: Command,
        now: Now,
    ) -> Result<Outcome, ErrorCode> {
        let Step { changes, reply, .. } = self.transactions_of(partition)?.decide(command, now);
        self.write_transactions(partition, &changes, now)?;
        if let Some(coordinator) = self.transactions.coordinators.get_mut(&partition) {
            changes.iter().for_each(|change| coordinator.apply(change));
        }
        match reply {
            Reply::Now(outcome) => Ok(outcome),
            Reply::Parked(_) => Err(ErrorCode::UnknownServerError),
        }
    }

    fn write_transactions(&mut self, partition: i32, changes: &[Change], now: Now) -> Result<(), ErrorCode> {
        let records = encode(changes)?;
        if records.is_empty() {
            return Ok(());
        }
        let tp = TopicPartition::new(TRANSACTIONS_TOPIC, partition);
        let batch = Batch::of(&records, now.unix_ms);
        let most = self.log(&tp).map_or(0, |log| log.config().max_message_bytes);
        if batch.header.size() > u64::from(most.max(0).unsigned_abs()) {
            return Err(as_coordinator_error(ErrorCode::MessageTooLarge));
        }
        let appended = self
            .may_coordinate(&tp)
            .and_then(|()| self.append_batch(&tp, batch, now));
        appended.map(drop).map_err(as_coordinator_error)
    }
}

fn encode(changes: &[Change]) -> Result<Vec<KeyValue>, ErrorCode> {
    let durable = changes.iter().filter_map(|change| match change {
        Change::Durable(record) => Some(record),
        Change::Marked(..) | Change::GivenUp(_) => None,
    });
    durable
        .map(|record| txn::encode(record).map(|(key, value)| (Some(key), value)))
        .collect::<Result<_, _>>()
        .map_err(|_| ErrorCode::UnknownServerError)
}

/// What cannot be read is passed over.
fn replay(coordinator: &mut Coordinator, key: Option<Bytes>, value: Option<Bytes>) {
    let record = key.and_then(|key| txn::decode(&key, value.as_deref()).ok()).flatten();
    if let Some(record) = record {
        coordinator.apply(&Change::Durable(record));
    }
}
