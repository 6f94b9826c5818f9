//! A log from its files. After a clean stop indexes and snapshots are believed; else every batch above the recovery point
//! is checked, the log is cut at the first bad one, and what was derived from it is derived anew.
//!
//! Replay is [`Machine::apply`]: a recovered log is equal to the one that was written, but for what Kafka forgets of its
//! producers.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::aborted::AbortedTransaction;
use super::batch::{BatchHeader, HEADER_LENGTH};
use super::build::each_key_value;
use super::checkpoint::{LEADER_EPOCHS, epochs_from_text};
use super::epochs::Epochs;
use super::index::{OffsetIndex, TimeIndex};
use super::producers::{EndMarker, Producers, TransactionResult};
use super::read::{Window, read_all, scan};
use super::segment::{Segment, file_name, offset_in};
use super::{Change, Log, damage, leftovers, snapshot};
use crate::config::TopicConfig;
use crate::machine::Machine;
use crate::mutant::{self, Mutant};
use crate::store::{Store, StoreError};
use crate::units::{Now, Offset, TopicId};

/// What is known of a log besides its own files.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// The broker stopped cleanly.
    pub clean: bool,
    /// Up to where the log is on the disk.
    pub recovery_point: Offset,
    /// Where it begins, if not with its first segment.
    pub log_start: Option<Offset>,
    /// Up to where it was replicated; none where nobody else has it.
    pub high_watermark: Option<Offset>,
}

/// A log that was opened, and what of its files was damaged.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: Log,
    /// Each file that was cut, in words.
    pub damage: Vec<String>,
}

/// Opens the log in a directory, which may be empty or absent.
pub fn open(
    store: &mut dyn Store,
    directory: &str,
    topic_id: TopicId,
    config: TopicConfig,
    opening: Opening,
    now: Now,
) -> Result<Opened, StoreError> {
    leftovers::settle(store, directory)?;
    let files = store.files(directory)?;
    let mut log = Log::new(directory.to_owned(), topic_id, config, now);
    let bases: Vec<(Offset, u64)> = files
        .iter()
        .filter_map(|(name, size)| Some((offset_in(name, "log")?, *size)))
        .collect();
    let mut damage = Vec::new();
    if !bases.is_empty() {
        Recovery {
            store,
            log: &mut log,
            files: &files,
            opening,
            taken_over: None,
            damage: &mut damage,
        }
        .run(&bases)?;
    }
    let start = opening
        .log_start
        .unwrap_or_default()
        .max(log.segments[0].base)
        .min(log.log_end);
    if start > log.high_watermark {
        log.high_watermark = start;
    }
    if start > Offset(0) {
        log.apply(&Change::LogStartMoved(start));
    }
    log.recovery_point = if opening.clean {
        log.log_end
    } else {
        opening.recovery_point.min(log.log_end)
    };
    Ok(Opened { log, damage })
}

struct Recovery<'a> {
    store: &'a mut dyn Store,
    log: &'a mut Log,
    files: &'a [(String, u64)],
    opening: Opening,
    /// The snapshot that still waits for its offset.
    taken_over: Option<(Offset, Producers)>,
    damage: &'a mut Vec<String>,
}

