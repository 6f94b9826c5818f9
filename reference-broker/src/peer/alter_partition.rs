//! AlterPartition v3: other in-sync replicas, each with the epoch of its broker (KIP-903).

use broker_core::peer::{AlterPartition, AlterPartitions, BrokerEpoch, PartitionAltered, PartitionState, Reply};
use broker_core::units::{BrokerId, LeaderEpoch, TopicId};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use kafka_protocol::messages::{self, AlterPartitionRequest, AlterPartitionResponse, alter_partition_response};
use uuid::Uuid;

use super::wire::{Exchange, decode};

const KEY: i16 = 56;
const VERSION: i16 = 3;

pub(super) fn request(wanted: &AlterPartitions) -> Result<Exchange, String> {
    let topics = wanted.partitions.chunk_by(|a, b| a.topic_id == b.topic_id);
    let topic = |partitions: &[AlterPartition]| {
        TopicData::default()
            .with_topic_id(Uuid::from_bytes(partitions[0].topic_id.0))
            .with_partitions(partitions.iter().map(partition).collect())
    };
    let request = AlterPartitionRequest::default()
        .with_broker_id(messages::BrokerId(wanted.broker.broker.0))
        .with_broker_epoch(wanted.broker.epoch)
        .with_topics(topics.map(topic).collect());
    Exchange::new(KEY, VERSION, &request)
}

fn partition(wanted: &AlterPartition) -> PartitionData {
    let in_sync = |replica: &BrokerEpoch| {
        BrokerState::default()
            .with_broker_id(messages::BrokerId(replica.broker.0))
            .with_broker_epoch(replica.epoch)
    };
    PartitionData::default()
        .with_partition_index(wanted.partition)
        .with_leader_epoch(wanted.leader_epoch.0)
        .with_new_isr_with_epochs(wanted.isr.iter().map(in_sync).collect())
        .with_leader_recovery_state(wanted.leader_recovery_state)
        .with_partition_epoch(wanted.partition_epoch)
}

pub(super) fn reply(body: Bytes, wanted: &AlterPartitions) -> Result<Reply, String> {
    let response: AlterPartitionResponse = decode(body, VERSION)?;
    if let Some(error) = response.error_code.err() {
        return Ok(Reply::PartitionsAltered(Err(error)));
    }
    let answered: usize = response.topics.iter().map(|topic| topic.partitions.len()).sum();
    if answered > wanted.partitions.len() {
        return Err("it answers more partitions than were asked for".into());
    }
    let of_topic = |topic: alter_partition_response::TopicData| {
        let topic_id = TopicId(topic.topic_id.into_bytes());
        topic
            .partitions
            .into_iter()
            .map(move |answered| altered(topic_id, &answered))
    };
    let altered = response.topics.into_iter().flat_map(of_topic).collect();
    Ok(Reply::PartitionsAltered(Ok(altered)))
}

fn altered(topic_id: TopicId, answered: &alter_partition_response::PartitionData) -> PartitionAltered {
    let state = PartitionState {
        leader: BrokerId(answered.leader_id.0),
        leader_epoch: LeaderEpoch(answered.leader_epoch),
        partition_epoch: answered.partition_epoch,
        isr: answered.isr.iter().map(|id| BrokerId(id.0)).collect(),
        leader_recovery_state: answered.leader_recovery_state,
    };
    PartitionAltered {
        topic_id,
        partition: answered.partition_index,
        result: answered.error_code.err().map_or(Ok(state), Err),
    }
}
