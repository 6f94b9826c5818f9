//! An answer that says one error at each place where Kafka's own `getErrorResponse` puts it: made from the schema tables, so
//! that a few rows say what sixty functions would. It answers where a fault says so, and takes back
//! what a coordinator's write that was not replicated in time would have said.

use bytes::Bytes;
use kafka_fixtures::codec;
use kafka_fixtures::schema::{Field, Message, Schemas, Type};
use kafka_fixtures::value::{Struct, Value};
use kafka_fixtures::walk::{Budget, walk};

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const METADATA: i16 = 3;
const OFFSET_FETCH: i16 = 9;

/// An array of an answer: it has an element for each of the request's.
struct Row {
    key: i16,
    /// In the answer.
    array: &'static str,
    /// In the request.
    of: &'static str,
    /// Which field an element is that is no struct.
    names: &'static str,
    /// From the version after this one on, clients look at the error of the whole answer.
    last: i16,
}

const fn row(key: i16, array: &'static str, of: &'static str, names: &'static str) -> Row {
    let last = match key {
        FETCH => 12,
        _ => i16::MAX,
    };
    Row {
        key,
        array,
        of,
        names,
        last,
    }
}

/// Where clients of the first version alone look at each partition.
const fn of_first(array: &'static str, of: &'static str, names: &'static str) -> Row {
    Row {
        key: OFFSET_FETCH,
        array,
        of,
        names,
        last: 1,
    }
}

/// Arrays that are not here stay empty, as with Kafka: there the error stands beside them.
const ROWS: &[Row] = &[
    row(PRODUCE, "Responses", "TopicData", ""),
    row(PRODUCE, "Responses.PartitionResponses", "PartitionData", ""),
    row(FETCH, "Responses", "Topics", ""),
    row(FETCH, "Responses.Partitions", "Partitions", ""),
    row(2, "Topics", "Topics", ""),
    row(2, "Topics.Partitions", "Partitions", ""),
    row(METADATA, "Topics", "Topics", ""),
    row(8, "Topics", "Topics", ""),
    row(8, "Topics.Partitions", "Partitions", ""),
    of_first("Topics", "Topics", ""),
    of_first("Topics.Partitions", "PartitionIndexes", "PartitionIndex"),
    row(OFFSET_FETCH, "Groups", "Groups", ""),
    row(10, "Coordinators", "CoordinatorKeys", "Key"),
    row(15, "Groups", "Groups", "GroupId"),
    row(19, "Topics", "Topics", ""),
    row(20, "Responses", "Topics", ""),
    row(20, "Responses", "TopicNames", "Name"),
    row(21, "Topics", "Topics", ""),
    row(21, "Topics.Partitions", "Partitions", ""),
    row(23, "Topics", "Topics", ""),
    row(23, "Topics.Partitions", "Partitions", ""),
    row(24, "ResultsByTopicV3AndBelow", "V3AndBelowTopics", ""),
    row(
        24,
        "ResultsByTopicV3AndBelow.ResultsByPartition",
        "Partitions",
        "PartitionIndex",
    ),
    row(27, "Markers", "Markers", ""),
    row(27, "Markers.Topics", "Topics", ""),
    row(27, "Markers.Topics.Partitions", "PartitionIndexes", "PartitionIndex"),
    row(28, "Topics", "Topics", ""),
    row(28, "Topics.Partitions", "Partitions", ""),
    row(30, "Results", "Creations", ""),
    row(31, "FilterResults", "Filters", ""),
    row(32, "Results", "Resources", ""),
    row(33, "Responses", "Resources", ""),
    row(37, "Results", "Topics", ""),
    row(42, "Results", "GroupsNames", "GroupId"),
    row(43, "ReplicaElectionResults", "TopicPartitions", ""),
    row(
        43,
        "ReplicaElectionResults.PartitionResult",
        "Partitions",
        "PartitionId",
    ),
    row(44, "Responses", "Resources", ""),
    row(45, "Responses", "Topics", ""),
    row(45, "Responses.Partitions", "Partitions", ""),
    row(46, "Topics", "Topics", ""),
    row(46, "Topics.Partitions", "PartitionIndexes", "PartitionIndex"),
    row(49, "Entries", "Entries", ""),
    row(49, "Entries.Entity", "Entity", ""),
    row(50, "Results", "Users", ""),
    row(61, "Topics", "Topics", ""),
    row(61, "Topics.Partitions", "PartitionIndexes", "PartitionIndex"),
    row(65, "TransactionStates", "TransactionalIds", "TransactionalId"),
    row(69, "Groups", "GroupIds", "GroupId"),
    row(75, "Topics", "Topics", ""),
];

/// Which element an element of the request is; with another name there where it has one.
const IDENTITIES: &[(&str, &str)] = &[
    ("EntityName", "EntityName"),
    ("EntityType", "EntityType"),
    ("GroupId", "GroupId"),
    ("Index", "Index"),
    ("Name", "Name"),
    ("Partition", "Partition"),
    ("PartitionIndex", "PartitionIndex"),
    ("PartitionIndex", "Partition"),
    ("ProducerId", "ProducerId"),
    ("ResourceName", "ResourceName"),
    ("ResourceType", "ResourceType"),
    ("Topic", "Topic"),
    ("TopicId", "TopicId"),
];