impl Recovery<'_> {
    fn run(&mut self, bases: &[(Offset, u64)]) -> Result<(), StoreError> {
        let epochs = self.epochs()?;
        let ends = bases.iter().skip(1).map(|(base, _)| Some(*base)).chain([None]);
        let doubtful = ends
            .clone()
            .zip(bases)
            .find(|(end, _)| !self.believed(*end))
            .map(|(_, (base, _))| *base);
        let begins = self.opening.log_start.filter(|start| *start > bases[0].0);
        // As in Kafka, what stands wholly before the log's start says nothing of producers.
        let nobody = begins.map(|start| (start, Producers::default()));
        self.taken_over = self.snapshot(begins, doubtful)?.or(nobody);
        let snapshot_at = self.taken_over.as_ref().map(|(offset, _)| *offset);
        self.log.segments.clear();
        self.log.log_end = bases[0].0;
        self.log.log_start = bases[0].0;
        self.log.high_watermark = bases[0].0;
        let mut cut = false;
        for (end, (base, size)) in ends.zip(bases) {
            if cut {
                self.forget(*base)?;
            } else {
                cut = !self.segment(*base, *size, end, snapshot_at)?;
            }
        }
        take_over(self.log, &mut self.taken_over, Offset(i64::MAX));
        self.log.producers.reopened();
        self.settle(&epochs)?;
        if self.opening.clean {
            Ok(())
        } else {
            self.written_down()
        }
    }

    /// Is everything below this end known to be on the disk?
    fn believed(&self, end: Option<Offset>) -> bool {
        self.opening.clean || end.is_some_and(|end| end <= self.opening.recovery_point)
    }

    /// Takes up one segment; false when it had to be cut.
    fn segment(
        &mut self,
        base: Offset,
        size: u64,
        end: Option<Offset>,
        snapshot: Option<Offset>,
    ) -> Result<bool, StoreError> {
        // Metadata are read from the front even so: what is not looked at is not checked.
        let loaded = if self.believed(end) && !self.log.is_metadata() {
            self.load(base, size)?
        } else {
            None
        };
        let mut from = 0;
        match (loaded, end, snapshot) {
            (Some(segment), Some(end), Some(snapshot)) if snapshot >= end => {
                self.log.segments.push(segment);
                self.log.log_end = end;
                return Ok(true);
            }
            (Some(segment), None, Some(snapshot))
                if segment.offsets.last(base).is_some_and(|(last, _)| last < snapshot) =>
            {
                from = segment.offsets.last(base).map_or(0, |(_, position)| position);
                self.log.segments.push(Segment { size: from, ..segment });
            }
            _ => self.log.segments.push(Segment::new(base, 0)),
        }
        self.log.log_end = self.log.log_end.max(base);
        let valid = self.replay(from, size, self.believed(end))?;
        if valid < size && !mutant::on(Mutant::TornTailKept) {
            let file = file_name(base, "log");
            let last_of_a_crash = end.is_none() && !self.opening.clean;
            damage::may_be_cut(&*self.store, self.log, last_of_a_crash, &file, valid..size)?;
            self.damage.push(damage::told(&self.log.directory, &file, valid..size));
            self.store
                .truncate(&self.log.directory, &file_name(base, "log"), valid)?;
        }
        if end.is_some() {
            self.log.active_mut().sealed();
            write_indexes(self.store, &self.log.directory, self.log.active())?;
        }
        Ok(valid == size)
    }

    /// Applies the batches of the last segment's file; answers where the good ones end.
    fn replay(&mut self, from: u64, size: u64, believed: bool) -> Result<u64, StoreError> {
        let file = Segment {
            size,
            ..Segment::new(self.log.active().base, 0)
        };
        if from > 0 {
            self.log.active_mut().first_timestamp = self.first_timestamp(&file)?;
        }
        let Self {
            store, log, taken_over, ..
        } = self;
        let directory = log.directory.clone();
        let (mut valid, mut failed, mut window) = (from, None, Window::default());
        scan(&**store, &directory, &file, from, &mut |position, header| {
            match check(&**store, &mut window, log, &file, (position, header), believed) {
                Ok(Some(marker)) => {
                    take_over(log, taken_over, header.last_offset());
                    log.apply(&Change::Appended {
                        header: *header,
                        marker,
                        records: Bytes::new(),
                    });
                    valid = position + header.size();
                    return ControlFlow::Continue(());
                }
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
            ControlFlow::Break(())
        })?;
        if believed && valid < size {
            damage::refuse_other_format(&**store, &directory, &file, valid)?;
        }
        failed.map_or(Ok(valid), Err)
    }

    fn first_timestamp(&self, segment: &Segment) -> Result<Option<i64>, StoreError> {
        let mut head = [0; HEADER_LENGTH];
        self.store.read(&self.log.directory, &segment.file(), 0, &mut head)?;
        Ok(BatchHeader::read(&head).map(|header| header.max_timestamp))
    }

    fn load(&self, base: Offset, size: u64) -> Result<Option<Segment>, StoreError> {
        let Some(offsets) = self.file(&file_name(base, "index"))? else {
            return Ok(None);
        };
        let Some(times) = self.file(&file_name(base, "timeindex"))? else {
            return Ok(None);
        };
        let aborted = self.file(&file_name(base, "txnindex"))?.unwrap_or_default();
        let parsed = (
            OffsetIndex::from_bytes(&offsets, size),
            TimeIndex::from_bytes(&times),
            AbortedTransaction::from_file(&aborted),
        );
        let (Some(offsets), Some(times), Some(aborted)) = parsed else {
            return Ok(None);
        };
        Ok(Some(Segment {
            aborted,
            ..Segment::loaded(base, size, offsets, times)
        }))
    }

    /// The newest good snapshot behind the log's start; where batches are in doubt, one from before them.
    fn snapshot(
        &self,
        begins: Option<Offset>,
        doubtful: Option<Offset>,
    ) -> Result<Option<(Offset, Producers)>, StoreError> {
        let offsets = self
            .files
            .iter()
            .rev()
            .filter_map(|(name, _)| offset_in(name, "snapshot"));
        let behind = |offset: &Offset| begins.is_none_or(|start| *offset > start);
        let before = |offset: &Offset| doubtful.is_none_or(|doubtful| *offset <= doubtful);
        for offset in offsets.filter(|offset| behind(offset) && before(offset)) {
            let bytes = self.file(&file_name(offset, "snapshot"))?;
            if let Some(producers) = bytes.and_then(|bytes| snapshot::from_bytes(&bytes)) {
                return Ok(Some((offset, producers)));
            }
        }
        Ok(None)
    }

    /// What was derived anew, in files: indexes of the last segment, and the producers at the end of the log.
    fn written_down(&mut self) -> Result<(), StoreError> {
        let Self { store, log, .. } = self;
        write_indexes(&mut **store, &log.directory, log.active())?;
        if log.log_end == Offset(0) {
            return Ok(());
        }
        put(
            &mut **store,
            &log.directory,
            &file_name(log.log_end, "snapshot"),
            &snapshot::to_bytes(&log.producers),
        )
    }

    fn epochs(&self) -> Result<Epochs, StoreError> {
        let text = self.file(LEADER_EPOCHS)?.unwrap_or_default();
        Ok(epochs_from_text(&String::from_utf8_lossy(&text)).into_iter().collect())
    }

    fn file(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((_, size)) = self.files.iter().find(|(file, _)| file == name) else {
            return Ok(None);
        };
        read_all(self.store, &self.log.directory, name, *size).map(Some)
    }

    fn forget(&mut self, base: Offset) -> Result<(), StoreError> {
        let behind = format!(
            "{}/{} goes with what stood before it",
            self.log.directory,
            file_name(base, "log")
        );
        self.damage.push(behind);
        for suffix in ["log", "index", "timeindex", "txnindex", "snapshot"] {
            self.store.remove(&self.log.directory, &file_name(base, suffix))?;
        }
        Ok(())
    }

    /// What follows from the log's end: epochs beyond it never were, snapshots beyond it are of another history. Those up to its
    /// beginning say nothing any more.
    fn settle(&mut self, checkpointed: &Epochs) -> Result<(), StoreError> {
        let end = self.log.log_end;
        let replayed = std::mem::take(&mut self.log.epochs);
        let first = replayed.entries().first().map_or(end, |(_, start)| *start);
        let mut epochs = checkpointed.clone();
        epochs.truncate_from_end(first);
        replayed
            .entries()
            .iter()
            .for_each(|(epoch, start)| epochs.assign(*epoch, *start));
        for (epoch, start) in checkpointed.entries() {
            if epochs.latest().is_none_or(|latest| *epoch > latest) && *start <= end {
                epochs.assign(*epoch, *start);
            }
        }
        self.log.epochs = epochs;
        self.log.leader_epoch = self.log.epochs.latest().unwrap_or(self.log.leader_epoch);
        let replicated = self.opening.high_watermark.unwrap_or(end).min(end);
        self.log
            .apply(&Change::HighWatermarkMoved(replicated.max(self.log.log_start)));
        let begins = self
            .opening
            .log_start
            .unwrap_or_default()
            .max(self.log.segments[0].base);
        for offset in self.files.iter().filter_map(|(name, _)| offset_in(name, "snapshot")) {
            if offset > end || offset <= begins {
                self.store.remove(&self.log.directory, &file_name(offset, "snapshot"))?;
            }
        }
        Ok(())
    }
}

