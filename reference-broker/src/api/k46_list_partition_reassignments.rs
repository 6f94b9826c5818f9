//! ListPartitionReassignments.

use std::ops::RangeInclusive;

use broker_core::image::{PartitionImage, TopicImage};
use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

use super::convert::{broker_ids, topic_name};
use super::{Answer, Api, Call};

pub(super) struct ListPartitionReassignments;

impl Api for ListPartitionReassignments {
    type Request = ListPartitionReassignmentsRequest;
    const KEY: i16 = 46;
    const NAME: &'static str = "ListPartitionReassignments";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: ListPartitionReassignmentsRequest, call: &mut Call<'_>) -> Answer {
        let image = call.node.image();
        let topics: Vec<_> = match &request.topics {
            None => image.topics().filter_map(|topic| ongoing(topic, all(topic))).collect(),
            Some(asked) => asked
                .iter()
                .filter_map(|asked| ongoing(image.topic(&asked.name)?, asked.partition_indexes.clone()))
                .collect(),
        };
        call.reply(&ListPartitionReassignmentsResponse::default().with_topics(topics))
    }
}

fn all(topic: &TopicImage) -> Vec<i32> {
    (0..topic.partition_count()).collect()
}

/// What is on its way of a topic; nothing where all has arrived.
fn ongoing(topic: &TopicImage, indexes: Vec<i32>) -> Option<OngoingTopicReassignment> {
    let partition = |index: i32| {
        let partition = topic.partition(index).filter(|each| each.is_reassigning())?;
        Some(on_its_way(index, partition))
    };
    let partitions: Vec<_> = indexes.into_iter().filter_map(partition).collect();
    let topic = OngoingTopicReassignment::default().with_name(topic_name(&topic.name));
    (!partitions.is_empty()).then(|| topic.with_partitions(partitions))
}

fn on_its_way(index: i32, partition: &PartitionImage) -> OngoingPartitionReassignment {
    OngoingPartitionReassignment::default()
        .with_partition_index(index)
        .with_replicas(broker_ids(&partition.replicas))
        .with_adding_replicas(broker_ids(&partition.adding_replicas))
        .with_removing_replicas(broker_ids(&partition.removing_replicas))
}
