//! Compaction: of each key only the newest value stays. A round goes through the part that no round has seen and notes keys,
//! then through all from the beginning and copies what stays, a group of segments into one. It works in slices, so that
//! nobody waits for it, and changes nothing itself: each copied group is handed out to take the place of the old ones.

mod filter;
mod keys;
mod plan;
mod transactions;

use std::collections::VecDeque;

use super::batch::{BatchHeader, HEADER_LENGTH, LOG_OVERHEAD, i32_at};
use super::build::plain;
use super::read::read_exactly;
use super::segment::{Segment, file_name};
use super::walk::Malformed;
use super::{Log, aborted};
use crate::mutant::{self, Mutant};
use crate::store::{Store, StoreError};
use crate::units::{Now, Offset};
use filter::{Fate, Record, Remains, Times};
use keys::Keys;
pub use plan::Cleanable;
use transactions::{Marker, Transactions};

/// How the names of files end that are being copied into.
pub const CLEANED: &str = "cleaned";
/// How they end once they are whole and take the place of others.
pub const SWAP: &str = "swap";

/// A round of compaction under way.
#[derive(Debug)]
pub struct Round {
    plan: Cleanable,
    times: Times,
    keys: Keys,
    /// All keys below are noted.
    reached: Offset,
    transactions: Transactions,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Noting(Cursor),
    /// Segments that go into one, by their bases.
    Copying(VecDeque<Group>),
}

/// A position in the segment with that base.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    segment: Offset,
    position: u64,
}

#[derive(Debug)]
struct Group {
    sources: VecDeque<Offset>,
    position: u64,
    copy: Segment,
}

/// What a slice of work came to.
#[derive(Debug)]
pub enum Progress {
    /// There is more to do.
    More,
    /// This segment, whose file ends in `.cleaned`, stands for all from its base up to that offset.
    Copied(Box<Segment>, Offset),
    /// All below is clean.
    Finished(Offset),
}

impl Round {
    /// Begins a round, with so much memory for keys.
    pub fn new(log: &Log, plan: Cleanable, key_bytes: usize, now: Now) -> Self {
        let segment = &log.segments[log.segment_index(plan.first_dirty)];
        let cursor = Cursor {
            segment: segment.base,
            position: segment.offsets.position(segment.base, plan.first_dirty),
        };
        Self {
            plan,
            times: Times {
                now,
                delete_retention_ms: log.config.delete_retention_ms,
            },
            keys: Keys::within(key_bytes),
            reached: plan.first_dirty,
            transactions: Transactions::among(log.aborted(plan.first_dirty, plan.first_uncleanable)),
            phase: Phase::Noting(cursor),
        }
    }

    /// Does about so many bytes of work.
    pub fn advance(&mut self, log: &Log, store: &mut dyn Store, bytes: usize) -> Result<Progress, StoreError> {
        match &self.phase {
            Phase::Noting(cursor) => self.note(log, &*store, *cursor, bytes),
            Phase::Copying(_) => self.copy(log, store, bytes),
        }
    }

    /// Below it lies what the round has looked at.
    pub fn first_dirty(&self) -> Offset {
        self.plan.first_dirty
    }

    fn note(&mut self, log: &Log, store: &dyn Store, cursor: Cursor, bytes: usize) -> Result<Progress, StoreError> {
        let segment = &log.segments[log.segment_index(cursor.segment)];
        let slice = Slice::read(log, store, segment, cursor.position, bytes)?;
        let is_full = slice.each(|header, records| self.note_batch(header, records))?;
        let position = cursor.position + slice.bytes.len() as u64;
        let next = log.end_of(segment.base);
        if is_full || (position >= segment.size && next >= self.plan.first_uncleanable) {
            if !is_full {
                self.reached = self.reached.max(self.plan.first_uncleanable);
            }
            self.begin_copying(log);
            return Ok(Progress::More);
        }
        self.phase = Phase::Noting(match position < segment.size {
            true => Cursor { position, ..cursor },
            false => Cursor {
                segment: next,
                position: 0,
            },
        });
        Ok(Progress::More)
    }

    /// Is the table of keys full?
    fn note_batch(&mut self, header: &BatchHeader, records: &[u8]) -> Result<bool, Malformed> {
        let mut has_room = true;
        if header.is_control() {
            self.transactions.control(header, records);
        } else if !self.transactions.data(header) {
            let plain = plain(header, records)?;
            let (keys, first_dirty) = (&mut self.keys, self.plan.first_dirty);
            filter::each(header, &plain, &mut |record| {
                if let Some(key) = record.key.filter(|_| record.offset >= first_dirty) {
                    has_room = has_room && keys.note(key, record.offset);
                }
            })?;
        }
        if has_room {
            self.reached = self.reached.max(Offset(header.last_offset().0 + 1));
        }
        Ok(!has_room)
    }

