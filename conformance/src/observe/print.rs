//! A decoded message as lines: one fact a line, `path=value`, fields at their default left out. Elements of an array read
//! by their key, sorted by it where order says nothing.

use std::cmp::Ordering;

use kafka_fixtures::schema::{Default, Field, Message, Type};
use kafka_fixtures::value::{Struct, Value};

use super::normalise::{Fact, Shown, shown};
use super::records::record_lines;
use super::symbols::{Symbols, bytes_text};
use crate::records::read_all;

/// The message as lines.
pub fn lines_of(message: &Message, value: &Value, symbols: &mut Symbols) -> Vec<String> {
    let mut printer = Printer {
        message: message.name,
        symbols,
        lines: Vec::new(),
    };
    if let Value::Struct(fields) = value {
        printer.structure("", &message.fields, fields, &[]);
    }
    printer.lines
}

/// Fields that name an element among its siblings, the first that is there wins.
const KEYS: &[&[&str]] = &[
    &["ApiKey"],
    &["ResourceType", "ResourceName"],
    &["Name"],
    &["TopicName"],
    &["Topic"],
    &["TopicId"],
    &["PartitionIndex"],
    &["Partition"],
    &["PartitionId"],
    &["Index"],
    &["GroupId"],
    &["MemberId"],
    &["Key"],
    &["User"],
    &["Mechanism"],
    &["Feature"],
    &["EntityType"],
    &["NodeId"],
    &["BrokerId"],
];

/// Arrays whose order a client relies on.
const ORDERED: &[(&str, &str)] = &[
    ("FetchResponse", "Responses"),
    ("FetchResponse", "Partitions"),
    ("FetchResponse", "AbortedTransactions"),
    ("FindCoordinatorResponse", "Coordinators"),
    ("OffsetFetchResponse", "Groups"),
    ("DescribeConfigsResponse", "Synonyms"),
    ("ProduceResponse", "RecordErrors"),
    ("MetadataResponse", "ReplicaNodes"),
    ("DescribeTopicPartitionsResponse", "ReplicaNodes"),
];

struct Printer<'a> {
    message: &'a str,
    symbols: &'a mut Symbols,
    lines: Vec<String>,
}

