//! ConsumerGroupHeartbeat (KIP-848). v0 the coordinator may name the member · v1 the member names itself, and may subscribe
//! by regular expression.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{Beaten, ConsumerHeartbeat, Outcome, Partitions, Timing};
use broker_core::units::{ErrorCode, TopicId};
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions as Owned;
use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_protocol::protocol::StrBytes;

use super::convert::{text, uuid};
use super::{Answer, Api, Call};

pub(super) struct ConsumerGroupHeartbeat;

/// Neither leaves nor joins: the epochs below are those of who goes.
const LEAVES: i32 = -1;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    members_name_themselves: bool,
}

impl Api for ConsumerGroupHeartbeat {
    type Request = ConsumerGroupHeartbeatRequest;
    const KEY: i16 = 68;
    const NAME: &'static str = "ConsumerGroupHeartbeat";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: ConsumerGroupHeartbeatRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            members_name_themselves: call.version >= 1,
        };
        if !call.node.serves_consumer_protocol() {
            let unsupported = ErrorCode::UnsupportedVersion.code();
            return call.reply(&ConsumerGroupHeartbeatResponse::default().with_error_code(unsupported));
        }
        if must_name_itself(&request, semantics) {
            let why = "MemberId can't be empty.".to_owned();
            return call.reply(&answer(Outcome::RefusedWith(ErrorCode::InvalidRequest, why)));
        }
        let member: Arc<str> = match &*request.member_id {
            "" => TopicId(call.fresh_id()).to_string().into(),
            named => named.into(),
        };
        let (client_id, client_host) = (Arc::from(call.client_id), Arc::from(call.client_host));
        let group = request.group_id.to_string();
        let beat = |timing| beat(request, member, client_id, client_host, timing);
        let outcome = call.node.consumer_heartbeat(beat, &group, call.now);
        call.reply(&answer(outcome))
    }
}

/// Only a member of v0 that joins may leave its name to the coordinator.
fn must_name_itself(request: &ConsumerGroupHeartbeatRequest, semantics: Semantics) -> bool {
    let names_itself = semantics.members_name_themselves || request.member_epoch > 0 || request.member_epoch == LEAVES;
    names_itself && request.member_id.is_empty()
}

fn beat(
    request: ConsumerGroupHeartbeatRequest,
    member: Arc<str>,
    client_id: Arc<str>,
    client_host: Arc<str>,
    timing: Timing,
) -> ConsumerHeartbeat {
    let arc = |text: Option<StrBytes>| text.as_deref().map(Arc::from);
    let topics = request.subscribed_topic_names;
    ConsumerHeartbeat {
        group: Arc::from(&**request.group_id),
        member,
        epoch: request.member_epoch,
        instance: arc(request.instance_id),
        rack: arc(request.rack_id),
        client_id,
        client_host,
        rebalance_timeout_ms: Some(request.rebalance_timeout_ms).filter(|timeout_ms| *timeout_ms != -1),
        topics: topics.map(|names| names.iter().map(|name| Arc::from(&***name)).collect()),
        regex: arc(request.subscribed_topic_regex),
        assignor: arc(request.server_assignor),
        owned: request.topic_partitions.map(owned),
        timing,
        classic: None,
    }
}

fn owned(topics: Vec<Owned>) -> Partitions {
    let mut owned = Partitions::new();
    for topic in topics {
        let id = TopicId(topic.topic_id.into_bytes());
        owned.entry(id).or_default().extend(topic.partitions);
    }
    owned
}

fn answer(outcome: Outcome) -> ConsumerGroupHeartbeatResponse {
    let response = ConsumerGroupHeartbeatResponse::default();
    match outcome {
        Outcome::Beaten(beaten) => tell(beaten),
        Outcome::RefusedWith(error, why) => response
            .with_error_code(error.code())
            .with_error_message(Some(text(&why))),
        // Kafka has no word for it.
        Outcome::Refused(error @ ErrorCode::NotCoordinator) => response.with_error_code(error.code()),
        Outcome::Refused(error) => response
            .with_error_code(error.code())
            .with_error_message(Some(text(&error.to_string()))),
        _ => response.with_error_code(ErrorCode::UnknownServerError.code()),
    }
}

fn tell(beaten: Beaten) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(text(&beaten.member)))
        .with_member_epoch(beaten.epoch)
        .with_heartbeat_interval_ms(beaten.heartbeat_interval_ms)
        .with_assignment(beaten.assignment.map(assignment))
}

fn assignment(partitions: Partitions) -> Assignment {
    let topic = |(id, partitions): (TopicId, std::collections::BTreeSet<i32>)| {
        TopicPartitions::default()
            .with_topic_id(uuid(id))
            .with_partitions(partitions.into_iter().collect())
    };
    Assignment::default().with_topic_partitions(partitions.into_iter().map(topic).collect())
}
