//! An observer's copy of the metadata log: a broker that is no controller fetches `__cluster_metadata` as a replica does, appends
//! it to its own log, applies what is committed to its image, and carries out what follows.
//!
//! What has been appended and is not committed may still be cut off; what is applied never is.

mod snapshot;

use bytes::Bytes;

use super::data::{METADATA_TOPIC, metadata};
use super::peers::Purpose;
use super::{Node, OpenError};
use crate::log::Log;
use crate::peer::{Peer, Question, ReplicaFetch, ReplicaFetched, ReplicaPartition, Reply};
use crate::units::{BrokerId, Deadline, ErrorCode, LeaderEpoch, Now, Offset};

/// How much one answer brings; as in Kafka's quorum.
const MAX_BYTES: i32 = 8 << 20;
/// How long the controller may hold a question back.
const MAX_WAIT_MS: i32 = 500;

/// Where the copy stands.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// The epoch of the controller that is followed; a wrong one is told with the first answer.
    epoch: LeaderEpoch,
    /// Has all been applied once that was committed, this life's registration with it? What the metadata said of the life
    /// before may be over: who leads by it, with a log that lost its end, has others cut theirs.
    is_caught_up: bool,
    /// A snapshot on its way.
    loading: Option<snapshot::Loading>,
    /// The epoch of the snapshot that the log here begins behind.
    before: Option<LeaderEpoch>,
    retry_at: Option<Deadline>,
    /// What was complained of last: it is said once.
    told: Option<String>,
}

impl Node {
    /// Begins to follow the controller. What is in the log here counts once the controller says what of it is committed.
    pub(crate) fn begin_observing(&mut self, now: Now) -> Result<(), OpenError> {
        let tp = metadata();
        let opened = self.open_metadata(now);
        opened.map_err(|_| OpenError::Foreign(self.take_complaints().join("; ")))?;
        self.forget_headless_metadata(now)
            .map_err(|error| OpenError::Foreign(format!("{METADATA_TOPIC} cannot begin anew: {error}")))?;
        let latest = self.log(&tp).and_then(|log| log.epochs().latest());
        self.observer.epoch = latest.unwrap_or(LeaderEpoch(0));
        self.fetch_metadata(now);
        Ok(())
    }

    /// Has this broker seen all that was decided before it came?
    pub fn is_caught_up(&self) -> bool {
        !self.follows_a_controller() || self.observer.is_caught_up
    }

    /// Does it follow a controller elsewhere?
    pub fn follows_a_controller(&self) -> bool {
        !self.config.cluster.roles.has_controller()
    }

    /// When the controller is asked again that did not answer.
    pub(crate) fn observer_deadline(&self) -> Option<Deadline> {
        self.observer.retry_at
    }

    /// Asks again.
    pub(crate) fn observer_tick(&mut self, now: Now) {
        if self.observer.retry_at.take_if(|at| at.is_due(now)).is_some() {
            self.fetch_metadata(now);
        }
    }

    /// The controller's answer, or none.
    pub(super) fn metadata_answered(&mut self, reply: Reply, now: Now) {
        let taken = match reply {
            Reply::Fetched(Ok(partitions)) => match <[ReplicaFetched; 1]>::try_from(partitions) {
                Ok([fetched]) => self.take_metadata(fetched, now),
                Err(_) => Err("the controller answers without the metadata".to_owned()),
            },
            Reply::Fetched(Err(ErrorCode::InconsistentClusterId)) => {
                Err(format!("the controller's cluster is not {}", self.cluster_id()))
            }
            Reply::Fetched(Err(error)) => Err(format!("the controller refuses its metadata: {error}")),
            Reply::Snapshot(part) => self.snapshot_answered(part, now),
            // Whoever carries questions says why.
            _ => return self.retry_metadata(now),
        };
        match taken {
            Ok(()) => {
                self.observer.told = None;
                self.fetch_metadata(now);
            }
            Err(why) => {
                self.tell_metadata(why);
                self.retry_metadata(now);
            }
        }
    }