/// Is this batch good? If so, the marker in it.
fn check(
    store: &dyn Store,
    window: &mut Window,
    log: &Log,
    segment: &Segment,
    (position, header): (u64, &BatchHeader),
    believed: bool,
) -> Result<Option<Option<EndMarker>>, StoreError> {
    // Both lie outside the checksum. An index counts offsets from the segment's base in 32 bits.
    let from_base = header.base_offset.0.checked_sub(segment.base.0);
    let in_range = from_base.and_then(|from| from.checked_add(header.last_offset_delta.into()));
    let fits = in_range.is_some_and(|last| i32::try_from(last).is_ok());
    let in_order = header.last_offset_delta >= 0 && header.base_offset >= log.log_end;
    if !(in_order && fits) || position + header.size() > segment.size {
        return Ok(None);
    }
    // Of the metadata nothing is believed: all that follows is built on them.
    let believed = believed && !log.is_metadata();
    if believed && !header.is_control() {
        return Ok(Some(None));
    }
    let records = window.records(store, &log.directory, segment, position, header)?;
    let good = believed || header.checksum(records) == header.crc || mutant::on(Mutant::TornTailKept);
    Ok(good.then(|| {
        if header.is_control() {
            end_marker(header, records)
        } else {
            None
        }
    }))
}

