//! DescribeTopicPartitions (KIP-966): topics in order of name, page by page.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use broker_core::controller::{is_internal, validate_topic_name};
use broker_core::image::{NO_LEADER, PartitionImage, TopicImage};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};

use super::convert::{NOT_ASKED, TOPIC_OPERATIONS, broker_ids, topic_name, uuid};
use super::{Answer, Api, Call};

pub(super) struct DescribeTopicPartitions;

impl Api for DescribeTopicPartitions {
    type Request = DescribeTopicPartitionsRequest;
    const KEY: i16 = 75;
    const NAME: &'static str = "DescribeTopicPartitions";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: DescribeTopicPartitionsRequest, call: &mut Call<'_>) -> Answer {
        let response = match malformed(&request) {
            Some(error) => refuse_all(&request, error),
            None => page(&request, call),
        };
        call.reply(&response)
    }
}

/// Requests that Kafka fails as a whole.
fn malformed(request: &DescribeTopicPartitionsRequest) -> Option<ErrorCode> {
    let cursor = request.cursor.as_ref();
    let names = || request.topics.iter().map(|topic| topic.name.as_str());
    if cursor.is_some_and(|cursor| cursor.partition_index < 0) {
        return Some(ErrorCode::InvalidRequest);
    }
    if cursor
        .is_some_and(|cursor| !request.topics.is_empty() && !names().any(|name| name == cursor.topic_name.as_str()))
    {
        return Some(ErrorCode::InvalidRequest);
    }
    names().any(str::is_empty).then_some(ErrorCode::UnknownServerError)
}

fn refuse_all(request: &DescribeTopicPartitionsRequest, error: ErrorCode) -> DescribeTopicPartitionsResponse {
    let refused = request
        .topics
        .iter()
        .map(|topic| unknown(&topic.name, error, NOT_ASKED).with_is_internal(false));
    DescribeTopicPartitionsResponse::default().with_topics(refused.collect())
}

fn page(request: &DescribeTopicPartitionsRequest, call: &Call<'_>) -> DescribeTopicPartitionsResponse {
    let image = call.node.image();
    let (from, first) = request
        .cursor
        .as_ref()
        .map_or(("", 0), |cursor| (cursor.topic_name.as_str(), cursor.partition_index));
    let asked: BTreeSet<&str> = request
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .filter(|name| *name >= from)
        .collect();
    let names: Box<dyn Iterator<Item = &str>> = match request.topics.is_empty() {
        true => Box::new(image.topics_from(from).map(|topic| &*topic.name)),
        false => Box::new(asked.into_iter()),
    };
    let mut room = request
        .response_partition_limit
        .min(call.node.config().max_request_partitions)
        .max(1) as usize;
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names {
        if room == 0 {
            return response.with_next_cursor(Some(cursor(name, 0)));
        }
        let Some(topic) = image.topic(name) else {
            let error = validate_topic_name(name).map_or(ErrorCode::InvalidTopicException, |()| {
                ErrorCode::UnknownTopicOrPartition
            });
            response.topics.push(unknown(name, error, TOPIC_OPERATIONS));
            continue;
        };
        let start = if name == from { first as usize } else { 0 };
        let rest = topic.partitions.get(start..).unwrap_or_default();
        let shown = &rest[..rest.len().min(room)];
        response.topics.push(known(call, topic, start, shown));
        room -= shown.len();
        if shown.len() < rest.len() {
            return response.with_next_cursor(Some(cursor(name, start + shown.len())));
        }
    }
    response
}

fn cursor(name: &str, partition: usize) -> Cursor {
    Cursor::default()
        .with_topic_name(topic_name(name))
        .with_partition_index(partition as i32)
}

fn known(
    call: &Call<'_>,
    topic: &TopicImage,
    start: usize,
    partitions: &[PartitionImage],
) -> DescribeTopicPartitionsResponseTopic {
    let partitions = (start as i32..).zip(partitions);
    let partitions = partitions.map(|(index, standing)| partition(call, index, standing));
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(uuid(topic.id))
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}

fn partition(call: &Call<'_>, index: i32, partition: &PartitionImage) -> DescribeTopicPartitionsResponsePartition {
    let (image, listener) = (call.node.image(), call.listener_name);
    let leader = image.leader_for(partition, listener).unwrap_or(NO_LEADER);
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(index)
        .with_leader_id(BrokerId(leader.0))
        .with_leader_epoch(partition.leader_epoch.0)
        .with_replica_nodes(broker_ids(&partition.replicas))
        .with_isr_nodes(broker_ids(&partition.isr))
        .with_eligible_leader_replicas(Some(broker_ids(&partition.eligible_leader_replicas)))
        .with_last_known_elr(Some(broker_ids(&partition.last_known_elr)))
        .with_offline_replicas(broker_ids(&image.offline_replicas(partition, listener)))
}

fn unknown(name: &str, error: ErrorCode, operations: i32) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(error.code())
        .with_name(Some(topic_name(name)))
        .with_is_internal(is_internal(name))
        .with_topic_authorized_operations(operations)
}
