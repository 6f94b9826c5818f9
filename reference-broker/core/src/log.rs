//! One partition's log: what is in it, and what may be appended. The bytes are in the store; this knows where.
//!
//! Its durable changes are the record batches themselves: recovery reads headers from the segment files and applies them
//! through the same [`Machine::apply`] that live appends go through. It knows no request and no connection.

pub mod aborted;
pub mod append;
pub mod batch;
pub mod build;
pub mod checkpoint;
pub mod compaction;
pub mod compression;
mod damage;
pub mod epochs;
pub mod index;
mod leftovers;
pub mod producers;
pub mod read;
pub mod recover;
pub mod replicate;
pub mod retention;
pub mod segment;
pub mod snapshot;
pub mod timestamp;
pub mod truncate;
pub mod walk;

use bytes::Bytes;

use crate::config::TopicConfig;
use crate::machine::{Machine, Reply, Step};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset, TopicId};
use aborted::AbortedTransaction;
use append::{Append, Appended, Refusal};
use batch::BatchHeader;
use epochs::Epochs;
use producers::{EndMarker, Producers, TransactionResult};
use segment::Segment;

/// The log of one partition, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    directory: String,
    topic_id: TopicId,
    config: TopicConfig,
    leader_epoch: LeaderEpoch,
    /// Never empty; the last one is written to.
    segments: Vec<Segment>,
    epochs: Epochs,
    producers: Producers,
    log_start: Offset,
    log_end: Offset,
    high_watermark: Offset,
    recovery_point: Offset,
    offline: bool,
    /// The batch that was appended last, if it was since the log was opened, and its position: readers at the end need not look for it.
    last: Option<(u64, BatchHeader)>,
}

/// What a log may be asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// Append a batch.
    Append(Append),
    /// Make offsets below this one unreadable (DeleteRecords); None stands for the high watermark.
    DeleteRecords(Option<Offset>),
    /// Let go of segments that have had their time.
    Expire,
    /// This broker leads in a new epoch.
    Lead(LeaderEpoch),
    /// Another broker leads, in that epoch.
    Follow(LeaderEpoch),
    /// Everything below an offset is on every replica that counts, as far as it is here.
    Replicated(Offset),
}

/// What may happen to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new segment begins at the log end.
    SegmentRolled {
        /// The wall clock then.
        at_ms: i64,
    },
    /// A batch stands at the log end.
    Appended {
        /// As it stands in the log.
        header: BatchHeader,
        /// What its record says, where it is an EndTxn marker.
        marker: Option<EndMarker>,
        /// The bytes behind the header. Only the store reads them: a replay leaves them empty.
        records: Bytes,
    },
    /// A leader epoch begins at the log end.
    EpochStarted(LeaderEpoch),
    /// Another broker leads in that epoch; where it began is seen from what it gives.
    EpochFollowed(LeaderEpoch),
    /// Everything below is on every replica that counts.
    HighWatermarkMoved(Offset),
    /// Everything below is gone.
    LogStartMoved(Offset),
    /// Segments that begin below are gone.
    SegmentsRemoved(Offset),
    /// One segment stands for all from its base up to that offset: compaction.
    SegmentsReplaced(Box<Segment>, Offset),
    /// The log was cut: what is left of it, as it was read anew.
    Truncated(Box<Log>),
    /// Everything below is on the disk.
    Flushed(Offset),
    /// Producers not heard of since then are forgotten (KIP-98).
    ProducersExpired {
        /// Wall clock.
        until_ms: i64,
    },
    /// The store failed: nothing more is served from here.
    WentOffline,
}

/// What a log answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The batch is in the log, now or since earlier.
    Appended(Appended),
    /// It is not, and why.
    Refused(Refusal),
    /// The log begins here.
    LogStart(Offset),
    /// What had its time is gone.
    Expired,
    /// The epoch is taken note of.
    Leading,
    /// The high watermark stands here.
    HighWatermark(Offset),
}

impl Machine for Log {
    type Command = Command;
    type Change = Change;
    type Outcome = Outcome;

    fn decide(&self, command: Command, now: Now) -> Step<Change, Outcome> {
        if self.offline {
            return Step::answer(Outcome::Refused(Refusal::bare(ErrorCode::KafkaStorageError)));
        }
        match command {
            Command::Append(append) => self.decide_append(append, now),
            Command::DeleteRecords(before) => self.decide_delete(before),
            Command::Expire => self.decide_expire(now),
            Command::Lead(epoch) => Step {
                changes: vec![Change::EpochStarted(epoch)],
                reply: Reply::Now(Outcome::Leading),
                released: Vec::new(),
            },
            Command::Follow(epoch) => Step {
                changes: vec![Change::EpochFollowed(epoch)],
                ..Step::answer(Outcome::Leading)
            },
            Command::Replicated(offset) => self.decide_replicated(offset),
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::SegmentRolled { at_ms } => {
                self.active_mut().sealed();
                self.producers.rolled();
                self.last = None;
                self.segments.push(Segment::new(self.log_end, *at_ms));
            }
            Change::Appended { header, marker, .. } => self.appended(header, *marker),
            Change::EpochStarted(epoch) => {
                self.leader_epoch = *epoch;
                self.epochs.assign(*epoch, self.log_end);
            }
            Change::EpochFollowed(epoch) => self.leader_epoch = *epoch,
            Change::HighWatermarkMoved(offset) => {
                self.high_watermark = *offset;
                self.producers.replicated(*offset);
            }
            Change::LogStartMoved(offset) => {
                self.log_start = *offset;
                self.epochs.truncate_from_start(*offset);
            }
            Change::SegmentsRemoved(below) => self.segments_removed(*below),
            Change::SegmentsReplaced(copy, end) => self.segments_replaced(copy, *end),
            Change::Truncated(left) => *self = Self::clone(left),
            Change::Flushed(offset) => self.recovery_point = *offset,
            Change::ProducersExpired { until_ms } => self.producers.expire(*until_ms),
            Change::WentOffline => self.offline = true,
        }
        debug_assert_eq!(self.check(), Ok(()));
    }
}

