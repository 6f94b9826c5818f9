//! Reading a decoded reply by field name; what a version lacks reads as absent.

use kafka_fixtures::value::Value;

use crate::observe::error_name;

/// A number; `otherwise` where the reply has none.
pub(super) fn number(value: &Value, field: &str, otherwise: i64) -> i64 {
    value.get(field).and_then(Value::as_i64).unwrap_or(otherwise)
}

/// A text; empty where the reply has none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

/// The elements of an array; none where the reply has none.
pub(super) fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).unwrap_or_default()
}

/// The name of the error; `NONE` where the version has no such field.
pub(super) fn error(value: &Value) -> String {
    error_name(number(value, "ErrorCode", 0))
}

/// The error of the first reply that has one.
pub(super) fn any_error(replies: &[Value]) -> String {
    let mut errors = replies.iter().map(error);
    errors
        .find(|error| error != "NONE")
        .unwrap_or_else(|| "NONE".to_owned())
}

/// Whether there is an error message: its words are no contract.
pub(super) fn message(value: &Value) -> &'static str {
    match value.get("ErrorMessage") {
        Some(Value::String(words)) if !words.is_empty() => " message",
        _ => "",
    }
}