/// What Kafka sets to -1 beside an error, where that is not the schema's own default.
const ABSENT: &[(i16, &str)] = &[
    (PRODUCE, "BaseOffset"),
    (FETCH, "HighWatermark"),
    (OFFSET_FETCH, "CommittedOffset"),
    (10, "NodeId"),
    (10, "Port"),
    (21, "LowWatermark"),
    (22, "ProducerEpoch"),
];

/// What Kafka sets to null beside an error, where that is not the schema's own default: in any answer what it says in words, because
/// this error says nothing.
const NULL: &[(i16, &str)] = &[(11, "ProtocolName"), (48, "Entries")];

/// What has another shape with Kafka than these rows can say: an array of what lies two deep in the request, names of a token's
/// owner, two arrays made one.
const NOT_HERE: &[i16] = &[34, 38, 51];

/// What a typed decode of the request may take. The tree that is made of it here takes several times that, and so does the answer.
const BUDGET: Budget = Budget { bytes: 4 << 20 };

/// Can a request of this API be answered with an error?
pub(super) fn is_answerable(key: i16) -> bool {
    !NOT_HERE.contains(&key)
}

/// The body of an answer that says nothing but this error; nothing where no answer is expected. The records of a request cost nothing
/// here; one that names more than a hundred thousand things is refused.
pub(crate) fn refusal(key: i16, version: i16, body: &[u8], error: i16) -> Result<Option<Bytes>, String> {
    let schemas = Schemas::latest();
    let (Some(asked), Some(answer)) = (schemas.request(key), schemas.response(key)) else {
        return Err(format!("no schema for API key {key}"));
    };
    walk(asked, version, body, &mut BUDGET.clone())
        .map_err(|refused| format!("too much to be answered with an error: {refused}"))?;
    let request = codec::decode(asked, version, body).map_err(|error| error.to_string())?;
    if key == PRODUCE && request.value.get("Acks").and_then(Value::as_i64) == Some(0) {
        return Ok(None);
    }
    let shape = Shape { key, version, error };
    let value = Value::Struct(shape.whole(answer, &request.value));
    codec::encode(answer, version, &value)
        .map(Some)
        .map_err(|error| error.to_string())
}

struct Shape {
    key: i16,
    version: i16,
    error: i16,
}

impl Shape {
    fn whole(&self, answer: &Message, request: &Value) -> Struct {
        let mut whole = self.element(&answer.fields, "", request);
        if let (FETCH, Some(session)) = (self.key, request.get("SessionId")) {
            whole.set("SessionId", session.clone());
        }
        whole
    }

    /// A struct of the answer, for what it stands for in the request.
    fn element(&self, fields: &[Field], path: &str, request: &Value) -> Struct {
        let mut element = Struct::new();
        for field in fields.iter().filter(|field| field.versions.contains(self.version)) {
            if let Some(value) = self.value(field, path, request) {
                element.set(field.name, value);
            }
        }
        element
    }

    /// What is said there; nothing leaves it at its default.
    fn value(&self, field: &Field, path: &str, request: &Value) -> Option<Value> {
        match &field.ty {
            Type::Int16 if field.name.ends_with("ErrorCode") && !field.is_tagged(self.version) => {
                Some(Value::Int(self.error.into()))
            }
            _ if field.is_nullable(self.version) && self.is_null(field.name) => Some(Value::Null),
            Type::Array(of) => self.array(field, of, path, request),
            _ if ABSENT.contains(&(self.key, field.name)) => Some(Value::Int(-1)),
            _ if path.is_empty() => None,
            _ => identity(field, request).filter(|value| !value.is_null() || self.may_be_unnamed(field)),
        }
    }

    fn is_null(&self, field: &str) -> bool {
        field == "ErrorMessage" || NULL.contains(&(self.key, field))
    }

    /// What is asked for by its id has no name; Metadata alone says an empty one.
    fn may_be_unnamed(&self, field: &Field) -> bool {
        field.is_nullable(self.version) && self.key != METADATA
    }

    fn array(&self, field: &Field, of: &Type, path: &str, request: &Value) -> Option<Value> {
        let Type::Struct(fields) = of else { return None };
        let path = match path {
            "" => field.name.to_owned(),
            path => format!("{path}.{}", field.name),
        };
        let mut rows = ROWS.iter().filter(|row| (row.key, row.array) == (self.key, &path));
        let (row, elements) = rows.find_map(|row| Some((row, request.get(row.of)?.as_array()?)))?;
        if self.version > row.last {
            return None;
        }
        let named = |element: &Value| match row.names {
            "" => self.element(fields, &path, element),
            name => self.element(fields, &path, &Value::Struct(Struct::new().with(name, element.clone()))),
        };
        Some(Value::Array(
            elements.iter().map(|element| Value::Struct(named(element))).collect(),
        ))
    }
}

fn identity(field: &Field, request: &Value) -> Option<Value> {
    let mut of = IDENTITIES.iter().filter(|(name, _)| *name == field.name);
    let named = of.find_map(|(_, name)| request.get(name));
    // Names of what is no struct in the request are given under the answer's own.
    named
        .or_else(|| request.get(field.name).filter(|_| is_name(field.name)))
        .cloned()
}

fn is_name(field: &str) -> bool {
    ROWS.iter().any(|row| row.names == field)
}

#[cfg(test)]
mod tests;
