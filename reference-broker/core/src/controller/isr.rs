//! AlterPartition (KIP-497): a leader wants other replicas in sync. Compare and set: what the leader builds on, its own epoch,
//! the partition's, and the lives of the brokers that it names, must be what stands here.

use std::collections::HashSet;

use super::{Change, Controller, Decided, Refusal};
use crate::image::{PartitionImage, TopicImage};
use crate::mutant::{self, Mutant};
use crate::peer::{AlterPartition, AlterPartitions, BrokerEpoch, PartitionAltered, PartitionState};
use crate::records::MetadataRecord;
use crate::units::{BrokerId, ErrorCode, TopicId};

/// No broker's epoch: it is not to be checked (AlterPartition v2).
const UNCHECKED: i64 = -1;

impl Controller<'_> {
    /// AlterPartition.
    ///
    /// Kafka takes a partition that a request names twice at its word both times; here the second one builds on what is no more.
    pub fn alter_partitions(&self, asked: &AlterPartitions) -> Decided<Result<Vec<PartitionAltered>, Refusal>> {
        if let Err(refusal) = self.broker_in(asked.broker) {
            return Decided::answer(Err(refusal));
        }
        let mut seen: HashSet<(TopicId, i32)> = HashSet::new();
        let (mut records, mut answer) = (Vec::new(), Vec::new());
        for wanted in &asked.partitions {
            let result = match seen.insert((wanted.topic_id, wanted.partition)) {
                true => self.alter_partition(asked.broker.broker, wanted, &mut records),
                false => Err(ErrorCode::InvalidUpdateVersion),
            };
            answer.push(PartitionAltered {
                topic_id: wanted.topic_id,
                partition: wanted.partition,
                result,
            });
        }
        Decided {
            records,
            answer: Ok(answer),
        }
    }

    fn alter_partition(
        &self,
        asker: BrokerId,
        wanted: &AlterPartition,
        records: &mut Vec<Change>,
    ) -> Result<PartitionState, ErrorCode> {
        let topic = self.image.topic_by_id(wanted.topic_id);
        let topic = topic.ok_or(ErrorCode::UnknownTopicId)?;
        let present = topic.partition(wanted.partition);
        let present = present.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        validate(asker, wanted, present)?;
        self.are_eligible(&wanted.isr)?;
        let Some(change) = self.in_sync_changed(topic, wanted) else {
            return Ok(state(present));
        };
        let after = merged(present, &change);
        records.push(change);
        match after.leader == asker {
            true => Ok(after),
            // A reassignment is complete, and has taken the lead from who asked.
            false => Err(ErrorCode::NewLeaderElected),
        }
    }

    fn in_sync_changed(&self, topic: &TopicImage, wanted: &AlterPartition) -> Option<Change> {
        let mut change = self.change_of(topic, wanted.partition)?;
        change.isr = wanted.isr.iter().map(|replica| replica.broker).collect();
        change.is_recovering = wanted.leader_recovery_state == 1;
        change.record(self, |partition, broker| self.is_live(partition, broker))
    }

    /// In sync are only brokers that take part, in the lives in which the leader has seen them (KIP-903).
    fn are_eligible(&self, isr: &[BrokerEpoch]) -> Result<(), ErrorCode> {
        let is_eligible = |replica: &BrokerEpoch| {
            let broker = self.image.broker(replica.broker).filter(|broker| broker.is_active());
            broker.is_some_and(|broker| replica.epoch == UNCHECKED || replica.epoch == broker.epoch)
        };
        match isr.iter().all(is_eligible) {
            true => Ok(()),
            false => Err(ErrorCode::IneligibleReplica),
        }
    }
}

/// The refusals are Kafka's, in Kafka's order. Whoever knows more than the controller asks one that is not it any more.
fn validate(asker: BrokerId, wanted: &AlterPartition, present: &PartitionImage) -> Result<(), ErrorCode> {
    let builds_on = wanted.partition_epoch;
    let ahead = wanted.leader_epoch > present.leader_epoch || builds_on > present.partition_epoch;
    let is_stale = builds_on < present.partition_epoch && !mutant::on(Mutant::IsrGrownUnchecked);
    let ill_formed = !is_isr(&wanted.isr, present) || !is_recovery(wanted, present);
    match () {
        () if ahead => Err(ErrorCode::NotController),
        () if wanted.leader_epoch < present.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
        () if asker != present.leader => Err(ErrorCode::InvalidRequest),
        () if is_stale => Err(ErrorCode::InvalidUpdateVersion),
        () if ill_formed => Err(ErrorCode::InvalidRequest),
        () => Ok(()),
    }
}

/// Replicas, each once, and the leader among them.
fn is_isr(isr: &[BrokerEpoch], present: &PartitionImage) -> bool {
    let each: HashSet<BrokerId> = isr.iter().map(|replica| replica.broker).collect();
    each.len() == isr.len()
        && each.iter().all(|broker| present.replicas.contains(broker))
        && each.contains(&present.leader)
}

/// A leader recovers once, and alone.
fn is_recovery(wanted: &AlterPartition, present: &PartitionImage) -> bool {
    match wanted.leader_recovery_state {
        0 => true,
        1 => present.is_recovering && wanted.isr.len() <= 1,
        _ => false,
    }
}

fn state(partition: &PartitionImage) -> PartitionState {
    PartitionState {
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        isr: partition.isr.clone(),
        leader_recovery_state: i8::from(partition.is_recovering),
    }
}

/// How the partition stands once the record is applied.
fn merged(present: &PartitionImage, change: &Change) -> PartitionState {
    let mut after = present.clone();
    if let MetadataRecord::PartitionChange(record) = &change.0 {
        after.change(record);
    }
    state(&after)
}
