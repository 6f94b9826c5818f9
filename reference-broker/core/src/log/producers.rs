//! What a log remembers of its producers: the last five batches of each, so that a resend is known as one, and the open
//! transactions, so that readers who want only decided records know where to stop.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::append::MarkerRule;
use super::batch::BatchHeader;
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Offset, ProducerEpoch, ProducerId};

/// How many batches are remembered of each producer: as many as an idempotent producer may have in flight.
pub const REMEMBERED_BATCHES: usize = 5;

/// What the log knows of all its producers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Producers {
    entries: HashMap<ProducerId, Producer>,
    /// Open transactions by their first offset.
    ongoing: BTreeMap<Offset, ProducerId>,
    /// Decided transactions whose marker, at the value, is not yet below the high watermark.
    unreplicated: BTreeMap<Offset, Offset>,
}

/// What the log knows of one producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Its newest epoch.
    pub epoch: ProducerEpoch,
    /// Its last batches, oldest first.
    pub batches: VecDeque<Remembered>,
    /// The epoch of the coordinator that last decided one of its transactions.
    pub coordinator_epoch: i32,
    /// When it was last heard of.
    pub last_timestamp: i64,
    /// Where its open transaction begins.
    pub transaction_start: Option<Offset>,
}

/// A batch, as far as a resend must be compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// Records less one.
    pub offset_delta: i32,
    /// Its largest timestamp.
    pub timestamp: i64,
}

/// What an EndTxn marker says (the record in a control batch).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndMarker {
    /// Committed or aborted.
    pub verdict: TransactionResult,
    /// Epoch of the coordinator that decided.
    pub coordinator_epoch: i32,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionResult {
    /// All of it counts.
    Commit,
    /// None of it counts.
    Abort,
}

/// A transaction that a marker has just decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first: Offset,
    /// Its marker.
    pub last: Offset,
    /// How it ended.
    pub verdict: TransactionResult,
}

/// Where a producer's batch stands against what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The next one, or the first that this log hears of.
    Next,
    /// One of the last five, sent again.
    Duplicate(Remembered),
    /// Neither.
    OutOfOrder,
    /// From an incarnation that has a successor.
    StaleEpoch,
    /// Outside the transaction that the producer has open.
    NotTransactional,
}

impl TransactionResult {
    /// What requests say with a boolean.
    pub fn of(committed: bool) -> Self {
        match committed {
            true => Self::Commit,
            false => Self::Abort,
        }
    }

    /// What the key of a marker's record says; none where it is another kind of control record.
    pub fn of_marker(key: &[u8]) -> Option<Self> {
        match key {
            [_, _, 0, 0, ..] => Some(Self::Abort),
            [_, _, 0, 1, ..] => Some(Self::Commit),
            _ => None,
        }
    }
}

impl Remembered {
    /// Offset of its first record.
    pub fn first_offset(&self) -> Offset {
        Offset(self.last_offset.0 - i64::from(self.offset_delta))
    }

    fn first_sequence(&self) -> i32 {
        ((i64::from(self.last_sequence) - i64::from(self.offset_delta)) & i64::from(i32::MAX)) as i32
    }

    fn is(&self, batch: &BatchHeader) -> bool {
        self.first_sequence() == batch.base_sequence && self.last_sequence == batch.last_sequence()
    }
}

impl Producers {
    /// Judges a client's data batch. An unknown producer may begin anywhere: what the log knew of it may have expired.
    pub fn fit(&self, batch: &BatchHeader) -> Fit {
        let Some(known) = self.entries.get(&batch.producer_id) else {
            return Fit::Next;
        };
        if known.epoch == batch.producer_epoch
            && let Some(same) = known.batches.iter().find(|remembered| remembered.is(batch))
        {
            return Fit::Duplicate(*same);
        }
        if batch.producer_epoch < known.epoch {
            return Fit::StaleEpoch;
        }
        if !known.continues(batch) {
            return Fit::OutOfOrder;
        }
        if known.transaction_start.is_some() && !batch.is_transactional() {
            Fit::NotTransactional
        } else {
            Fit::Next
        }
    }

    /// A data batch of a producer was appended.
    pub fn appended(&mut self, batch: &BatchHeader) {
        let entry = self.entry(batch.producer_id, batch.producer_epoch);
        if entry.batches.len() == REMEMBERED_BATCHES {
            entry.batches.pop_front();
        }
        entry.batches.push_back(Remembered {
            last_sequence: batch.last_sequence(),
            last_offset: batch.last_offset(),
            offset_delta: batch.last_offset_delta,
            timestamp: batch.max_timestamp,
        });
        entry.last_timestamp = batch.max_timestamp;
        if batch.is_transactional() && entry.transaction_start.is_none() {
            entry.transaction_start = Some(batch.base_offset);
            self.ongoing.insert(batch.base_offset, batch.producer_id);
        }
    }

