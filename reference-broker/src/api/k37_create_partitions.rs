//! CreatePartitions. v2 flexible · v3 may be throttled by quota.

use std::ops::RangeInclusive;

use broker_core::controller::partitions::{Grown, MorePartitions};
use broker_core::controller::{Intent, Refusal};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::convert::{error, topic_name};
use super::{Answer, Api, Call};

pub(super) struct CreatePartitions;

impl Api for CreatePartitions {
    type Request = CreatePartitionsRequest;
    const KEY: i16 = 37;
    const NAME: &'static str = "CreatePartitions";
    const VERSIONS: RangeInclusive<i16> = 0..=3;

    fn handle(request: CreatePartitionsRequest, call: &mut Call<'_>) -> Answer {
        let intent = Intent::of(request.validate_only);
        let topics: Vec<MorePartitions> = request.topics.iter().map(wanted).collect();
        let refuse = |code: ErrorCode| {
            request
                .topics
                .iter()
                .map(|topic| (topic.name.to_string(), Err(Refusal::silent(code))))
                .collect()
        };
        let outcome = match request.timeout_ms {
            ..=0 => Err(ErrorCode::RequestTimedOut),
            _ => call.node.create_partitions(topics, intent, call.now),
        };
        let grown: Grown = outcome.unwrap_or_else(refuse);
        let results = grown.iter().map(|(name, result)| {
            let (code, message) = error(result);
            CreatePartitionsTopicResult::default()
                .with_name(topic_name(name))
                .with_error_code(code)
                .with_error_message(message)
        });
        let response = CreatePartitionsResponse::default().with_results(results.collect());
        call.reply(&response)
    }
}

fn wanted(topic: &CreatePartitionsTopic) -> MorePartitions {
    let brokers = |assignment: &CreatePartitionsAssignment| assignment.broker_ids.iter().map(|id| id.0).collect();
    MorePartitions {
        name: topic.name.to_string(),
        count: topic.count,
        assignments: topic
            .assignments
            .as_ref()
            .map(|assignments| assignments.iter().map(brokers).collect()),
    }
}