impl Log {
    /// An empty log that begins at offset 0.
    pub fn new(directory: String, topic_id: TopicId, config: TopicConfig, now: Now) -> Self {
        Self {
            directory,
            topic_id,
            config,
            leader_epoch: LeaderEpoch(-1),
            segments: vec![Segment::new(Offset(0), now.unix_ms)],
            epochs: Epochs::default(),
            producers: Producers::default(),
            log_start: Offset(0),
            log_end: Offset(0),
            high_watermark: Offset(0),
            recovery_point: Offset(0),
            offline: false,
            last: None,
        }
    }

    /// Where the store keeps it.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// It is the log of the cluster's metadata.
    pub fn is_metadata(&self) -> bool {
        self.directory == "__cluster_metadata-0"
    }

    /// The topic's id.
    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// What it obeys.
    pub fn config(&self) -> &TopicConfig {
        &self.config
    }

    /// Obeys something else from now on.
    pub fn reconfigure(&mut self, config: TopicConfig) {
        self.config = config;
    }

    /// The epoch of the present leader.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// Where epochs began.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// What it remembers of its producers.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Its files, oldest first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first offset that can be read.
    pub fn log_start(&self) -> Offset {
        self.log_start
    }

    /// The offset that the next record gets.
    pub fn log_end(&self) -> Offset {
        self.log_end
    }

    /// The offset up to which consumers read.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The offset up to which every transaction is decided.
    pub fn last_stable_offset(&self) -> Offset {
        match self.producers.first_unstable() {
            Some(_) if mutant::on(Mutant::LastStableIgnored) => self.high_watermark,
            Some(unstable) => unstable.max(self.log_start).min(self.high_watermark),
            None => self.high_watermark,
        }
    }

    /// The offset from which a crash makes recovery look at every batch.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// The store failed under it.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// Transactions that were aborted and reach into this range.
    pub fn aborted(&self, from: Offset, to: Offset) -> Vec<AbortedTransaction> {
        aborted::overlapping(&self.segments, from, to)
    }

    /// The invariants of a log: which one is broken, if any.
    pub fn check(&self) -> Result<(), &'static str> {
        let ordered = self.log_start <= self.last_stable_offset()
            && self.last_stable_offset() <= self.high_watermark
            && self.high_watermark <= self.log_end;
        let epochs_grow = self
            .epochs
            .entries()
            .is_sorted_by(|(a, from), (b, to)| a < b && from < to);
        let segments_grow = self.segments.is_sorted_by(|a, b| a.base < b.base || a.size == 0);
        match (ordered, epochs_grow, segments_grow) {
            (false, ..) => Err("log start <= last stable <= high watermark <= log end"),
            (_, false, _) => Err("epochs increase with their first offsets"),
            (.., false) => Err("segments increase"),
            _ => Ok(()),
        }
    }

    fn decide_delete(&self, before: Option<Offset>) -> Step<Change, Outcome> {
        let before = before.unwrap_or(self.high_watermark);
        if before < Offset(0) || before > self.high_watermark {
            return Step::answer(Outcome::Refused(Refusal::bare(ErrorCode::OffsetOutOfRange)));
        }
        let moved = before > self.log_start;
        Step {
            changes: if moved {
                vec![Change::LogStartMoved(before)]
            } else {
                Vec::new()
            },
            reply: Reply::Now(Outcome::LogStart(before.max(self.log_start))),
            released: Vec::new(),
        }
    }

    /// The high watermark never goes back but by truncation.
    fn decide_replicated(&self, offset: Offset) -> Step<Change, Outcome> {
        let moved = offset.min(self.log_end).max(self.high_watermark);
        let changes = (moved > self.high_watermark).then_some(Change::HighWatermarkMoved(moved));
        Step {
            changes: changes.into_iter().collect(),
            ..Step::answer(Outcome::HighWatermark(moved))
        }
    }

    fn appended(&mut self, header: &BatchHeader, marker: Option<EndMarker>) {
        if header.leader_epoch.0 >= 0 {
            self.epochs.assign(header.leader_epoch, header.base_offset);
        }
        let interval = u64::from(self.config.index_interval_bytes.max(0).unsigned_abs());
        self.last = Some((self.active().size, *header));
        self.active_mut().appended(header, interval);
        self.log_end = Offset(header.last_offset().0 + 1);
        if !header.has_producer() {
            return;
        }
        match marker {
            Some(marker) => self.marked(header, marker),
            None if header.is_control() => {}
            None => self.producers.appended(header),
        }
    }

    fn marked(&mut self, header: &BatchHeader, marker: EndMarker) {
        let Some(completed) = self.producers.marked(header, marker) else {
            return;
        };
        if completed.verdict == TransactionResult::Abort && !mutant::on(Mutant::AbortedIndexDropped) {
            let last_stable = self.producers.last_stable_after(&completed, self.log_end);
            self.active_mut()
                .aborted
                .push(AbortedTransaction::new(&completed, last_stable));
        }
    }

    fn active(&self) -> &Segment {
        &self.segments[self.segments.len() - 1]
    }

    fn active_mut(&mut self) -> &mut Segment {
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }
}

#[cfg(test)]
pub(crate) mod tests;
