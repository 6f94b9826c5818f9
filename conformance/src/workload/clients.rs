//! librdkafka as this load configures it: every wait ends, and nothing waits longer than a fault lasts.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::history::{Isolation, Semantics};

/// How members of a group share partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Classic, all partitions given up at each rebalance.
    Eager,
    /// Classic, only those given up that move.
    Cooperative,
    /// KIP-848.
    Consumer,
}

const COMMON: [(&str, &str); 8] = [
    ("socket.timeout.ms", "6000"),
    ("socket.nagle.disable", "true"),
    ("reconnect.backoff.ms", "20"),
    ("reconnect.backoff.max.ms", "200"),
    ("retry.backoff.ms", "50"),
    ("retry.backoff.max.ms", "200"),
    ("topic.metadata.refresh.fast.interval.ms", "50"),
    ("topic.metadata.refresh.interval.ms", "2000"),
];

fn common(bootstrap: &str, name: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("client.id", name);
    config.set_log_level(RDKafkaLogLevel::Emerg);
    for (key, value) in COMMON {
        config.set(key, value);
    }
    config
}

/// A producer; with a transactional id where its semantics have transactions.
pub(super) fn producer(bootstrap: &str, name: &str, semantics: Semantics, number: usize, id: &str) -> ClientConfig {
    let mut config = common(bootstrap, name);
    config.set("linger.ms", "2").set("message.timeout.ms", "20000");
    // A retry finds a partition whose active segment is another one.
    config.set("retry.backoff.ms", "300").set("retry.backoff.max.ms", "600");
    match semantics {
        Semantics::AtMostOnce => {
            config.set("acks", if number.is_multiple_of(2) { "1" } else { "0" });
            config
                .set("message.send.max.retries", "0")
                .set("message.timeout.ms", "5000");
        }
        Semantics::AtLeastOnce => drop(config.set("acks", "all").set("enable.idempotence", "false")),
        Semantics::Idempotent => drop(config.set("enable.idempotence", "true")),
        Semantics::ExactlyOnce => {
            config.set("transactional.id", id).set("transaction.timeout.ms", "6000");
            config.set("message.timeout.ms", "6000");
        }
    }
    config
}

/// A member of a group.
pub(super) fn member(bootstrap: &str, name: &str, group: &str, protocol: Protocol) -> ClientConfig {
    let mut config = reader(bootstrap, name, group, Isolation::Committed);
    match protocol {
        Protocol::Consumer => drop(config.set("group.protocol", "consumer")),
        Protocol::Eager | Protocol::Cooperative => {
            let strategy = if protocol == Protocol::Eager {
                "range"
            } else {
                "cooperative-sticky"
            };
            config.set("partition.assignment.strategy", strategy);
            config
                .set("session.timeout.ms", "6000")
                .set("heartbeat.interval.ms", "200");
            config.set("max.poll.interval.ms", "10000");
        }
    }
    config
}

/// A consumer that is told where to read.
pub(super) fn reader(bootstrap: &str, name: &str, group: &str, isolation: Isolation) -> ClientConfig {
    let mut config = common(bootstrap, name);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.error.backoff.ms", "20")
        .set("fetch.queue.backoff.ms", "20")
        .set("coordinator.query.interval.ms", "500");
    let level = match isolation {
        Isolation::Committed => "read_committed",
        Isolation::Uncommitted => "read_uncommitted",
    };
    config.set("isolation.level", level);
    config
}

/// For topics and offsets.
pub(super) fn admin(bootstrap: &str) -> ClientConfig {
    common(bootstrap, "touchstone")
}
