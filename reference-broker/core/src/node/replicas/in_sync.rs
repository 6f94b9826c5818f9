//! Who is in sync, as the leaders here want it: replicas that lag go, those that have caught up come, once the controller has said
//! so. One question at a time goes out for all partitions; it is asked again until there is an answer.

use std::collections::BTreeSet;

use super::Node;
use crate::log::Log;
use crate::node::Purpose;
use crate::peer::{
    AlterPartition, AlterPartitions, BrokerEpoch, PartitionAltered, PartitionState, Peer, Question, Reply,
};
use crate::replica::Role;
use crate::replica::isr::{Isr, Pending};
use crate::replica::leader::Leader;
use crate::units::{BrokerId, Deadline, ErrorCode, Now, Offset, TopicPartition};

/// How long a question that failed is left alone, as in Kafka.
const RETRY_MS: i64 = 50;

/// What the controller is asked.
#[derive(Debug, Default)]
pub(super) struct InSync {
    /// When leaders look for replicas that lag.
    next_look: Option<Deadline>,
    /// To be asked.
    due: BTreeSet<TopicPartition>,
    /// Asked.
    asked: BTreeSet<TopicPartition>,
    not_before: Option<Deadline>,
}

impl InSync {
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let retry = self
            .not_before
            .filter(|_| !self.due.is_empty() && self.asked.is_empty());
        self.next_look.into_iter().chain(retry).min()
    }

    pub(super) fn forget(&mut self, tp: &TopicPartition) {
        self.due.remove(tp);
    }
}

impl Node {
    /// There is something to look after now.
    pub(super) fn begin_to_look(&mut self, now: Now) {
        let every = (self.config.replica.lag_time_max_ms / 2).max(1);
        self.replicas.in_sync.next_look.get_or_insert(now.plus_ms(every));
    }

    /// A leader wants other replicas in sync.
    pub(super) fn want_in_sync(&mut self, tp: &TopicPartition, pending: Pending, now: Now) {
        if let Some(Role::Leader(leader)) = self.replicas.roles.get_mut(tp) {
            leader.ask(pending);
            self.replicas.in_sync.due.insert(tp.clone());
        }
        self.ask_in_sync(now);
    }

    pub(super) fn in_sync_tick(&mut self, now: Now) {
        if self.replicas.in_sync.next_look.is_some_and(|look| look.is_due(now)) {
            self.replicas.in_sync.next_look = None;
            if self.replicas.roles.values().any(|role| role.leader().is_some()) {
                self.begin_to_look(now);
            }
            for (tp, gone) in self.lagging(now) {
                self.want_in_sync(&tp, Pending::Shrinking(gone), now);
            }
        }
        self.ask_in_sync(now);
    }

    fn lagging(&self, now: Now) -> Vec<(TopicPartition, Vec<BrokerId>)> {
        let most_ms = self.config.replica.lag_time_max_ms;
        let lags = |(tp, role): (&TopicPartition, &Role)| {
            let end = self.log(tp).map_or(Offset(0), Log::log_end);
            let gone = role.leader()?.lagging(end, now.monotonic_ms, most_ms);
            (!gone.is_empty()).then(|| (tp.clone(), gone))
        };
        self.replicas.roles.iter().filter_map(lags).collect()
    }

    fn ask_in_sync(&mut self, now: Now) {
        let all = &mut self.replicas.in_sync;
        if all.due.is_empty() || !all.asked.is_empty() || all.not_before.is_some_and(|retry| !retry.is_due(now)) {
            return;
        }
        all.not_before = None;
        all.asked = std::mem::take(&mut all.due);
        let partitions: Vec<_> = self
            .replicas
            .in_sync
            .asked
            .iter()
            .filter_map(|tp| self.wanted_in_sync(tp))
            .collect();
        if partitions.is_empty() {
            return self.replicas.in_sync.asked.clear();
        }
        let broker = self.own_epoch();
        let question = Question::AlterPartitions(AlterPartitions { broker, partitions });
        self.ask(Peer::Controller, question, Purpose::InSync);
    }

    fn wanted_in_sync(&self, tp: &TopicPartition) -> Option<AlterPartition> {
        let leader = self.leader(tp)?;
        let isr = leader.isr.proposed()?;
        Some(AlterPartition {
            topic_id: self.log(tp)?.topic_id(),
            partition: tp.partition,
            leader_epoch: leader.epoch,
            partition_epoch: leader.partition_epoch,
            isr: isr.into_iter().map(|id| self.life_of(leader, id)).collect(),
            // Kafka has no recovery of a leader yet: whoever is elected uncleanly takes itself for RECOVERED at once (KIP-704).
            leader_recovery_state: 0,
        })
    }

    fn life_of(&self, leader: &Leader, id: BrokerId) -> BrokerEpoch {
        if id == leader.me {
            return self.own_epoch();
        }
        let remote = leader.remotes.get(&id);
        BrokerEpoch {
            broker: id,
            epoch: remote.and_then(|remote| remote.broker_epoch).unwrap_or(-1),
        }
    }

    /// What the controller said, or that it could not be asked.
    pub(in crate::node) fn in_sync_answered(&mut self, reply: Reply, now: Now) {
        let asked = std::mem::take(&mut self.replicas.in_sync.asked);
        match reply {
            Reply::PartitionsAltered(Ok(altered)) => {
                for one in altered {
                    self.altered(one, now);
                }
            }
            _ => self.ask_again(asked, now),
        }
        self.ask_in_sync(now);
    }

    fn altered(&mut self, altered: PartitionAltered, now: Now) {
        let topic = self.topic_named_by(altered.topic_id).cloned();
        let Some(tp) = topic.map(|topic| TopicPartition::new(topic, altered.partition)) else {
            return;
        };
        let Some(Role::Leader(leader)) = self.replicas.roles.get_mut(&tp) else {
            return;
        };
        match altered.result {
            Ok(state) => accept(leader, state),
            Err(ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica) => leader.isr.refused(),
            // The metadata on their way tell what is so instead.
            Err(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::InvalidRequest
                | ErrorCode::NewLeaderElected,
            ) => {}
            Err(_) => self.ask_again(BTreeSet::from([tp.clone()]), now),
        }
        self.watermark_may_move(&tp, now);
        self.acknowledge(&tp);
    }

    fn ask_again(&mut self, asked: BTreeSet<TopicPartition>, now: Now) {
        self.replicas.in_sync.due.extend(asked);
        self.replicas.in_sync.not_before = Some(now.plus_ms(RETRY_MS));
    }
}

/// An answer counts in the epoch that it is of, unless the metadata have told of later changes.
fn accept(leader: &mut Leader, state: PartitionState) {
    if state.leader_epoch == leader.epoch && state.partition_epoch >= leader.partition_epoch {
        leader.partition_epoch = state.partition_epoch;
        leader.isr = Isr::committed(state.isr);
    }
}
