//! OffsetForLeaderEpoch. v2 the reader's idea of the leader's epoch (KIP-320) · v3 replica id · v4 flexible.

use std::ops::RangeInclusive;

use broker_core::units::{LeaderEpoch, Offset, TopicPartition};
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::{Answer, Api, Call};

pub(super) struct OffsetForLeaderEpoch;

impl Api for OffsetForLeaderEpoch {
    type Request = OffsetForLeaderEpochRequest;
    const KEY: i16 = 23;
    const NAME: &'static str = "OffsetForLeaderEpoch";
    const VERSIONS: RangeInclusive<i16> = 2..=4;

    fn handle(request: OffsetForLeaderEpochRequest, call: &mut Call<'_>) -> Answer {
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let tp = TopicPartition::new(topic.topic.as_str(), asked.partition);
                end(&tp, asked, call)
            });
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic.clone())
                .with_partitions(partitions.collect())
        });
        let response = OffsetForLeaderEpochResponse::default().with_topics(topics.collect());
        call.reply(&response)
    }
}

fn end(tp: &TopicPartition, asked: &OffsetForLeaderPartition, call: &Call<'_>) -> EpochEndOffset {
    let answer = EpochEndOffset::default().with_partition(asked.partition);
    match call.node.epoch_end(
        tp,
        LeaderEpoch(asked.current_leader_epoch),
        LeaderEpoch(asked.leader_epoch),
    ) {
        Ok(found) => {
            let (epoch, end) = found.unwrap_or((LeaderEpoch(-1), Offset(-1)));
            answer.with_leader_epoch(epoch.0).with_end_offset(end.0)
        }
        Err(error) => answer.with_error_code(error.code()),
    }
}