/// The snapshot stands for everything below its offset, however much of that was replayed.
fn take_over(log: &mut Log, snapshot: &mut Option<(Offset, Producers)>, reached: Offset) {
    if let Some((_, producers)) = snapshot.take_if(|(at, _)| *at <= reached) {
        log.producers = producers;
    }
}

/// The EndTxn marker in a control batch, if it is one.
pub fn end_marker(header: &BatchHeader, records: &[u8]) -> Option<EndMarker> {
    let mut marker = None;
    each_key_value(header, records, &mut |_, key, value, _| {
        let Some(verdict) = key.as_deref().and_then(TransactionResult::of_marker) else {
            return;
        };
        if let Some([_, _, a, b, c, d, ..]) = value.as_deref() {
            marker = Some(EndMarker {
                verdict,
                coordinator_epoch: i32::from_be_bytes([*a, *b, *c, *d]),
            });
        }
    })
    .ok()?;
    marker
}

/// Puts a segment's indexes into their files, unsynced: they are believed only after a clean stop.
pub fn write_indexes(store: &mut dyn Store, directory: &str, segment: &Segment) -> Result<(), StoreError> {
    put(
        store,
        directory,
        &file_name(segment.base, "index"),
        &segment.offsets.to_bytes(),
    )?;
    put(
        store,
        directory,
        &file_name(segment.base, "timeindex"),
        &segment.times.to_bytes(),
    )?;
    if segment.aborted.is_empty() {
        return store.remove(directory, &file_name(segment.base, "txnindex"));
    }
    let aborted: Vec<u8> = segment.aborted.iter().flat_map(|aborted| aborted.to_bytes()).collect();
    put(store, directory, &file_name(segment.base, "txnindex"), &aborted)
}

/// Puts a whole file in place without waiting for the disk.
pub(crate) fn put(store: &mut dyn Store, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
    store.remove(directory, file)?;
    store.append(directory, file, &[bytes])
}

/// The same where the old content must not be lost: a crash leaves one or the other.
pub(crate) fn supersede(store: &mut dyn Store, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let fresh = format!("{file}.tmp");
    put(store, directory, &fresh, bytes)?;
    store.rename(directory, &fresh, file)
}
