//! SyncGroup. v1 throttle time · v3 instance ids (KIP-345) · v4 flexible · v5 protocol type and name, which must be
//! there (KIP-559).

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::Reply;
use broker_core::group::{Outcome, Sync};
use broker_core::node::Released;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Answer, Api, Call};

pub(super) struct SyncGroup;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    version: i16,
    names_protocol: bool,
}

impl Api for SyncGroup {
    type Request = SyncGroupRequest;
    const KEY: i16 = 14;
    const NAME: &'static str = "SyncGroup";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: SyncGroupRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            version: call.version,
            names_protocol: call.version >= 5,
        };
        if semantics.names_protocol && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
            return answer(Outcome::Refused(ErrorCode::InconsistentGroupProtocol), semantics);
        }
        let sync = |ticket| Sync {
            group: Arc::from(&**request.group_id),
            member: Arc::from(&*request.member_id),
            instance: request.group_instance_id.as_deref().map(Arc::from),
            generation: request.generation_id,
            protocol_type: request.protocol_type.as_deref().map(Arc::from),
            protocol: request.protocol_name.as_deref().map(Arc::from),
            assignments: request
                .assignments
                .iter()
                .map(|given| (Arc::from(&*given.member_id), given.assignment.clone()))
                .collect(),
            ticket,
        };
        match call.node.sync_group(sync, call.now) {
            Reply::Now(outcome) => answer(outcome, semantics),
            Reply::Parked(ticket) => Answer::Parked(ticket, Box::new(move |released| continued(released, semantics))),
        }
    }
}

fn continued(released: Released, semantics: Semantics) -> Answer {
    match released {
        Released::Group(outcome) => answer(outcome, semantics),
        other => Answer::Close(format!("a SyncGroup was released as {other:?}")),
    }
}

fn answer(outcome: Outcome, semantics: Semantics) -> Answer {
    let text = |text: Arc<str>| StrBytes::from(text.to_string());
    let response = match outcome {
        Outcome::Synced(synced) => SyncGroupResponse::default()
            .with_protocol_type(synced.protocol_type.map(text).filter(|_| semantics.names_protocol))
            .with_protocol_name(synced.protocol.map(text).filter(|_| semantics.names_protocol))
            .with_assignment(synced.assignment),
        Outcome::Refused(error) => SyncGroupResponse::default().with_error_code(error.code()),
        _ => SyncGroupResponse::default().with_error_code(ErrorCode::UnknownServerError.code()),
    };
    Answer::reply(&response, semantics.version)
}
