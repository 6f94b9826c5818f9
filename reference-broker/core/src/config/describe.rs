//! The lists that DescribeConfigs makes of overrides and layers: every key of a resource with its value and what stands behind it.

use std::collections::BTreeMap;

use super::layers::{Layers, NOTHING, Overrides, Source, Synonym, broker_names};
use super::table::{self, Key, Type, Update};

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
    let layers = Layers {
        cluster,
        ..Layers::at_start(&NOTHING)
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
