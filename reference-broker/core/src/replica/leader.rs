//! A leader: how far each other replica is, by what it has asked for.

use std::collections::BTreeMap;

use super::isr::{Isr, Pending};
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, Offset};

/// A partition that this broker leads and others keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Which broker this is.
    pub me: BrokerId,
    /// The epoch in which it leads.
    pub epoch: LeaderEpoch,
    /// Where its log ended when it began to: who has not come so far may lack what an earlier leader acknowledged.
    pub epoch_start: Offset,
    /// After how many changes the controller's word is this one.
    pub partition_epoch: i32,
    /// Who is in sync.
    pub isr: Isr,
    /// The other replicas.
    pub remotes: BTreeMap<BrokerId, Remote>,
}

/// What a leader knows of another replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remote {
    /// The first offset that it lacks; none before its first question in this epoch.
    pub log_end: Option<Offset>,
    /// Where its log begins.
    pub log_start: Offset,
    /// The epoch of its broker; -1 where its question did not say.
    pub broker_epoch: Option<i64>,
    /// When it last had all that there was.
    pub caught_up_ms: i64,
    /// When it asked last, and where the leader's log ended then.
    last_fetch: Option<(i64, Offset)>,
}

/// A question of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// The first offset that it lacks.
    pub offset: Offset,
    /// Where its log begins.
    pub log_start: Offset,
    /// The epoch of its broker; -1 where the question does not say.
    pub broker_epoch: i64,
    /// When it came, monotonic.
    pub at_ms: i64,
    /// Where the leader's log ends.
    pub leader_end: Offset,
}

/// The controller's word on a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// In which epoch this broker leads.
    pub epoch: LeaderEpoch,
    /// After how many changes.
    pub partition_epoch: i32,
    /// Who keeps it.
    pub replicas: Vec<BrokerId>,
    /// Who is in sync.
    pub isr: Vec<BrokerId>,
}

impl Leader {
    /// Begins to lead. Replicas in sync get the whole time that they may lag from now on.
    pub fn new(me: BrokerId, assigned: Assigned, log_end: Offset, now_ms: i64) -> Self {
        let mut leader = Self {
            me,
            epoch: assigned.epoch,
            epoch_start: log_end,
            partition_epoch: assigned.partition_epoch,
            isr: Isr::committed(Vec::new()),
            remotes: BTreeMap::new(),
        };
        leader.assigned(assigned, now_ms);
        leader
    }

    /// The controller has changed something, and this broker still leads in the same epoch.
    pub fn assigned(&mut self, assigned: Assigned, now_ms: i64) {
        let (me, isr) = (self.me, &assigned.isr);
        self.remotes.retain(|id, _| assigned.replicas.contains(id));
        for id in assigned.replicas.iter().filter(|id| **id != me) {
            self.remotes.entry(*id).or_insert(Remote {
                caught_up_ms: if isr.contains(id) { now_ms } else { i64::MIN / 2 },
                ..Remote::default()
            });
        }
        if self.partition_epoch == assigned.partition_epoch {
            self.isr.confirmed(assigned.isr);
        } else {
            self.isr = Isr::committed(assigned.isr);
        }
        self.partition_epoch = assigned.partition_epoch;
    }

    /// Takes note of a question.
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER where its broker has had a later life since (KIP-903).
    pub fn fetched(&mut self, id: BrokerId, fetched: Fetched) -> Result<(), ErrorCode> {
        let remote = self.remotes.get_mut(&id).ok_or(ErrorCode::NotLeaderOrFollower)?;
        if fetched.broker_epoch >= 0 && remote.broker_epoch.is_some_and(|known| known > fetched.broker_epoch) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        remote.took(fetched);
        Ok(())
    }

    /// May this one join those in sync? It must have come as far as consumers see and as far as this epoch's beginning.
    pub fn joins(&self, id: BrokerId, high_watermark: Offset) -> bool {
        let end = self.remotes.get(&id).and_then(|remote| remote.log_end);
        !self.isr.is_pending()
            && !self.isr.may_have(id)
            && end.is_some_and(|end| end >= high_watermark && end >= self.epoch_start)
    }

    /// Those in sync that have not had all for too long.
    pub fn lagging(&self, log_end: Offset, now_ms: i64, most_ms: i64) -> Vec<BrokerId> {
        let lags = |id: &BrokerId| {
            let remote = self.remotes.get(id);
            *id != self.me && remote.is_none_or(|remote| !remote.is_caught_up(log_end, now_ms, most_ms))
        };
        if self.isr.is_pending() {
            return Vec::new();
        }
        self.isr.members().iter().copied().filter(lags).collect()
    }

