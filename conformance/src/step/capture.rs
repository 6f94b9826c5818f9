//! `-> $m1`: what a reply binds to a name, and whether the name stands for the thing from then on.

use kafka_fixtures::value::Value;

use crate::case::{Arg, Capture, Identity, Names};

/// Binds what a step captures: by path, or what the API is mostly asked for.
pub(super) fn capture(names: &mut Names, captures: &[Capture], api: &str, body: &Value) {
    for Capture { name, path } in captures {
        let Some(path) = path.as_deref().or_else(|| default_path(api)) else {
            continue;
        };
        let Some(value) = body.at(path).and_then(arg_of) else {
            continue;
        };
        match identity(path, &value) {
            // A refusal names nobody: what the symbol stood for before, it still does.
            Some(Identity::Member) if value.text().is_some_and(|id| id.is_empty()) => {}
            Some(kind) => names.capture_identity(name, kind, value),
            None => names.capture(name, value),
        }
    }
}

/// What `-> $name` binds where it names no field.
fn default_path(api: &str) -> Option<&'static str> {
    match api {
        "JoinGroup" | "ConsumerGroupHeartbeat" | "ShareGroupHeartbeat" | "StreamsGroupHeartbeat" => Some("MemberId"),
        "InitProducerId" => Some("ProducerId"),
        "Fetch" => Some("SessionId"),
        "CreateTopics" => Some("Topics[0].TopicId"),
        "Metadata" => Some("Topics[0].TopicId"),
        _ => None,
    }
}

/// What a field names, if it names anything.
fn identity(path: &str, value: &Arg) -> Option<Identity> {
    match (path.rsplit('.').next().unwrap_or(path), value) {
        ("MemberId" | "Leader", _) => Some(Identity::Member),
        ("ProducerId", _) => Some(Identity::Producer),
        ("SessionId", _) => Some(Identity::Session),
        (_, Arg::Uuid(_)) => Some(Identity::Uuid),
        _ => None,
    }
}

fn arg_of(value: &Value) -> Option<Arg> {
    match value {
        Value::Int(number) => Some(Arg::Number(*number)),
        Value::String(text) => Some(Arg::Text(text.clone())),
        Value::Uuid(id) => Some(Arg::Uuid(*id)),
        Value::Bytes(bytes) => Some(Arg::Bytes(bytes.to_vec())),
        Value::Bool(flag) => Some(Arg::Word(flag.to_string())),
        Value::Null => Some(Arg::Null),
        Value::Float(_) | Value::Array(_) | Value::Struct(_) => None,
    }
}
