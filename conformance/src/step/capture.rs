//! `-> $m1`: what a reply binds to a name, and whether the name stands for the thing from then on.

use kafka_fixtures::schema::{Field, Type};
use kafka_fixtures::value::Value;

use crate::case::{Arg, Capture, Identity, Names};

/// Binds what a step captures: by path, or what the API is mostly asked for. A field that this reply lacks binds nothing;
/// one that no reply of the API has is the case's fault.
pub(super) fn capture(
    names: &mut Names,
    captures: &[Capture],
    api: &str,
    fields: &[Field],
    body: &Value,
) -> Result<(), String> {
    for Capture { name, path } in captures {
        let path = path.as_deref().or_else(|| default_path(api));
        let path = path.ok_or_else(|| format!("-> ${name} wants a field of {api}: ${name}=Field"))?;
        if !names_a_value(fields, path) {
            return Err(format!("-> ${name}={path}: {api} has no such field that can be bound"));
        }
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
    Ok(())
}

/// Whether a path such as `Topics[0].TopicId` leads to something that is neither a list nor a structure.
fn names_a_value(fields: &[Field], path: &str) -> bool {
    let (step, rest) = path
        .split_once('.')
        .map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (name, is_element) = step.split_once('[').map_or((step, false), |(name, _)| (name, true));
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        return false;
    };
    let reached = match (&field.ty, is_element) {
        (Type::Array(element), true) => element,
        (ty, false) => ty,
        (_, true) => return false,
    };
    match (reached, rest) {
        (Type::Struct(fields), Some(rest)) => names_a_value(fields, rest),
        (Type::Struct(_) | Type::Array(_) | Type::Float64, _) | (_, Some(_)) => false,
        (_, None) => true,
    }
}

/// What `-> $name` binds where it names no field.
fn default_path(api: &str) -> Option<&'static str> {
    match api {
        "JoinGroup" | "ConsumerGroupHeartbeat" | "ShareGroupHeartbeat" | "StreamsGroupHeartbeat" => Some("MemberId"),
        "InitProducerId" | "EndTxn" => Some("ProducerId"),
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

#[cfg(test)]
mod tests {
    use kafka_fixtures::schema::Schemas;
    use kafka_fixtures::value::{Struct, Value};

    use super::capture;
    use crate::case::{Arg, Capture, Names};

    fn bound(api: &str, path: Option<&str>, body: Struct) -> Result<Option<Arg>, String> {
        let key = Schemas::latest().api_key(api).expect("an API");
        let fields = &Schemas::latest().response(key).expect("a response").fields;
        let captures = [Capture {
            name: "x".to_owned(),
            path: path.map(str::to_owned),
        }];
        let mut names = Names::new("p-");
        capture(&mut names, &captures, api, fields, &Value::Struct(body))?;
        Ok(names.captured("x").cloned())
    }

    #[test]
    fn a_field_is_bound_one_that_the_reply_lacks_is_not_and_one_that_cannot_be_is_refused() {
        let reply = || Struct::new().with("ProducerEpoch", 7);
        assert_eq!(
            bound("InitProducerId", Some("ProducerEpoch"), reply()),
            Ok(Some(Arg::Number(7)))
        );
        assert_eq!(bound("InitProducerId", None, reply()), Ok(None));
        assert_eq!(bound("Metadata", Some("Topics[0].TopicId"), Struct::new()), Ok(None));
        for path in ["Epoch", "ProducerEpoch[0]", "ProducerEpoch.Id"] {
            let error = bound("InitProducerId", Some(path), reply()).expect_err(path);
            assert!(error.contains("InitProducerId has no such field"), "{error}");
        }
        assert!(bound("Metadata", Some("Topics"), Struct::new()).is_err());
        assert!(bound("Metadata", Some("Topics[0]"), Struct::new()).is_err());
        assert!(bound("Heartbeat", None, Struct::new()).is_err());
    }
}
