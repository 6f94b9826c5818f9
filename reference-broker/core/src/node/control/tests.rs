//! A node's metadata against what a real 4.3.1 answered, against restarts, and against lists that are long on purpose.

mod configs;
mod damage;
mod members;
mod replay;
mod start;
mod strays;
mod topics;

use super::*;
use crate::config::BrokerConfig;
use crate::config::layers::Source;
use crate::controller::configs::{Alteration, Op, Operation, Unnamed};
use crate::controller::partitions::MorePartitions;
use crate::controller::topics::{NewTopic, TopicRef};
use crate::controller::{Intent, Refusal};
use crate::log::tests::{Shared, identity};
use crate::node::OpenError;
use crate::units::{LeaderEpoch, Offset};

const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 0,
};
const TOPIC: i8 = ResourceKind::Topic as i8;
const BROKER: i8 = ResourceKind::Broker as i8;
const GROUP: i8 = ResourceKind::Group as i8;

fn open(store: &Shared, start: u8) -> Result<Node, OpenError> {
    open_with(store, start, &[])
}

fn open_with(store: &Shared, start: u8, properties: &[(&str, &str)]) -> Result<Node, OpenError> {
    let identity = identity(start);
    let properties: Vec<_> = properties
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let config = BrokerConfig::from_properties(&properties).expect("valid properties");
    Node::open(Box::new(store.clone()), config, identity, NOW)
}

fn fresh() -> Node {
    open(&Shared::default(), 1).expect("an empty directory")
}

fn topic(name: &str, partitions: i32) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions,
        replication_factor: 1,
        ..NewTopic::default()
    }
}

fn create(node: &mut Node, topics: Vec<NewTopic>) -> Vec<(String, Option<ErrorCode>)> {
    let created = node.create_topics(topics, Intent::Commit, NOW).expect("written");
    created
        .into_iter()
        .map(|(name, result)| (name, result.err().map(|refusal| refusal.code)))
        .collect()
}

fn refusal_of(node: &mut Node, topic: NewTopic) -> Option<ErrorCode> {
    let created = create(node, vec![topic]);
    assert_eq!(created.len(), 1);
    created[0].1
}

fn operation(name: &str, op: Op, value: Option<&str>) -> Operation {
    Operation {
        name: name.into(),
        op,
        value: value.map(str::to_owned),
    }
}

fn alter(node: &mut Node, kind: i8, name: &str, operations: Vec<Operation>) -> Option<ErrorCode> {
    let alteration = Alteration {
        kind,
        name: name.into(),
        operations: Some(operations),
    };
    let altered = node
        .alter_configs(vec![alteration], Unnamed::Keep, Intent::Commit, NOW)
        .expect("written");
    altered[0].1.as_ref().err().map(|refusal| refusal.code)
}

fn shown(node: &Node, topic: &str, key: &str) -> (Option<String>, Source) {
    let entries = node.describe_configs(ResourceKind::Topic, topic).expect("a topic");
    let entry = entries.into_iter().find(|entry| entry.name == key).expect("a config");
    (entry.value, entry.source)
}

fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}
