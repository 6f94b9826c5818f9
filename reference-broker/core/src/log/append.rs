//! What may be appended to a log, in Kafka's order of questions and with Kafka's errors.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;

use super::batch::{BatchHeader, HEADER_LENGTH, NO_TIMESTAMP, i64_at};
use super::build::Batch;
use super::compression::Codec;
use super::producers::{Fit, Remembered};
use super::recover::end_marker;
use super::walk::{Malformed, Records, Shape, Stepped, Walked, each_record};
use super::{Change, Log, Outcome};
use crate::machine::{Reply, Step};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now, Offset};

/// A batch to be appended, and who says so.
#[derive(Debug, Clone)]
pub enum Append {
    /// A producer's: nothing in it is believed.
    Client(Walked),
    /// The same, as the first of a transaction here: in order also with those that were refused before it (KIP-890).
    Entering(Walked, Entering),
    /// This broker's own. One of a producer (committed offsets in a transaction) must be of its present epoch.
    Own(Batch),
    /// An EndTxn marker.
    Marker(Batch, MarkerRule),
    /// One of those that [`Log::replicable`] found in a leader's answer.
    Replicated(Batch),
}

/// What the first batch of a transaction in a partition is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entering {
    /// The lowest sequence that its producer has tried to enter with.
    pub lowest_sequence: i32,
    /// A producer that this log knows nothing of has lost nothing: its first batch has sequence 0.
    pub begins_with_zero: bool,
}

/// Which epochs a marker may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerRule {
    /// The producer's own, or a later one.
    NotOlder,
    /// A later one, as version 2 has it; the same where nothing is open, for a marker that is sent again.
    Newer,
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// The broker's time, where the topic wants that; -1 elsewhere. A duplicate carries its largest timestamp.
    pub log_append_time: i64,
    /// Where the log begins.
    pub log_start: Offset,
}

/// Why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Kafka's error.
    pub error: ErrorCode,
    /// Where the log begins, with the errors that Kafka tells it with.
    pub log_start: Option<Offset>,
    /// Which records are to blame.
    pub records: Vec<RecordError>,
    /// In words.
    pub message: Option<String>,
}

/// One record that is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Its place in the batch.
    pub index: i32,
    /// In words.
    pub message: String,
}

/// May this request version carry zstd (KIP-110)?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zstd {
    /// Produce v7 and later.
    Allowed,
    /// Before.
    Refused,
}

/// The questions that Kafka asks before it looks for the partition.
pub fn admissible(walked: &Walked, zstd: Zstd) -> Result<(), ErrorCode> {
    match (walked.shape, walked.codec()) {
        (Shape::Nothing | Shape::OldMagic, _) => Err(ErrorCode::InvalidRecord),
        (Shape::One | Shape::Many | Shape::CorruptTail, Some(4)) if zstd == Zstd::Refused => {
            Err(ErrorCode::UnsupportedCompressionType)
        }
        (Shape::Many, _) => Err(ErrorCode::InvalidRecord),
        (Shape::Corrupt | Shape::CorruptTail, _) => Err(ErrorCode::CorruptMessage),
        (Shape::One, _) => Ok(()),
    }
}

impl Refusal {
    /// An error that tells no more.
    pub fn bare(error: ErrorCode) -> Self {
        Self {
            error,
            log_start: None,
            records: Vec::new(),
            message: None,
        }
    }
}

impl Log {
    pub(super) fn decide_append(&self, append: Append, now: Now) -> Step<Change, Outcome> {
        let decided = match append {
            Append::Client(walked) => self.client_batch(&walked, now),
            Append::Entering(walked, entering) => self
                .may_enter(&walked, entering)
                .and_then(|()| self.client_batch(&walked, now)),
            Append::Own(batch) => self.own_batch(batch),
            Append::Marker(batch, rule) => self.marker(batch, rule),
            Append::Replicated(batch) => {
                let (changes, appended) = self.replicated(batch, now);
                return Step {
                    changes,
                    ..Step::answer(Outcome::Appended(appended))
                };
            }
        };
        match decided {
            Ok(Decided::Write(batch)) => self.place(batch, now),
            Ok(Decided::Settled(header, outcome)) => {
                let changes = self.roll_before(&header, now).into_iter().collect();
                Step {
                    changes,
                    reply: Reply::Now(outcome),
                    released: Vec::new(),
                }
            }
            Err(refusal) => Step::answer(Outcome::Refused(refusal)),
        }
    }

