//! The partitions that this broker keeps together with others: what the metadata say of them is carried out on their logs, and
//! what follows for readers, producers and fetchers.

use std::collections::{BTreeMap, HashMap};

use super::Node;
use crate::image::{NO_LEADER, PartitionImage};
use crate::log::Command;
use crate::mutant::{self, Mutant};
use crate::node::data::Kept;
use crate::replica::Role;
use crate::replica::follower::Follower;
use crate::replica::leader::{Assigned, Leader};
use crate::units::{BrokerId, Deadline, ErrorCode, LeaderEpoch, Now, TopicId, TopicPartition};

mod acks;
mod bounds;
mod following;
mod in_sync;
mod leading;
mod lows;
mod racks;

use acks::Acks;
pub(crate) use bounds::Stood;
use following::Fetcher;
use in_sync::InSync;
pub(crate) use leading::epoch_error;
pub use lows::LowWatermark;
use lows::Lows;

/// What this broker is to the partitions that others keep too.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    roles: HashMap<TopicPartition, Role>,
    fetchers: BTreeMap<BrokerId, Fetcher>,
    in_sync: InSync,
    acks: Acks,
    lows: Lows,
}

impl Node {
    /// What this broker is to a partition; none where nobody else keeps it.
    pub fn role(&self, tp: &TopicPartition) -> Option<&Role> {
        self.replicas.roles.get(tp)
    }

    /// Becomes what the metadata say that this broker is to a partition.
    ///
    /// # Errors
    /// The log cannot be opened.
    pub(crate) fn take_role(&mut self, tp: &TopicPartition, id: TopicId, now: Now) -> Result<(), ErrorCode> {
        // One answer may tell of a topic, of its end, and of another one with its name.
        let topic = self.image().topic(&tp.topic).filter(|topic| topic.id == id);
        let Some(partition) = topic.and_then(|topic| topic.partition(tp.partition)).cloned() else {
            return Ok(());
        };
        let me = self.broker_id();
        if !partition.replicas.contains(&me) {
            // It has no role where it was kept alone: metadata that were missed may have moved it from here all the same.
            if self.role(tp).is_some() || self.log(tp).is_some() {
                self.delete_log(tp, now);
            }
            return Ok(());
        }
        if partition.replicas.len() == 1 {
            return self.lead_alone(tp, id, &partition, now);
        }
        match self.role(tp) {
            _ if partition.leader == me => self.lead(tp, id, partition, now),
            Some(Role::Leader(_)) if mutant::on(Mutant::StaleLeaderServes) => Ok(()),
            _ => self.follow(tp, id, &partition, now),
        }
    }

    fn lead_alone(
        &mut self,
        tp: &TopicPartition,
        id: TopicId,
        partition: &PartitionImage,
        now: Now,
    ) -> Result<(), ErrorCode> {
        if partition.leader != self.broker_id() {
            return Ok(());
        }
        let config = self.topic_config(&tp.topic);
        self.create_log(tp, id, config, partition.leader_epoch, now)?;
        if self.forget_role(tp) {
            let end = self.log(tp).map_or_else(Default::default, crate::log::Log::log_end);
            self.replicated(tp, end, now)?;
        }
        Ok(())
    }

    fn lead(&mut self, tp: &TopicPartition, id: TopicId, partition: PartitionImage, now: Now) -> Result<(), ErrorCode> {
        self.open_hosted(tp, id, self.topic_config(&tp.topic), Kept::WithOthers, now)?;
        let assigned = Assigned {
            epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            replicas: partition.replicas,
            isr: partition.isr,
        };
        match self.replicas.roles.get_mut(tp) {
            Some(Role::Leader(leader)) if leader.epoch == assigned.epoch => {
                if leader.partition_epoch <= assigned.partition_epoch {
                    leader.assigned(assigned, now.monotonic_ms);
                }
            }
            _ => self.begin_to_lead(tp, assigned, now)?,
        }
        self.begin_to_look(now);
        self.watermark_may_move(tp, now);
        self.partition_moved(tp, now);
        Ok(())
    }

    fn begin_to_lead(&mut self, tp: &TopicPartition, assigned: Assigned, now: Now) -> Result<(), ErrorCode> {
        self.stop_fetching(tp);
        let log_end = self.log_end(tp);
        self.command(tp, Command::Lead(assigned.epoch), now)?;
        let leader = Leader::new(self.broker_id(), assigned, log_end, now.monotonic_ms);
        self.replicas.roles.insert(tp.clone(), Role::Leader(leader));
        Ok(())
    }

    fn follow(
        &mut self,
        tp: &TopicPartition,
        id: TopicId,
        partition: &PartitionImage,
        now: Now,
    ) -> Result<(), ErrorCode> {
        self.open_hosted(tp, id, self.topic_config(&tp.topic), Kept::WithOthers, now)?;
        self.command(tp, Command::Follow(partition.leader_epoch), now)?;
        let follower = Follower {
            leader: Some(partition.leader).filter(|leader| *leader != NO_LEADER),
            epoch: partition.leader_epoch,
            not_before: None,
        };
        let before = self.role(tp).and_then(Role::follower).and_then(|before| before.leader);
        let asks = before
            .filter(|_| mutant::on(Mutant::FollowsOldLeader))
            .or(follower.leader);
        self.stop_fetching(tp);
        self.begin_to_fetch(tp, asks);
        self.replicas.roles.insert(tp.clone(), Role::Follower(follower));
        // Who waits for what only a leader gives waits in vain.
        self.partition_moved(tp, now);
        self.fetch_from_leaders(now);
        Ok(())
    }

    /// Is it nobody else's any more, or not even this broker's? True where it was.
    pub(crate) fn forget_role(&mut self, tp: &TopicPartition) -> bool {
        self.stop_fetching(tp);
        self.replicas.in_sync.forget(tp);
        self.replicas.roles.remove(tp).is_some()
    }

    /// May this broker's own records, or a producer's, be appended here?
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER.
    pub fn may_append(&self, tp: &TopicPartition) -> Result<(), ErrorCode> {
        match self.role(tp) {
            Some(Role::Follower(_)) => Err(ErrorCode::NotLeaderOrFollower),
            Some(Role::Leader(_)) | None => Ok(()),
        }
    }

    /// May a producer's records be appended, with acks=all or less?
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER; NOT_ENOUGH_REPLICAS.
    pub fn may_take(&self, tp: &TopicPartition, acks_all: bool) -> Result<(), ErrorCode> {
        self.may_append(tp)?;
        match acks_all && self.is_under_min_isr(tp) {
            true => Err(ErrorCode::NotEnoughReplicas),
            false => Ok(()),
        }
    }

    /// Who leads a partition in which epoch, as far as this broker knows.
    pub fn leader_of(&self, tp: &TopicPartition) -> Option<(BrokerId, LeaderEpoch)> {
        let partition = self.image().topic(&tp.topic)?.partition(tp.partition)?;
        Some((partition.leader, partition.leader_epoch))
    }

    /// When there is something to ask, or somebody to answer.
    pub(crate) fn replicas_deadline(&self) -> Option<Deadline> {
        let deadlines = [
            self.replicas.in_sync.deadline(),
            self.replicas.acks.deadline(),
            self.replicas.lows.deadline(),
            self.fetchers_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Lets happen what has fallen due.
    pub(crate) fn replicas_tick(&mut self, now: Now) {
        self.acks_tick(now);
        self.lows_tick(now);
        self.in_sync_tick(now);
        self.fetch_from_leaders(now);
    }
}
