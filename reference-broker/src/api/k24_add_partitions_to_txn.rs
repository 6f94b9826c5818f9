//! AddPartitionsToTxn. v1 throttle time · v2 fenced producers are told PRODUCER_FENCED · v3 flexible · v4 many transactions,
//! from brokers, and only verifying (KIP-890) · v5 TRANSACTION_ABORTABLE.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use broker_core::controller::is_internal;
use broker_core::txn::{Producer, Version};
use broker_core::units::{ErrorCode, TopicPartition};
use kafka_protocol::messages::add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};

use super::k22_init_producer_id::told;
use super::{Answer, Api, Call};

pub(super) struct AddPartitionsToTxn;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    knows_fenced: bool,
    many_transactions: bool,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            knows_fenced: version >= 2,
            many_transactions: version >= 4,
        }
    }

    /// Brokers ask in the form of many; that clients produce without asking is version 2 of the protocol.
    fn protocol(self) -> Version {
        if self.many_transactions {
            Version::Second
        } else {
            Version::First
        }
    }
}

/// One partition's result.
type Verdict = Result<(), ErrorCode>;

impl Api for AddPartitionsToTxn {
    type Request = AddPartitionsToTxnRequest;
    const KEY: i16 = 24;
    const NAME: &'static str = "AddPartitionsToTxn";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: AddPartitionsToTxnRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let response = AddPartitionsToTxnResponse::default();
        if !semantics.many_transactions {
            let alone = AddPartitionsToTxnTransaction::default()
                .with_transactional_id(request.v3_and_below_transactional_id)
                .with_producer_id(request.v3_and_below_producer_id)
                .with_producer_epoch(request.v3_and_below_producer_epoch)
                .with_topics(request.v3_and_below_topics);
            let results = one(&alone, call, semantics);
            return call.reply(&response.with_results_by_topic_v3_and_below(results));
        }
        let answer = |transaction: &AddPartitionsToTxnTransaction| {
            AddPartitionsToTxnResult::default()
                .with_transactional_id(transaction.transactional_id.clone())
                .with_topic_results(one(transaction, call, semantics))
        };
        let results = request.transactions.iter().map(answer).collect();
        call.reply(&response.with_results_by_transaction(results))
    }
}

fn one(
    asked: &AddPartitionsToTxnTransaction,
    call: &mut Call<'_>,
    semantics: Semantics,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let partitions: BTreeSet<TopicPartition> = asked.topics.iter().flat_map(partitions_of).collect();
    let known: Vec<Verdict> = partitions.iter().map(|tp| known(tp, call, semantics)).collect();
    let verdicts = if known.iter().any(Result::is_err) {
        let others = |known: Verdict| known.and(Err(ErrorCode::OperationNotAttempted));
        known.into_iter().map(others).collect()
    } else {
        verdicts(asked, &partitions, call, semantics)
    };
    by_topic(partitions.iter().zip(verdicts), semantics)
}

fn verdicts(
    asked: &AddPartitionsToTxnTransaction,
    partitions: &BTreeSet<TopicPartition>,
    call: &mut Call<'_>,
    semantics: Semantics,
) -> Vec<Verdict> {
    let id = &*asked.transactional_id;
    let producer = Producer::new(asked.producer_id.0, asked.producer_epoch);
    if asked.verify_only {
        let verify = |tp| call.node.verify_partition(id, producer, tp, call.now);
        return partitions.iter().map(verify).collect();
    }
    let added = call
        .node
        .add_partitions(id, producer, partitions.clone(), semantics.protocol(), call.now);
    vec![added; partitions.len()]
}

fn partitions_of(topic: &AddPartitionsToTxnTopic) -> impl Iterator<Item = TopicPartition> {
    let partitions = topic.partitions.iter();
    partitions.map(|partition| TopicPartition::new(&**topic.name, *partition))
}

/// What clients may not write to, and what there is not, keeps all of the request from being attempted.
fn known(tp: &TopicPartition, call: &Call<'_>, semantics: Semantics) -> Verdict {
    if !semantics.many_transactions && is_internal(&tp.topic) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let topic = call.node.image().topic(&tp.topic);
    let partition = topic.and_then(|topic| topic.partition(tp.partition));
    partition.map(drop).ok_or(ErrorCode::UnknownTopicOrPartition)
}

fn by_topic<'a>(
    verdicts: impl Iterator<Item = (&'a TopicPartition, Verdict)>,
    semantics: Semantics,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let mut topics: Vec<AddPartitionsToTxnTopicResult> = Vec::new();
    for (tp, verdict) in verdicts {
        let code = verdict
            .err()
            .map_or(0, |error| told(error, semantics.knows_fenced).code());
        let result = AddPartitionsToTxnPartitionResult::default()
            .with_partition_index(tp.partition)
            .with_partition_error_code(code);
        match topics.last_mut().filter(|last| **last.name == *tp.topic) {
            Some(last) => last.results_by_partition.push(result),
            None => topics.push(
                AddPartitionsToTxnTopicResult::default()
                    .with_name(super::convert::topic_name(&tp.topic))
                    .with_results_by_partition(vec![result]),
            ),
        }
    }
    topics
}