    fn own_batch(&self, batch: Batch) -> Result<Decided, Refusal> {
        self.fits_segment(&batch)?;
        let known = self.producers.get(batch.header.producer_id);
        let is_stale = known.is_some_and(|known| batch.header.producer_epoch < known.epoch);
        if batch.header.has_producer() && is_stale {
            Err(self.refusal(ErrorCode::InvalidProducerEpoch))
        } else {
            Ok(Decided::Write(batch))
        }
    }

    fn marker(&self, batch: Batch, rule: MarkerRule) -> Result<Decided, Refusal> {
        if let Some(known) = self.producers.get(batch.header.producer_id) {
            let marker = end_marker(&batch.header, &batch.records);
            known
                .may_be_marked(batch.header.producer_epoch, marker, rule)
                .map_err(|error| self.refusal(error))?;
        }
        Ok(Decided::Write(batch))
    }

    fn may_enter(&self, walked: &Walked, entering: Entering) -> Result<(), Refusal> {
        let in_order = |header: &BatchHeader| {
            let known = self.producers.get(header.producer_id);
            let is_known = known.is_some_and(|known| !known.batches.is_empty());
            let begins = header.base_sequence == 0 || is_known || !entering.begins_with_zero;
            begins && header.base_sequence <= entering.lowest_sequence
        };
        if walked.header.as_ref().is_none_or(in_order) {
            Ok(())
        } else {
            Err(self.refusal(ErrorCode::OutOfOrderSequenceNumber))
        }
    }

    fn client_batch(&self, walked: &Walked, now: Now) -> Result<Decided, Refusal> {
        let (header, records) = self.readable(walked)?;
        self.well_formed(&header)?;
        let records = records.map_err(|malformed| self.malformed(malformed))?;
        let body = walked.batch.slice(HEADER_LENGTH..);
        self.records_allowed(&header, &records, &body, now)?;
        let batch = self.rewritten(header, &records, body, now)?;
        self.fits_segment(&batch)?;
        Ok(match self.fit(&header) {
            Ok(None) => Decided::Write(batch),
            Ok(Some(remembered)) => Decided::Settled(batch.header, self.duplicate(&remembered)),
            Err(error) => Decided::Settled(batch.header, Outcome::Refused(self.refusal(error))),
        })
    }

    /// Base offset, size, checksum, codec.
    fn readable(&self, walked: &Walked) -> Result<(BatchHeader, Result<Records, Malformed>), Refusal> {
        admissible(walked, Zstd::Allowed).map_err(|error| self.refusal(error))?;
        if i64_at(&walked.batch, 0) != 0 {
            return Err(self.refusal(ErrorCode::InvalidRecord));
        }
        if walked.batch.len() as u64 > u64::from(self.config.max_message_bytes.max(0).unsigned_abs()) {
            return Err(Refusal::bare(ErrorCode::MessageTooLarge));
        }
        let crc_holds = walked.crc_holds || mutant::on(Mutant::CrcUnchecked);
        match walked.header {
            Some(header) if crc_holds => Ok((header, walked.records)),
            _ => Err(Refusal::bare(ErrorCode::CorruptMessage)),
        }
    }

    /// What the header says of itself.
    fn well_formed(&self, header: &BatchHeader) -> Result<(), Refusal> {
        if Codec::from_id(header.codec()).is_none() {
            return Err(self.refusal(ErrorCode::UnknownServerError));
        }
        let counts = header.count > 0 && i64::from(header.last_offset_delta) + 1 == i64::from(header.count);
        let sequence = !header.has_producer() || header.base_sequence >= 0;
        if counts && !header.is_control() && sequence {
            Ok(())
        } else {
            Err(self.refusal(ErrorCode::InvalidRecord))
        }
    }