    fn begin_copying(&mut self, log: &Log) {
        let sources = &log.segments[..log.segments.partition_point(|segment| segment.base < self.reached)];
        let from = sources.first().map_or(self.reached, |segment| segment.base);
        self.transactions = Transactions::among(aborted::overlapping(&log.segments, from, self.reached));
        self.phase = Phase::Copying(grouped(log, sources));
    }

    fn copy(&mut self, log: &Log, store: &mut dyn Store, bytes: usize) -> Result<Progress, StoreError> {
        let Phase::Copying(groups) = &mut self.phase else {
            return Ok(Progress::More);
        };
        let Some(mut group) = groups.pop_front() else {
            return Ok(Progress::Finished(self.reached));
        };
        let file = format!("{}.{CLEANED}", file_name(group.copy.base, "log"));
        if group.copy.size == 0 && group.position == 0 {
            // A copy that an earlier round left unfinished is none.
            store.remove(&log.directory, &file)?;
            store.append(&log.directory, &file, &[])?;
        }
        let Some(base) = group.sources.front().copied() else {
            return Ok(Progress::Copied(Box::new(group.copy), self.reached));
        };
        let segment = &log.segments[log.segment_index(base)];
        let slice = Slice::read(log, &*store, segment, group.position, bytes)?;
        let mut out = Vec::with_capacity(slice.bytes.len());
        slice.each(|header, records| {
            self.copy_batch(log, header, records, &mut group.copy, &mut out)
                .map(|()| false)
        })?;
        store.append(&log.directory, &file, &[&out])?;
        store.sync(&log.directory, &file)?;
        group.position += slice.bytes.len() as u64;
        if group.position >= segment.size {
            group.sources.pop_front();
            group.position = 0;
        }
        let progress = self.finished_group(log, group, segment);
        Ok(progress)
    }

    /// A group whose last source is copied is handed out; any other waits for its next slice.
    fn finished_group(&mut self, log: &Log, mut group: Group, last: &Segment) -> Progress {
        if group.sources.is_empty() {
            group.copy.sealed();
            return Progress::Copied(Box::new(group.copy), log.end_of(last.base));
        }
        if let Phase::Copying(groups) = &mut self.phase {
            groups.push_front(group);
        }
        Progress::More
    }

    fn copy_batch(
        &mut self,
        log: &Log,
        header: &BatchHeader,
        records: &[u8],
        copy: &mut Segment,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let fate = self.fate(log, header, records, copy);
        let interval = u64::from(log.config.index_interval_bytes.max(0).unsigned_abs());
        match filter::remains(header, records, fate, self.times, &|record| self.stays(header, record))? {
            Remains::All => {
                copy.appended(header, interval);
                out.extend_from_slice(&header.bytes());
                out.extend_from_slice(records);
            }
            Remains::Some(batch) => {
                copy.appended(&batch.header, interval);
                out.extend_from_slice(&batch.header.bytes());
                out.extend_from_slice(&batch.records);
            }
            Remains::Nothing => {}
        }
        Ok(())
    }

    fn fate(&mut self, log: &Log, header: &BatchHeader, records: &[u8], copy: &mut Segment) -> Fate {
        let next = Offset(header.last_offset().0 + 1);
        let keep_header = is_last_of_producer(log, header) || next == self.plan.first_uncleanable;
        if !header.is_control() {
            return Fate {
                discard: self.transactions.data(header),
                keep_header,
                idle_marker: false,
            };
        }
        let marker = self.transactions.control(header, records);
        if let Marker::Needed(Some(entry)) = marker {
            copy.aborted.push(entry);
        }
        let is_due = header
            .delete_horizon_ms()
            .is_some_and(|horizon| horizon <= self.times.now.unix_ms);
        Fate {
            discard: marker == Marker::Idle && is_due,
            keep_header,
            idle_marker: marker == Marker::Idle,
        }
    }

    fn stays(&self, header: &BatchHeader, record: &Record<'_>) -> bool {
        let Some(key) = record.key else {
            return record.offset >= self.reached;
        };
        let waits = header
            .delete_horizon_ms()
            .is_none_or(|horizon| self.times.now.unix_ms < horizon);
        let is_newest = !self.keys.supersedes(key, record.offset) && !mutant::on(Mutant::CompactionDropsLive);
        record.offset >= self.reached || (is_newest && (!record.is_tombstone || waits))
    }
}

impl Log {
    /// Where the segment after the one with that base begins, or the log ends.
    fn end_of(&self, base: Offset) -> Offset {
        let next = self.segments.get(self.segment_index(base) + 1);
        next.map_or(self.log_end, |next| next.base)
    }

    /// A copy takes the place of what it was made from.
    pub(super) fn segments_replaced(&mut self, copy: &Segment, end: Offset) {
        let from = self.segments.partition_point(|segment| segment.base < copy.base);
        let to = self.segments.partition_point(|segment| segment.base < end);
        self.segments.splice(from..to, [copy.clone()]);
    }
}

