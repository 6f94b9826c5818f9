//! Fetch v18 as replicas ask: by topic id, without a session, with the replica's epoch (KIP-903) and the high watermark that it
//! knows (KIP-1166).

use std::collections::HashMap;

use broker_core::log::batch::{HEADER_LENGTH, LOG_OVERHEAD};
use broker_core::peer::{ReplicaFetch, ReplicaFetched, ReplicaPartition, Reply, SnapshotId};
use broker_core::units::{BrokerId, LeaderEpoch, Offset, TopicId};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{self, FetchRequest, FetchResponse};
use uuid::Uuid;

use super::wire::{Exchange, decode};
use crate::api::convert::text;

const KEY: i16 = 1;
const VERSION: i16 = 18;
/// The epoch of requests that want no session (KIP-227).
const NO_SESSION: i32 = -1;

pub(super) fn request(wanted: &ReplicaFetch, cluster_id: &str) -> Result<Exchange, String> {
    let topics = wanted.partitions.chunk_by(|a, b| a.topic_id == b.topic_id);
    let topic = |partitions: &[ReplicaPartition]| {
        FetchTopic::default()
            .with_topic_id(Uuid::from_bytes(partitions[0].topic_id.0))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    let replica = ReplicaState::default()
        .with_replica_id(messages::BrokerId(wanted.replica.broker.0))
        .with_replica_epoch(wanted.replica.epoch);
    let request = FetchRequest::default()
        .with_cluster_id(Some(text(cluster_id)))
        .with_replica_state(replica)
        .with_max_wait_ms(wanted.max_wait_ms)
        .with_min_bytes(wanted.min_bytes)
        .with_max_bytes(wanted.max_bytes)
        .with_session_epoch(NO_SESSION)
        .with_topics(topics.map(topic).collect());
    Ok(Exchange::new(KEY, VERSION, &request)?.waiting(wanted.max_wait_ms))
}

fn partition(wanted: &ReplicaPartition) -> FetchPartition {
    FetchPartition::default()
        .with_partition(wanted.tp.partition)
        .with_current_leader_epoch(wanted.leader_epoch.0)
        .with_fetch_offset(wanted.offset.0)
        .with_last_fetched_epoch(wanted.last_fetched_epoch.0)
        .with_log_start_offset(wanted.log_start.0)
        .with_partition_max_bytes(wanted.max_bytes)
        .with_high_watermark(wanted.high_watermark.0)
        .with_replica_directory_id(Uuid::from_bytes(wanted.directory))
}

pub(super) fn reply(body: Bytes, wanted: &ReplicaFetch) -> Result<Reply, String> {
    let response: FetchResponse = decode(body, VERSION)?;
    if let Some(error) = response.error_code.err() {
        return Ok(Reply::Fetched(Err(error)));
    }
    let mut asked: HashMap<(TopicId, i32), &ReplicaPartition> = HashMap::new();
    asked.extend(
        wanted
            .partitions
            .iter()
            .map(|wanted| ((wanted.topic_id, wanted.tp.partition), wanted)),
    );
    let mut fetched = Vec::with_capacity(asked.len());
    for topic in response.responses {
        let id = TopicId(topic.topic_id.into_bytes());
        for partition in topic.partitions {
            let index = partition.partition_index;
            // Each is answered once: what was not asked for, or came before, has no place in the answer.
            let wanted = asked.remove(&(id, index));
            let wanted =
                wanted.ok_or_else(|| format!("it answers partition {index} of {id}, which was not asked for"))?;
            fetched.push(of_partition(wanted, partition)?);
        }
    }
    Ok(Reply::Fetched(Ok(fetched)))
}

fn of_partition(wanted: &ReplicaPartition, answered: PartitionData) -> Result<ReplicaFetched, String> {
    let diverging = &answered.diverging_epoch;
    let leader = &answered.current_leader;
    let snapshot = &answered.snapshot_id;
    let records = whole_batches(answered.records.unwrap_or_default());
    Ok(ReplicaFetched {
        tp: wanted.tp.clone(),
        error: answered.error_code.err(),
        high_watermark: Offset(answered.high_watermark),
        log_start: Offset(answered.log_start_offset),
        diverging: (diverging.epoch >= 0).then_some((LeaderEpoch(diverging.epoch), Offset(diverging.end_offset))),
        snapshot: (snapshot.end_offset >= 0).then_some(SnapshotId {
            end: Offset(snapshot.end_offset),
            epoch: LeaderEpoch(snapshot.epoch),
        }),
        leader: (leader.leader_epoch >= 0).then_some((BrokerId(leader.leader_id.0), LeaderEpoch(leader.leader_epoch))),
        records: records.map_err(|why| format!("{}: {why}", wanted.tp))?,
    })
}

/// A leader may cut the last batch off in the middle; what is whole of it stays.
fn whole_batches(records: Bytes) -> Result<Bytes, String> {
    let mut end = 0;
    while let Some(length) = length_of_first(&records[end..])? {
        if records.len() - end < length {
            break;
        }
        end += length;
    }
    Ok(records.slice(..end))
}

fn length_of_first(records: &[u8]) -> Result<Option<usize>, String> {
    let Some([a, b, c, d]) = records.get(8..LOG_OVERHEAD) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes([*a, *b, *c, *d]);
    let whole = usize::try_from(length).ok().map(|length| length + LOG_OVERHEAD);
    match whole {
        Some(whole) if whole >= HEADER_LENGTH => Ok(Some(whole)),
        _ => Err(format!("a batch says that it has {length} bytes")),
    }
}
