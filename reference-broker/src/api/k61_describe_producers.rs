//! DescribeProducers. v0 (KIP-664).

use std::ops::RangeInclusive;

use broker_core::log::producers::Producer;
use broker_core::units::{self, TopicPartition};
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use kafka_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse, ProducerId};

use super::budget::ReplyBudget;
use super::{Answer, Api, Call};

pub(super) struct DescribeProducers;

impl Api for DescribeProducers {
    type Request = DescribeProducersRequest;
    const KEY: i16 = 61;
    const NAME: &'static str = "DescribeProducers";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: DescribeProducersRequest, call: &mut Call<'_>) -> Answer {
        let mut budget = ReplyBudget::default();
        let topics = request
            .topics
            .into_iter()
            .map(|topic| of_topic(topic, call, &mut budget))
            .collect();
        call.reply(&DescribeProducersResponse::default().with_topics(topics))
    }
}

fn of_topic(topic: TopicRequest, call: &Call<'_>, budget: &mut ReplyBudget) -> TopicResponse {
    let partition = |index: &i32| of_partition(&TopicPartition::new(&**topic.name, *index), call, budget);
    let partitions = topic.partition_indexes.iter().map(partition).collect();
    TopicResponse::default()
        .with_name(topic.name)
        .with_partitions(partitions)
}

/// Bytes of a producer in the answer.
const PRODUCER: usize = 40;

fn of_partition(tp: &TopicPartition, call: &Call<'_>, budget: &mut ReplyBudget) -> PartitionResponse {
    let answer = PartitionResponse::default().with_partition_index(tp.partition);
    let found = call.node.partition(tp).map(|log| log.producers().sorted());
    match found.and_then(|all| budget.take(PRODUCER * all.len()).map(|()| all)) {
        Ok(all) => answer.with_active_producers(all.into_iter().map(|(id, producer)| state(id, producer)).collect()),
        Err(error) => answer
            .with_error_code(error.code())
            .with_error_message(words(tp, call).map(super::convert::text)),
    }
}

/// Only of a topic that there is not Kafka says so in words.
fn words(tp: &TopicPartition, call: &Call<'_>) -> Option<&'static str> {
    call.node
        .image()
        .topic(&tp.topic)
        .is_none()
        .then_some("there is no such topic")
}

fn state(id: units::ProducerId, producer: &Producer) -> ProducerState {
    let last_sequence = producer.batches.back().map_or(-1, |batch| batch.last_sequence);
    ProducerState::default()
        .with_producer_id(ProducerId(id.0))
        .with_producer_epoch(producer.epoch.0.into())
        .with_last_sequence(last_sequence)
        .with_last_timestamp(producer.last_timestamp)
        .with_coordinator_epoch(producer.coordinator_epoch)
        .with_current_txn_start_offset(producer.transaction_start.map_or(-1, |start| start.0))
}