/// Does this batch say where its producer stands?
fn is_last_of_producer(log: &Log, header: &BatchHeader) -> bool {
    let known = log.producers.get(header.producer_id).filter(|_| header.has_producer());
    known.is_some_and(|producer| match producer.batches.back() {
        Some(last) => last.last_offset == header.last_offset(),
        None => header.is_control() && header.producer_epoch == producer.epoch,
    })
}

/// Neighbours that fit together into one segment.
fn grouped(log: &Log, sources: &[Segment]) -> VecDeque<Group> {
    let segment_bytes = u64::from(log.config.segment_bytes.max(0).unsigned_abs());
    let index_bytes = log.config.segment_index_bytes.max(0).unsigned_abs() as usize;
    let mut groups: VecDeque<Group> = VecDeque::new();
    let (mut size, mut offsets, mut times) = (0, 0, 0);
    for (at, segment) in sources.iter().enumerate() {
        let end = sources.get(at + 1).map_or(log.log_end, |next| next.base);
        let joins = groups.back().is_some_and(|group| {
            size + segment.size <= segment_bytes
                && offsets + segment.offsets.bytes() <= index_bytes
                && times + segment.times.bytes() <= index_bytes
                && end.0 - 1 - group.copy.base.0 <= i64::from(i32::MAX)
        });
        if !joins {
            (size, offsets, times) = (0, 0, 0);
            groups.push_back(Group {
                sources: VecDeque::new(),
                position: 0,
                copy: Segment::new(segment.base, segment.created_ms),
            });
        }
        (size, offsets, times) = (
            size + segment.size,
            offsets + segment.offsets.bytes(),
            times + segment.times.bytes(),
        );
        if let Some(group) = groups.back_mut() {
            group.sources.push_back(segment.base);
            group.copy.created_ms = segment.created_ms;
        }
    }
    groups
}

/// Whole batches from a position of a segment on.
struct Slice {
    bytes: Vec<u8>,
    place: String,
    /// Every batch of the segment ends below.
    end: Offset,
}

impl Slice {
    /// About so many bytes; one batch at least.
    fn read(log: &Log, store: &dyn Store, segment: &Segment, position: u64, bytes: usize) -> Result<Self, StoreError> {
        let place = format!("{}/{}@{position}", log.directory, segment.file());
        let left = usize::try_from(segment.size.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut slice = Self {
            bytes: vec![0; left.min(bytes)],
            place,
            end: log.end_of(segment.base),
        };
        read_exactly(store, &log.directory, &segment.file(), position, &mut slice.bytes)?;
        if let Some(first) = slice
            .batch_size(0)
            .filter(|first| *first > slice.bytes.len() && *first <= left)
        {
            slice.bytes = vec![0; first];
            read_exactly(store, &log.directory, &segment.file(), position, &mut slice.bytes)?;
        }
        let mut whole = 0;
        while let Some(size) = slice
            .batch_size(whole)
            .filter(|size| *size <= slice.bytes.len() - whole)
        {
            whole += size;
        }
        if whole == 0 && left > 0 {
            return Err(slice.damaged("there is no whole batch".to_owned()));
        }
        slice.bytes.truncate(whole);
        Ok(slice)
    }

    /// Visits the batches until told to stop; was it told so?
    fn each(&self, mut visit: impl FnMut(&BatchHeader, &[u8]) -> Result<bool, Malformed>) -> Result<bool, StoreError> {
        let (mut rest, mut least) = (&self.bytes[..], Offset(0));
        while let Some(header) = BatchHeader::read(rest) {
            let (batch, after) = rest.split_at(header.size() as usize);
            let records = &batch[HEADER_LENGTH..];
            // The base offset is outside the checksum: one that was damaged must not pass for progress.
            if header.last_offset() < least || header.base_offset < least || header.last_offset() >= self.end {
                return Err(self.damaged(format!("the offset {} is out of order", header.base_offset)));
            }
            least = Offset(header.last_offset().0 + 1);
            if header.checksum(records) != header.crc {
                return Err(self.damaged(format!("the batch at offset {} fails its checksum", header.base_offset)));
            }
            let stop = visit(&header, records).map_err(|malformed| self.damaged(malformed.to_string()))?;
            if stop {
                return Ok(true);
            }
            rest = after;
        }
        Ok(false)
    }

    fn batch_size(&self, at: usize) -> Option<usize> {
        let head = self.bytes.get(at..).filter(|rest| rest.len() >= HEADER_LENGTH)?;
        let length = usize::try_from(i32_at(head, 8)).ok()?;
        (head[16] == 2 && length + LOG_OVERHEAD >= HEADER_LENGTH).then_some(length + LOG_OVERHEAD)
    }

    fn damaged(&self, reason: String) -> StoreError {
        StoreError {
            operation: "compact",
            path: self.place.clone(),
            reason,
        }
    }
}
