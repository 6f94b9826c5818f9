//! What a log decided is written, then applied. A write that fails takes the log offline.

use bytes::Bytes;

use super::directory::make_files;
use super::{Node, active};
use crate::log::append::Append;
use crate::log::batch::HEADER_LENGTH;
use crate::log::checkpoint::{LEADER_EPOCHS, epochs_to_text};
use crate::log::compaction::{CLEANED, SWAP};
use crate::log::recover::{put, supersede, write_indexes};
use crate::log::segment::{DELETED, SEGMENT_FILES, Segment, file_name};
use crate::log::{Change, Command, Log, Outcome, snapshot};
use crate::machine::{Machine, Reply};
use crate::store::{Store, StoreError};
use crate::units::{ErrorCode, Now, Offset, TopicPartition};

impl Node {
    /// Decides, writes, applies, and tells who waits for this partition.
    pub(in crate::node) fn command(
        &mut self,
        tp: &TopicPartition,
        command: Command,
        now: Now,
    ) -> Result<Outcome, ErrorCode> {
        let log = self.logs.open.get(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let by_client = matches!(command, Command::Append(Append::Client(_) | Append::Entering(..)));
        let (appends, is_shared) = (matches!(command, Command::Append(_)), self.role(tp).is_some());
        let step = log.decide(command, now);
        let Reply::Now(outcome) = step.reply else {
            return Err(ErrorCode::UnknownServerError);
        };
        for change in &step.changes {
            // What waits for the disk, or for other replicas, may not be read before.
            let waits = appends && (is_shared || by_client && self.is_flushed_elsewhere(tp));
            if waits && matches!(change, Change::HighWatermarkMoved(_)) {
                continue;
            }
            self.carry(tp, change, now)?;
        }
        let has_appended = |change: &Change| matches!(change, Change::Appended { .. });
        let has_appended = step.changes.iter().any(has_appended);
        if has_appended && !(by_client && self.is_flushed_elsewhere(tp)) {
            self.flush_if_due(tp)?;
        }
        if has_appended && is_shared {
            self.watermark_may_move(tp, now);
        }
        if !step.changes.is_empty() {
            self.partition_moved(tp, now);
        }
        Ok(outcome)
    }

    /// Writes a change down and applies it; a log on which that fails is offline.
    pub(super) fn carry(&mut self, tp: &TopicPartition, change: &Change, now: Now) -> Result<(), ErrorCode> {
        let performed = self.perform(tp, change, now);
        performed.map_err(|error| {
            self.take_offline(tp, now);
            self.out_of_service(tp, &error)
        })
    }

    /// Says why a partition answers KAFKA_STORAGE_ERROR from now on.
    pub(super) fn out_of_service(&mut self, tp: &TopicPartition, error: &StoreError) -> ErrorCode {
        self.complain(format!("{tp} is out of service: {error}"));
        ErrorCode::KafkaStorageError
    }

    /// Waits until all of a log is on the disk.
    pub(super) fn flush(&mut self, tp: &TopicPartition) -> Result<(), ErrorCode> {
        let end = self.logs.open.get(tp).map(Log::log_end);
        self.flush_to(tp, end.ok_or(ErrorCode::UnknownTopicOrPartition)?)
    }

    /// Waits until all segments that begin below an offset are on the disk, as far as they were not before.
    pub(super) fn flush_to(&mut self, tp: &TopicPartition, end: Offset) -> Result<(), ErrorCode> {
        let Some(log) = self.logs.open.get_mut(tp).filter(|log| !log.is_offline()) else {
            return Err(ErrorCode::KafkaStorageError);
        };
        let first = log
            .segments()
            .partition_point(|segment| segment.base <= log.recovery_point());
        let rest = &log.segments()[first.saturating_sub(1)..];
        let mut files = rest.iter().take_while(|segment| segment.base < end);
        let synced = files.try_for_each(|segment| self.store.sync(log.directory(), &segment.file()));
        log.apply(&match &synced {
            Ok(()) => Change::Flushed(end),
            Err(_) => Change::WentOffline,
        });
        synced.map_err(|error| self.out_of_service(tp, &error))
    }

    /// Waits for the disk where `flush.messages` wants that before the producer is answered.
    fn flush_if_due(&mut self, tp: &TopicPartition) -> Result<(), ErrorCode> {
        if self.is_flush_due(tp) { self.flush(tp) } else { Ok(()) }
    }

    fn perform(&mut self, tp: &TopicPartition, change: &Change, now: Now) -> Result<(), StoreError> {
        match change {
            Change::SegmentsRemoved(below) => self.set_aside(tp, |segment| segment.base < *below, None, now)?,
            Change::SegmentsReplaced(copy, end) => self.swap(tp, copy, *end, now)?,
            _ => {}
        }
        let Some(log) = self.logs.open.get_mut(tp) else {
            return Ok(());
        };
        let epoch = log.epochs().latest();
        if let Change::Appended { header, records, .. } = change {
            let head: [u8; HEADER_LENGTH] = header.bytes();
            let (file, position) = (active(log).file(), active(log).size);
            self.store.append(log.directory(), &file, &[&head, records])?;
            if self.waits.is_awaited(tp) {
                let bytes = [Bytes::copy_from_slice(&head), records.clone()];
                self.store.awaited(log.directory(), &file, position, bytes);
            }
        }
        log.apply(change);
        if matches!(change, Change::LogStartMoved(_)) || log.epochs().latest() != epoch {
            let text = epochs_to_text(log.epochs().entries());
            supersede(&mut *self.store, log.directory(), LEADER_EPOCHS, text.as_bytes())?;
        }
        if let Change::SegmentRolled { .. } = change {
            self.rolled(tp)
        } else {
            Ok(())
        }
    }

    /// A segment that is full gets its indexes, and the one after it the producers as they stand.
    fn rolled(&mut self, tp: &TopicPartition) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get(tp) else {
            return Ok(());
        };
        if let [.., sealed, fresh] = log.segments() {
            write_indexes(&mut *self.store, log.directory(), sealed)?;
            let producers = snapshot::to_bytes(log.producers());
            put(
                &mut *self.store,
                log.directory(),
                &file_name(fresh.base, "snapshot"),
                &producers,
            )?;
            make_files(&mut *self.store, log)?;
        }
        Ok(())
    }