    fn take_metadata(&mut self, fetched: ReplicaFetched, now: Now) -> Result<(), String> {
        if let Some(error) = fetched.error {
            return self.follow_epoch(fetched.leader, error);
        }
        if let Some(id) = fetched.snapshot {
            return self.begin_snapshot(id);
        }
        if let Some((epoch, end)) = fetched.diverging {
            return self.cut_metadata(epoch, end, now);
        }
        let refused =
            |error: ErrorCode| format!("what the controller gives of its metadata cannot be appended: {error}");
        let end = self.append_fetched(&fetched.records, now).map_err(refused)?;
        let committed = fetched.high_watermark.min(end);
        self.replicated(&metadata(), committed, now).map_err(refused)?;
        self.apply_metadata(committed, now)?;
        if fetched.high_watermark <= end && !self.observer.is_caught_up && self.is_known_in_this_life() {
            self.observer.is_caught_up = true;
            self.take_part(now);
        }
        self.lifecycle_applied(now);
        Ok(())
    }

    fn append_fetched(&mut self, records: &Bytes, now: Now) -> Result<Offset, ErrorCode> {
        self.append_replicated(&metadata(), records, self.observer.epoch, now)
    }

    /// The controller leads in another epoch than was thought.
    fn follow_epoch(&mut self, leader: Option<(BrokerId, LeaderEpoch)>, error: ErrorCode) -> Result<(), String> {
        match leader {
            Some((_, epoch)) if epoch > self.observer.epoch => {
                self.observer.epoch = epoch;
                Ok(())
            }
            Some((_, epoch)) if epoch < self.observer.epoch => Err(format!(
                "the controller leads in epoch {epoch}, and was known in epoch {}: it has lost metadata",
                self.observer.epoch
            )),
            _ => Err(format!("the controller refuses its metadata: {error}")),
        }
    }

    /// Cuts off what the controller does not have. What was applied is true for ever: then it is the controller that lost something.
    fn cut_metadata(&mut self, epoch: LeaderEpoch, end: Offset, now: Now) -> Result<(), String> {
        let tp = metadata();
        let own = self.log(&tp).and_then(|log| log.epochs().end_of(epoch, log.log_end()));
        let to = own.map_or(end, |(_, own)| own.min(end));
        if to.0 < self.image().next_offset() {
            let applied = self.image().next_offset();
            return Err(format!(
                "the controller's metadata end at offset {to}, and were committed up to {applied}: it has lost some"
            ));
        }
        let cut = self.truncate_log(&tp, to, now);
        cut.map(drop)
            .map_err(|error| format!("{METADATA_TOPIC} cannot be cut: {error}"))
    }

    fn fetch_metadata(&mut self, now: Now) {
        if self.is_asking(&Purpose::Metadata) || self.fetch_snapshot() {
            return;
        }
        let tp = metadata();
        let Some(partition) = self
            .log(&tp)
            .filter(|log| !log.is_offline())
            .map(|log| self.wanted(log))
        else {
            return self.retry_metadata(now);
        };
        let fetch = ReplicaFetch {
            replica: self.own_epoch(),
            max_wait_ms: MAX_WAIT_MS,
            min_bytes: 1,
            max_bytes: MAX_BYTES,
            partitions: vec![partition],
        };
        self.ask(Peer::Controller, Question::Fetch(fetch), Purpose::Metadata);
    }

    fn wanted(&self, log: &Log) -> ReplicaPartition {
        ReplicaPartition {
            tp: metadata(),
            topic_id: log.topic_id(),
            leader_epoch: self.observer.epoch,
            offset: log.log_end(),
            // KRaft's word for an empty log is 0.
            last_fetched_epoch: log.epochs().latest().or(self.observer.before).unwrap_or(LeaderEpoch(0)),
            log_start: log.log_start(),
            // What a restart finds is not known to be committed before the first answer.
            high_watermark: Offset(self.image().next_offset()),
            max_bytes: MAX_BYTES,
            directory: self.log_directory(),
        }
    }

    fn retry_metadata(&mut self, now: Now) {
        let backoff = self.config.cluster.quorum_backoff_ms;
        self.observer.retry_at = Some(now.plus_ms(backoff));
    }

    fn tell_metadata(&mut self, why: String) {
        if self.observer.told.as_ref() != Some(&why) {
            self.complain(why.clone());
            self.observer.told = Some(why);
        }
    }
}
