//! The fields of an order, taken one by one. What is of another type is refused, and so is what nobody takes.

use std::time::Duration;

use serde_json::{Map, Value};

/// The fields that nobody has taken yet.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn of(value: Value) -> Result<Self, String> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err("an order is a JSON object, such as {\"do\":\"list\"}".to_owned()),
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("'{name}' is a string, not {other}")),
        }
    }

    /// A name or a number, as Kafka has for APIs and errors.
    pub(super) fn name(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(format!("'{name}' is a name or a number, not {other}")),
        }
    }

    pub(super) fn count(&mut self, name: &str) -> Result<Option<u32>, String> {
        let within = |number: &Value| number.as_u64().and_then(|number| u32::try_from(number).ok());
        self.number(name, "a whole number from 0", within)
    }

    pub(super) fn id(&mut self, name: &str) -> Result<Option<i32>, String> {
        let within = |number: &Value| number.as_i64().and_then(|number| i32::try_from(number).ok());
        self.number(name, "a whole number", within)
    }

    pub(super) fn millis(&mut self, name: &str) -> Result<Option<Duration>, String> {
        self.number(name, "milliseconds, a whole number from 0", Value::as_u64)
            .map(|ms| ms.map(Duration::from_millis))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.0.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(format!("'{name}' is true or false, not {other}")),
        }
    }

    /// A list of ids.
    pub(super) fn ids(&mut self, name: &str) -> Result<Option<Vec<i32>>, String> {
        let within = |list: &Value| {
            let ids = list.as_array()?.iter();
            ids.map(|id| id.as_i64().and_then(|id| i32::try_from(id).ok()))
                .collect()
        };
        self.number(name, "a list of node ids", within)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(left) => Err(format!("'{left}' says nothing here")),
        }
    }

    fn number<T>(&mut self, name: &str, what: &str, within: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(value) => within(&value)
                .map(Some)
                .ok_or_else(|| format!("'{name}' is {what}, not {value}")),
        }
    }
}

/// What must be said.
pub(super) fn said<T>(name: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("'{name}' is missing"))
}
