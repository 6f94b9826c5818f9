//! Fetchers: what others lead is asked for, all partitions of a leader in one question, one question at a time.

use std::collections::{BTreeSet, HashMap};

use super::{Node, Stood};
use crate::fetch::Interest;
use crate::log::{Command, Log};
use crate::mutant::{self, Mutant};
use crate::node::Purpose;
use crate::peer::{Bound, Peer, Question, ReplicaFetch, ReplicaFetched, ReplicaPartition, Reply};
use crate::replica::Role;
use crate::replica::follower::{Follower, Stand, truncation};
use crate::units::{BrokerId, Deadline, ErrorCode, LeaderEpoch, Now, Offset, TopicPartition};

/// What is fetched from one leader.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    partitions: BTreeSet<TopicPartition>,
    /// The question under way: in which epoch and from which offset each partition was asked for.
    asked: Option<HashMap<TopicPartition, (LeaderEpoch, Offset)>>,
    /// The last partition that was given something: the next question begins behind it, so that none starves.
    last_given: Option<TopicPartition>,
    not_before: Option<Deadline>,
}

impl Fetcher {
    fn in_turn(&self) -> Vec<TopicPartition> {
        let behind = |tp: &&TopicPartition| self.last_given.as_ref().is_none_or(|last| tp > &last);
        let (mut first, rest): (Vec<_>, Vec<_>) = self.partitions.iter().partition(behind);
        first.extend(rest);
        first.into_iter().cloned().collect()
    }
}

impl Node {
    pub(super) fn begin_to_fetch(&mut self, tp: &TopicPartition, leader: Option<BrokerId>) {
        if let Some(leader) = leader {
            let fetcher = self.replicas.fetchers.entry(leader).or_default();
            fetcher.partitions.insert(tp.clone());
        }
    }

    pub(super) fn stop_fetching(&mut self, tp: &TopicPartition) {
        self.replicas.fetchers.retain(|_, fetcher| {
            fetcher.partitions.remove(tp);
            // An answer on its way is waited for: there is one question at a time.
            !fetcher.partitions.is_empty() || fetcher.asked.is_some()
        });
    }

    pub(super) fn fetchers_deadline(&self) -> Option<Deadline> {
        let idle = self
            .replicas
            .fetchers
            .values()
            .filter(|fetcher| fetcher.asked.is_none());
        let wait = |fetcher: &Fetcher| {
            // A log out of service is not fetched, and wakes nobody.
            let partitions = fetcher.partitions.iter().filter(|tp| !self.is_out_of_service(tp));
            let first = || partitions.filter_map(|tp| self.follower(tp)?.not_before).min();
            fetcher.not_before.or_else(first)
        };
        idle.filter_map(wait).min()
    }

    /// Asks every leader that is not being asked for what is due.
    pub(crate) fn fetch_from_leaders(&mut self, now: Now) {
        let idle = |(id, fetcher): (&BrokerId, &Fetcher)| {
            let waits = fetcher.asked.is_some() || fetcher.not_before.is_some_and(|retry| !retry.is_due(now));
            (!waits).then_some(*id)
        };
        let leaders: Vec<BrokerId> = self.replicas.fetchers.iter().filter_map(idle).collect();
        for leader in leaders {
            self.fetch_from(leader, now);
        }
    }

    fn fetch_from(&mut self, leader: BrokerId, now: Now) {
        let Some(fetcher) = self.replicas.fetchers.get(&leader) else {
            return;
        };
        let in_turn = fetcher.in_turn();
        let partitions: Vec<_> = in_turn.iter().filter_map(|tp| self.lacking(tp, now)).collect();
        if partitions.is_empty() {
            // Each of them has its own time, or none.
            if let Some(fetcher) = self.replicas.fetchers.get_mut(&leader) {
                fetcher.not_before = None;
            }
            return;
        }
        let asked = |lacks: &ReplicaPartition| (lacks.tp.clone(), (lacks.leader_epoch, lacks.offset));
        let asked = partitions.iter().map(asked).collect();
        let config = &self.config.replica;
        let question = Question::Fetch(ReplicaFetch {
            replica: self.own_epoch(),
            max_wait_ms: config.fetch_wait_max_ms,
            min_bytes: config.fetch_min_bytes,
            max_bytes: config.fetch_response_max_bytes,
            partitions,
        });
        if let Some(fetcher) = self.replicas.fetchers.get_mut(&leader) {
            fetcher.asked = Some(asked);
            fetcher.not_before = None;
        }
        self.ask(Peer::Broker(leader), question, Purpose::Replicas(leader));
    }

