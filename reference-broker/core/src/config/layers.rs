//! Where a value comes from: the layers of a broker's properties, the overrides of a topic, a group or a subscription on top
//! of them, and the list that DescribeConfigs makes of both.
//!
//! It knows no request and no image: layers are maps that the caller has.

use std::collections::BTreeMap;

use super::table::{self, Key, Type, Update};

/// Values by key, as they were set.
pub type Overrides = BTreeMap<String, String>;

/// The layers of a broker's properties, strongest first; below them stand the defaults of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// Set at run time for this broker.
    pub broker: &'a Overrides,
    /// Set at run time for all brokers.
    pub cluster: &'a Overrides,
    /// Given at the start.
    pub fixed: &'a Overrides,
}

/// Where a value was set, with the number that DescribeConfigs gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// On the topic.
    Topic = 1,
    /// At run time, for this broker.
    DynamicBroker = 2,
    /// At run time, for all brokers.
    DynamicDefaultBroker = 3,
    /// At the start.
    StaticBroker = 4,
    /// Nowhere.
    Default = 5,
    /// On a logger.
    BrokerLogger = 6,
    /// On a client metrics subscription.
    ClientMetrics = 7,
    /// On the group.
    Group = 8,
}

/// One name under which a value stands, or stood before something stronger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonym {
    /// The key.
    pub name: String,
    /// Its value; None where it must not be shown.
    pub value: Option<String>,
    /// Where it was set.
    pub source: Source,
}

/// A line of DescribeConfigs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub name: String,
    /// Its value; None where there is none or where it must not be shown.
    pub value: Option<String>,
    /// It cannot be changed while the broker runs.
    pub read_only: bool,
    /// Where the value was set.
    pub source: Source,
    /// Values of this key are never shown.
    pub sensitive: bool,
    /// The value and what stands behind it, strongest first.
    pub synonyms: Vec<Synonym>,
    /// Its type; None where the key is not in the catalogue.
    pub ty: Option<Type>,
}

/// The broker keys that a topic key falls back on, strongest first, with the factor from their unit to the topic's.
fn broker_names(topic_key: &str) -> &'static [(&'static str, i64)] {
    match topic_key {
        "cleanup.policy" => &[("log.cleanup.policy", 1)],
        "compression.gzip.level" => &[("compression.gzip.level", 1)],
        "compression.lz4.level" => &[("compression.lz4.level", 1)],
        "compression.type" => &[("compression.type", 1)],
        "compression.zstd.level" => &[("compression.zstd.level", 1)],
        "delete.retention.ms" => &[("log.cleaner.delete.retention.ms", 1)],
        "file.delete.delay.ms" => &[("log.segment.delete.delay.ms", 1)],
        "flush.messages" => &[("log.flush.interval.messages", 1)],
        "flush.ms" => &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)],
        "index.interval.bytes" => &[("log.index.interval.bytes", 1)],
        "local.retention.bytes" => &[("log.local.retention.bytes", 1)],
        "local.retention.ms" => &[("log.local.retention.ms", 1)],
        "max.compaction.lag.ms" => &[("log.cleaner.max.compaction.lag.ms", 1)],
        "max.message.bytes" => &[("message.max.bytes", 1)],
        "message.timestamp.after.max.ms" => &[("log.message.timestamp.after.max.ms", 1)],
        "message.timestamp.before.max.ms" => &[("log.message.timestamp.before.max.ms", 1)],
        "message.timestamp.type" => &[("log.message.timestamp.type", 1)],
        "min.cleanable.dirty.ratio" => &[("log.cleaner.min.cleanable.ratio", 1)],
        "min.compaction.lag.ms" => &[("log.cleaner.min.compaction.lag.ms", 1)],
        "min.insync.replicas" => &[("min.insync.replicas", 1)],
        "preallocate" => &[("log.preallocate", 1)],
        "retention.bytes" => &[("log.retention.bytes", 1)],
        "retention.ms" => &[
            ("log.retention.ms", 1),
            ("log.retention.minutes", 60_000),
            ("log.retention.hours", 3_600_000),
        ],
        "segment.bytes" => &[("log.segment.bytes", 1)],
        "segment.index.bytes" => &[("log.index.size.max.bytes", 1)],
        "segment.jitter.ms" => &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)],
        "segment.ms" => &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)],
        "unclean.leader.election.enable" => &[("unclean.leader.election.enable", 1)],
        _ => &[],
    }
}

