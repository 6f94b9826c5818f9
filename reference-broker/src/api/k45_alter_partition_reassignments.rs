//! AlterPartitionReassignments. v1 may forbid another replication factor (KIP-860).

use std::ops::RangeInclusive;

use broker_core::controller::reassignments::{ReplicationFactor, Targets};
use broker_core::controller::{ByPartition, Refusal};
use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse};

use super::convert::{error, topic_name};
use super::{Answer, Api, Call};

pub(super) struct AlterPartitionReassignments;

impl Api for AlterPartitionReassignments {
    type Request = AlterPartitionReassignmentsRequest;
    const KEY: i16 = 45;
    const NAME: &'static str = "AlterPartitionReassignments";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: AlterPartitionReassignmentsRequest, call: &mut Call<'_>) -> Answer {
        let may_forbid_another_factor = call.version >= 1;
        let factor = match may_forbid_another_factor && !request.allow_replication_factor_change {
            true => ReplicationFactor::MustStay,
            false => ReplicationFactor::MayChange,
        };
        let targets: Targets = request.topics.iter().map(target).collect();
        let response = match call.node.reassign(&targets, factor, call.now) {
            Ok(reassigned) => {
                AlterPartitionReassignmentsResponse::default().with_responses(reassigned.iter().map(result).collect())
            }
            Err(code) => AlterPartitionReassignmentsResponse::default().with_error_code(code.code()),
        };
        let response = match may_forbid_another_factor {
            true => response.with_allow_replication_factor_change(request.allow_replication_factor_change),
            false => response,
        };
        call.reply(&response)
    }
}

fn target(topic: &ReassignableTopic) -> ByPartition<Option<Vec<i32>>> {
    let replicas = |partition: &ReassignablePartition| {
        let replicas = partition.replicas.as_ref();
        let replicas = replicas.map(|replicas| replicas.iter().map(|id| id.0).collect());
        (partition.partition_index, replicas)
    };
    (topic.name.to_string(), topic.partitions.iter().map(replicas).collect())
}

fn result((topic, partitions): &ByPartition<Result<(), Refusal>>) -> ReassignableTopicResponse {
    let reassigned = |(index, result): &(i32, Result<(), Refusal>)| {
        let (code, message) = error(result);
        ReassignablePartitionResponse::default()
            .with_partition_index(*index)
            .with_error_code(code)
            .with_error_message(message)
    };
    ReassignableTopicResponse::default()
        .with_name(topic_name(topic))
        .with_partitions(partitions.iter().map(reassigned).collect())
}
