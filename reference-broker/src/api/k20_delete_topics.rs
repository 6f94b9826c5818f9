//! DeleteTopics. v4 flexible · v5 error messages, may be throttled by quota · v6 topics by id too.

use std::ops::RangeInclusive;

use broker_core::controller::Refusal;
use broker_core::controller::topics::{Deleted, TopicRef};
use broker_core::units::{ErrorCode, TopicId};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

use super::convert::{error, topic_id, topic_name, uuid};
use super::{Answer, Api, Call};

pub(super) struct DeleteTopics;

impl Api for DeleteTopics {
    type Request = DeleteTopicsRequest;
    const KEY: i16 = 20;
    const NAME: &'static str = "DeleteTopics";
    const VERSIONS: RangeInclusive<i16> = 1..=6;

    fn handle(request: DeleteTopicsRequest, call: &mut Call<'_>) -> Answer {
        let topics = wanted(&request);
        let refusal = match (call.node.config().delete_topic_enable, call.version) {
            (true, _) if request.timeout_ms <= 0 => Some(ErrorCode::RequestTimedOut),
            (true, _) => None,
            (false, ..3) => Some(ErrorCode::InvalidRequest),
            (false, _) => Some(ErrorCode::TopicDeletionDisabled),
        };
        let outcome = match refusal {
            Some(code) => Err(code),
            None => call.node.delete_topics(topics.clone(), call.now),
        };
        let refuse = |code: ErrorCode| {
            topics
                .iter()
                .map(|topic| (topic.clone(), Err(Refusal::silent(code))))
                .collect()
        };
        let deleted: Deleted = outcome.unwrap_or_else(refuse);
        let results = deleted
            .iter()
            .map(|(topic, result)| answer(topic, result, call.version));
        let response = DeleteTopicsResponse::default().with_responses(results.collect());
        call.reply(&response)
    }
}

fn wanted(request: &DeleteTopicsRequest) -> Vec<TopicRef> {
    let named = request.topic_names.iter().map(|name| TopicRef {
        name: Some(name.to_string()),
        id: TopicId::ZERO,
    });
    let either = request.topics.iter().map(|topic| TopicRef {
        name: topic.name.as_ref().map(|name| name.to_string()),
        id: topic_id(topic.topic_id),
    });
    named.chain(either).collect()
}

fn answer(topic: &TopicRef, result: &Result<(), Refusal>, version: i16) -> DeletableTopicResult {
    let (code, message) = error(result);
    let answer = DeletableTopicResult::default()
        .with_name(topic.name.as_deref().map(topic_name))
        .with_error_code(code);
    let answer = if version >= 5 {
        answer.with_error_message(message)
    } else {
        answer
    };
    if version >= 6 {
        answer.with_topic_id(uuid(topic.id))
    } else {
        answer
    }
}
