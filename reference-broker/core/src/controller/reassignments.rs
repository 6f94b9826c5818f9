//! Reassignments: on which brokers a partition is kept. With one broker a valid set of replicas is the one that stands, so
//! nothing ever moves and nothing can be cancelled.

use super::{Controller, Refusal, partitions};
use crate::units::ErrorCode;

impl Controller<'_> {
    /// AlterPartitionReassignments for one partition; no target cancels.
    pub fn reassign(&self, topic: &str, partition: i32, target: Option<&[i32]>) -> Result<(), Refusal> {
        let unknown = |what: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, what);
        let found = self
            .image
            .topic(topic)
            .ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
        match target {
            _ if found.partition(partition).is_none() => {
                Err(unknown(format!("Unable to find partition {topic}:{partition}.")))
            }
            None => Err(Refusal::silent(ErrorCode::NoReassignmentInProgress)),
            Some(replicas) => partitions::validate_assignment(self, replicas, None),
        }
    }
}
