//! Results of partitions, gathered under their topics in the order in which Kafka answers: what was refused for want of such
//! a partition comes first, then what the coordinator said.

use std::collections::HashMap;
use std::hash::Hash;

use broker_core::units::ErrorCode;

/// The result of one partition of a topic.
pub(super) type PartitionResult<Topic> = (Topic, i32, Option<ErrorCode>);

/// Partitions with their error codes.
pub(super) type Coded = Vec<(i32, i16)>;

pub(super) fn by_topic<Topic: Clone + Eq + Hash>(results: &[PartitionResult<Topic>]) -> Vec<(Topic, Coded)> {
    let (first, then): (Vec<_>, Vec<_>) = results.iter().partition(|(_, _, result)| is_of_no_partition(*result));
    let mut topics: Vec<(Topic, Coded)> = Vec::new();
    let mut places = HashMap::new();
    for (topic, partition, result) in first.into_iter().chain(then) {
        let place = *places.entry(topic).or_insert(topics.len());
        if place == topics.len() {
            topics.push((topic.clone(), Vec::new()));
        }
        topics[place].1.push((*partition, result.map_or(0, |error| error.code())));
    }
    topics
}

fn is_of_no_partition(result: Option<ErrorCode>) -> bool {
    matches!(result, Some(ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId))
}
