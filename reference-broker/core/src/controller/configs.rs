//! Overrides are set, extended and taken back, resource by resource; each resource stands or falls as a whole.

use std::collections::{HashMap, HashSet};

use super::{Change, Controller, Decided, Intent, Refusal, plain, validate_topic_name};
use crate::config::layers::Overrides;
use crate::config::table::{self, Type};
use crate::config::{topic, value};
use crate::image::ResourceKind;
use crate::mutant::{self, Mutant};
use crate::records::{ClearElrRecord, ConfigRecord};
use crate::units::ErrorCode;

mod validate;

/// The longest value, as in Kafka.
const MAX_VALUE: usize = 32_767;
/// With eligible leader replicas (KIP-966) this key is the cluster's or the topic's, never one broker's.
const MIN_INSYNC: &str = "min.insync.replicas";

/// What is to be done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Give it this value.
    Set,
    /// Take the override away.
    Delete,
    /// Add these items to a list.
    Append,
    /// Take these items out of a list.
    Subtract,
}

impl Op {
    /// The operation of that number.
    pub fn from_number(number: i8) -> Option<Self> {
        [Self::Set, Self::Delete, Self::Append, Self::Subtract]
            .into_iter()
            .find(|op| *op as i8 == number)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Delete => "DELETE",
            Self::Append => "APPEND",
            Self::Subtract => "SUBTRACT",
        }
    }
}

/// One operation on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The key.
    pub name: String,
    /// What is to be done.
    pub op: Op,
    /// With what; a deletion needs nothing.
    pub value: Option<String>,
}

/// The operations on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// The kind by its number, which may be none that Kafka has.
    pub kind: i8,
    /// The resource.
    pub name: String,
    /// What is to be done; None where the request has an operation that Kafka does not.
    pub operations: Option<Vec<Operation>>,
}

/// What became of each resource, in order of the request.
pub type Altered = Vec<((i8, String), Result<(), Refusal>)>;

/// Whether keys that are not named keep their overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// IncrementalAlterConfigs.
    Keep,
    /// AlterConfigs, the older one.
    Reset,
}

