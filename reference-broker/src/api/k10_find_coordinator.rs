//! FindCoordinator. v0 groups alone · v1 kinds of key, error message, throttle time · v3 flexible · v4 many keys
//! (KIP-699) · v5 TRANSACTION_ABORTABLE (KIP-890) · v6 share partitions (KIP-932).

use std::ops::RangeInclusive;

use broker_core::image;
use broker_core::node::groups::CoordinatorKind;
use broker_core::units::{BrokerId, ErrorCode};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct FindCoordinator;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    tells_message: bool,
    many_keys: bool,
    share_partitions: bool,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            tells_message: version >= 1,
            many_keys: version >= 4,
            share_partitions: version >= 6,
        }
    }
}

impl Api for FindCoordinator {
    type Request = FindCoordinatorRequest;
    const KEY: i16 = 10;
    const NAME: &'static str = "FindCoordinator";
    const VERSIONS: RangeInclusive<i16> = 0..=6;

    fn handle(request: FindCoordinatorRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let response = if semantics.many_keys {
            let one = |key| one_of_many(request.key_type, key, call, semantics);
            FindCoordinatorResponse::default()
                .with_coordinators(request.coordinator_keys.into_iter().map(one).collect())
        } else {
            alone(find(request.key_type, &request.key, call, semantics), semantics)
        };
        make_missing(&response, request.key_type, call);
        call.reply(&response)
    }
}

/// A broker, and where it listens.
type Found<'a> = (BrokerId, &'a image::Listener);

fn find<'a>(kind: i8, key: &str, call: &'a Call<'_>, semantics: Semantics) -> Result<Found<'a>, ErrorCode> {
    let kind = coordinator_kind(kind).ok_or(ErrorCode::InvalidRequest)?;
    if kind == CoordinatorKind::Share && !(semantics.share_partitions && is_share_partition(key)) {
        return Err(ErrorCode::InvalidRequest);
    }
    let broker = call.node.coordinator_of(kind, key)?;
    let at = broker.listener(call.listener_name);
    at.map(|at| (broker.id, at)).ok_or(ErrorCode::CoordinatorNotAvailable)
}

/// The first lookup finds nothing: the topic is made after its answer, so that no key of it fares better than another.
fn make_missing(response: &FindCoordinatorResponse, kind: i8, call: &mut Call<'_>) {
    let missing = ErrorCode::CoordinatorNotAvailable.code();
    let is_missed = response.error_code == missing || response.coordinators.iter().any(|one| one.error_code == missing);
    if let Some(kind) = coordinator_kind(kind).filter(|_| is_missed) {
        call.node.make_coordinators(kind, call.now);
    }
}

fn coordinator_kind(kind: i8) -> Option<CoordinatorKind> {
    match kind {
        0 => Some(CoordinatorKind::Group),
        1 => Some(CoordinatorKind::Transaction),
        2 => Some(CoordinatorKind::Share),
        _ => None,
    }
}

/// `group:topicId:partition`, the id as Kafka writes ids in text.
fn is_share_partition(key: &str) -> bool {
    let parts: Vec<&str> = key.split(':').collect();
    let is_id = |id: &str| {
        let text = id.trim_end_matches('=');
        text.len() == 22
            && text
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    };
    matches!(parts[..], [group, id, partition] if !group.is_empty() && is_id(id) && partition.parse::<i32>().is_ok())
}

/// Among many keys only an unknown kind of key is explained.
fn one_of_many(kind: i8, key: StrBytes, call: &Call<'_>, semantics: Semantics) -> Coordinator {
    let found = find(kind, &key, call, semantics);
    let explained = found.as_ref().err().filter(|_| coordinator_kind(kind).is_none());
    let message = explained
        .map(|error| StrBytes::from(message(*error).to_owned()))
        .unwrap_or_default();
    let coordinator = Coordinator::default().with_key(key).with_error_message(Some(message));
    match found {
        Ok((broker, at)) => coordinator
            .with_node_id(broker.0.into())
            .with_host(text(&at.host))
            .with_port(at.port.into()),
        Err(error) => coordinator
            .with_error_code(error.code())
            .with_node_id((-1).into())
            .with_port(-1),
    }
}

fn alone(found: Result<Found<'_>, ErrorCode>, semantics: Semantics) -> FindCoordinatorResponse {
    let why = |message: &'static str| Some(StrBytes::from_static_str(message)).filter(|_| semantics.tells_message);
    let response = FindCoordinatorResponse::default();
    match found {
        Ok((broker, at)) => response
            .with_error_message(why("NONE"))
            .with_node_id(broker.0.into())
            .with_host(text(&at.host))
            .with_port(at.port.into()),
        Err(error) => response
            .with_error_code(error.code())
            .with_error_message(why(message(error)))
            .with_node_id((-1).into())
            .with_port(-1),
    }
}

/// Kafka's own words for the two errors that come up here.
fn message(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::CoordinatorNotAvailable => "The coordinator is not available.",
        _ => {
            "This most likely occurs because of a request being malformed by the client library or the message was sent to an \
             incompatible broker. See the broker logs for more details."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_partition_is_a_group_a_topic_id_and_a_number() {
        assert!(is_share_partition("g:4L6g3nShT-eMCtK--X86sw:0"));
        for bad in [
            "",
            "g",
            "g:zz:0",
            ":4L6g3nShT-eMCtK--X86sw:0",
            "g:4L6g3nShT-eMCtK--X86sw:x",
            "g:4L6g3nShT-eMCtK--X86sw:0:1",
        ] {
            assert!(!is_share_partition(bad), "{bad}");
        }
    }
}
