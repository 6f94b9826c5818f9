//! DeleteRecords. v2 flexible; nothing else changed.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::units::{ErrorCode, LeaderEpoch, Offset, TopicPartition};
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use super::k00_produce::is_internal;
use super::{Answer, Api, Call};

pub(super) struct DeleteRecords;

/// Stands for the high watermark.
const HIGH_WATERMARK: Offset = Offset(-1);

impl Api for DeleteRecords {
    type Request = DeleteRecordsRequest;
    const KEY: i16 = 21;
    const NAME: &'static str = "DeleteRecords";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: DeleteRecordsRequest, call: &mut Call<'_>) -> Answer {
        let topics = request.topics.iter().map(|topic| {
            let mut told = HashSet::new();
            // Of a partition that comes twice the last entry counts.
            let mut partitions: Vec<_> =
                topic.partitions.iter().rev().filter(|partition| told.insert(partition.partition_index)).collect();
            partitions.reverse();
            let allowed: Vec<_> = partitions
                .into_iter()
                .map(|partition| {
                    let tp = TopicPartition::new(topic.name.as_str(), partition.partition_index);
                    let offset = Offset(partition.offset);
                    (partition.partition_index, allowed(&tp, call).map(|()| (tp, (offset != HIGH_WATERMARK).then_some(offset))))
                })
                .collect();
            let asked: Vec<_> = allowed.iter().filter_map(|(_, asked)| asked.clone().ok()).collect();
            let mut moved = call.node.delete_records(&asked, call.now).into_iter();
            let results = allowed.into_iter().map(|(index, asked)| {
                result(index, asked.and_then(|_| moved.next().unwrap_or(Err(ErrorCode::UnknownServerError))))
            });
            DeleteRecordsTopicResult::default().with_name(topic.name.clone()).with_partitions(results.collect())
        });
        let response = DeleteRecordsResponse::default().with_topics(topics.collect());
        call.reply(&response)
    }
}

fn allowed(tp: &TopicPartition, call: &Call<'_>) -> Result<(), ErrorCode> {
    let log = call.node.led_log(tp, LeaderEpoch(-1))?;
    if is_internal(&tp.topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    if log.config().compact && !log.config().delete { Err(ErrorCode::PolicyViolation) } else { Ok(()) }
}

fn result(index: i32, outcome: Result<Offset, ErrorCode>) -> DeleteRecordsPartitionResult {
    let answer = DeleteRecordsPartitionResult::default().with_partition_index(index);
    match outcome {
        Ok(low_watermark) => answer.with_low_watermark(low_watermark.0),
        Err(error) => answer.with_low_watermark(-1).with_error_code(error.code()),
    }
}
