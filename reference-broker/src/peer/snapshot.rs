//! FetchSnapshot v1 as observers ask: the metadata's snapshot that a controller named, from a position on.

use broker_core::peer::{AskSnapshot, Reply, SnapshotPart};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::fetch_snapshot_request::{PartitionSnapshot, SnapshotId, TopicSnapshot};
use kafka_protocol::messages::{BrokerId, FetchSnapshotRequest, FetchSnapshotResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::wire::{Exchange, decode};

const KEY: i16 = 59;
const VERSION: i16 = 1;
const TOPIC: &str = "__cluster_metadata";

pub(super) fn request(wanted: &AskSnapshot, cluster_id: &str) -> Result<Exchange, String> {
    let id = SnapshotId::default()
        .with_end_offset(wanted.snapshot.end.0)
        .with_epoch(wanted.snapshot.epoch.0);
    let partition = PartitionSnapshot::default()
        .with_partition(0)
        .with_current_leader_epoch(wanted.leader_epoch.0)
        .with_snapshot_id(id)
        .with_position(wanted.position);
    let topic = TopicSnapshot::default()
        .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
        .with_partitions(vec![partition]);
    let request = FetchSnapshotRequest::default()
        .with_cluster_id(Some(StrBytes::from_string(cluster_id.to_owned())))
        .with_replica_id(BrokerId(wanted.replica.0))
        .with_max_bytes(wanted.max_bytes)
        .with_topics(vec![topic]);
    Exchange::new(KEY, VERSION, &request)
}

pub(super) fn reply(body: Bytes, wanted: &AskSnapshot) -> Result<Reply, String> {
    let response: FetchSnapshotResponse = decode(body, VERSION)?;
    if let Some(error) = response.error_code.err() {
        return Ok(Reply::Snapshot(Err(error)));
    }
    let mut partitions = response.topics.into_iter().flat_map(|topic| topic.partitions);
    let (Some(partition), None) = (partitions.next(), partitions.next()) else {
        return Err("it does not answer for one partition".into());
    };
    if let Some(error) = partition.error_code.err() {
        return Ok(Reply::Snapshot(Err(error)));
    }
    let id = &partition.snapshot_id;
    if (id.end_offset, id.epoch) != (wanted.snapshot.end.0, wanted.snapshot.epoch.0) {
        return Err(format!(
            "it gives the snapshot {}-{}, which was not asked for",
            id.end_offset, id.epoch
        ));
    }
    Ok(Reply::Snapshot(Ok(SnapshotPart {
        size: partition.size,
        position: partition.position,
        bytes: partition.unaligned_records,
    })))
}
