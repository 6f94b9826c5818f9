//! OffsetDelete. v0 alone, KIP-496.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse, TopicName};

use super::by_topic::{Asked, Coded, by_topic};
use super::{Answer, Api, Call};

pub(super) struct OffsetDelete;

impl Api for OffsetDelete {
    type Request = OffsetDeleteRequest;
    const KEY: i16 = 47;
    const NAME: &'static str = "OffsetDelete";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: OffsetDeleteRequest, call: &mut Call<'_>) -> Answer {
        let named = request.topics.iter().flat_map(|topic| {
            let name: Arc<str> = Arc::from(&**topic.name);
            topic
                .partitions
                .iter()
                .map(move |partition| (Arc::clone(&name), partition.partition_index))
        });
        let response = match call
            .node
            .delete_offsets(&Arc::from(&**request.group_id), named.collect(), call.now)
        {
            Ok(results) => OffsetDeleteResponse::default().with_topics(answer(&request, results, call)),
            Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
        };
        call.reply(&response)
    }
}

fn answer(
    request: &OffsetDeleteRequest,
    results: Vec<Option<ErrorCode>>,
    call: &Call<'_>,
) -> Vec<OffsetDeleteResponseTopic> {
    let mut results = results.into_iter();
    let asked = request.topics.iter().map(|topic| Asked {
        topic: topic.name.clone(),
        exists: call.node.image().topic(&topic.name).is_some(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| partition.partition_index)
            .zip(results.by_ref())
            .collect(),
    });
    by_topic(&asked.collect::<Vec<_>>()).into_iter().map(tell).collect()
}

fn tell((topic, partitions): (TopicName, Coded)) -> OffsetDeleteResponseTopic {
    let partition = |(index, code)| {
        OffsetDeleteResponsePartition::default()
            .with_partition_index(index)
            .with_error_code(code)
    };
    OffsetDeleteResponseTopic::default()
        .with_name(topic)
        .with_partitions(partitions.into_iter().map(partition).collect())
}