    /// A marker was appended; answers the transaction that it decided, if one was open.
    pub fn marked(&mut self, batch: &BatchHeader, marker: EndMarker) -> Option<Completed> {
        let entry = self.entry(batch.producer_id, batch.producer_epoch);
        entry.coordinator_epoch = marker.coordinator_epoch;
        entry.last_timestamp = batch.max_timestamp;
        let first = entry.transaction_start.take()?;
        self.ongoing.remove(&first);
        self.unreplicated.insert(first, batch.base_offset);
        Some(Completed {
            producer_id: batch.producer_id,
            first,
            last: batch.base_offset,
            verdict: marker.verdict,
        })
    }

    /// The first offset whose transaction is undecided, or whose decision is not yet replicated.
    pub fn first_unstable(&self) -> Option<Offset> {
        let ongoing = self.ongoing.keys().next();
        let unreplicated = self.unreplicated.keys().next();
        ongoing.into_iter().chain(unreplicated).min().copied()
    }

    /// The last stable offset as it will be once `completed` no longer counts: what the aborted index keeps.
    pub fn last_stable_after(&self, completed: &Completed, log_end: Offset) -> Offset {
        self.ongoing
            .keys()
            .find(|first| **first != completed.first)
            .copied()
            .unwrap_or(log_end)
    }

    /// The high watermark moved.
    pub fn replicated(&mut self, high_watermark: Offset) {
        self.unreplicated.retain(|_, marker| *marker >= high_watermark);
    }

    /// Forgets producers that were not heard of since then and have no transaction open.
    pub fn expire(&mut self, until_ms: i64) {
        self.entries
            .retain(|_, producer| producer.transaction_start.is_some() || producer.last_timestamp > until_ms);
    }

    /// Nothing is known any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes up an entry from a snapshot.
    pub fn restore(&mut self, producer_id: ProducerId, producer: Producer) {
        if let Some(start) = producer.transaction_start {
            self.ongoing.insert(start, producer_id);
        }
        self.entries.insert(producer_id, producer);
    }

    /// Every producer, by id.
    pub fn sorted(&self) -> Vec<(ProducerId, &Producer)> {
        let mut all: Vec<_> = self.entries.iter().map(|(id, producer)| (*id, producer)).collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    /// What is known of one producer.
    pub fn get(&self, producer_id: ProducerId) -> Option<&Producer> {
        self.entries.get(&producer_id)
    }

    /// No producer is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The log was closed and opened again: of each producer only its last batch is still known, as in the snapshots. So it is
    /// in a Kafka 4.3.1 that was killed, too: it takes a snapshot of what it has recovered, and goes on from that.
    pub(crate) fn reopened(&mut self) {
        for producer in self.entries.values_mut() {
            producer.batches.drain(..producer.batches.len().saturating_sub(1));
        }
    }

    /// A new segment begins.
    pub(crate) fn rolled(&mut self) {
        if mutant::on(Mutant::SequenceForgottenAtRoll) {
            self.clear();
        }
    }

    fn entry(&mut self, producer_id: ProducerId, epoch: ProducerEpoch) -> &mut Producer {
        let entry = self.entries.entry(producer_id).or_insert_with(|| Producer::new(epoch));
        if entry.epoch != epoch {
            entry.epoch = epoch;
            entry.batches.clear();
        }
        entry
    }
}

impl Producer {
    fn new(epoch: ProducerEpoch) -> Self {
        Self {
            epoch,
            batches: VecDeque::new(),
            coordinator_epoch: -1,
            last_timestamp: -1,
            transaction_start: None,
        }
    }

    /// Is its transaction open in this epoch?
    pub fn is_open(&self, epoch: ProducerEpoch) -> bool {
        self.transaction_start.is_some() && self.epoch == epoch
    }

    /// May a marker of this epoch end what is open?
    ///
    /// # Errors
    /// INVALID_PRODUCER_EPOCH, or TRANSACTION_COORDINATOR_FENCED where a later coordinator has been here.
    pub fn may_be_marked(
        &self,
        epoch: ProducerEpoch,
        marker: Option<EndMarker>,
        rule: MarkerRule,
    ) -> Result<(), ErrorCode> {
        let is_again = epoch == self.epoch && self.transaction_start.is_none();
        let is_stale = match rule {
            MarkerRule::NotOlder => epoch < self.epoch,
            MarkerRule::Newer => epoch <= self.epoch && !is_again,
        };
        if is_stale && !mutant::on(Mutant::MarkerEpochUnchecked) {
            Err(ErrorCode::InvalidProducerEpoch)
        } else if marker.is_some_and(|marker| marker.coordinator_epoch < self.coordinator_epoch) {
            Err(ErrorCode::TransactionCoordinatorFenced)
        } else {
            Ok(())
        }
    }

    fn continues(&self, batch: &BatchHeader) -> bool {
        if batch.producer_epoch != self.epoch {
            return batch.base_sequence == 0;
        }
        let last = self.batches.back().map_or(-1, |batch| batch.last_sequence);
        i64::from(batch.base_sequence) == i64::from(last) + 1 || (batch.base_sequence == 0 && last == i32::MAX)
    }
}
