//! CreateTopics v7: the topics that a broker makes for its clients and its coordinators.

use broker_core::controller::topics::NewTopic;
use broker_core::peer::Reply;
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, TopicName};

use super::wire::{Exchange, REQUEST, decode};
use crate::api::convert::text;

const KEY: i16 = 19;
const VERSION: i16 = 7;

pub(super) fn request(topics: &[NewTopic]) -> Result<Exchange, String> {
    let request = CreateTopicsRequest::default()
        .with_timeout_ms(i32::try_from(REQUEST.as_millis()).unwrap_or(i32::MAX))
        .with_topics(topics.iter().map(topic).collect());
    Exchange::new(KEY, VERSION, &request)
}

fn topic(wanted: &NewTopic) -> CreatableTopic {
    let config = |(name, value): &(String, Option<String>)| {
        CreatableTopicConfig::default()
            .with_name(text(name))
            .with_value(value.as_deref().map(text))
    };
    CreatableTopic::default()
        .with_name(TopicName(text(&wanted.name)))
        .with_num_partitions(wanted.partitions)
        .with_replication_factor(wanted.replication_factor)
        .with_configs(wanted.configs.iter().map(config).collect())
}

pub(super) fn reply(body: Bytes) -> Result<Reply, String> {
    let response: CreateTopicsResponse = decode(body, VERSION)?;
    let created = response.topics.iter();
    let created = created.map(|topic| (topic.name.to_string(), topic.error_code.err()));
    Ok(Reply::TopicsCreated(created.collect()))
}
