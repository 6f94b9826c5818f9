//! AlterPartitionReassignments. v1 may forbid another replication factor (KIP-860).

use std::ops::RangeInclusive;

use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse};

use super::convert::error;
use super::{Answer, Api, Call};

pub(super) struct AlterPartitionReassignments;

impl Api for AlterPartitionReassignments {
    type Request = AlterPartitionReassignmentsRequest;
    const KEY: i16 = 45;
    const NAME: &'static str = "AlterPartitionReassignments";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: AlterPartitionReassignmentsRequest, call: &mut Call<'_>) -> Answer {
        let response = AlterPartitionReassignmentsResponse::default()
            .with_responses(request.topics.iter().map(|topic| reassign(topic, call)).collect());
        let response = match call.version {
            0 => response,
            _ => response.with_allow_replication_factor_change(request.allow_replication_factor_change),
        };
        call.reply(&response)
    }
}

fn reassign(topic: &ReassignableTopic, call: &Call<'_>) -> ReassignableTopicResponse {
    let reassigned = |partition: &ReassignablePartition| {
        let target: Option<Vec<i32>> = partition
            .replicas
            .as_ref()
            .map(|replicas| replicas.iter().map(|id| id.0).collect());
        let (code, message) = error(
            &call
                .node
                .reassign(&topic.name, partition.partition_index, target.as_deref()),
        );
        ReassignablePartitionResponse::default()
            .with_partition_index(partition.partition_index)
            .with_error_code(code)
            .with_error_message(message)
    };
    ReassignableTopicResponse::default()
        .with_name(topic.name.clone())
        .with_partitions(topic.partitions.iter().map(reassigned).collect())
}
