//! AlterPartition, which leaders ask of the controller. v2 the oldest served, topics by id · v3 the in-sync replicas with the
//! epochs of their brokers (KIP-903).

use std::ops::RangeInclusive;

use broker_core::peer::{AlterPartition as Wanted, AlterPartitions, BrokerEpoch, PartitionAltered, PartitionState};
use broker_core::units::{BrokerId, ErrorCode, LeaderEpoch};
use kafka_protocol::messages::alter_partition_request::PartitionData;
use kafka_protocol::messages::{self, AlterPartitionRequest, AlterPartitionResponse, alter_partition_response};

use super::convert::{broker_ids, topic_id, uuid};
use super::{Answer, Api, Call};

pub(super) struct AlterPartition;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    names_epochs: bool,
}

/// An epoch that is not to be checked.
const UNCHECKED: i64 = -1;

impl Api for AlterPartition {
    type Request = AlterPartitionRequest;
    const KEY: i16 = 56;
    const NAME: &'static str = "AlterPartition";
    const VERSIONS: RangeInclusive<i16> = 2..=3;

    fn handle(request: AlterPartitionRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            names_epochs: call.version >= 3,
        };
        let asked = AlterPartitions {
            broker: BrokerEpoch {
                broker: BrokerId(request.broker_id.0),
                epoch: request.broker_epoch,
            },
            partitions: wanted(&request, semantics),
        };
        let response = match call.node.alter_partitions(&asked, call.now) {
            Ok(altered) => AlterPartitionResponse::default().with_topics(by_topic(&altered)),
            Err(code) => AlterPartitionResponse::default().with_error_code(code.code()),
        };
        call.reply(&response)
    }
}

fn wanted(request: &AlterPartitionRequest, semantics: Semantics) -> Vec<Wanted> {
    let partitions = request.topics.iter().flat_map(|topic| {
        let of_topic = topic.partitions.iter();
        of_topic.map(|partition| Wanted {
            topic_id: topic_id(topic.topic_id),
            partition: partition.partition_index,
            leader_epoch: LeaderEpoch(partition.leader_epoch),
            partition_epoch: partition.partition_epoch,
            isr: in_sync(partition, semantics),
            leader_recovery_state: partition.leader_recovery_state,
        })
    });
    partitions.collect()
}

fn in_sync(partition: &PartitionData, semantics: Semantics) -> Vec<BrokerEpoch> {
    let broker = |id: messages::BrokerId, epoch| BrokerEpoch {
        broker: BrokerId(id.0),
        epoch,
    };
    match semantics.names_epochs {
        true => {
            let replicas = partition.new_isr_with_epochs.iter();
            replicas
                .map(|replica| broker(replica.broker_id, replica.broker_epoch))
                .collect()
        }
        false => partition.new_isr.iter().map(|id| broker(*id, UNCHECKED)).collect(),
    }
}

fn by_topic(altered: &[PartitionAltered]) -> Vec<alter_partition_response::TopicData> {
    let topic = |of_topic: &[PartitionAltered]| {
        alter_partition_response::TopicData::default()
            .with_topic_id(uuid(of_topic.first().map(|first| first.topic_id).unwrap_or_default()))
            .with_partitions(of_topic.iter().map(partition).collect())
    };
    altered.chunk_by(|a, b| a.topic_id == b.topic_id).map(topic).collect()
}

fn partition(altered: &PartitionAltered) -> alter_partition_response::PartitionData {
    let response = alter_partition_response::PartitionData::default().with_partition_index(altered.partition);
    match &altered.result {
        Ok(state) => stands(response, state),
        Err(code) => refused(response, *code),
    }
}

fn stands(
    response: alter_partition_response::PartitionData,
    state: &PartitionState,
) -> alter_partition_response::PartitionData {
    response
        .with_leader_id(messages::BrokerId(state.leader.0))
        .with_leader_epoch(state.leader_epoch.0)
        .with_isr(broker_ids(&state.isr))
        .with_leader_recovery_state(state.leader_recovery_state)
        .with_partition_epoch(state.partition_epoch)
}

fn refused(
    response: alter_partition_response::PartitionData,
    code: ErrorCode,
) -> alter_partition_response::PartitionData {
    response.with_error_code(code.code())
}
