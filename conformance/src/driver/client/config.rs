//! librdkafka properties: quick ones by default, any other by its own name in a step (`linger.ms=5`).

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::StepFailure;
use crate::case::{Arg, Args};

/// Properties that a step gave, by name. Steps with the same ones share a client.
pub(super) type Properties = BTreeMap<String, String>;

/// What every client gets: no waiting that a test does not ask for.
const COMMON: [(&str, &str); 8] = [
    ("socket.timeout.ms", "10000"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "200"),
    ("retry.backoff.ms", "10"),
    ("retry.backoff.max.ms", "100"),
    ("topic.metadata.refresh.fast.interval.ms", "10"),
    ("topic.metadata.propagation.max.ms", "5000"),
];
const PRODUCER: [(&str, &str); 2] = [("linger.ms", "0"), ("message.timeout.ms", "8000")];
/// Committing is a step of its own; a rebalance is noticed at the next heartbeat.
const CONSUMER: [(&str, &str); 9] = [
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "earliest"),
    ("enable.partition.eof", "true"),
    ("fetch.wait.max.ms", "20"),
    ("fetch.error.backoff.ms", "10"),
    ("fetch.queue.backoff.ms", "10"),
    ("heartbeat.interval.ms", "50"),
    ("session.timeout.ms", "10000"),
    ("coordinator.query.interval.ms", "1000"),
];

/// Words of the case language for properties that cases name often.
const WORDS: [(&str, &str); 7] = [
    ("acks", "acks"),
    ("codec", "compression.codec"),
    ("idempotent", "enable.idempotence"),
    ("isolation", "isolation.level"),
    ("instance", "group.instance.id"),
    ("strategy", "partition.assignment.strategy"),
    ("partitioner", "partitioner"),
];

/// The properties among the arguments of a step: keys with a dot, and the words above.
pub(super) fn properties(args: &Args) -> Result<Properties, StepFailure> {
    let mut properties = Properties::new();
    for (key, value) in &args.named {
        let word = WORDS.iter().find(|(word, _)| word == key);
        let property = match word {
            Some((_, property)) => (*property).to_owned(),
            None if key.contains('.') && !key.contains('/') => key.clone(),
            None => continue,
        };
        let text = value
            .text()
            .ok_or_else(|| StepFailure::usage(format!("{key}= wants a word, not {value}")))?;
        properties.insert(property, text);
    }
    Ok(properties)
}

/// Keys that are not of the verb, no property and no partition: a misspelt key must not pass unseen.
pub(super) fn only(args: &Args, keys: &[&str]) -> Result<(), StepFailure> {
    let known = |key: &str| {
        keys.contains(&key)
            || key == "timeout"
            || key.contains('.')
            || key.contains('/')
            || WORDS.iter().any(|(word, _)| *word == key)
    };
    match args.named.iter().find(|(key, _)| !known(key)) {
        None => Ok(()),
        Some((key, _)) => Err(StepFailure::usage(format!(
            "{} does not know {key}=; it knows {}timeout= and librdkafka's properties",
            args.verb,
            keys.iter().map(|key| format!("{key}= ")).collect::<String>()
        ))),
    }
}

/// `timeout=500ms`, `timeout=5s`; a bare number counts milliseconds.
pub(super) fn timeout(args: &Args, otherwise: Duration) -> Result<Duration, StepFailure> {
    Ok(duration_of(args, "timeout")?.unwrap_or(otherwise))
}

/// The same under another key.
pub(super) fn duration_of(args: &Args, key: &str) -> Result<Option<Duration>, StepFailure> {
    let Some(text) = args.get(key).and_then(Arg::text) else {
        return Ok(None);
    };
    let wrong = || StepFailure::usage(format!("{key}={text}: say 500ms or 5s"));
    duration(&text).map(Some).ok_or_else(wrong)
}

fn duration(text: &str) -> Option<Duration> {
    match text.strip_suffix("ms") {
        Some(number) => number.parse().ok().map(Duration::from_millis),
        None => match text.strip_suffix('s') {
            Some(number) => number.parse().ok().map(Duration::from_secs),
            None => text.parse().ok().map(Duration::from_millis),
        },
    }
}

pub(super) fn producer(bootstrap: &str, given: &Properties) -> ClientConfig {
    config(bootstrap, &PRODUCER, given)
}

pub(super) fn consumer(bootstrap: &str, group: &str, given: &Properties) -> ClientConfig {
    let mut config = config(bootstrap, &CONSUMER, given);
    // Heartbeats of the new protocol are the broker's choice, and librdkafka refuses the properties of the old one.
    if given
        .get("group.protocol")
        .is_some_and(|protocol| protocol == "consumer")
    {
        config.remove("heartbeat.interval.ms");
        config.remove("session.timeout.ms");
    }
    config.set("group.id", group);
    config
}

pub(super) fn admin(bootstrap: &str) -> ClientConfig {
    config(bootstrap, &[], &Properties::new())
}

fn config(bootstrap: &str, role: &[(&str, &str)], given: &Properties) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config.set_log_level(RDKafkaLogLevel::Emerg);
    for (key, value) in COMMON.iter().chain(role) {
        config.set(*key, *value);
    }
    for (key, value) in given {
        config.set(key, value);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_and_without_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("250"), Some(Duration::from_millis(250)));
        assert_eq!(duration("soon"), None);
    }

    #[test]
    fn words_and_dotted_keys_are_properties_and_partitions_are_not() {
        let named = [("codec", "gzip"), ("linger.ms", "5"), ("t.x/0", "3"), ("values", "a")];
        let args = Args {
            verb: "produce".to_owned(),
            positional: Vec::new(),
            named: named
                .map(|(key, value)| (key.to_owned(), Arg::Word(value.to_owned())))
                .to_vec(),
        };
        let properties = properties(&args).expect("words");
        let keys: Vec<_> = properties.keys().map(String::as_str).collect();
        assert_eq!(keys, ["compression.codec", "linger.ms"]);
        assert!(only(&args, &["values"]).is_ok());
        assert!(only(&args, &[]).is_err());
    }
}
