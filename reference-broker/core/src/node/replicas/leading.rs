//! What a leader learns from the questions of replicas, and what that moves.

use super::Node;
use crate::fetch::Interest;
use crate::log::{Command, Log};
use crate::mutant::{self, Mutant};
use crate::peer::BrokerEpoch;
use crate::replica::Role;
use crate::replica::isr::Pending;
use crate::replica::leader::{Fetched, Leader};
use crate::replica::watermark::{self, Circumstances};
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, Now, Offset, TopicPartition};

impl Node {
    /// May this broker read a partition here as a replica of it? One that only says so moves nothing (CVE-2018-1288).
    pub(crate) fn knows_replica(
        &self,
        tp: &TopicPartition,
        replica: BrokerEpoch,
        epoch: LeaderEpoch,
    ) -> Result<(), ErrorCode> {
        let leader = self.leader(tp);
        if leader.is_some_and(|leader| leader.remotes.contains_key(&replica.broker)) {
            return Ok(());
        }
        // Who says so has an outdated idea of it, or none.
        Err(if epoch >= LeaderEpoch(0) {
            ErrorCode::UnknownLeaderEpoch
        } else {
            ErrorCode::NotLeaderOrFollower
        })
    }

    /// A replica has asked, and its history is this log's.
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER where its broker has had a later life since.
    pub(crate) fn replica_asked(
        &mut self,
        tp: &TopicPartition,
        replica: BrokerEpoch,
        interest: &Interest,
        now: Now,
    ) -> Result<(), ErrorCode> {
        let leader_end = self.log_end(tp);
        // Who claims a life that is not known yet shuts nobody out by it.
        let known = self.image().broker(replica.broker).map(|broker| broker.epoch);
        let Some(Role::Leader(leader)) = self.replicas.roles.get_mut(tp) else {
            return Err(ErrorCode::NotLeaderOrFollower);
        };
        let fetched = Fetched {
            offset: interest.offset,
            log_start: interest.log_start,
            broker_epoch: known.map_or(replica.epoch, |known| known.min(replica.epoch)),
            at_ms: now.monotonic_ms,
            leader_end,
        };
        leader.fetched(replica.broker, fetched)?;
        self.lows_may_have_moved();
        self.watermark_may_move(tp, now);
        self.may_join(tp, replica.broker, now);
        Ok(())
    }

    fn may_join(&mut self, tp: &TopicPartition, id: BrokerId, now: Now) {
        let high_watermark = self.log(tp).map_or(Offset(0), Log::high_watermark);
        let joins = self.leader(tp).is_some_and(|leader| {
            let broker_epoch = leader.remotes.get(&id).and_then(|remote| remote.broker_epoch);
            leader.joins(id, high_watermark) && self.is_eligible(id, broker_epoch)
        });
        if joins {
            self.want_in_sync(tp, Pending::Expanding(id), now);
        }
    }

    /// Moves the high watermark to where all that count stand by now.
    pub(crate) fn watermark_may_move(&mut self, tp: &TopicPartition, now: Now) {
        let (Some(leader), Some(log)) = (self.leader(tp), self.log(tp)) else {
            return;
        };
        // What waits for the disk here is not replicated here.
        let waits = self.is_flushed_elsewhere(tp);
        let circumstances = Circumstances {
            log_end: if waits { log.recovery_point() } else { log.log_end() },
            now_ms: now.monotonic_ms,
            lag_time_max_ms: self.config.replica.lag_time_max_ms,
            min_insync: log.config().min_insync_replicas,
        };
        let to = watermark::high_watermark(leader, circumstances, |id, epoch| self.is_eligible(id, epoch));
        if let Some(to) = to.filter(|to| *to > log.high_watermark()) {
            // A log that is offline serves nobody; there is nothing to be told.
            let _ = self.command(tp, Command::Replicated(to), now);
        }
    }

    /// Does what consumers see end before this broker began to lead? An earlier leader may have shown more (KIP-207).
    pub fn lags_its_epoch(&self, tp: &TopicPartition) -> bool {
        let both = self.leader(tp).zip(self.log(tp));
        both.is_some_and(|(leader, log)| log.high_watermark() < leader.epoch_start)
    }

    /// Are fewer in sync than must be for what is acknowledged to last?
    pub fn is_under_min_isr(&self, tp: &TopicPartition) -> bool {
        let (Some(leader), Some(log)) = (self.leader(tp), self.log(tp)) else {
            return false;
        };
        watermark::is_under_min_isr(leader, log.config().min_insync_replicas)
    }

    pub(super) fn leader(&self, tp: &TopicPartition) -> Option<&Leader> {
        self.role(tp).and_then(Role::leader)
    }

    pub(super) fn log_end(&self, tp: &TopicPartition) -> Offset {
        self.log(tp).map_or(Offset(0), Log::log_end)
    }

    /// May this broker be in sync? It must take part, in the life in which it asked.
    fn is_eligible(&self, id: BrokerId, broker_epoch: Option<i64>) -> bool {
        let broker = self.image().broker(id).filter(|broker| !broker.fenced);
        broker.is_some_and(|broker| broker_epoch.is_some_and(|epoch| epoch == -1 || epoch == broker.epoch))
    }
}

/// Which error an epoch that is not the leader's gets.
pub(crate) fn epoch_error(asked: LeaderEpoch, present: LeaderEpoch) -> Option<ErrorCode> {
    match asked {
        LeaderEpoch(-1) => None,
        _ if mutant::on(Mutant::HighWatermarkEpochUnchecked) => None,
        stale if stale < present => Some(ErrorCode::FencedLeaderEpoch),
        unknown if unknown > present => Some(ErrorCode::UnknownLeaderEpoch),
        _ => None,
    }
}