    /// Asks the controller.
    pub fn ask(&mut self, pending: Pending) {
        self.isr.asked(pending);
    }
}

impl Remote {
    /// Has it all, or had it not long ago?
    pub fn is_caught_up(&self, leader_end: Offset, now_ms: i64, most_ms: i64) -> bool {
        self.log_end == Some(leader_end) || now_ms.saturating_sub(self.caught_up_ms) <= most_ms
    }

    /// Kafka's rule: who asks for what comes next had all now; who asks for what came next at the question before, had all then.
    fn took(&mut self, fetched: Fetched) {
        if fetched.offset >= fetched.leader_end {
            self.caught_up_ms = self.caught_up_ms.max(fetched.at_ms);
        } else if let Some((at_ms, end)) = self.last_fetch.filter(|(_, end)| fetched.offset >= *end) {
            debug_assert!(fetched.offset >= end);
            self.caught_up_ms = self.caught_up_ms.max(at_ms);
        }
        self.log_end = Some(fetched.offset);
        self.log_start = fetched.log_start;
        self.broker_epoch = Some(fetched.broker_epoch);
        self.last_fetch = Some((fetched.at_ms, fetched.leader_end));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const IDS: [BrokerId; 3] = [BrokerId(1), BrokerId(2), BrokerId(3)];

    pub(crate) fn leader(isr: &[BrokerId]) -> Leader {
        let assigned = Assigned {
            epoch: LeaderEpoch(4),
            partition_epoch: 7,
            replicas: IDS.to_vec(),
            isr: isr.to_vec(),
        };
        Leader::new(IDS[0], assigned, Offset(10), 1_000)
    }

    pub(crate) fn asks(leader: &mut Leader, id: BrokerId, offset: i64, leader_end: i64, at_ms: i64) {
        let fetched = Fetched {
            offset: Offset(offset),
            log_start: Offset(0),
            broker_epoch: 3,
            at_ms,
            leader_end: Offset(leader_end),
        };
        leader.fetched(id, fetched).expect("a replica");
    }

    #[test]
    fn a_replica_that_always_is_one_answer_behind_keeps_up() {
        let mut leader = leader(&IDS);
        asks(&mut leader, IDS[1], 10, 20, 2_000);
        asks(&mut leader, IDS[1], 20, 30, 3_000);
        assert_eq!(leader.remotes[&IDS[1]].caught_up_ms, 2_000);
        assert_eq!(leader.lagging(Offset(30), 12_000, 10_000), [IDS[2]]);
        assert_eq!(leader.lagging(Offset(30), 12_001, 10_000), [IDS[1], IDS[2]]);
    }

    #[test]
    fn a_replica_that_has_all_never_lags_however_long_nothing_came() {
        let mut leader = leader(&IDS);
        asks(&mut leader, IDS[1], 20, 20, 2_000);
        assert_eq!(leader.lagging(Offset(20), 1_000_000, 10_000), [IDS[2]]);
    }

    #[test]
    fn a_replica_joins_from_the_high_watermark_and_the_epochs_beginning_on() {
        let mut leader = leader(&IDS[..2]);
        asks(&mut leader, IDS[2], 9, 20, 2_000);
        assert!(!leader.joins(IDS[2], Offset(5)), "the epoch began at 10");
        asks(&mut leader, IDS[2], 12, 20, 2_000);
        assert!(!leader.joins(IDS[2], Offset(13)));
        assert!(leader.joins(IDS[2], Offset(12)));
        leader.ask(Pending::Expanding(IDS[2]));
        assert!(!leader.joins(IDS[2], Offset(12)), "it has been asked for");
    }

    #[test]
    fn a_broker_of_an_earlier_life_is_refused() {
        let mut leader = leader(&IDS);
        asks(&mut leader, IDS[1], 10, 20, 2_000);
        let earlier = Fetched {
            offset: Offset(20),
            log_start: Offset(0),
            broker_epoch: 2,
            at_ms: 2_000,
            leader_end: Offset(20),
        };
        assert_eq!(leader.fetched(IDS[1], earlier), Err(ErrorCode::NotLeaderOrFollower));
        assert_eq!(
            leader.fetched(BrokerId(9), earlier),
            Err(ErrorCode::NotLeaderOrFollower)
        );
        assert_eq!(leader.remotes[&IDS[1]].log_end, Some(Offset(10)));
    }
}