    /// Gives the files of segments names that no segment has, to be removed after `file.delete.delay.ms`.
    fn set_aside(
        &mut self,
        tp: &TopicPartition,
        gone: impl Fn(&Segment) -> bool,
        replaced: Option<Offset>,
        now: Now,
    ) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get(tp) else {
            return Ok(());
        };
        let at = now.plus_ms(log.config().file_delete_delay_ms);
        for segment in log.segments().iter().filter(|segment| gone(segment)) {
            for suffix in SEGMENT_FILES {
                let absent = suffix == "txnindex" && segment.aborted.is_empty();
                // What the producers were at the beginning of a segment holds for the one in its place, too.
                if absent || (suffix == "snapshot" && replaced == Some(segment.base)) {
                    continue;
                }
                let file = file_name(segment.base, suffix);
                let aside = format!("{file}.{DELETED}");
                self.store.rename(log.directory(), &file, &aside)?;
                self.logs.upkeep.discard(at, log.directory().to_owned(), Some(aside));
            }
        }
        Ok(())
    }

    /// A copy takes the place of the segments that it was made from, so that a crash at any point leaves one or the other.
    fn swap(&mut self, tp: &TopicPartition, copy: &Segment, end: Offset, now: Now) -> Result<(), StoreError> {
        let Some(directory) = self.logs.open.get(tp).map(|log| log.directory().to_owned()) else {
            return Ok(());
        };
        let files = write_cleaned(&mut *self.store, &directory, copy)?;
        for file in &files {
            self.store
                .rename(&directory, &format!("{file}.{CLEANED}"), &format!("{file}.{SWAP}"))?;
        }
        let gone = |segment: &Segment| segment.base >= copy.base && segment.base < end;
        self.set_aside(tp, gone, Some(copy.base), now)?;
        for file in &files {
            self.store.rename(&directory, &format!("{file}.{SWAP}"), file)?;
        }
        Ok(())
    }

    fn take_offline(&mut self, tp: &TopicPartition, now: Now) {
        if let Some(log) = self.logs.open.get_mut(tp) {
            log.apply(&Change::WentOffline);
        }
        self.partition_moved(tp, now);
    }
}

/// Writes the indexes of a copied segment; answers the names that its files will have, the records' first.
fn write_cleaned(store: &mut dyn Store, directory: &str, copy: &Segment) -> Result<Vec<String>, StoreError> {
    let aborted: Vec<u8> = copy.aborted.iter().flat_map(|aborted| aborted.to_bytes()).collect();
    let log = file_name(copy.base, "log");
    store.sync(directory, &format!("{log}.{CLEANED}"))?;
    let mut files = vec![log];
    for (suffix, bytes) in [
        ("index", copy.offsets.to_bytes()),
        ("timeindex", copy.times.to_bytes()),
        ("txnindex", aborted),
    ] {
        if suffix == "txnindex" && bytes.is_empty() {
            continue;
        }
        let file = file_name(copy.base, suffix);
        put(store, directory, &format!("{file}.{CLEANED}"), &bytes)?;
        files.push(file);
    }
    Ok(files)
}
