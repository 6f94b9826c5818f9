//! The files that every broker started here gets, in Kafka's words: its properties and its log settings.

use std::collections::BTreeMap;

use super::Needs;

/// One node has no second replica, and a group of one process need not wait for others to join.
const SINGLE_NODE: [(&str, &str); 6] = [
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
];

/// Without it log4j2 prints nothing below ERROR, and a broker that dies says nothing.
pub(super) const LOG4J2: &str = "\
Configuration:
  Appenders:
    Console: {name: O, PatternLayout: {pattern: \"[%d] %p %m (%c)%n\"}}
  Loggers:
    Root: {level: INFO, AppenderRef: [{ref: O}]}
";
/// The same for Kafka 3.
pub(super) const RELOAD4J: &str = "\
log4j.rootLogger=INFO, O
log4j.appender.O=org.apache.log4j.ConsoleAppender
log4j.appender.O.layout=org.apache.log4j.PatternLayout
log4j.appender.O.layout.ConversionPattern=[%d] %p %m (%c)%n
";

/// Any id but one with most bits zero, which Kafka reserves.
pub(super) const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";

/// Three nodes keep Kafka's defaults for internal topics. Who leads a partition is the case's to say: no broker puts leaders
/// back where they belong by itself.
const CLUSTER: [(&str, &str); 2] = [
    ("group.initial.rebalance.delay.ms", "0"),
    ("auto.leader.rebalance.enable", "false"),
];

/// Fewer nodes cannot hold three replicas of an internal topic.
const REPLICAS: usize = 3;

/// What is common to all, then `own` of this kind of target, then what the case asks for; the last one wins.
pub(super) fn of(needs: &Needs, own: &[(&str, String)], brokers: usize) -> BTreeMap<String, String> {
    let common: &[(&str, &str)] = if brokers < REPLICAS { &SINGLE_NODE } else { &CLUSTER };
    let common = common
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let own = own.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    common.chain(own).chain(needs.config.iter().cloned()).collect()
}

/// The text of a `server.properties` file.
pub(super) fn file(properties: &BTreeMap<String, String>) -> String {
    properties
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_case_asks_for_wins() {
        let needs = Needs {
            config: vec![("group.initial.rebalance.delay.ms".into(), "3000".into())],
            ..Needs::default()
        };
        let text = file(&of(&needs, &[("node.id", "1".to_owned())], 1));
        assert!(text.contains("group.initial.rebalance.delay.ms=3000\n"), "{text}");
        assert!(text.contains("node.id=1\n"), "{text}");
    }
}
