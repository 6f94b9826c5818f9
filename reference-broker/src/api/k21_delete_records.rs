//! DeleteRecords. v2 flexible; nothing else changed.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::controller::is_internal;
use broker_core::units::{ErrorCode, LeaderEpoch, Offset, TopicPartition};
use kafka_protocol::messages::delete_records_request::DeleteRecordsTopic;
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse, TopicName};

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
        let topics: Vec<(TopicName, Vec<Asked>)> = request
            .topics
            .iter()
            .map(|topic| (topic.name.clone(), distinct(topic, call)))
            .collect();
        let asked: Vec<_> = topics
            .iter()
            .flat_map(|(_, asked)| asked)
            .filter_map(|(_, asked)| asked.clone().ok())
            .collect();
        let mut moved = call.node.delete_records(&asked, call.now).into_iter();
        let mut outcome = |asked: Result<_, ErrorCode>| {
            asked.and_then(|_| moved.next().unwrap_or(Err(ErrorCode::UnknownServerError)))
        };
        let topics = topics.into_iter().map(|(name, asked)| {
            let results = asked
                .into_iter()
                .map(|(index, asked)| result(index, outcome(asked)))
                .collect();
            DeleteRecordsTopicResult::default()
                .with_name(name)
                .with_partitions(results)
        });
        let response = DeleteRecordsResponse::default().with_topics(topics.collect());
        call.reply(&response)
    }
}

/// A partition with what is to be deleted of it, or why it may not.
type Asked = (i32, Result<(TopicPartition, Option<Offset>), ErrorCode>);

/// Of a partition that comes twice the last entry counts.
fn distinct(topic: &DeleteRecordsTopic, call: &Call<'_>) -> Vec<Asked> {
    let mut told = HashSet::new();
    let mut asked: Vec<Asked> = topic
        .partitions
        .iter()
        .rev()
        .filter(|partition| told.insert(partition.partition_index))
        .map(|partition| {
            let tp = TopicPartition::new(topic.name.as_str(), partition.partition_index);
            let before = Some(Offset(partition.offset)).filter(|offset| *offset != HIGH_WATERMARK);
            (partition.partition_index, allowed(&tp, call).map(|()| (tp, before)))
        })
        .collect();
    asked.reverse();
    asked
}

fn allowed(tp: &TopicPartition, call: &Call<'_>) -> Result<(), ErrorCode> {
    let log = call.node.led_log(tp, LeaderEpoch(-1))?;
    if is_internal(&tp.topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    if log.config().compact && !log.config().delete {
        Err(ErrorCode::PolicyViolation)
    } else {
        Ok(())
    }
}

fn result(index: i32, outcome: Result<Offset, ErrorCode>) -> DeleteRecordsPartitionResult {
    let answer = DeleteRecordsPartitionResult::default().with_partition_index(index);
    match outcome {
        Ok(low_watermark) => answer.with_low_watermark(low_watermark.0),
        Err(error) => answer.with_low_watermark(-1).with_error_code(error.code()),
    }
}
