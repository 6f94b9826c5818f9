//! OffsetDelete. v0 alone, KIP-496.

use std::ops::RangeInclusive;
use std::sync::Arc;

use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse, TopicName};

use super::by_topic::{Coded, by_topic};
use super::{Answer, Api, Call};

pub(super) struct OffsetDelete;

impl Api for OffsetDelete {
    type Request = OffsetDeleteRequest;
    const KEY: i16 = 47;
    const NAME: &'static str = "OffsetDelete";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: OffsetDeleteRequest, call: &mut Call<'_>) -> Answer {
        let asked: Vec<(TopicName, i32)> = request
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.name.clone(), partition.partition_index)))
            .collect();
        let named = asked.iter().map(|(topic, partition)| (Arc::from(&***topic), *partition)).collect();
        let response = match call.node.delete_offsets(&Arc::from(&**request.group_id), named, call.now) {
            Ok(results) => {
                let results: Vec<_> = asked.into_iter().zip(results).map(|((topic, partition), result)| (topic, partition, result)).collect();
                OffsetDeleteResponse::default().with_topics(by_topic(&results).into_iter().map(tell).collect())
            }
            Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
        };
        call.reply(&response)
    }
}

fn tell((topic, partitions): (TopicName, Coded)) -> OffsetDeleteResponseTopic {
    let partition = |(index, code)| OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(code);
    OffsetDeleteResponseTopic::default().with_name(topic).with_partitions(partitions.into_iter().map(partition).collect())
}
