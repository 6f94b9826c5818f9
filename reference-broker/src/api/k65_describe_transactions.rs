//! DescribeTransactions. v0 (KIP-664).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use broker_core::txn::Transaction;
use broker_core::units::{ErrorCode, TopicPartition};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, ProducerId, TransactionalId,
};

use super::budget::ReplyBudget;
use super::convert::{text, topic_name};
use super::{Answer, Api, Call};

pub(super) struct DescribeTransactions;

impl Api for DescribeTransactions {
    type Request = DescribeTransactionsRequest;
    const KEY: i16 = 65;
    const NAME: &'static str = "DescribeTransactions";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: DescribeTransactionsRequest, call: &mut Call<'_>) -> Answer {
        let mut budget = ReplyBudget::default();
        let describe = |id: TransactionalId| {
            let found = call.node.describe_transaction(&id, call.now);
            match found.and_then(|found| budget.take(size(&found)).map(|()| found)) {
                Ok(transaction) => known(id, &transaction),
                Err(error) => unknown(id, error),
            }
        };
        let states = request.transactional_ids.into_iter().map(describe).collect();
        call.reply(&DescribeTransactionsResponse::default().with_transaction_states(states))
    }
}

fn size(transaction: &Transaction) -> usize {
    let partitions = transaction.partitions.iter();
    64 + partitions.map(|tp| 8 + tp.topic.len()).sum::<usize>()
}

fn known(id: TransactionalId, transaction: &Transaction) -> TransactionState {
    TransactionState::default()
        .with_transactional_id(id)
        .with_transaction_state(text(transaction.state.name()))
        .with_transaction_timeout_ms(transaction.timeout_ms)
        .with_transaction_start_time_ms(transaction.started_unix_ms)
        .with_producer_id(ProducerId(transaction.producer_id.0))
        .with_producer_epoch(transaction.epoch.0)
        .with_topics(by_topic(&transaction.partitions))
}

fn unknown(id: TransactionalId, error: ErrorCode) -> TransactionState {
    TransactionState::default()
        .with_error_code(error.code())
        .with_transactional_id(id)
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> Vec<TopicData> {
    let all: Vec<&TopicPartition> = partitions.iter().collect();
    let of_topic = |all: &[&TopicPartition]| {
        TopicData::default()
            .with_topic(topic_name(&all[0].topic))
            .with_partitions(all.iter().map(|tp| tp.partition).collect())
    };
    all.chunk_by(|a, b| a.topic == b.topic).map(of_topic).collect()
}
