//! Produce. v3 the oldest served, magic 2 only · v5 log start offset · v7 zstd (KIP-110) · v8 record errors (KIP-467) ·
//! v9 flexible · v10 the leader with NOT_LEADER_OR_FOLLOWER (KIP-951) · v12 enlists in transactions (KIP-890) ·
//! v13 topic ids (KIP-516). ApiVersions lists it from 0, because librdkafka looks for that (KAFKA-18659).
//!
//! Record bytes are slices of the request: nothing here copies them.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use broker_core::log::append::{Appended, Refusal, Zstd, admissible};
use broker_core::log::walk::{Shape, Walked};
use broker_core::units::{ErrorCode, TopicId, TopicName, TopicPartition};
use bytes::Bytes;
use kafka_protocol::messages::produce_request::TopicProduceData;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Answer, Api, Call};

pub(super) struct Produce;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    zstd: Zstd,
    tells_log_start: bool,
    blames_records: bool,
    topics_by_id: bool,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            zstd: if version >= 7 { Zstd::Allowed } else { Zstd::Refused },
            tells_log_start: version >= 5,
            blames_records: version >= 8,
            topics_by_id: version >= 13,
        }
    }
}

impl Api for Produce {
    type Request = ProduceRequest;
    const KEY: i16 = 0;
    const NAME: &'static str = "Produce";
    const VERSIONS: RangeInclusive<i16> = 3..=13;
    const ADVERTISED_MIN: i16 = 0;

    fn handle(request: ProduceRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let wants_answer = request.acks != 0;
        let response = match refused_as_a_whole(&request) {
            Some(error) => everywhere(&request, error),
            None => each_partition(request, call, semantics),
        };
        let failed = response.responses.iter().flat_map(|topic| &topic.partition_responses).find(|p| p.error_code != 0);
        match (wants_answer, failed) {
            (true, _) => call.reply(&response),
            (false, None) => Answer::Silent,
            // The producer asked for no answer: closing the connection is the only way to tell it.
            (false, Some(failed)) => Answer::Close(format!("Produce with acks=0 failed with error {}", failed.error_code)),
        }
    }
}

/// Kafka looks for transactional batches before anything else, and what it cannot read there fails every partition.
fn refused_as_a_whole(request: &ProduceRequest) -> Option<ErrorCode> {
    let partitions = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    for records in partitions.filter_map(|partition| partition.records.as_ref()) {
        match Walked::shape_of(records) {
            Shape::Corrupt => return Some(ErrorCode::CorruptMessage),
            Shape::Nothing => {}
            Shape::CorruptTail | Shape::OldMagic | Shape::Many | Shape::One => {
                if Walked::is_transactional(records) {
                    let anonymous = request.transactional_id.is_none();
                    return anonymous.then_some(ErrorCode::TransactionalIdAuthorizationFailed);
                }
            }
        }
    }
    None
}

fn everywhere(request: &ProduceRequest, error: ErrorCode) -> ProduceResponse {
    let topic = |topic: &TopicProduceData| {
        let partitions = topic.partition_data.iter().map(|partition| failed(partition.index, error)).collect();
        TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.topic_id)
            .with_partition_responses(partitions)
    };
    ProduceResponse::default().with_responses(request.topic_data.iter().map(topic).collect())
}

fn each_partition(request: ProduceRequest, call: &mut Call<'_>, semantics: Semantics) -> ProduceResponse {
    let acks = request.acks;
    let responses = request.topic_data.into_iter().map(|topic| {
        let named = name_of(&topic, call, semantics);
        let answer = TopicProduceResponse::default().with_name(topic.name).with_topic_id(topic.topic_id);
        let partitions = last_of_each(topic.partition_data.into_iter().map(|p| (p.index, p.records)));
        let responses = partitions.into_iter().map(|(index, records)| match &named {
            Ok(name) => {
                let tp = TopicPartition { topic: name.clone(), partition: index };
                partition(&tp, records, acks, call, semantics)
            }
            Err(error) => failed(index, *error),
        });
        answer.with_partition_responses(responses.collect())
    });
    ProduceResponse::default().with_responses(responses.collect())
}

