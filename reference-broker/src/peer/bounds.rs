//! ListOffsets v11 as replicas ask: where a leader's logs begin or end, whatever is replicated of them.

use std::collections::BTreeMap;

use broker_core::peer::{AskBounds, Bound, Reply};
use broker_core::units::{LeaderEpoch, Offset, TopicPartition};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;

use super::wire::{Exchange, REQUEST, decode};
use crate::messages::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic};

const KEY: i16 = 2;
const VERSION: i16 = 11;
const LATEST: i64 = -1;
/// Of what is on the leader's disk, whatever is tiered (KIP-405).
const EARLIEST_LOCAL: i64 = -4;

pub(super) fn request(wanted: &AskBounds) -> Result<Exchange, String> {
    let timestamp = match wanted.bound {
        Bound::Start => EARLIEST_LOCAL,
        Bound::End => LATEST,
    };
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (tp, LeaderEpoch(current_leader_epoch)) in &wanted.partitions {
        topics.entry(&tp.topic).or_default().push(ListOffsetsPartition {
            partition_index: tp.partition,
            current_leader_epoch: *current_leader_epoch,
            timestamp,
        });
    }
    let topic = |(name, partitions): (&str, _)| ListOffsetsTopic {
        name: name.to_owned(),
        partitions,
    };
    let request = ListOffsetsRequest {
        replica_id: wanted.replica.0,
        isolation_level: 0,
        topics: topics.into_iter().map(topic).collect(),
        timeout_ms: i32::try_from(REQUEST.as_millis()).unwrap_or(i32::MAX),
    };
    Exchange::new(KEY, VERSION, &request)
}

pub(super) fn reply(body: Bytes, wanted: &AskBounds) -> Result<Reply, String> {
    let response: ListOffsetsResponse = decode(body, VERSION)?;
    let mut asked: BTreeMap<&TopicPartition, LeaderEpoch> =
        wanted.partitions.iter().map(|(tp, epoch)| (tp, *epoch)).collect();
    let mut bounds = Vec::with_capacity(asked.len());
    for topic in response.topics {
        for partition in topic.partitions {
            let tp = TopicPartition::new(topic.name.as_str(), partition.partition_index);
            if asked.remove(&tp).is_none() {
                return Err(format!("it answers {tp}, which was not asked for"));
            }
            let bound = match partition.error_code.err() {
                Some(error) => Err(error),
                None if partition.offset < 0 => return Err(format!("{tp} ends at {}", partition.offset)),
                None => Ok(Offset(partition.offset)),
            };
            bounds.push((tp, bound));
        }
    }
    Ok(Reply::Bounds(bounds))
}