    /// What a follower lacks, unless it is left alone for now.
    fn lacking(&self, tp: &TopicPartition, now: Now) -> Option<ReplicaPartition> {
        let follower = self.follower(tp)?;
        let log = self.log(tp).filter(|log| !log.is_offline())?;
        if follower.not_before.is_some_and(|retry| !retry.is_due(now)) {
            return None;
        }
        Some(ReplicaPartition {
            tp: tp.clone(),
            topic_id: log.topic_id(),
            leader_epoch: follower.epoch,
            offset: log.log_end(),
            last_fetched_epoch: log.epochs().latest().unwrap_or(LeaderEpoch(-1)),
            log_start: log.log_start(),
            // An answer for the watermark alone would double the requests (KAFKA-9731): it comes with the next records, or when the wait ends.
            high_watermark: Interest::ANY_HIGH_WATERMARK,
            max_bytes: self.config.replica.fetch_max_bytes,
            directory: [0; 16],
        })
    }

    fn is_out_of_service(&self, tp: &TopicPartition) -> bool {
        self.log(tp).is_none_or(Log::is_offline)
    }

    fn follower(&self, tp: &TopicPartition) -> Option<&Follower> {
        self.role(tp).and_then(Role::follower)
    }

    /// What a leader gave, or that it could not be asked.
    pub(in crate::node) fn replicas_answered(&mut self, leader: BrokerId, reply: Reply, now: Now) {
        let retry = now.plus_ms(self.config.replica.fetch_backoff_ms);
        let Some(fetcher) = self.replicas.fetchers.get_mut(&leader) else {
            return;
        };
        let asked = fetcher.asked.take().unwrap_or_default();
        let Reply::Fetched(Ok(fetched)) = reply else {
            fetcher.not_before = Some(retry);
            return;
        };
        let given = fetched.iter().rev().find(|fetched| !fetched.records.is_empty());
        if let Some(given) = given {
            fetcher.last_given = Some(given.tp.clone());
        }
        let mut lost = Stood::new();
        for fetched in fetched {
            let stood = asked.get(&fetched.tp);
            if self.still_wants(leader, &fetched.tp, stood)
                && self.take_in(&fetched, now).is_err()
                && let Some(Role::Follower(follower)) = self.replicas.roles.get_mut(&fetched.tp)
            {
                follower.not_before = Some(retry);
                if fetched.error == Some(ErrorCode::OffsetOutOfRange) {
                    lost.extend(stood.map(|stood| (fetched.tp, *stood)));
                }
            }
        }
        self.ask_bounds(leader, Bound::Start, lost);
        self.fetch_from_leaders(now);
    }

    /// Is it still the same leader, epoch and end that was asked for?
    pub(super) fn still_wants(
        &self,
        leader: BrokerId,
        tp: &TopicPartition,
        asked: Option<&(LeaderEpoch, Offset)>,
    ) -> bool {
        let stands = self.follower(tp).filter(|follower| follower.leader == Some(leader));
        let stands = stands.map(|follower| (follower.epoch, self.log_end(tp)));
        stands.is_some() && stands.as_ref() == asked
    }

    fn take_in(&mut self, fetched: &ReplicaFetched, now: Now) -> Result<(), ErrorCode> {
        let (tp, log) = (&fetched.tp, self.log(&fetched.tp));
        let (log, follower) = log.zip(self.follower(tp)).ok_or(ErrorCode::NotLeaderOrFollower)?;
        let epoch = follower.epoch;
        if let Some(error) = fetched.error {
            return Err(error);
        }
        if let Some(diverging) = fetched.diverging.filter(|_| !mutant::on(Mutant::TruncationSkipped)) {
            let stand = Stand {
                epochs: log.epochs(),
                log_end: log.log_end(),
                high_watermark: log.high_watermark(),
            };
            let cut = truncation(stand, diverging);
            return self.truncate_log(tp, cut, now).map(drop);
        }
        self.append_replicated(tp, &fetched.records, epoch, now)?;
        let high_watermark = self.replicated(tp, fetched.high_watermark, now)?;
        self.follow_start(tp, fetched.log_start.min(high_watermark), now)
    }

    /// What the leader has deleted goes here too.
    fn follow_start(&mut self, tp: &TopicPartition, start: Offset, now: Now) -> Result<(), ErrorCode> {
        if self.log(tp).map(Log::log_start).is_some_and(|own| own < start) {
            self.command(tp, Command::DeleteRecords(Some(start)), now)?;
        }
        Ok(())
    }
}