impl Controller<'_> {
    /// IncrementalAlterConfigs and AlterConfigs, but for loggers, which are not metadata.
    pub fn alter_configs(&self, alterations: Vec<Alteration>, unnamed: Unnamed, intent: Intent) -> Decided<Altered> {
        let mut times: HashMap<(i8, &str), usize> = HashMap::new();
        for alteration in &alterations {
            *times.entry((alteration.kind, &alteration.name)).or_default() += 1;
        }
        let preprocessed: Vec<_> = alterations
            .iter()
            .map(|alteration| match times[&(alteration.kind, alteration.name.as_str())] {
                1 => self.preprocess(alteration),
                _ => Err(Refusal::new(
                    ErrorCode::InvalidRequest,
                    "Each resource must appear at most once.",
                )),
            })
            .collect();
        // Behind the broker's own checks an unknown operation is an exception of the controller: it takes all with it.
        let broken = preprocessed
            .iter()
            .zip(&alterations)
            .any(|(result, each)| result.is_ok() && each.operations.is_none());
        let (mut records, mut answer) = (Vec::new(), Vec::new());
        for (alteration, result) in alterations.iter().zip(preprocessed) {
            let result = result.and_then(|kind| match (broken, alteration.operations.as_deref()) {
                (false, Some(operations)) => self.alter(kind, &alteration.name, operations, unnamed),
                _ => Err(Refusal::silent(ErrorCode::UnknownServerError)),
            });
            answer.push((
                (alteration.kind, alteration.name.clone()),
                result.map(|made| records.extend(made)),
            ));
        }
        Decided { records, answer }.if_meant(intent)
    }

    /// What a broker looks at before it asks the controller.
    fn preprocess(&self, alteration: &Alteration) -> Result<ResourceKind, Refusal> {
        let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        let operations = alteration.operations.as_deref().unwrap_or_default();
        let mut seen = HashSet::new();
        if !operations.iter().all(|operation| seen.insert(&operation.name)) {
            return invalid("Error due to duplicate config keys".into());
        }
        let nulls: Vec<_> = operations
            .iter()
            .filter(|each| each.op != Op::Delete && each.value.is_none())
            .collect();
        if !nulls.is_empty() {
            let names: Vec<_> = nulls.iter().map(|operation| operation.name.as_str()).collect();
            return invalid(format!("Null value not supported for : {}", names.join(",")));
        }
        match ResourceKind::from_number(alteration.kind) {
            None | Some(ResourceKind::BrokerLogger) => invalid(format!("Unknown resource type {}", alteration.kind)),
            Some(ResourceKind::Broker) => self.preprocess_broker(alteration).map(|()| ResourceKind::Broker),
            Some(kind) => Ok(kind),
        }
    }

    fn alter(
        &self,
        kind: ResourceKind,
        name: &str,
        operations: &[Operation],
        unnamed: Unnamed,
    ) -> Result<Vec<Change>, Refusal> {
        self.validate_resource(kind, name)?;
        let present = self.image.overrides(kind, name);
        let mut next = match unnamed {
            Unnamed::Keep => present.clone(),
            Unnamed::Reset => Overrides::new(),
        };
        for operation in operations {
            self.operate(kind, &mut next, operation)?;
        }
        within_size(&next)?;
        self.validate_overrides(kind, name, &next, operations)?;
        let changed = |key: &str, value: Option<&String>| {
            // Kafka writes a broker's keys again even if they are the same: that is how it reloads key stores.
            let again =
                kind == ResourceKind::Broker && operations.iter().any(|each| each.name == key && each.op != Op::Delete);
            present.get(key) != value || again
        };
        let set = next
            .iter()
            .filter(|(key, value)| changed(key, Some(value)))
            .map(|(key, value)| (key, Some(value)));
        let gone = present
            .keys()
            .filter(|key| !next.contains_key(*key))
            .map(|key| (key, None));
        Ok(set
            .chain(gone)
            .flat_map(|(key, value)| records(kind, name, key, value))
            .collect())
    }

    fn operate(&self, kind: ResourceKind, next: &mut Overrides, operation: &Operation) -> Result<(), Refusal> {
        let (name, value) = (&operation.name, operation.value.clone().unwrap_or_default());
        match operation.op {
            Op::Set => drop(next.insert(name.clone(), value)),
            Op::Delete => drop(next.remove(name)),
            Op::Append | Op::Subtract => {
                if !is_list(kind, name) {
                    return Err(not_a_list(kind, operation));
                }
                let present = next
                    .get(name)
                    .cloned()
                    .or_else(|| self.fallback(kind, name))
                    .unwrap_or_default();
                let items = match operation.op {
                    Op::Append if mutant::on(Mutant::AppendReplaces) => value,
                    Op::Append => with(&present, &value),
                    _ => without(&present, &value),
                };
                next.insert(name.clone(), items);
            }
        }
        Ok(())
    }

    fn fallback(&self, kind: ResourceKind, name: &str) -> Option<String> {
        match kind {
            ResourceKind::Topic => self.layers().topic_fallback(table::topic().get(name)?),
            ResourceKind::Broker => self.layers().value(name),
            ResourceKind::BrokerLogger | ResourceKind::ClientMetrics | ResourceKind::Group => None,
        }
    }

    fn validate_resource(&self, kind: ResourceKind, name: &str) -> Result<(), Refusal> {
        let invalid = |why: &str| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        match kind {
            ResourceKind::Topic if name.is_empty() => invalid("Default topic resources are not allowed."),
            ResourceKind::Group if name.is_empty() => invalid("Default group resources are not allowed."),
            ResourceKind::ClientMetrics if name.is_empty() => invalid("Subscription name can't be empty"),
            ResourceKind::Topic => {
                validate_topic_name(name)?;
                let why = || {
                    Refusal::new(
                        ErrorCode::UnknownTopicOrPartition,
                        format!("The topic '{name}' does not exist."),
                    )
                };
                self.image.topic(name).map(drop).ok_or_else(why)
            }
            ResourceKind::Broker | ResourceKind::BrokerLogger | ResourceKind::ClientMetrics | ResourceKind::Group => {
                Ok(())
            }
        }
    }

    fn validate_overrides(
        &self,
        kind: ResourceKind,
        name: &str,
        next: &Overrides,
        operations: &[Operation],
    ) -> Result<(), Refusal> {
        match kind {
            ResourceKind::Topic => {
                topic::validate(next, self.layers()).map_err(|why| Refusal::new(ErrorCode::InvalidConfig, why))
            }
            ResourceKind::Group => self.validate_group(next),
            ResourceKind::ClientMetrics => validate::client_metrics(next),
            ResourceKind::Broker | ResourceKind::BrokerLogger => self.validate_min_insync(name, next, operations),
        }
    }
}

