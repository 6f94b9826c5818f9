//! ElectLeaders. v1 unclean elections too (KIP-460) · v2 flexible.

use std::ops::RangeInclusive;

use broker_core::controller::Refusal;
use broker_core::controller::elections::Election;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use super::convert::{text, topic_name};
use super::{Answer, Api, Call};

pub(super) struct ElectLeaders;

impl Api for ElectLeaders {
    type Request = ElectLeadersRequest;
    const KEY: i16 = 43;
    const NAME: &'static str = "ElectLeaders";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: ElectLeadersRequest, call: &mut Call<'_>) -> Answer {
        let chooses = call.version >= 1;
        let election = match chooses {
            true => Election::from_number(request.election_type),
            false => Some(Election::Preferred),
        };
        let results = match &request.topic_partitions {
            Some(topics) => topics.iter().map(|topic| elect(topic, election, call)).collect(),
            None => call
                .node
                .image()
                .topics()
                .map(|topic| not_needed(&topic.name))
                .collect(),
        };
        let response = ElectLeadersResponse::default().with_replica_election_results(results);
        let response = match election {
            None if chooses => response.with_error_code(ErrorCode::InvalidRequest.code()),
            _ => response,
        };
        call.reply(&response)
    }
}

/// Who asks for all is told of a topic, but not of its partitions that need nothing.
fn not_needed(topic: &str) -> ReplicaElectionResult {
    ReplicaElectionResult::default().with_topic(topic_name(topic))
}

fn elect(topic: &TopicPartitions, election: Option<Election>, call: &Call<'_>) -> ReplicaElectionResult {
    let elected = |partition: &i32| {
        let refusal = match election {
            Some(election) => call.node.elect_leader(&topic.topic, *partition, election),
            None => Refusal::new(ErrorCode::InvalidRequest, "Unknown election type"),
        };
        PartitionResult::default()
            .with_partition_id(*partition)
            .with_error_code(refusal.code.code())
            .with_error_message(refusal.message.as_deref().map(text))
    };
    not_needed(&topic.topic).with_partition_result(topic.partitions.iter().map(elected).collect())
}
