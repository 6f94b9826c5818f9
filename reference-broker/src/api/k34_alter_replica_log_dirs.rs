//! AlterReplicaLogDirs. v2 flexible. This broker has one directory: a replica is there already, or goes nowhere.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use broker_core::units::{ErrorCode, TopicPartition};
use kafka_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};

use super::convert::topic_name;
use super::{Answer, Api, Call};

pub(super) struct AlterReplicaLogDirs;

impl Api for AlterReplicaLogDirs {
    type Request = AlterReplicaLogDirsRequest;
    const KEY: i16 = 34;
    const NAME: &'static str = "AlterReplicaLogDirs";
    const VERSIONS: RangeInclusive<i16> = 1..=2;

    fn handle(request: AlterReplicaLogDirsRequest, call: &mut Call<'_>) -> Answer {
        let own = call.node.log_dir().path;
        let mut topics: BTreeMap<String, BTreeMap<i32, i16>> = BTreeMap::new();
        for dir in &request.dirs {
            for topic in &dir.topics {
                for partition in &topic.partitions {
                    let tp = TopicPartition::new(topic.name.as_str(), *partition);
                    let code = alter(dir.path.as_str() == own, &tp, call);
                    topics
                        .entry(topic.name.to_string())
                        .or_default()
                        .insert(*partition, code);
                }
            }
        }
        let response = AlterReplicaLogDirsResponse::default().with_results(topics.iter().map(answer).collect());
        call.reply(&response)
    }
}

fn alter(is_own: bool, tp: &TopicPartition, call: &Call<'_>) -> i16 {
    match call.node.log_size(tp) {
        _ if !is_own => ErrorCode::LogDirNotFound.code(),
        None => ErrorCode::UnknownTopicOrPartition.code(),
        Some(_) => 0,
    }
}

fn answer((name, partitions): (&String, &BTreeMap<i32, i16>)) -> AlterReplicaLogDirTopicResult {
    let partition = |(partition, code): (&i32, &i16)| {
        AlterReplicaLogDirPartitionResult::default()
            .with_partition_index(*partition)
            .with_error_code(*code)
    };
    AlterReplicaLogDirTopicResult::default()
        .with_topic_name(topic_name(name))
        .with_partitions(partitions.iter().map(partition).collect())
}
