//! CreateTopics. v4 -1 for default counts (accepted below too, as by Kafka) · v5 flexible, the answer tells partitions,
//! replication factor and configs (KIP-525) · v6 may be throttled by quota · v7 topic ids.
//!
//! The answer comes when the topics are there; who gives that no time is told at once that it is over.

use std::ops::RangeInclusive;

use broker_core::config::describe::Entry;
use broker_core::controller::topics::{CreatedTopic, NewTopic};
use broker_core::controller::{Intent, Refusal};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use super::convert::{error, text, topic_name, uuid};
use super::{Answer, Api, Call};

pub(super) struct CreateTopics;

impl Api for CreateTopics {
    type Request = CreateTopicsRequest;
    const KEY: i16 = 19;
    const NAME: &'static str = "CreateTopics";
    const VERSIONS: RangeInclusive<i16> = 2..=7;

    fn handle(request: CreateTopicsRequest, call: &mut Call<'_>) -> Answer {
        let tells_what_was_created = call.version >= 5;
        let intent = Intent::of(request.validate_only);
        let topics: Vec<NewTopic> = request.topics.iter().map(wanted).collect();
        let outcome = match request.timeout_ms {
            ..=0 => Err(ErrorCode::RequestTimedOut),
            _ => call.node.create_topics(topics, intent, call.now),
        };
        let created = match outcome {
            Ok(created) => created,
            Err(error) => request
                .topics
                .iter()
                .map(|topic| (topic.name.to_string(), Err(Refusal::silent(error))))
                .collect(),
        };
        let results = created
            .iter()
            .map(|(name, result)| answer(name, result, tells_what_was_created));
        let response = CreateTopicsResponse::default().with_topics(results.collect());
        call.reply(&response)
    }
}

fn wanted(topic: &CreatableTopic) -> NewTopic {
    let replicas = |ids: &[kafka_protocol::messages::BrokerId]| ids.iter().map(|id| id.0).collect();
    NewTopic {
        name: topic.name.to_string(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic
            .assignments
            .iter()
            .map(|each| (each.partition_index, replicas(&each.broker_ids)))
            .collect(),
        configs: topic
            .configs
            .iter()
            .map(|config| (config.name.to_string(), config.value.as_ref().map(ToString::to_string)))
            .collect(),
        ..NewTopic::default()
    }
}

fn answer(name: &str, result: &Result<CreatedTopic, Refusal>, tells_what_was_created: bool) -> CreatableTopicResult {
    let (code, message) = error(result);
    let answer = CreatableTopicResult::default()
        .with_name(topic_name(name))
        .with_error_code(code)
        .with_error_message(message);
    match result {
        Ok(created) if tells_what_was_created => answer
            .with_topic_id(uuid(created.id))
            .with_num_partitions(created.partitions)
            .with_replication_factor(created.replication_factor)
            .with_configs(Some(created.configs.iter().map(config).collect())),
        Ok(_) | Err(_) => answer,
    }
}

fn config(entry: &Entry) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(text(&entry.name))
        .with_value(entry.value.as_deref().map(text))
        .with_read_only(entry.read_only)
        .with_config_source(entry.source as i8)
        .with_is_sensitive(entry.sensitive)
}
