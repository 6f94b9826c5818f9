//! Who follows the metadata log of this controller: their fetches are answered from its end, or wait for what comes next.

use std::collections::BTreeMap;

use super::data::{METADATA_TOPIC, metadata};
use super::fetch::diverging;
use super::{Node, Released};
use crate::fetch::{FetchOutcome, Fetched, Interest, PartitionKey, TopicKey};
use crate::log::Log;
use crate::log::read::{Limit, ReadError};
use crate::machine::{Reply, Ticket};
use crate::units::{BrokerId, Deadline, ErrorCode, LeaderEpoch, Now, Offset, TopicId};

/// The id that KRaft gives to its own topic.
pub const METADATA_ID: TopicId = TopicId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// More observers than this are not remembered: who may say any id could fill the memory.
const MOST_OBSERVERS: usize = 1_000;

/// A Fetch of the metadata log.
#[derive(Debug, Clone)]
pub struct MetadataFetch {
    /// Who asks; negative for a tool that only reads.
    pub replica: BrokerId,
    /// The cluster that it takes itself to belong to, if it says one.
    pub cluster_id: Option<String>,
    /// The directory that its log is in; zero where it does not say (KIP-853).
    pub directory: [u8; 16],
    /// How long it may wait.
    pub max_wait_ms: i32,
    /// The partitions that it names. There is one to be had.
    pub partitions: Vec<(PartitionKey, Interest)>,
    /// The high watermark that it knows (KIP-1166).
    pub high_watermark: Offset,
}

/// How far a follower of the metadata log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObserverState {
    /// Its node.
    pub id: BrokerId,
    /// The directory that its log is in; zero for unknown.
    pub directory: [u8; 16],
    /// Where its log ended when it last asked.
    pub log_end: Offset,
    /// Wall clock then.
    pub last_fetch_ms: i64,
    /// Wall clock when it last had everything; -1 for never.
    pub last_caught_up_ms: i64,
}

/// The observers, and those of their questions that wait.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    known: BTreeMap<BrokerId, ObserverState>,
    waiting: BTreeMap<Ticket, (MetadataFetch, Deadline)>,
}

impl Node {
    /// Answers a Fetch of the metadata log, or parks it: then [`Released::Fetch`] comes with the ticket.
    pub fn fetch_metadata_log(&mut self, fetch: MetadataFetch, now: Now) -> Reply<FetchOutcome> {
        let outcome = self.read_metadata(&fetch);
        self.note_observer(&fetch, now);
        if fetch.max_wait_ms <= 0 || tells_something(&outcome, fetch.high_watermark) {
            return Reply::Now(outcome);
        }
        let ticket = self.issue_ticket();
        let deadline = now.plus_ms(fetch.max_wait_ms.into());
        self.observers.waiting.insert(ticket, (fetch, deadline));
        Reply::Parked(ticket)
    }

    /// Those that follow, in order of their ids.
    pub fn observers(&self) -> impl Iterator<Item = &ObserverState> {
        self.observers.known.values()
    }

    /// When one has waited long enough.
    pub(crate) fn observers_deadline(&self) -> Option<Deadline> {
        self.observers.waiting.values().map(|(_, deadline)| *deadline).min()
    }

    /// Answers those that have waited long enough.
    pub(crate) fn observers_tick(&mut self, now: Now) {
        let waiting = self.observers.waiting.iter();
        let due = waiting.filter(|(_, (_, deadline))| deadline.is_due(now));
        let due: Vec<Ticket> = due.map(|(ticket, _)| *ticket).collect();
        self.answer_observers(due);
    }

    /// The metadata log has grown.
    pub(crate) fn metadata_moved(&mut self) {
        let all = self.observers.waiting.keys().copied().collect();
        self.answer_observers(all);
    }

    /// Forgets a question whose asker is gone.
    pub(super) fn cancel_metadata_fetch(&mut self, ticket: Ticket) {
        self.observers.waiting.remove(&ticket);
    }

