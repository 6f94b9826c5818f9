//! JoinGroup. v0 the session timeout is the rebalance timeout too · v1 rebalance timeout · v2 throttle time · v4 a new
//! dynamic member is told its id first (KIP-394) · v5 instance ids (KIP-345) · v6 flexible · v7 protocol type in the
//! answer, null for no protocol (KIP-559) · v8 reason (KIP-800) · v9 the leader may skip the assignment (KIP-814).

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::Reply;
use broker_core::group::{Join, Joined, JoinedMember, Outcome, Protocol, Timing};
use broker_core::node::Released;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Answer, Api, Call};

pub(super) struct JoinGroup;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    version: i16,
    has_rebalance_timeout: bool,
    requires_known_member: bool,
    tells_protocol_type: bool,
    skips_assignment: bool,
}

/// A hyphen and a random id follow the client id or the instance id.
const MEMBER_ID_SUFFIX: usize = 37;

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            version,
            has_rebalance_timeout: version >= 1,
            requires_known_member: version >= 4,
            tells_protocol_type: version >= 7,
            skips_assignment: version >= 9,
        }
    }
}

impl Api for JoinGroup {
    type Request = JoinGroupRequest;
    const KEY: i16 = 11;
    const NAME: &'static str = "JoinGroup";
    const VERSIONS: RangeInclusive<i16> = 0..=9;

    fn handle(request: JoinGroupRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let prefix = request.group_instance_id.as_deref().unwrap_or(call.client_id);
        if prefix.len() + MEMBER_ID_SUFFIX > usize::from(i16::MAX.unsigned_abs()) {
            // Kafka, too, cannot write the answer; but it has let the member in by then, whom nobody can name.
            return Answer::Close("the member id would be longer than a string may be".into());
        }
        let fresh: Arc<str> = uuid::Uuid::from_bytes(call.fresh_id()).to_string().into();
        let (client_id, client_host) = (call.client_id.into(), call.client_host.into());
        let join = |ticket| Join {
            group: Arc::from(&**request.group_id),
            member: Arc::from(&*request.member_id),
            instance: request.group_instance_id.as_deref().map(Arc::from),
            protocol_type: Arc::from(&*request.protocol_type),
            protocols: protocols(&request),
            session_timeout_ms: request.session_timeout_ms,
            rebalance_timeout_ms: if semantics.has_rebalance_timeout {
                request.rebalance_timeout_ms
            } else {
                request.session_timeout_ms
            },
            client_id,
            client_host,
            fresh,
            ticket,
            requires_known_member: semantics.requires_known_member,
            skips_assignment: semantics.skips_assignment,
            timing: Timing::default(),
        };
        match call.node.join_group(join, call.now) {
            Reply::Now(outcome) => answer(outcome, semantics),
            Reply::Parked(ticket) => Answer::Parked(ticket, Box::new(move |released| continued(released, semantics))),
        }
    }
}

fn protocols(request: &JoinGroupRequest) -> Arc<[Protocol]> {
    let protocols = request.protocols.iter();
    protocols
        .map(|protocol| Protocol {
            name: Arc::from(&*protocol.name),
            metadata: protocol.metadata.clone(),
        })
        .collect()
}

fn continued(released: Released, semantics: Semantics) -> Answer {
    match released {
        Released::Group(outcome) => answer(outcome, semantics),
        other => Answer::Close(format!("a JoinGroup was released as {other:?}")),
    }
}

fn answer(outcome: Outcome, semantics: Semantics) -> Answer {
    let response = match outcome {
        Outcome::Joined(joined) => welcome(joined, semantics),
        Outcome::JoinRefused(member, error) => refusal(&member, error, semantics),
        Outcome::Refused(error) => refusal("", error, semantics),
        _ => refusal("", ErrorCode::UnknownServerError, semantics),
    };
    Answer::reply(&response, semantics.version)
}

fn welcome(joined: Joined, semantics: Semantics) -> JoinGroupResponse {
    let text = |text: &Arc<str>| StrBytes::from(text.to_string());
    let member = |member: JoinedMember| {
        JoinGroupResponseMember::default()
            .with_member_id(text(&member.member))
            .with_group_instance_id(member.instance.as_ref().map(text))
            .with_metadata(member.metadata)
    };
    let response = JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_name(joined.protocol.as_ref().map(text))
        .with_leader(joined.leader.as_ref().map(text).unwrap_or_default())
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(text(&joined.member))
        .with_members(joined.members.into_iter().map(member).collect());
    let protocol_type = joined.protocol_type.as_ref().map(text);
    response.with_protocol_type(protocol_type.filter(|_| semantics.tells_protocol_type))
}

/// No protocol is null where the version has null for it.
fn refusal(member: &str, error: ErrorCode, semantics: Semantics) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_type(None)
        .with_protocol_name((!semantics.tells_protocol_type).then(StrBytes::default))
        .with_member_id(StrBytes::from(member.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_encodes_at_every_version() {
        let member = |name: &str| JoinedMember {
            member: name.into(),
            instance: Some("i".into()),
            metadata: bytes::Bytes::from_static(b"m"),
        };
        for version in JoinGroup::VERSIONS {
            let semantics = Semantics::of(version);
            let joined = Joined {
                member: "a".into(),
                generation: 3,
                protocol_type: Some("consumer".into()),
                protocol: Some("range".into()),
                leader: Some("a".into()),
                members: vec![member("a"), member("b")],
                skip_assignment: semantics.skips_assignment,
            };
            for outcome in [
                Outcome::Joined(joined),
                Outcome::JoinRefused("a".into(), ErrorCode::UnknownMemberId),
            ] {
                assert!(matches!(answer(outcome, semantics), Answer::Reply(_)), "v{version}");
            }
        }
    }
}
