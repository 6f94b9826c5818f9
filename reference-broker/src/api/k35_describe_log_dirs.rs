//! DescribeLogDirs. v2 flexible · v3 an error of the whole · v4 the volume's space (KIP-827) · v5 whether the directory is
//! cordoned (KIP-1066).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use broker_core::units::TopicPartition;

use super::{Answer, Api, Call};
use crate::messages::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

pub(super) struct DescribeLogDirs;

impl Api for DescribeLogDirs {
    type Request = DescribeLogDirsRequest;
    const KEY: i16 = 35;
    const NAME: &'static str = "DescribeLogDirs";
    const VERSIONS: RangeInclusive<i16> = 1..=5;

    fn handle(request: DescribeLogDirsRequest, call: &mut Call<'_>) -> Answer {
        let tells_space = call.version >= 4;
        let tells_cordoned = call.version >= 5;
        let dir = call.node.log_dir();
        let bytes = |which: fn((u64, u64)) -> u64| match dir.space.filter(|_| tells_space) {
            Some(space) => i64::try_from(which(space)).unwrap_or(i64::MAX),
            None => -1,
        };
        let result = DescribeLogDirsResult {
            error_code: 0,
            total_bytes: bytes(|(total, _)| total),
            usable_bytes: bytes(|(_, usable)| usable),
            is_cordoned: dir.is_cordoned && tells_cordoned,
            topics: topics(&request, call),
            log_dir: dir.path,
        };
        call.reply(&DescribeLogDirsResponse {
            results: vec![result],
            ..DescribeLogDirsResponse::default()
        })
    }
}

fn topics(request: &DescribeLogDirsRequest, call: &Call<'_>) -> Vec<DescribeLogDirsTopic> {
    let mut topics: BTreeMap<String, BTreeMap<i32, u64>> = BTreeMap::new();
    for tp in wanted(request, call) {
        if let Some(size) = call.node.log_size(&tp) {
            topics
                .entry(tp.topic.to_string())
                .or_default()
                .insert(tp.partition, size);
        }
    }
    let partition = |(partition_index, size): (i32, u64)| DescribeLogDirsPartition {
        partition_index,
        partition_size: i64::try_from(size).unwrap_or(i64::MAX),
        ..DescribeLogDirsPartition::default()
    };
    let topic = |(name, partitions): (String, BTreeMap<i32, u64>)| DescribeLogDirsTopic {
        name,
        partitions: partitions.into_iter().map(partition).collect(),
    };
    topics.into_iter().map(topic).collect()
}

fn wanted(request: &DescribeLogDirsRequest, call: &Call<'_>) -> Vec<TopicPartition> {
    let all = |name: &str, partitions: &mut dyn Iterator<Item = i32>| {
        partitions
            .map(|partition| TopicPartition::new(name, partition))
            .collect::<Vec<_>>()
    };
    match &request.topics {
        Some(topics) => topics
            .iter()
            .flat_map(|topic| all(&topic.topic, &mut topic.partitions.iter().copied()))
            .collect(),
        None => call
            .node
            .image()
            .topics()
            .flat_map(|topic| all(&topic.name, &mut (0..topic.partition_count())))
            .collect(),
    }
}
