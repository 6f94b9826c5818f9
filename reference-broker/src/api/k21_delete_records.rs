//! DeleteRecords. v2 flexible; nothing else changed.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::Reply;
use broker_core::controller::is_internal;
use broker_core::node::{LowWatermark, Released};
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
        let moved = call.node.delete_records(&asked, call.now);
        let begun = asked.into_iter().zip(&moved);
        let wanted = begun.filter_map(|((tp, _), moved)| moved.ok().map(|start| (tp, start)));
        let (wanted, version) = (wanted.collect(), call.version);
        match call.node.await_low_watermarks(wanted, request.timeout_ms, call.now) {
            Reply::Now(lows) => call.reply(&answer(topics, moved, lows)),
            Reply::Parked(ticket) => Answer::Parked(
                ticket,
                Box::new(move |released| match released {
                    Released::Deleted(lows) => Answer::reply(&answer(topics, moved, lows), version),
                    other => Answer::Close(format!("a DeleteRecords was released as {other:?}")),
                }),
            ),
        }
    }
}

/// What was asked of each partition, what the leader did, and how far the replicas have come.
fn answer(
    topics: Vec<(TopicName, Vec<Asked>)>,
    moved: Vec<Result<Offset, ErrorCode>>,
    lows: Vec<LowWatermark>,
) -> DeleteRecordsResponse {
    let (mut moved, mut lows) = (moved.into_iter(), lows.into_iter());
    let mut outcome = |asked: Result<_, ErrorCode>| {
        asked.and_then(|_| moved.next().unwrap_or(Err(ErrorCode::UnknownServerError)))?;
        lows.next().ok_or(ErrorCode::UnknownServerError)
    };
    let topics = topics.into_iter().map(|(name, asked)| {
        let results = asked.into_iter().map(|(index, asked)| result(index, outcome(asked)));
        DeleteRecordsTopicResult::default()
            .with_name(name)
            .with_partitions(results.collect())
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
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

fn result(index: i32, outcome: Result<LowWatermark, ErrorCode>) -> DeleteRecordsPartitionResult {
    let answer = DeleteRecordsPartitionResult::default().with_partition_index(index);
    match outcome {
        Ok(low) => answer
            .with_low_watermark(low.offset.0)
            .with_error_code(low.error.map_or(0, |error| error.code())),
        Err(error) => answer.with_low_watermark(-1).with_error_code(error.code()),
    }
}