/// The keys that are the same property in other units.
fn sibling_names(broker_key: &str) -> &'static [&'static str] {
    match broker_key {
        "log.retention.ms" => &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
        "log.retention.minutes" => &["log.retention.minutes", "log.retention.hours"],
        "log.roll.ms" => &["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" => &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        "log.flush.interval.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        _ => &[],
    }
}

impl Layers<'_> {
    /// What holds for a broker key; None where nothing is set and there is no default.
    pub fn value(&self, name: &str) -> Option<String> {
        let set = self
            .broker
            .get(name)
            .or_else(|| self.cluster.get(name))
            .or_else(|| self.fixed.get(name));
        match (set, table::broker().get(name)) {
            (Some(text), Some(key)) => Some(key.parse(text).unwrap_or_else(|_| text.clone())),
            (Some(text), None) => Some(text.clone()),
            (None, key) => key.and_then(|key| key.default).map(str::to_owned),
        }
    }

    /// What a topic has without overrides of its own.
    pub fn topic_fallback(&self, key: &Key) -> Option<String> {
        let names = broker_names(key.name);
        let Some(value) = names
            .iter()
            .find_map(|(name, factor)| Some(in_unit(self.value(name)?, *factor)))
        else {
            return key.default.map(str::to_owned);
        };
        // A negative retention is unlimited, however it is written.
        let unlimited = key.name == "retention.ms" && value.starts_with('-');
        Some(if unlimited { "-1".into() } else { value })
    }

    /// The value of a broker key and what stands behind it. Nothing, where the key itself is not set and has no default.
    fn synonyms(&self, name: &str, sensitive: bool) -> Vec<Synonym> {
        let siblings = sibling_names(name);
        let own = [name];
        let names = if siblings.is_empty() { &own[..] } else { siblings };
        let layers = [
            (self.broker, Source::DynamicBroker),
            (self.cluster, Source::DynamicDefaultBroker),
            (self.fixed, Source::StaticBroker),
        ];
        let set = layers.into_iter().flat_map(|(layer, source)| {
            names
                .iter()
                .filter_map(move |name| Some((*name, layer.get(*name)?.as_str(), source)))
        });
        let defaults = names
            .iter()
            .filter_map(|name| Some((*name, table::broker().get(name)?.default?, Source::Default)));
        set.chain(defaults)
            .skip_while(|(found, ..)| *found != name)
            .map(|(name, value, source)| Synonym {
                name: name.into(),
                value: (!sensitive).then(|| value.into()),
                source,
            })
            .collect()
    }
}

fn in_unit(value: String, factor: i64) -> String {
    match value.parse::<i64>() {
        Ok(number) if factor != 1 => number.saturating_mul(factor).to_string(),
        _ => value,
    }
}

/// The configs of a topic, sorted by name.
pub fn describe_topic(overrides: &Overrides, layers: Layers<'_>) -> Vec<Entry> {
    let shown = |key: &&Key| key.is_listed() || overrides.contains_key(key.name);
    let describe = |key: &Key| {
        let behind = match broker_names(key.name) {
            [(name, _), ..] => layers.synonyms(name, key.is_sensitive()),
            [] => Vec::new(),
        };
        entry(key, overrides, Source::Topic, behind, layers.topic_fallback(key))
    };
    table::topic().iter().filter(shown).map(describe).collect()
}

/// The configs of a group, sorted by name.
pub fn describe_group(overrides: &Overrides, layers: Layers<'_>) -> Vec<Entry> {
    let describe = |key: &Key| {
        let (behind, fallback) = group_fallback(key, layers);
        entry(key, overrides, Source::Group, behind, fallback)
    };
    table::group().iter().map(describe).collect()
}

fn group_fallback(key: &Key, layers: Layers<'_>) -> (Vec<Synonym>, Option<String>) {
    let name = format!("group.{}", key.name);
    if table::broker().get(&name).is_some() {
        return (layers.synonyms(&name, false), layers.value(&name));
    }
    let default = key.default.map(str::to_owned);
    let own = Synonym {
        name: key.name.into(),
        value: default.clone(),
        source: Source::Default,
    };
    (vec![own], default)
}

/// The configs of a client metrics subscription, sorted by name.
pub fn describe_client_metrics(overrides: &Overrides) -> Vec<Entry> {
    let describe = |key: &Key| {
        entry(
            key,
            overrides,
            Source::ClientMetrics,
            Vec::new(),
            key.default.map(str::to_owned),
        )
    };
    table::client_metrics().iter().map(describe).collect()
}

fn entry(key: &Key, overrides: &Overrides, source: Source, behind: Vec<Synonym>, fallback: Option<String>) -> Entry {
    let set = overrides
        .get(key.name)
        .map(|text| key.parse(text).unwrap_or_else(|_| text.clone()));
    let own = set.clone().map(|value| Synonym {
        name: key.name.into(),
        value: Some(value),
        source,
    });
    let synonyms: Vec<_> = own.into_iter().chain(behind).collect();
    Entry {
        name: key.name.into(),
        value: set.or(fallback).filter(|_| !key.is_sensitive()),
        read_only: false,
        source: synonyms.first().map_or(Source::Default, |first| first.source),
        sensitive: key.is_sensitive(),
        synonyms,
        ty: Some(key.ty),
    }
}

