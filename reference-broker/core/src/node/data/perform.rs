//! What a log decided is written, then applied. A write that fails takes the log offline.

use super::directory::make_files;
use super::{Node, active};
use crate::log::batch::HEADER_LENGTH;
use crate::log::checkpoint::{LEADER_EPOCHS, epochs_to_text};
use crate::log::recover::{put, write_indexes};
use crate::log::segment::file_name;
use crate::log::{Change, Command, Outcome, snapshot};
use crate::machine::{Machine, Reply};
use crate::store::StoreError;
use crate::units::{ErrorCode, Now, TopicPartition};

impl Node {
    /// Decides, writes, applies, and tells who waits for this partition.
    pub(super) fn command(&mut self, tp: &TopicPartition, command: Command, now: Now) -> Result<Outcome, ErrorCode> {
        let log = self.logs.open.get(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let step = log.decide(command, now);
        let Reply::Now(outcome) = step.reply else {
            return Err(ErrorCode::UnknownServerError);
        };
        for change in &step.changes {
            if self.perform(tp, change).is_err() {
                self.take_offline(tp, now);
                return Err(ErrorCode::KafkaStorageError);
            }
        }
        if !step.changes.is_empty() {
            self.partition_moved(tp, now);
        }
        Ok(outcome)
    }

    /// Waits until all of a log is on the disk.
    pub(super) fn flush(&mut self, tp: &TopicPartition) -> Result<(), ErrorCode> {
        let Some(log) = self.logs.open.get_mut(tp) else {
            return Err(ErrorCode::UnknownTopicOrPartition);
        };
        let change = match self.store.sync(log.directory(), &active(log).file()) {
            Ok(()) => Change::Flushed(log.log_end()),
            Err(_) => Change::WentOffline,
        };
        log.apply(&change);
        if log.is_offline() {
            Err(ErrorCode::KafkaStorageError)
        } else {
            Ok(())
        }
    }

    fn perform(&mut self, tp: &TopicPartition, change: &Change) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get_mut(tp) else {
            return Ok(());
        };
        let epoch = log.epochs().latest();
        if let Change::Appended { header, records, .. } = change {
            let head: [u8; HEADER_LENGTH] = header.bytes();
            self.store
                .append(log.directory(), &active(log).file(), &[&head, records])?;
        }
        log.apply(change);
        if matches!(change, Change::LogStartMoved(_)) || log.epochs().latest() != epoch {
            let text = epochs_to_text(log.epochs().entries());
            put(&mut *self.store, log.directory(), LEADER_EPOCHS, text.as_bytes())?;
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

    fn take_offline(&mut self, tp: &TopicPartition, now: Now) {
        if let Some(log) = self.logs.open.get_mut(tp) {
            log.apply(&Change::WentOffline);
        }
        self.partition_moved(tp, now);
    }
}
