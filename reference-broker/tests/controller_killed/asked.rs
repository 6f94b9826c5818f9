//! What changes the cluster, as requests, and what is heard of it.

use std::collections::BTreeSet;

use kafka_fixtures::value::{Struct, Value};

use crate::talk::Heard;

const PATIENCE_MS: i32 = 10_000;

pub(crate) fn create(topic: &str, partitions: usize, replicas: i16) -> (&'static str, i16, Struct) {
    let topic = Struct::new()
        .with("Name", topic)
        .with("NumPartitions", partitions as i32)
        .with("ReplicationFactor", replicas);
    let request = Struct::new().with("Topics", vec![topic]).with("timeoutMs", PATIENCE_MS);
    ("CreateTopics", 7, request)
}

/// Where each partition of a topic is to be.
pub(crate) fn reassign(topic: &str, goal: &[BTreeSet<i64>]) -> (&'static str, i16, Struct) {
    let partition = |(index, replicas): (usize, &BTreeSet<i64>)| {
        let replicas: Vec<i32> = replicas.iter().map(|id| *id as i32).collect();
        let partition = Struct::new().with("PartitionIndex", index as i32);
        partition.with("Replicas", replicas)
    };
    let partitions: Vec<Struct> = goal.iter().enumerate().map(partition).collect();
    let topic = Struct::new().with("Name", topic).with("Partitions", partitions);
    let request = Struct::new().with("Topics", vec![topic]).with("TimeoutMs", PATIENCE_MS);
    ("AlterPartitionReassignments", 0, request)
}

/// The error code of the whole or of its first part; none where nothing was answered.
pub(crate) fn error(heard: &Heard) -> Option<i64> {
    let Heard::Answer(answer) = heard else { return None };
    let codes = [
        "ErrorCode",
        "Topics[0].ErrorCode",
        "Responses[0].Partitions[0].ErrorCode",
    ];
    let codes = codes.iter().filter_map(|path| answer.at(path).and_then(Value::as_i64));
    codes.max_by_key(|code| *code != 0)
}
