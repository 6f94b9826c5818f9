//! Reassignments: on which brokers a partition is kept. Until the new replicas are in sync the old ones stay; the change of
//! the in-sync replicas that brings the last new one in completes it.

use std::collections::BTreeSet;

use super::{ByPartition, Change, Controller, Decided, MAX_RECORDS_PER_REQUEST, Refusal, partitions};
use crate::image::{PartitionImage, TopicImage};
use crate::units::{BrokerId, ErrorCode};

/// Where partitions shall be kept; no target cancels.
pub type Targets = Vec<ByPartition<Option<Vec<i32>>>>;

/// What became of each of them.
pub type Reassigned = Vec<ByPartition<Result<(), Refusal>>>;

/// May a partition have more or fewer replicas afterwards (KIP-860)?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicationFactor {
    /// It may.
    MayChange,
    /// It must not.
    MustStay,
}

impl Controller<'_> {
    /// AlterPartitionReassignments.
    pub fn reassign(&self, targets: &Targets, factor: ReplicationFactor) -> Decided<Reassigned> {
        let mut records = Vec::new();
        let answer = targets.iter().map(|(topic, partitions)| {
            let reassigned = |(index, target): &(i32, Option<Vec<i32>>)| {
                let result = match records.len() < MAX_RECORDS_PER_REQUEST {
                    true => self.reassign_one(topic, *index, target.as_deref(), factor),
                    false => Err(Refusal::silent(ErrorCode::UnknownServerError)),
                };
                (*index, result.map(|made| records.extend(made)))
            };
            (topic.clone(), partitions.iter().map(reassigned).collect())
        });
        let answer = answer.collect();
        Decided { records, answer }
    }

    fn reassign_one(
        &self,
        topic: &str,
        index: i32,
        target: Option<&[i32]>,
        factor: ReplicationFactor,
    ) -> Result<Option<Change>, Refusal> {
        let unknown = |what: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, what);
        let found = self.image.topic(topic);
        let found = found.ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
        let partition = found.partition(index);
        let partition = partition.ok_or_else(|| unknown(format!("Unable to find partition {topic}:{index}.")))?;
        match target {
            None => self.cancel(found, index, partition),
            Some(target) => {
                partitions::validate_assignment(self, target, None)?;
                if factor == ReplicationFactor::MustStay {
                    keeps_factor(partition, target)?;
                }
                Ok(self.move_to(found, index, partition, target))
            }
        }
    }

    /// The target's replicas first, and behind them those that stay until the target is in sync.
    fn move_to(&self, topic: &TopicImage, index: i32, partition: &PartitionImage, target: &[i32]) -> Option<Change> {
        let target: Vec<BrokerId> = target.iter().copied().map(BrokerId).collect();
        let removing = without(&partition.replicas, &target);
        let adding = without(&target, &partition.replicas);
        let mut change = self.change_of(topic, index)?;
        change.reach = super::changes::Reach::Online;
        change.replicas = target.into_iter().chain(removing.iter().copied()).collect();
        if !removing.is_empty() {
            change.removing = removing;
        }
        if !adding.is_empty() {
            change.adding = adding;
        }
        change.record(self, |partition, broker| self.is_live(partition, broker))
    }

    fn cancel(&self, topic: &TopicImage, index: i32, partition: &PartitionImage) -> Result<Option<Change>, Refusal> {
        if !partition.is_reassigning() {
            return Err(Refusal::silent(ErrorCode::NoReassignmentInProgress));
        }
        let refuse = |why: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, why));
        let stays = |brokers: &[BrokerId]| -> Vec<BrokerId> {
            let is_new = |broker: &&BrokerId| !partition.adding_replicas.contains(broker);
            brokers.iter().filter(is_new).copied().collect()
        };
        let (mut isr, replicas) = (stays(&partition.isr), stays(&partition.replicas));
        let Some(first) = replicas.first() else {
            return refuse("Invalid replica assignment: addingReplicas contains all replicas.".into());
        };
        if isr.is_empty() {
            if !self.allows_unclean(&topic.name) {
                return refuse(format!(
                    "Unable to revert partition assignment for {}:{index} because it would require an unclean leader election.",
                    topic.name
                ));
            }
            // Kafka puts the first one in sync even where it is fenced; then whoever is eligible is worth more.
            let counts = self.is_live(partition, *first) || !self.has_eligible_leaders();
            isr.extend(Some(*first).filter(|_| counts));
        }
        let Some(mut change) = self.change_of(topic, index) else {
            return Ok(None);
        };
        (change.isr, change.replicas) = (isr, replicas);
        (change.adding, change.removing) = Default::default();
        Ok(change.record(self, |partition, broker| self.is_live(partition, broker)))
    }
}

/// In order of id, as Kafka's records have them.
fn without(brokers: &[BrokerId], others: &[BrokerId]) -> Vec<BrokerId> {
    let left = brokers.iter().filter(|broker| !others.contains(broker));
    left.copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// As many replicas as the partition has, or will have once what is on its way has arrived.
fn keeps_factor(partition: &PartitionImage, target: &[i32]) -> Result<(), Refusal> {
    let settled = without(&partition.replicas, &partition.removing_replicas).len();
    match settled == target.len() {
        true => Ok(()),
        false => Err(Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            format!("The replication factor is changed from {settled} to {}", target.len()),
        )),
    }
}
