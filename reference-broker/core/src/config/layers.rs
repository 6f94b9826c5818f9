//! Where a value comes from: the layers of a broker's properties, and what the overrides of a topic fall back on.
//!
//! It knows no request and no image: layers are maps that the caller has.

use std::collections::BTreeMap;

use super::table::{self, Key};

/// Values by key, as they were set.
pub type Overrides = BTreeMap<String, String>;

/// Where nothing was set.
pub(crate) static NOTHING: Overrides = Overrides::new();

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

impl<'a> Layers<'a> {
    /// What was given at the start, before anything is set at run time.
    pub fn at_start(fixed: &'a Overrides) -> Self {
        Self {
            broker: &NOTHING,
            cluster: &NOTHING,
            fixed,
        }
    }
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

/// The broker keys that a topic key falls back on, strongest first, with the factor from their unit to the topic's.
pub(super) fn broker_names(topic_key: &str) -> &'static [(&'static str, i64)] {
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
    pub(super) fn synonyms(&self, name: &str, sensitive: bool) -> Vec<Synonym> {
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