    fn answer_observers(&mut self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            if let Some((fetch, _)) = self.observers.waiting.remove(&ticket) {
                let outcome = self.read_metadata(&fetch);
                self.release(ticket, Released::Fetch(outcome));
            }
        }
    }

    fn note_observer(&mut self, fetch: &MetadataFetch, now: Now) {
        let Some((_, interest)) = fetch.partitions.first().filter(|_| fetch.replica.0 >= 0) else {
            return;
        };
        let end = self.log(&metadata()).map_or(Offset(0), Log::log_end);
        let is_full = self.observers.known.len() >= MOST_OBSERVERS;
        if is_full && !self.observers.known.contains_key(&fetch.replica) {
            return;
        }
        let before = self.observers.known.get(&fetch.replica);
        let caught_up = before.map_or(-1, |before| before.last_caught_up_ms);
        let state = ObserverState {
            id: fetch.replica,
            directory: fetch.directory,
            log_end: interest.offset,
            last_fetch_ms: now.unix_ms,
            last_caught_up_ms: if interest.offset >= end { now.unix_ms } else { caught_up },
        };
        self.observers.known.insert(fetch.replica, state);
    }

    fn read_metadata(&self, fetch: &MetadataFetch) -> FetchOutcome {
        let failed = FetchOutcome::refused;
        if fetch.cluster_id.as_ref().is_some_and(|id| id != self.cluster_id()) {
            return failed(ErrorCode::InconsistentClusterId);
        }
        let [(key, interest)] = &fetch.partitions[..] else {
            return failed(ErrorCode::InvalidRequest);
        };
        let is_metadata = match &key.topic {
            TopicKey::Name(name) => **name == *METADATA_TOPIC,
            TopicKey::Id(id) => *id == METADATA_ID,
        };
        let error = match is_metadata && key.partition == 0 {
            true => self.metadata_from(key, interest),
            false => Err(ErrorCode::UnknownTopicOrPartition),
        };
        let fetched = error.unwrap_or_else(|error| self.metadata_refused(key, error));
        FetchOutcome {
            error: None,
            session_id: 0,
            partitions: vec![fetched],
            leaders: Vec::new(),
        }
    }

    fn metadata_from(&self, key: &PartitionKey, interest: &Interest) -> Result<Fetched, ErrorCode> {
        let log = self.log(&metadata()).filter(|log| !log.is_offline());
        let log = log.ok_or(ErrorCode::KafkaStorageError)?;
        match interest.leader_epoch.cmp(&log.leader_epoch()) {
            std::cmp::Ordering::Less => return Err(ErrorCode::FencedLeaderEpoch),
            std::cmp::Ordering::Greater => return Err(ErrorCode::UnknownLeaderEpoch),
            std::cmp::Ordering::Equal => {}
        }
        let fetched = Fetched {
            error: None,
            high_watermark: log.high_watermark(),
            last_stable_offset: log.high_watermark(),
            log_start: log.log_start(),
            leader: Some((self.broker_id(), log.leader_epoch())),
            ..Fetched::failed(key.clone(), None, ErrorCode::UnknownServerError)
        };
        // KRaft's word for an empty log is epoch 0, which no log has.
        let is_empty = interest.offset == Offset(0) && interest.last_fetched_epoch == LeaderEpoch(0);
        let parting = if is_empty { None } else { diverging(log, interest)? };
        if parting.is_some() {
            return Ok(Fetched {
                diverging: parting,
                ..fetched
            });
        }
        let limit = Limit {
            bytes: usize::try_from(interest.max_bytes).unwrap_or(0),
            at_least_one: true,
        };
        let found = log.read(&*self.store, interest.offset, log.log_end(), limit);
        let found = found.map_err(|error| match error {
            ReadError::OutOfRange => ErrorCode::OffsetOutOfRange,
            ReadError::Store(_) => ErrorCode::KafkaStorageError,
        })?;
        Ok(Fetched {
            span: found.span,
            ..fetched
        })
    }

    fn metadata_refused(&self, key: &PartitionKey, error: ErrorCode) -> Fetched {
        let epoch = self.log(&metadata()).map(Log::leader_epoch);
        Fetched {
            leader: epoch.map(|epoch| (self.broker_id(), epoch)),
            ..Fetched::failed(key.clone(), None, error)
        }
    }
}

/// Does an answer say more than that nothing is new?
fn tells_something(outcome: &FetchOutcome, known: Offset) -> bool {
    let tells = |fetched: &Fetched| {
        fetched.error.is_some() || fetched.diverging.is_some() || fetched.size() > 0 || fetched.high_watermark > known
    };
    outcome.error.is_some() || outcome.partitions.iter().any(tells)
}
