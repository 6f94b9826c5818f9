//! What a partition's log obeys, resolved from a topic's overrides and the broker's layers; and the rules that hold between
//! the keys of one topic.

use super::layers::{Layers, Overrides};
use super::{TopicConfig, table};

/// The typed form. Overrides have been validated when they were set; what does not parse takes the default.
pub fn resolve(overrides: &Overrides, layers: Layers<'_>) -> TopicConfig {
    let text = |name: &str| value(name, overrides, layers);
    let long = |name: &str, default: i64| text(name).parse().unwrap_or(default);
    let int = |name: &str, default: i32| text(name).parse().unwrap_or(default);
    let default = TopicConfig::default();
    let policies = text("cleanup.policy");
    let compression = text("compression.type");
    TopicConfig {
        compact: policies.split(',').any(|policy| policy == "compact"),
        delete: policies.split(',').any(|policy| policy == "delete"),
        compression: (compression != "producer").then_some(compression),
        delete_retention_ms: long("delete.retention.ms", default.delete_retention_ms),
        flush_messages: long("flush.messages", default.flush_messages),
        max_compaction_lag_ms: long("max.compaction.lag.ms", default.max_compaction_lag_ms),
        min_cleanable_millionths: text("min.cleanable.dirty.ratio")
            .parse::<f64>()
            .map_or(default.min_cleanable_millionths, |ratio| (ratio * 1e6) as u64),
        min_compaction_lag_ms: long("min.compaction.lag.ms", default.min_compaction_lag_ms),
        min_insync_replicas: text("min.insync.replicas")
            .parse()
            .unwrap_or(default.min_insync_replicas),
        file_delete_delay_ms: long("file.delete.delay.ms", default.file_delete_delay_ms),
        index_interval_bytes: int("index.interval.bytes", default.index_interval_bytes),
        max_message_bytes: int("max.message.bytes", default.max_message_bytes),
        timestamp_after_max_ms: long("message.timestamp.after.max.ms", default.timestamp_after_max_ms),
        timestamp_before_max_ms: long("message.timestamp.before.max.ms", default.timestamp_before_max_ms),
        log_append_time: text("message.timestamp.type") == "LogAppendTime",
        retention_bytes: long("retention.bytes", default.retention_bytes),
        retention_ms: long("retention.ms", default.retention_ms),
        // Kafka's tests roll small segments through the internal key; so do ours.
        segment_bytes: text("internal.segment.bytes")
            .parse()
            .unwrap_or_else(|_| int("segment.bytes", default.segment_bytes)),
        segment_index_bytes: int("segment.index.bytes", default.segment_index_bytes),
        segment_jitter_ms: long("segment.jitter.ms", default.segment_jitter_ms),
        segment_ms: long("segment.ms", default.segment_ms),
    }
}

/// The value of a key of the catalogue.
fn value(name: &str, overrides: &Overrides, layers: Layers<'_>) -> String {
    let key = table::topic().get(name).expect("a topic config of the catalogue");
    let set = overrides.get(name).and_then(|text| key.parse(text).ok());
    set.or_else(|| layers.topic_fallback(key)).unwrap_or_default()
}

/// May a topic have these overrides? The refusal is Kafka's.
pub fn validate(overrides: &Overrides, layers: Layers<'_>) -> Result<(), String> {
    if let Some(unknown) = overrides.keys().find(|name| table::topic().get(name).is_none()) {
        return Err(format!("Unknown topic config name: {unknown}"));
    }
    let value = |name: &str| value(name, overrides, layers);
    for (name, text) in overrides {
        table::topic()
            .get(name)
            .map_or(Ok(String::new()), |key| key.parse(text))?;
    }
    if value("remote.storage.enable") == "true" {
        return Err("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.".into());
    }
    let lag = |name: &str| value(name).parse::<i64>().unwrap_or(0);
    let (min, max) = (lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms"));
    match min > max {
        true => Err(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        )),
        false => Ok(()),
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

    #[test]
    fn overrides_of_the_topic_beat_those_of_the_broker() {
        let fixed = overrides(&[("log.retention.ms", "5"), ("log.cleanup.policy", "compact")]);
        let layers = Layers::at_start(&fixed);
        let config = resolve(
            &overrides(&[("retention.ms", "9"), ("compression.type", "gzip")]),
            layers,
        );
        assert_eq!(
            (
                config.retention_ms,
                config.compact,
                config.delete,
                config.compression.as_deref()
            ),
            (9, true, false, Some("gzip"))
        );
    }

    #[test]
    fn keys_that_contradict_each_other_are_refused() {
        let none = Overrides::new();
        let layers = Layers::at_start(&none);
        let lags = overrides(&[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")]);
        assert!(validate(&lags, layers).expect_err("10 > 5").starts_with("conflict"));
        assert!(validate(&overrides(&[("remote.storage.enable", "true")]), layers).is_err());
        assert_eq!(
            validate(&overrides(&[("nope", "1")]), layers),
            Err("Unknown topic config name: nope".into())
        );
        assert_eq!(validate(&overrides(&[("retention.ms", "1")]), layers), Ok(()));
    }
}
