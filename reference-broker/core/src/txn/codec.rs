//! Records of `__transaction_state` to bytes and back, in the version that transaction version 2 writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::{NO_EPOCH, Record, State, Transaction, Version};
use crate::records::{self, Message, PartitionsSchema, RecordError, TransactionLogKey, TransactionLogValue};
use crate::units::{ProducerEpoch, ProducerId, TopicPartition};

/// The version of values where the cluster runs transaction version 2.
const VALUE_VERSION: i16 = 1;

/// The key and the value of a record; no value is a tombstone.
///
/// # Errors
/// A string that is longer than the format can say.
pub fn encode((id, transaction): &Record) -> Result<(Bytes, Option<Bytes>), RecordError> {
    let key = records::key(&TransactionLogKey {
        transactional_id: id.to_string(),
    })?;
    let value = transaction
        .as_ref()
        .map(|transaction| records::value(&kept(transaction), VALUE_VERSION));
    Ok((key, value.transpose()?))
}

/// What a record says; none where it is of a kind or a version of the future, which Kafka passes over too.
///
/// # Errors
/// Bytes that are not what their key says.
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, RecordError> {
    let (record_type, rest) = records::open(key)?;
    if record_type != TransactionLogKey::TYPE {
        return Ok(None);
    }
    let id = Arc::from(TransactionLogKey::decode(rest, 0)?.transactional_id);
    let Some(value) = value else {
        return Ok(Some((id, None)));
    };
    let (version, rest) = records::open(value)?;
    if !TransactionLogValue::VERSIONS.contains(&version) {
        return Ok(None);
    }
    let transaction = read(TransactionLogValue::decode(rest, version)?);
    Ok(transaction.map(|transaction| (id, Some(transaction))))
}

fn kept(transaction: &Transaction) -> TransactionLogValue {
    TransactionLogValue {
        producer_id: transaction.producer_id.0,
        previous_producer_id: transaction.previous_producer_id.0,
        next_producer_id: transaction.next_producer_id.0,
        producer_epoch: transaction.epoch.0,
        next_producer_epoch: NO_EPOCH.0,
        transaction_timeout_ms: transaction.timeout_ms,
        transaction_status: transaction.state.number(),
        transaction_partitions: (transaction.state != State::Empty).then(|| by_topic(&transaction.partitions)),
        transaction_last_update_timestamp_ms: transaction.updated_unix_ms,
        transaction_start_timestamp_ms: transaction.started_unix_ms,
        client_transaction_version: transaction.version.level(),
    }
}

fn read(kept: TransactionLogValue) -> Option<Transaction> {
    let topics = kept.transaction_partitions.into_iter().flatten();
    let partitions = topics.flat_map(|topic| {
        let name: Arc<str> = topic.topic.into();
        let partitions = topic.partition_ids.into_iter();
        partitions.map(move |partition| TopicPartition::new(Arc::clone(&name), partition))
    });
    Some(Transaction {
        producer_id: ProducerId(kept.producer_id),
        previous_producer_id: ProducerId(kept.previous_producer_id),
        next_producer_id: ProducerId(kept.next_producer_id),
        epoch: ProducerEpoch(kept.producer_epoch),
        last_epoch: NO_EPOCH,
        timeout_ms: kept.transaction_timeout_ms,
        state: State::numbered(kept.transaction_status)?,
        partitions: partitions.collect(),
        started_unix_ms: kept.transaction_start_timestamp_ms,
        updated_unix_ms: kept.transaction_last_update_timestamp_ms,
        version: Version::of_level(kept.client_transaction_version),
    })
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> Vec<PartitionsSchema> {
    let all: Vec<&TopicPartition> = partitions.iter().collect();
    let of_topic = |all: &[&TopicPartition]| PartitionsSchema {
        topic: all[0].topic.to_string(),
        partition_ids: all.iter().map(|tp| tp.partition).collect(),
    };
    all.chunk_by(|a, b| a.topic == b.topic).map(of_topic).collect()
}

impl State {
    fn number(self) -> i8 {
        Self::ALL.iter().position(|state| *state == self).unwrap_or_default() as i8
    }

    fn numbered(number: i8) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

impl Version {
    /// The feature level that a record keeps.
    fn level(self) -> i16 {
        match self {
            Self::First => 0,
            Self::Second => 2,
        }
    }

    fn of_level(level: i16) -> Self {
        if level >= 2 { Self::Second } else { Self::First }
    }
}
