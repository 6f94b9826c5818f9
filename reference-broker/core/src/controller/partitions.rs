//! Partitions: where they are placed, and how a topic gets more of them.

use std::collections::HashMap;

use super::placement::{self, Wanted};
use super::{Change, Controller, Decided, Intent, MAX_RECORDS_PER_REQUEST, Refusal};
use crate::image::BrokerImage;
use crate::records::PartitionRecord;
use crate::units::{BrokerId, ErrorCode, TopicId};

/// The version of a partition's record that names log directories and eligible leaders.
const PARTITION_RECORD: i16 = 2;

/// Partitions asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MorePartitions {
    /// The topic.
    pub name: String,
    /// How many it shall have.
    pub count: i32,
    /// The brokers of each new one; None lets the controller place them.
    pub assignments: Option<Vec<Vec<i32>>>,
}

/// What became of each topic by name, every name once.
pub type Grown = Vec<(String, Result<(), Refusal>)>;

impl Controller<'_> {
    /// CreatePartitions.
    ///
    /// Kafka writes down what fits when a request makes more than 10 000 records, and answers UNKNOWN_SERVER_ERROR; here
    /// the answer is the same and the topic stays as it was.
    pub fn create_partitions(&self, topics: Vec<MorePartitions>, intent: Intent) -> Decided<Grown> {
        let mut times: HashMap<&str, usize> = HashMap::new();
        for topic in &topics {
            *times.entry(&topic.name).or_default() += 1;
        }
        let (mut records, mut answer) = (Vec::new(), Vec::new());
        let repeated = |name: &str| {
            (
                name.to_owned(),
                Err(Refusal::new(ErrorCode::InvalidRequest, "Duplicate topic name.")),
            )
        };
        let mut twice: Vec<&str> = times
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(name, _)| *name)
            .collect();
        twice.sort_unstable();
        answer.extend(twice.into_iter().map(repeated));
        for topic in topics.iter().filter(|topic| times[topic.name.as_str()] == 1) {
            let room = MAX_RECORDS_PER_REQUEST - records.len();
            let made = self.grow(topic, room).map(|made| records.extend(made));
            answer.push((topic.name.clone(), made));
        }
        Decided { records, answer }.if_meant(intent)
    }

    fn grow(&self, wanted: &MorePartitions, room: usize) -> Result<Vec<Change>, Refusal> {
        let Some(topic) = self.image.topic(&wanted.name) else {
            return Err(Refusal::silent(ErrorCode::UnknownTopicOrPartition));
        };
        let present = topic.partition_count();
        let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidPartitions, why));
        if wanted.count == present {
            return refuse(format!("Topic already has {present} partition(s)."));
        }
        if wanted.count < present {
            let (name, count) = (&wanted.name, wanted.count);
            return refuse(format!(
                "The topic {name} currently has {present} partition(s); {count} would not be an increase."
            ));
        }
        let more = wanted.count - present;
        let replication_factor = topic.partitions.first().map_or(1, |first| first.replicas.len());
        let fits = usize::try_from(more).is_ok_and(|more| more <= room);
        let replicas = match &wanted.assignments {
            Some(assignments) => self.assigned(assignments, more, replication_factor)?,
            None if fits => placement::place(
                self,
                Wanted {
                    partitions: more,
                    replication_factor: i16::try_from(replication_factor).unwrap_or(i16::MAX),
                    seed: seed(topic.id, present),
                },
            )?,
            None => return Err(Refusal::silent(ErrorCode::UnknownServerError)),
        };
        if replicas.len() > room {
            return Err(Refusal::silent(ErrorCode::UnknownServerError));
        }
        let how = Placed::of(wanted.assignments.is_some());
        let records = (present..)
            .zip(replicas)
            .map(|(index, replicas)| record(self, topic.id, index, replicas, how));
        records.collect()
    }

    fn assigned(
        &self,
        assignments: &[Vec<i32>],
        more: i32,
        replication_factor: usize,
    ) -> Result<Vec<Vec<i32>>, Refusal> {
        if i32::try_from(assignments.len()) != Ok(more) {
            let given = assignments.len();
            let why = format!(
                "Attempted to add {more} additional partition(s), but only {given} assignment(s) were specified."
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
        }
        for replicas in assignments {
            validate_assignment(self, replicas, Some(replication_factor))?;
        }
        Ok(assignments.to_vec())
    }
}

/// May these brokers keep a partition, where the others of its topic have `expected` replicas?
pub(super) fn validate_assignment(
    controller: &Controller<'_>,
    replicas: &[i32],
    expected: Option<usize>,
) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
    if replicas.is_empty() {
        return refuse("The manual partition assignment includes an empty replica list.".into());
    }
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    for (index, broker) in sorted.iter().enumerate() {
        if index > 0 && sorted[index - 1] == *broker {
            return refuse(format!(
                "The manual partition assignment includes the broker {broker} more than once."
            ));
        }
        if controller.image.broker(BrokerId(*broker)).is_none() {
            return refuse(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is registered."
            ));
        }
    }
    match expected {
        Some(expected) if expected != replicas.len() => refuse(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with previous \
             partitions, which have {expected} replica(s).",
            replicas.len()
        )),
        _ => Ok(()),
    }
}

/// Who has chosen the brokers of a new partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Who asked for it.
    ByHand,
    /// The controller.
    Here,
}

impl Placed {
    pub(super) fn of(by_hand: bool) -> Self {
        if by_hand { Self::ByHand } else { Self::Here }
    }
}

/// A new partition: led by the first of its brokers that takes part, in sync on all that do. There must be one.
pub(super) fn record(
    controller: &Controller<'_>,
    topic: TopicId,
    partition_id: i32,
    replicas: Vec<i32>,
    how: Placed,
) -> Result<Change, Refusal> {
    let broker = |id: &i32| controller.image.broker(BrokerId(*id));
    let is_active = |id: &i32| broker(id).is_some_and(BrokerImage::is_active);
    let isr: Vec<i32> = replicas.iter().copied().filter(is_active).collect();
    let Some(leader) = isr.first().copied() else {
        return Err(nobody(partition_id, replicas.len(), how));
    };
    let directory = |id: &i32| controller.default_directory(BrokerId(*id));
    let record = PartitionRecord {
        partition_id,
        topic_id: topic.0,
        leader,
        isr,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: replicas.iter().map(directory).collect(),
        replicas,
        ..Default::default()
    };
    Ok((record.into(), PARTITION_RECORD))
}

fn nobody(partition: i32, replicas: usize, how: Placed) -> Refusal {
    match how {
        Placed::ByHand => Refusal::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "All brokers specified in the manual partition assignment for partition {partition} are fenced or in \
                 controlled shutdown."
            ),
        ),
        Placed::Here => Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "Unable to replicate the partition {replicas} time(s): All brokers are currently fenced or in controlled \
                 shutdown."
            ),
        ),
    }
}

/// Chance for the placement of a topic's partitions from that one on: its id is drawn by chance.
pub(super) fn seed(topic: TopicId, first: i32) -> u64 {
    let bits = u128::from_be_bytes(topic.0);
    (bits as u64) ^ ((bits >> 64) as u64) ^ u64::from(first.unsigned_abs())
}
