//! One file of a log and what is known of it: size, indexes, largest timestamp. It reads no file.

use super::aborted::AbortedTransaction;
use super::batch::{BatchHeader, NO_TIMESTAMP};
use super::index::{OFFSET_ENTRY, OffsetIndex, TIME_ENTRY, TimeIndex};
use crate::config::TopicConfig;
use crate::units::Offset;

/// What a segment may have beside it; what each file is for.
pub const SEGMENT_FILES: [&str; 5] = ["log", "index", "timeindex", "txnindex", "snapshot"];
/// How the names end of files that nobody needs any more.
pub const DELETED: &str = "deleted";

/// A segment, the last of a log being the one that is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Offset of its first record, or of the next one where it is empty; gives the file its name.
    pub base: Offset,
    /// Bytes of its file.
    pub size: u64,
    /// From offset to position.
    pub offsets: OffsetIndex,
    /// From timestamp to offset.
    pub times: TimeIndex,
    /// The largest timestamp, and the last offset of the batch that has it.
    pub max_timestamp: (i64, Offset),
    /// The largest timestamp of the first batch: what `segment.ms` counts from.
    pub first_timestamp: Option<i64>,
    /// When it was made, where there is no first timestamp.
    pub created_ms: i64,
    /// Transactions whose abort marker stands here.
    pub aborted: Vec<AbortedTransaction>,
    pub(super) since_entry: u64,
}

impl Segment {
    /// An empty segment.
    pub fn new(base: Offset, created_ms: i64) -> Self {
        Self {
            base,
            size: 0,
            offsets: OffsetIndex::default(),
            times: TimeIndex::default(),
            max_timestamp: (NO_TIMESTAMP, base),
            first_timestamp: None,
            created_ms,
            aborted: Vec::new(),
            since_entry: 0,
        }
    }

    /// A segment as its files describe it.
    pub(crate) fn loaded(base: Offset, size: u64, offsets: OffsetIndex, times: TimeIndex) -> Self {
        let max_timestamp = times.last(base).unwrap_or((NO_TIMESTAMP, base));
        Self {
            size,
            offsets,
            times,
            max_timestamp,
            ..Self::new(base, 0)
        }
    }

    /// A batch was written behind the others.
    pub fn appended(&mut self, batch: &BatchHeader, index_interval: u64) {
        if batch.max_timestamp > self.max_timestamp.0 {
            self.max_timestamp = (batch.max_timestamp, batch.last_offset());
        }
        if self.since_entry > index_interval {
            self.offsets.push(self.base, batch.last_offset(), self.size);
            self.times.push(self.base, self.max_timestamp.0, self.max_timestamp.1);
            self.since_entry = 0;
        }
        self.first_timestamp.get_or_insert(batch.max_timestamp);
        self.size += batch.size();
        self.since_entry += batch.size();
    }

    /// Nothing more will be written: the largest timestamp gets its entry.
    pub fn sealed(&mut self) {
        self.times.push(self.base, self.max_timestamp.0, self.max_timestamp.1);
    }

    /// When its newest record was made; when it was made itself, where its records do not say.
    pub fn newest_ms(&self) -> i64 {
        if self.max_timestamp.0 >= 0 {
            self.max_timestamp.0
        } else {
            self.created_ms
        }
    }

    /// Must a new segment begin before this batch?
    pub fn is_full_for(&self, batch: &BatchHeader, config: &TopicConfig, jitter_ms: i64, now_ms: i64) -> bool {
        let index_bytes = config.segment_index_bytes.max(0).unsigned_abs() as usize;
        let full = self.waited(batch, now_ms) > config.longest_segment_ms().saturating_sub(jitter_ms)
            || self.size + batch.size() > u64::from(config.segment_bytes.max(0).unsigned_abs())
            || self.offsets.len() >= index_bytes / OFFSET_ENTRY
            || self.times.len() + 1 >= index_bytes / TIME_ENTRY
            || batch.last_offset().0 - self.base.0 > i64::from(i32::MAX);
        self.size > 0 && full
    }

    fn waited(&self, batch: &BatchHeader, now_ms: i64) -> i64 {
        match self.first_timestamp {
            Some(first) if first >= 0 => batch.max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(self.created_ms),
        }
    }

    /// The name of its `.log` file.
    pub fn file(&self) -> String {
        file_name(self.base, "log")
    }
}

/// A file of Kafka's in a log directory: 20 digits of an offset, a dot and what it is.
pub fn file_name(offset: Offset, suffix: &str) -> String {
    format!("{:020}.{suffix}", offset.0)
}

/// The offset in such a name.
pub fn offset_in(name: &str, suffix: &str) -> Option<Offset> {
    let digits = name.strip_suffix(suffix)?.strip_suffix('.')?;
    (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| digits.parse().ok())?
        .map(Offset)
}