    fn malformed(&self, malformed: Malformed) -> Refusal {
        match malformed {
            Malformed::Structure => self.refusal(ErrorCode::InvalidRecord),
            Malformed::Compression | Malformed::UnknownCodec => self.refusal(ErrorCode::UnknownServerError),
            Malformed::TooLarge => Refusal::bare(ErrorCode::MessageTooLarge),
        }
    }

    /// Keys and timestamps. Only when the batch as a whole looks wrong is it gone through for the records to blame.
    fn records_allowed(&self, header: &BatchHeader, found: &Records, body: &Bytes, now: Now) -> Result<(), Refusal> {
        let keys = self.config.compact && found.null_keys;
        let times = [Some(found.max_timestamp), found.min_timestamp];
        let timestamps = times
            .into_iter()
            .flatten()
            .any(|time| !self.timestamp_allowed(header, time, now));
        if !keys && !timestamps {
            return Ok(());
        }
        let mut blamed = Blamed {
            records: Vec::new(),
            timestamp: false,
        };
        let mut index = 0;
        let walked = each_record(header, body, &mut |record| {
            self.blame(header, record, index, now, &mut blamed);
            index += 1;
        });
        walked.map_err(|malformed| self.malformed(malformed))?;
        if blamed.records.is_empty() {
            Ok(())
        } else {
            Err(self.blaming(blamed))
        }
    }

    fn timestamp_allowed(&self, header: &BatchHeader, time: i64, now: Now) -> bool {
        if self.config.log_append_time || time == NO_TIMESTAMP {
            return !header.is_log_append_time();
        }
        let late = now.unix_ms.saturating_sub(time);
        late <= self.config.timestamp_before_max_ms && late.saturating_neg() <= self.config.timestamp_after_max_ms
    }

    fn blame(&self, header: &BatchHeader, record: Stepped, index: i32, now: Now, blamed: &mut Blamed) {
        if self.config.compact && !record.has_key {
            let message = "Compacted topic cannot accept message without key".to_owned();
            blamed.records.push(RecordError { index, message });
        } else if !self.timestamp_allowed(header, record.timestamp, now) {
            let message = format!("Timestamp {} is not allowed", record.timestamp);
            blamed.records.push(RecordError { index, message });
            blamed.timestamp = true;
        }
    }

    fn blaming(&self, blamed: Blamed) -> Refusal {
        let (error, message) = if blamed.timestamp {
            (
                ErrorCode::InvalidTimestamp,
                "One or more records have been rejected due to invalid timestamp".to_owned(),
            )
        } else {
            let total = blamed.records.len();
            (
                ErrorCode::InvalidRecord,
                format!("One or more records have been rejected due to {total} record errors"),
            )
        };
        Refusal {
            records: blamed.records,
            message: Some(message),
            ..self.refusal(error)
        }
    }

    /// The batch as it will stand in the log. Recompressed only where the topic wants another codec; else the records pass
    /// through untouched.
    fn rewritten(&self, header: BatchHeader, found: &Records, body: Bytes, now: Now) -> Result<Batch, Refusal> {
        let wanted = self.config.compression.as_deref().and_then(Codec::from_name);
        let target = wanted.map_or(header.codec(), |codec| codec as u8);
        if target == header.codec() && target != 0 && !found.dense {
            // Kafka would number these records anew, and fails because it has skipped their keys.
            return Err(self.refusal(ErrorCode::UnknownServerError));
        }
        let max_timestamp = if self.config.log_append_time {
            now.unix_ms
        } else {
            found.max_timestamp
        };
        let stamped = |header: BatchHeader| BatchHeader {
            max_timestamp,
            ..header.with_log_append_time(self.config.log_append_time)
        };
        if target != header.codec() {
            let codec = Codec::from_id(target).unwrap_or(Codec::None);
            let rebuilt = Batch::recompressed(&header, &body, codec).map_err(|malformed| self.malformed(malformed))?;
            let batch = Batch {
                header: stamped(rebuilt.header),
                ..rebuilt
            }
            .sealed();
            let fits = batch.header.size() <= u64::from(self.config.max_message_bytes.max(0).unsigned_abs());
            return if fits {
                Ok(batch)
            } else {
                Err(Refusal::bare(ErrorCode::MessageTooLarge))
            };
        }
        let new = stamped(header);
        let batch = Batch {
            header: new,
            records: body,
        };
        Ok(if new == header { batch } else { batch.sealed() })
    }