fn name_of(topic: &TopicProduceData, call: &Call<'_>, semantics: Semantics) -> Result<TopicName, ErrorCode> {
    if !semantics.topics_by_id {
        return Ok(topic.name.as_str().into());
    }
    call.node.topic_named_by(TopicId(topic.topic_id.into_bytes())).cloned().ok_or(ErrorCode::UnknownTopicId)
}

/// A partition that comes twice counts as its last entry says.
fn last_of_each(entries: impl Iterator<Item = (i32, Option<Bytes>)>) -> Vec<(i32, Option<Bytes>)> {
    let mut places = HashMap::new();
    let mut distinct: Vec<(i32, Option<Bytes>)> = Vec::new();
    for (index, records) in entries {
        let place = *places.entry(index).or_insert(distinct.len());
        match distinct.get_mut(place) {
            Some(entry) => entry.1 = records,
            None => distinct.push((index, records)),
        }
    }
    distinct
}

fn partition(
    tp: &TopicPartition,
    records: Option<Bytes>,
    acks: i16,
    call: &mut Call<'_>,
    semantics: Semantics,
) -> PartitionProduceResponse {
    match append(tp, records, acks, call, semantics) {
        Ok(appended) => {
            let answer = PartitionProduceResponse::default()
                .with_index(tp.partition)
                .with_base_offset(appended.base_offset.0)
                .with_log_append_time_ms(appended.log_append_time);
            if semantics.tells_log_start { answer.with_log_start_offset(appended.log_start.0) } else { answer }
        }
        Err(refusal) => refused(tp.partition, refusal, semantics),
    }
}

fn append(
    tp: &TopicPartition,
    records: Option<Bytes>,
    acks: i16,
    call: &mut Call<'_>,
    semantics: Semantics,
) -> Result<Appended, Refusal> {
    let limit = call.node.partition(tp).map(|log| log.config().max_message_bytes);
    let limit = limit.ok_or(Refusal::bare(ErrorCode::UnknownTopicOrPartition))?;
    let records = records.ok_or(Refusal::bare(ErrorCode::UnknownServerError))?;
    let walked = Walked::new(&records, usize::try_from(limit).unwrap_or(0));
    admissible(&walked, semantics.zstd).map_err(Refusal::bare)?;
    if !matches!(acks, -1..=1) {
        return Err(Refusal::bare(ErrorCode::InvalidRequiredAcks));
    }
    if is_internal(&tp.topic) && call.client_id != "__admin_client" {
        return Err(Refusal::bare(ErrorCode::InvalidTopicException));
    }
    if Walked::is_transactional(&records) {
        // No coordinator here knows any transactional id.
        return Err(Refusal::bare(ErrorCode::InvalidProducerIdMapping));
    }
    call.node.produce(tp, walked, call.now)
}

/// Topics that coordinators write and producers may not.
pub(super) fn is_internal(topic: &str) -> bool {
    matches!(topic, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

fn refused(index: i32, refusal: Refusal, semantics: Semantics) -> PartitionProduceResponse {
    let mut answer = failed(index, refusal.error);
    if let Some(log_start) = refusal.log_start.filter(|_| semantics.tells_log_start) {
        answer.log_start_offset = log_start.0;
    }
    if semantics.blames_records {
        answer.error_message = refusal.message.map(StrBytes::from);
        let blame = |record: broker_core::log::append::RecordError| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(record.index)
                .with_batch_index_error_message(Some(StrBytes::from(record.message)))
        };
        answer.record_errors = refusal.records.into_iter().map(blame).collect();
    }
    answer
}

fn failed(index: i32, error: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(error.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1)
}