impl Printer<'_> {
    fn structure(&mut self, path: &str, fields: &[Field], values: &Struct, but: &[&str]) {
        let join = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        for field in fields.iter().filter(|field| !but.contains(&field.name)) {
            if let Some(value) = values.get(field.name) {
                self.field(&join(field.name), field, value, values);
            }
        }
        for (tag, bytes) in &values.unknown_tags {
            self.lines
                .push(format!("{}={}", join(&format!("tag{tag}")), bytes_text(bytes)));
        }
    }

    fn field(&mut self, path: &str, field: &Field, value: &Value, parent: &Struct) {
        let always = field.name.ends_with("ErrorCode");
        if !always && is_default(field, value) {
            return;
        }
        match (&field.ty, value) {
            (Type::Struct(fields), Value::Struct(values)) => self.structure(path, fields, values, &[]),
            (Type::Array(element), Value::Array(values)) => match element.as_ref() {
                Type::Struct(fields) => self.elements(path, field, fields, values),
                _ => self.row(path, field, values, parent),
            },
            (Type::Records, Value::Bytes(bytes)) => {
                for line in record_lines(&read_all(bytes), self.symbols) {
                    self.lines.push(format!("{path}: {line}"));
                }
            }
            _ => {
                if let Some(text) = self.text(field, value, parent) {
                    self.lines.push(format!("{path}={text}"));
                }
            }
        }
    }

    /// An array of plain values on one line.
    fn row(&mut self, path: &str, field: &Field, values: &[Value], parent: &Struct) {
        let mut texts: Vec<String> = values
            .iter()
            .filter_map(|value| self.text(field, value, parent))
            .collect();
        if !self.is_ordered(field) {
            texts.sort_by(|one, other| natural(one, other));
        }
        self.lines.push(format!("{path}=[{}]", texts.join(", ")));
    }

    /// An array of structs: the facts of each below its key.
    fn elements(&mut self, path: &str, field: &Field, fields: &[Field], values: &[Value]) {
        if values.is_empty() {
            self.lines.push(format!("{path}=[]"));
        }
        let mut elements: Vec<(String, Vec<String>)> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let Value::Struct(values) = value else { continue };
            if self.is_of_another_run(values) {
                continue;
            }
            let (key, but) = self.key_of(fields, values).unwrap_or_else(|| (index.to_string(), &[]));
            let outer = std::mem::take(&mut self.lines);
            let place = format!("{path}[{key}]");
            self.structure(&place, fields, values, but);
            let mut own = std::mem::replace(&mut self.lines, outer);
            if own.is_empty() {
                own.push(place);
            }
            elements.push((key, own));
        }
        if !self.is_ordered(field) {
            elements.sort_by(|one, other| natural(&one.0, &other.0).then_with(|| one.1.cmp(&other.1)));
        }
        self.lines.extend(elements.into_iter().flat_map(|(_, lines)| lines));
    }

    /// Runs share a broker: what a list says of the topics and groups of another run is not this run's answer.
    fn is_of_another_run(&self, values: &Struct) -> bool {
        let name = ["Name", "TopicName", "Topic", "GroupId", "ResourceName"]
            .iter()
            .find_map(|name| values.get(name)?.as_str());
        name.is_some_and(|name| self.symbols.names.is_of_another_run(name))
    }

    fn key_of(&mut self, fields: &[Field], values: &Struct) -> Option<(String, &'static [&'static str])> {
        if let Some(entity) = self.entity_of(values) {
            return Some((entity, &["Entity"]));
        }
        let usable = |name: &&str| values.get(name).is_some_and(|value| !value.is_null());
        let named = |name: &str| fields.iter().find(|field| field.name == name);
        let keys = KEYS.iter().find(|keys| {
            keys.iter()
                .all(|name| usable(name) && named(name).is_some_and(|field| !is_absent_id(field, values)))
        })?;
        let parts: Vec<String> = keys
            .iter()
            .filter_map(|name| Some((named(name)?, values.get(name)?)))
            .filter_map(|(field, value)| {
                if field.name == "ApiKey" {
                    return value
                        .as_i64()
                        .map(|key| crate::driver::wire::Layout::api_name(key as i16));
                }
                self.text(field, value, values)
            })
            .collect();
        Some((parts.join(" "), keys))
    }

    /// A quota reads by whose it is: `client-id=c user=u`.
    fn entity_of(&self, values: &Struct) -> Option<String> {
        let Value::Array(parts) = values.get("Entity")? else {
            return None;
        };
        let part = |part: &Value| match part {
            Value::Struct(part) => Some(format!(
                "{}={}",
                self.plain(part.get("EntityType")?),
                self.plain(part.get("EntityName")?)
            )),
            _ => None,
        };
        let mut parts: Vec<String> = parts.iter().filter_map(part).collect();
        parts.sort();
        Some(parts.join(" "))
    }

    fn text(&mut self, field: &Field, value: &Value, parent: &Struct) -> Option<String> {
        let fact = Fact {
            message: self.message,
            field,
            value,
            parent,
        };
        match shown(&fact, self.symbols) {
            Some(Shown::As(text)) => Some(text),
            Some(Shown::Not) => None,
            None => Some(self.plain(value)),
        }
    }

    fn plain(&self, value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Uuid(id) => uuid::Uuid::from_bytes(*id).to_string(),
            Value::String(text) => self.symbols.text(text),
            Value::Bytes(bytes) => bytes_text(bytes),
            Value::Array(values) => {
                let texts: Vec<String> = values.iter().map(|value| self.plain(value)).collect();
                format!("[{}]", texts.join(", "))
            }
            Value::Struct(_) => "{…}".to_owned(),
        }
    }

    fn is_ordered(&self, field: &Field) -> bool {
        ORDERED.contains(&(self.message, field.name))
    }
}

/// An id or name that says "not given" names nothing: a topic of a version by name has a zero id and the other way round.
fn is_absent_id(field: &Field, values: &Struct) -> bool {
    match values.get(field.name) {
        Some(Value::Uuid(id)) => *id == [0; 16],
        Some(Value::String(text)) => {
            text.is_empty() && values.get("TopicId").is_some_and(|id| *id != Value::Uuid([0; 16]))
        }
        _ => false,
    }
}

fn is_default(field: &Field, value: &Value) -> bool {
    match (field.default, value) {
        (Default::Null, value) => value.is_null(),
        (Default::Bool(default), value) => value.as_bool() == Some(default),
        (Default::Int(default), value) => value.as_i64() == Some(default),
        (Default::Text(default), value) => value.as_str() == Some(default),
        (Default::Zero, Value::Null) => false,
        (Default::Zero, Value::Bool(flag)) => !flag,
        (Default::Zero, Value::Int(number)) => *number == 0,
        (Default::Zero, Value::Float(number)) => *number == 0.0,
        (Default::Zero, Value::Uuid(id)) => *id == [0; 16],
        (Default::Zero, Value::String(text)) => text.is_empty(),
        (Default::Zero, Value::Bytes(bytes)) => bytes.is_empty(),
        (Default::Zero, Value::Array(values)) => values.is_empty(),
        (Default::Zero, Value::Struct(values)) => match &field.ty {
            Type::Struct(fields) => fields
                .iter()
                .all(|field| values.get(field.name).is_none_or(|value| is_default(field, value))),
            _ => false,
        },
    }
}

/// Numbers by value, everything else as text.
fn natural(one: &str, other: &str) -> Ordering {
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}
