//! A log that follows another broker's: what the leader gave is appended as it stands there, and what the leader does not have is
//! cut off.

use bytes::Bytes;

use super::Node;
use crate::log::append::{Append, Refusal};
use crate::log::{Change, Command, Log};
use crate::machine::Machine;
use crate::store::{Store, StoreError};
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset, TopicPartition};

impl Node {
    /// Appends what the leader answered to a question of that epoch, and answers the log's end then.
    pub fn append_replicated(
        &mut self,
        tp: &TopicPartition,
        records: &Bytes,
        epoch: LeaderEpoch,
        now: Now,
    ) -> Result<Offset, ErrorCode> {
        let batches = self.following(tp)?.replicable(records, epoch);
        for batch in batches.map_err(|Refusal { error, .. }| error)? {
            self.append(tp, Append::Replicated(batch), now)
                .map_err(|Refusal { error, .. }| error)?;
        }
        self.following(tp).map(Log::log_end)
    }

    /// Takes note of what is replicated, as far as it is here, and answers the high watermark.
    pub fn replicated(&mut self, tp: &TopicPartition, end: Offset, now: Now) -> Result<Offset, ErrorCode> {
        self.command(tp, Command::Replicated(end), now)?;
        self.following(tp).map(Log::high_watermark)
    }

    /// Cuts off what stands at or behind an offset; answers where the log ends now.
    pub fn truncate_log(&mut self, tp: &TopicPartition, to: Offset, now: Now) -> Result<Offset, ErrorCode> {
        let log = self.following(tp)?;
        if to < Offset(0) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if to >= log.log_end() {
            let left = Change::Truncated(Box::new(log.without_empty_epoch()));
            self.carry(tp, &left, now)?;
            return self.following(tp).map(Log::log_end);
        }
        if to < log.segments()[0].base {
            return self.restart_log(tp, to, now);
        }
        self.cut(tp, to, now, |log, store| log.truncated(store, to, now))
    }

    /// Empties a log, which goes on at an offset.
    pub fn restart_log(&mut self, tp: &TopicPartition, at: Offset, now: Now) -> Result<Offset, ErrorCode> {
        let begins = at.min(self.following(tp)?.log_start());
        self.cut(tp, begins, now, |log, store| log.restarted(store, at, now))
    }

    fn cut(
        &mut self,
        tp: &TopicPartition,
        to: Offset,
        now: Now,
        cut: impl FnOnce(&Log, &mut dyn Store) -> Result<Log, StoreError>,
    ) -> Result<Offset, ErrorCode> {
        self.stop_cleaning(tp, to);
        let left = self.doubt(tp, to).and_then(|()| match self.logs.open.get(tp) {
            Some(log) => cut(log, &mut *self.store).map(Some),
            None => Ok(None),
        });
        match left {
            Ok(Some(left)) => self.carry(tp, &Change::Truncated(Box::new(left)), now)?,
            Ok(None) => return Err(ErrorCode::UnknownTopicOrPartition),
            Err(error) => {
                self.carry(tp, &Change::WentOffline, now)?;
                return Err(self.out_of_service(tp, &error));
            }
        }
        self.partition_moved(tp, now);
        self.following(tp).map(Log::log_end)
    }

    /// What comes behind the cut will be other bytes: nothing behind it may be believed to be on the disk.
    fn doubt(&mut self, tp: &TopicPartition, cut: Offset) -> Result<(), StoreError> {
        match self.logs.open.get_mut(tp).filter(|log| log.recovery_point() > cut) {
            Some(log) => log.apply(&Change::Flushed(cut)),
            None => return Ok(()),
        }
        self.write_recovery_points()
    }

    fn following(&self, tp: &TopicPartition) -> Result<&Log, ErrorCode> {
        let log = self.log(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if log.is_offline() {
            Err(ErrorCode::KafkaStorageError)
        } else {
            Ok(log)
        }
    }
}
