//! AddPartitionsToTxn v5 as brokers ask: one transaction, its partitions taken in or only looked for (KIP-890).

use std::collections::{BTreeMap, BTreeSet};

use broker_core::peer::{Enlist, Reply};
use broker_core::units::TopicPartition;
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction};
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, ProducerId, TopicName, TransactionalId,
};

use super::wire::{Exchange, decode};
use crate::api::convert::text;

const KEY: i16 = 24;
const VERSION: i16 = 5;

pub(super) fn request(wanted: &Enlist) -> Result<Exchange, String> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for tp in &wanted.partitions {
        topics.entry(&tp.topic).or_default().push(tp.partition);
    }
    let topic = |(name, partitions): (&str, Vec<i32>)| {
        AddPartitionsToTxnTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions)
    };
    let transaction = AddPartitionsToTxnTransaction::default()
        .with_transactional_id(TransactionalId(text(&wanted.id)))
        .with_producer_id(ProducerId(wanted.producer.id.0))
        .with_producer_epoch(wanted.producer.epoch.0)
        .with_verify_only(wanted.verify_only)
        .with_topics(topics.into_iter().map(topic).collect());
    let request = AddPartitionsToTxnRequest::default().with_transactions(vec![transaction]);
    Exchange::new(KEY, VERSION, &request)
}

pub(super) fn reply(body: Bytes, wanted: &Enlist) -> Result<Reply, String> {
    let response: AddPartitionsToTxnResponse = decode(body, VERSION)?;
    if let Some(error) = response.error_code.err() {
        return Ok(Reply::Enlisted(Err(error)));
    }
    let mut asked: BTreeSet<&TopicPartition> = wanted.partitions.iter().collect();
    let mut verdicts = Vec::with_capacity(asked.len());
    let transactions = response.results_by_transaction.into_iter();
    for topic in transactions.flat_map(|transaction| transaction.topic_results) {
        for result in topic.results_by_partition {
            let tp = TopicPartition::new(topic.name.as_str(), result.partition_index);
            if !asked.remove(&tp) {
                return Err(format!("it answers {tp}, which was not asked for"));
            }
            verdicts.push((tp, result.partition_error_code.err().map_or(Ok(()), Err)));
        }
    }
    Ok(Reply::Enlisted(Ok(verdicts)))
}