    fn fits_segment(&self, batch: &Batch) -> Result<(), Refusal> {
        let fits = batch.header.size() <= u64::from(self.config.segment_bytes.max(0).unsigned_abs());
        if fits {
            Ok(())
        } else {
            Err(Refusal::bare(ErrorCode::RecordListTooLarge))
        }
    }

    fn fit(&self, header: &BatchHeader) -> Result<Option<Remembered>, ErrorCode> {
        if !header.has_producer() {
            return Ok(None);
        }
        match self.producers.fit(header) {
            Fit::Next => Ok(None),
            Fit::Duplicate(remembered) => Ok(Some(remembered)),
            Fit::OutOfOrder => Err(ErrorCode::OutOfOrderSequenceNumber),
            Fit::StaleEpoch => Err(ErrorCode::InvalidProducerEpoch),
            Fit::NotTransactional => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// Gives the batch its offsets and its epoch, behind a new segment where the present one is full.
    fn place(&self, batch: Batch, now: Now) -> Step<Change, Outcome> {
        let header = BatchHeader {
            base_offset: self.log_end,
            leader_epoch: self.leader_epoch,
            ..batch.header
        };
        let mut changes = Vec::with_capacity(3);
        changes.extend(self.roll_before(&header, now));
        let log_append_time = if self.config.log_append_time {
            now.unix_ms
        } else {
            NO_TIMESTAMP
        };
        let appended = Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time,
            log_start: self.log_start,
        };
        let marker = if header.is_control() {
            end_marker(&header, &batch.records)
        } else {
            None
        };
        changes.push(Change::Appended {
            header,
            marker,
            records: batch.records,
        });
        changes.push(Change::HighWatermarkMoved(Offset(header.last_offset().0 + 1)));
        Step {
            changes,
            reply: Reply::Now(Outcome::Appended(appended)),
            released: Vec::new(),
        }
    }

    pub(super) fn roll_before(&self, batch: &BatchHeader, now: Now) -> Option<Change> {
        let header = BatchHeader {
            base_offset: self.log_end,
            ..*batch
        };
        let jitter_ms = self.jitter_ms();
        let full = self.active().is_full_for(&header, &self.config, jitter_ms, now.unix_ms);
        full.then_some(Change::SegmentRolled { at_ms: now.unix_ms })
    }

    /// How much earlier than the others this log begins its next segment. Kafka throws dice for it; here the log's own name and its
    /// segment's spread them.
    fn jitter_ms(&self) -> i64 {
        let most = self.config.segment_jitter_ms.min(self.config.segment_ms);
        let Some(most) = u64::try_from(most).ok().filter(|most| *most > 0) else {
            return 0;
        };
        let mut hasher = DefaultHasher::new();
        (self.directory.as_str(), self.active().base.0).hash(&mut hasher);
        (hasher.finish() % most) as i64
    }

    fn duplicate(&self, remembered: &Remembered) -> Outcome {
        let first = if mutant::on(Mutant::DuplicateNewOffset) {
            self.log_end
        } else {
            remembered.first_offset()
        };
        Outcome::Appended(Appended {
            base_offset: first,
            last_offset: remembered.last_offset,
            log_append_time: remembered.timestamp,
            log_start: self.log_start,
        })
    }

    fn refusal(&self, error: ErrorCode) -> Refusal {
        let log_start = (error != ErrorCode::CorruptMessage).then_some(self.log_start);
        Refusal {
            log_start,
            ..Refusal::bare(error)
        }
    }
}

enum Decided {
    Write(Batch),
    /// Only its producer stands against it. Kafka rolls the segment before it looks at that.
    Settled(BatchHeader, Outcome),
}

struct Blamed {
    records: Vec<RecordError>,
    timestamp: bool,
}
