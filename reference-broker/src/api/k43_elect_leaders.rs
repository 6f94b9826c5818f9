//! ElectLeaders. v1 unclean elections too (KIP-460) · v2 flexible.

use std::ops::RangeInclusive;

use broker_core::controller::elections::Election;
use broker_core::controller::{ByPartition, Refusal};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use super::convert::{error, topic_name};
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
        let asked: Option<Vec<_>> = request
            .topic_partitions
            .as_ref()
            .map(|topics| topics.iter().map(named).collect());
        let (results, code) = match election {
            Some(election) => match call.node.elect_leaders(asked.as_deref(), election, call.now) {
                Ok(elections) => (elections.iter().map(result).collect(), 0),
                Err(code) => (Vec::new(), code.code()),
            },
            None => (unknown(asked, call), ErrorCode::InvalidRequest.code()),
        };
        let response = ElectLeadersResponse::default().with_replica_election_results(results);
        let response = match chooses {
            true => response.with_error_code(code),
            false => response,
        };
        call.reply(&response)
    }
}

fn named(topic: &TopicPartitions) -> (String, Vec<i32>) {
    (topic.topic.to_string(), topic.partitions.clone())
}

/// Every partition that was named is refused; of all the others only the topics are told.
fn unknown(asked: Option<Vec<(String, Vec<i32>)>>, call: &Call<'_>) -> Vec<ReplicaElectionResult> {
    let all = || {
        let topics = call.node.image().topics();
        topics.map(|topic| (topic.name.to_string(), Vec::new())).collect()
    };
    let refused = |(topic, partitions): (String, Vec<i32>)| {
        let refusal = || Err(Refusal::new(ErrorCode::InvalidRequest, "Unknown election type"));
        result(&(topic, partitions.into_iter().map(|index| (index, refusal())).collect()))
    };
    asked.unwrap_or_else(all).into_iter().map(refused).collect()
}

fn result((topic, partitions): &ByPartition<Result<(), Refusal>>) -> ReplicaElectionResult {
    let elected = |(index, result): &(i32, Result<(), Refusal>)| {
        let (code, message) = error(result);
        PartitionResult::default()
            .with_partition_id(*index)
            .with_error_code(code)
            .with_error_message(message)
    };
    ReplicaElectionResult::default()
        .with_topic(topic_name(topic))
        .with_partition_result(partitions.iter().map(elected).collect())
}