/// The overrides of a new topic.
pub(super) fn creation_records(topic: &str, overrides: Overrides) -> Vec<Change> {
    overrides
        .iter()
        .flat_map(|(key, value)| records(ResourceKind::Topic, topic, key, Some(value)))
        .collect()
}

/// Is every value short enough?
pub(super) fn within_size(overrides: &Overrides) -> Result<(), Refusal> {
    match overrides.values().any(|value| value.len() > MAX_VALUE) {
        true => {
            let why =
                "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.";
            Err(Refusal::new(ErrorCode::InvalidConfig, why))
        }
        false => Ok(()),
    }
}

/// A change of what counts as in sync makes former eligible leaders meaningless.
fn records(kind: ResourceKind, resource: &str, key: &str, value: Option<&String>) -> Vec<Change> {
    let record = ConfigRecord {
        resource_type: kind as i8,
        resource_name: resource.to_owned(),
        name: key.to_owned(),
        value: value.cloned(),
    };
    let cleared = (key == MIN_INSYNC).then(|| {
        plain(ClearElrRecord {
            topic_name: resource.to_owned(),
        })
    });
    [plain(record)].into_iter().chain(cleared).collect()
}

/// Kafka's controller has the schemas of topics and brokers only: of other resources it takes no key for a list.
fn is_list(kind: ResourceKind, name: &str) -> bool {
    let key = match kind {
        ResourceKind::Topic => table::topic().get(name),
        ResourceKind::Broker => table::broker().get(name),
        ResourceKind::BrokerLogger | ResourceKind::ClientMetrics | ResourceKind::Group => None,
    };
    key.is_some_and(|key| key.ty == Type::List)
}

fn not_a_list(kind: ResourceKind, operation: &Operation) -> Refusal {
    let (name, word) = (&operation.name, operation.op.word());
    let why = match kind {
        ResourceKind::Broker => format!(
            "Config value {} is not allowed for config key: {name}",
            word.to_ascii_lowercase()
        ),
        _ => format!("Can't {word} to key {name} because its type is not LIST."),
    };
    Refusal::new(ErrorCode::InvalidConfig, why)
}

fn with(present: &str, more: &str) -> String {
    let items = value::list(present);
    let known: HashSet<&str> = items.iter().copied().collect();
    let new: Vec<&str> = value::distinct(more)
        .into_iter()
        .filter(|item| !known.contains(item))
        .collect();
    [items, new].concat().join(",")
}

fn without(present: &str, less: &str) -> String {
    let gone: HashSet<&str> = value::list(less).into_iter().collect();
    let kept: Vec<&str> = value::list(present)
        .into_iter()
        .filter(|item| !gone.contains(item))
        .collect();
    kept.join(",")
}