/// The properties of this broker, sorted by name.
pub fn describe_broker(layers: Layers<'_>) -> Vec<Entry> {
    let unlisted = [layers.broker, layers.cluster, layers.fixed]
        .into_iter()
        .flat_map(BTreeMap::keys);
    let listed = table::broker().iter().filter(|key| key.is_listed()).map(|key| key.name);
    let names: std::collections::BTreeSet<&str> = listed.chain(unlisted.map(String::as_str)).collect();
    names.into_iter().map(|name| broker_entry(name, layers)).collect()
}

/// What was set at run time for all brokers, sorted by name.
pub fn describe_cluster_defaults(cluster: &Overrides) -> Vec<Entry> {
    let nothing = Overrides::new();
    let layers = Layers {
        broker: &nothing,
        cluster,
        fixed: &nothing,
    };
    let only_dynamic = |mut entry: Entry| {
        entry
            .synonyms
            .retain(|synonym| synonym.source == Source::DynamicDefaultBroker);
        entry
    };
    cluster
        .keys()
        .map(|name| only_dynamic(broker_entry(name, layers)))
        .collect()
}

fn broker_entry(name: &str, layers: Layers<'_>) -> Entry {
    let key = table::broker().get(name);
    // What is not in the catalogue might be a secret.
    let sensitive = key.is_none_or(Key::is_sensitive);
    let synonyms = layers.synonyms(name, sensitive);
    Entry {
        name: name.into(),
        value: layers.value(name).filter(|_| !sensitive),
        read_only: key.is_none_or(|key| matches!(key.update, Update::ReadOnly | Update::Internal)),
        source: synonyms.first().map_or(Source::Default, |first| first.source),
        sensitive,
        synonyms,
        ty: key.map(|key| key.ty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(pairs: &[(&str, &str)]) -> Overrides {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn find(entries: Vec<Entry>, name: &str) -> Entry {
        entries.into_iter().find(|entry| entry.name == name).expect("listed")
    }

    fn sources(entry: &Entry) -> Vec<(&str, Option<&str>, Source)> {
        entry
            .synonyms
            .iter()
            .map(|synonym| (synonym.name.as_str(), synonym.value.as_deref(), synonym.source))
            .collect()
    }

    /// As observed on 4.3.1 with log.retention.ms set for the broker and for the cluster.
    #[test]
    fn a_topic_config_lists_what_stands_behind_it_strongest_first() {
        let (dynamic, none) = (overrides(&[("log.retention.ms", "777")]), Overrides::new());
        let layers = Layers {
            broker: &dynamic,
            cluster: &dynamic,
            fixed: &none,
        };
        let entry = find(
            describe_topic(&overrides(&[("retention.ms", " 7 ")]), layers),
            "retention.ms",
        );
        assert_eq!((entry.value.as_deref(), entry.source), (Some("7"), Source::Topic));
        assert_eq!(
            sources(&entry),
            [
                ("retention.ms", Some("7"), Source::Topic),
                ("log.retention.ms", Some("777"), Source::DynamicBroker),
                ("log.retention.ms", Some("777"), Source::DynamicDefaultBroker),
                ("log.retention.hours", Some("168"), Source::Default),
            ]
        );
    }

    #[test]
    fn hours_hold_until_milliseconds_are_set_but_are_no_synonym_by_themselves() {
        let none = Overrides::new();
        let hours = overrides(&[("log.retention.hours", "2")]);
        let layers = Layers {
            broker: &none,
            cluster: &none,
            fixed: &hours,
        };
        let entry = find(describe_topic(&none, layers), "retention.ms");
        assert_eq!(
            (entry.value.as_deref(), entry.source, entry.synonyms.len()),
            (Some("7200000"), Source::Default, 0)
        );
    }

    #[test]
    fn a_negative_retention_is_unlimited() {
        let (none, negative) = (Overrides::new(), overrides(&[("log.retention.ms", "-5")]));
        let layers = Layers {
            broker: &negative,
            cluster: &none,
            fixed: &none,
        };
        assert_eq!(
            find(describe_topic(&none, layers), "retention.ms").value.as_deref(),
            Some("-1")
        );
    }

    #[test]
    fn an_unknown_property_is_never_shown() {
        let (none, unknown) = (Overrides::new(), overrides(&[("nope", "1")]));
        let entry = find(
            describe_broker(Layers {
                broker: &unknown,
                cluster: &none,
                fixed: &none,
            }),
            "nope",
        );
        assert_eq!(
            (entry.value, entry.sensitive, entry.read_only, entry.ty),
            (None, true, true, None)
        );
    }
}
