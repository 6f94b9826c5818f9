//! Coordinators go where the leadership of their partition goes: the new leader replays its log, the old one forgets what it knew
//! and tells those who wait that it is not theirs any more. And nothing that a coordinator has written is believed, or answered,
//! before the replicas in sync have it.

use std::collections::BTreeMap;

use super::Node;
use super::groups::{CoordinatorKind, OFFSETS_TOPIC};
use super::transactions::TRANSACTIONS_TOPIC;
use crate::log::Log;
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset, TopicPartition};

/// What this broker coordinates by leading.
#[derive(Debug, Default)]
pub(crate) struct Coordinating {
    /// The partitions that were taken on, each in the epoch in which it was.
    led: BTreeMap<TopicPartition, LeaderEpoch>,
    /// The ends of what was written since the last look, where other replicas lack it.
    unreplicated: BTreeMap<TopicPartition, Offset>,
    /// How long that may take.
    timeout_ms: i32,
}

impl Node {
    /// Who leads a partition may be another one now, or the same in a later epoch.
    pub(crate) fn move_coordinator(&mut self, tp: &TopicPartition, now: Now) {
        let kind = match &*tp.topic {
            OFFSETS_TOPIC => CoordinatorKind::Group,
            TRANSACTIONS_TOPIC => CoordinatorKind::Transaction,
            _ => return,
        };
        let leads = self.epoch_led(tp);
        if !self.follows_a_controller() || self.coordinating.led.get(tp).copied() == leads {
            return;
        }
        self.coordinating.led.remove(tp);
        let loaded = match (kind, leads) {
            (CoordinatorKind::Transaction, _) => {
                self.give_up_transactions(tp.partition);
                leads.map_or(Ok(()), |_| self.load_transactions(tp.partition, now))
            }
            (CoordinatorKind::Group | CoordinatorKind::Share, _) => {
                self.give_up_groups(tp.partition);
                leads.map_or(Ok(()), |_| self.load_groups(tp.partition, now))
            }
        };
        match (loaded, leads) {
            (Ok(()), Some(epoch)) => drop(self.coordinating.led.insert(tp.clone(), epoch)),
            (Ok(()), None) => {}
            (Err(error), _) => self.complain(format!("what {tp} coordinates cannot be read: {error}")),
        }
    }

    /// May a coordinator write here?
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER; NOT_ENOUGH_REPLICAS.
    pub(crate) fn may_coordinate(&self, tp: &TopicPartition) -> Result<(), ErrorCode> {
        match self.follows_a_controller() {
            true => self.may_take(tp, true),
            false => Ok(()),
        }
    }

    /// A coordinator has written, and others have this long to take it over.
    pub(crate) fn note_unreplicated(&mut self, tp: &TopicPartition, timeout_ms: i32) {
        if let Some(end) = self.unreplicated_end(tp) {
            let noted = &mut self.coordinating;
            noted.unreplicated.insert(tp.clone(), end);
            noted.timeout_ms = noted.timeout_ms.max(timeout_ms);
        }
    }

    /// Where a log ends that other replicas in sync do not have all of.
    pub(crate) fn unreplicated_end(&self, tp: &TopicPartition) -> Option<Offset> {
        let log = self.log(tp).filter(|log| log.high_watermark() < log.log_end());
        log.filter(|_| self.follows_a_controller()).map(Log::log_end)
    }

    /// Up to where replicas in sync have a log: everywhere, where nobody else has to.
    pub(crate) fn replicated_end(&self, tp: &TopicPartition) -> Offset {
        let shared = self.log(tp).filter(|_| self.follows_a_controller());
        shared.map_or(Offset(i64::MAX), Log::high_watermark)
    }

    /// Is there anything that coordinators wrote since the last look, and that others lack?
    pub fn has_unreplicated(&self) -> bool {
        !self.coordinating.unreplicated.is_empty()
    }

    /// What coordinators wrote since the last look, and for how many milliseconds at most what is answered for it waits until others
    /// have it.
    pub fn take_unreplicated(&mut self) -> (Vec<(TopicPartition, Offset)>, i32) {
        let written = std::mem::take(&mut self.coordinating.unreplicated);
        let timeout_ms = std::mem::take(&mut self.coordinating.timeout_ms);
        (written.into_iter().collect(), timeout_ms)
    }

    /// In which epoch this broker leads a partition, if it does.
    fn epoch_led(&self, tp: &TopicPartition) -> Option<LeaderEpoch> {
        let (leader, epoch) = self.leader_of(tp)?;
        self.log(tp)
            .filter(|log| leader == self.broker_id() && !log.is_offline())?;
        Some(epoch)
    }
}
