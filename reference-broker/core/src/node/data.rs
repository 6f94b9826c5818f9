//! The logs of one broker: what is decided is written to the store, then applied, then told to whoever waits for it.

use std::collections::HashMap;

use bytes::Bytes;

use super::Node;
use crate::config::TopicConfig;
use crate::fetch::{PartitionKey, TopicKey};
use crate::log::append::{Append, Appended, Refusal};
use crate::log::batch::HEADER_LENGTH;
use crate::log::build::{Batch, KeyValue};
use crate::log::checkpoint::{
    CLEAN_SHUTDOWN, HIGH_WATERMARKS, LEADER_EPOCHS, LOG_STARTS, PARTITION_METADATA, RECOVERY_POINTS, epochs_to_text,
    offsets_from_text, offsets_to_text, partition_metadata,
};
use crate::log::read::read_all;
use crate::log::recover::{self, Opening, put, write_indexes};
use crate::log::segment::{Segment, file_name};
use crate::log::timestamp::Dated;
use crate::log::walk::Walked;
use crate::log::{Change, Command, Log, Outcome, snapshot};
use crate::machine::{Machine, Reply};
use crate::store::StoreError;
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset, TopicId, TopicName, TopicPartition};

/// The partition that holds the cluster's metadata.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// The logs, and what the data directory says of those that are not open yet.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    open: HashMap<TopicPartition, Log>,
    names: HashMap<TopicId, TopicName>,
    found: Checkpoints,
}

#[derive(Debug, Default)]
struct Checkpoints {
    clean: bool,
    recovery_points: HashMap<TopicPartition, Offset>,
    log_starts: HashMap<TopicPartition, Offset>,
}

impl Logs {
    /// The log of a partition.
    pub(crate) fn get(&self, tp: &TopicPartition) -> Option<&Log> {
        self.open.get(tp)
    }

    /// The topic that a request means.
    pub(crate) fn name_of(&self, key: &PartitionKey) -> Option<TopicName> {
        match &key.topic {
            TopicKey::Name(name) => Some(name.clone()),
            TopicKey::Id(id) => self.names.get(id).cloned(),
        }
    }
}

impl Node {
    /// Reads the checkpoints of the data directory and takes its mark of a clean stop away. Comes before any log is opened.
    pub(crate) fn recover_logs(&mut self) -> Result<(), StoreError> {
        let files = self.store.files("")?;
        self.logs.found = Checkpoints {
            clean: files.iter().any(|(name, _)| name == CLEAN_SHUTDOWN),
            recovery_points: self.checkpoint(RECOVERY_POINTS, &files)?,
            log_starts: self.checkpoint(LOG_STARTS, &files)?,
        };
        self.store.remove("", CLEAN_SHUTDOWN)
    }

    /// Opens the log of a partition, making it where there is none, and leads it in this epoch.
    pub(crate) fn create_log(
        &mut self,
        tp: &TopicPartition,
        id: TopicId,
        config: TopicConfig,
        epoch: LeaderEpoch,
        now: Now,
    ) -> Result<(), ErrorCode> {
        if !self.logs.open.contains_key(tp) {
            let log = self.open_log(tp, id, config, now).map_err(|_| ErrorCode::KafkaStorageError)?;
            self.logs.open.insert(tp.clone(), log);
            if &*tp.topic != METADATA_TOPIC {
                self.logs.names.insert(id, tp.topic.clone());
            }
        }
        match self.command(tp, Command::Lead(epoch), now)? {
            Outcome::Refused(refusal) => Err(refusal.error),
            Outcome::Leading | Outcome::Appended(_) | Outcome::LogStart(_) => Ok(()),
        }
    }

    /// Removes a partition's log and its files.
    pub(crate) fn delete_log(&mut self, tp: &TopicPartition, now: Now) {
        let Some(log) = self.logs.open.remove(tp) else { return };
        // What cannot be removed is a stray directory: it no longer belongs to any topic.
        let _ = self.store.remove_directory(log.directory());
        // A topic goes as a whole: with the first of its logs its id is nobody's.
        self.logs.names.remove(&log.topic_id());
        self.partition_moved(tp, now);
    }

    /// Lets a log obey another configuration.
    pub(crate) fn reconfigure_log(&mut self, tp: &TopicPartition, config: TopicConfig) {
        if let Some(log) = self.logs.open.get_mut(tp) {
            log.reconfigure(config);
        }
    }

    /// A partition's log, if this broker has it.
    pub fn log(&self, tp: &TopicPartition) -> Option<&Log> {
        self.logs.open.get(tp)
    }

    /// A log that clients may ask for: every one but the cluster's metadata.
    pub fn partition(&self, tp: &TopicPartition) -> Option<&Log> {
        self.log(tp).filter(|_| &*tp.topic != METADATA_TOPIC)
    }

    /// The topic that has this id, among those with a log here.
    pub fn topic_named_by(&self, id: TopicId) -> Option<&TopicName> {
        self.logs.names.get(&id)
    }

    /// Appends what a producer sent.
    pub fn produce(&mut self, tp: &TopicPartition, walked: Walked, now: Now) -> Result<Appended, Refusal> {
        match self.command(tp, Command::Append(Append::Client(walked)), now) {
            Ok(Outcome::Appended(appended)) => Ok(appended),
            Ok(Outcome::Refused(refusal)) => Err(refusal),
            Ok(Outcome::LogStart(_) | Outcome::Leading) => Err(Refusal::bare(ErrorCode::UnknownServerError)),
            Err(error) => Err(Refusal::bare(error)),
        }
    }

    /// Appends a coordinator's records as one batch, and answers the offset of the last. Kafka's coordinators leave their
    /// batches' base sequence at 0 although there is no producer.
    pub(crate) fn append_records(
        &mut self,
        tp: &TopicPartition,
        records: &[KeyValue],
        now: Now,
    ) -> Result<Offset, ErrorCode> {
        let mut batch = Batch::of(records, now.unix_ms);
        batch.header.base_sequence = 0;
        self.append_batch(tp, batch.sealed(), now)
    }

    /// Appends metadata records, values only as KRaft writes them, and waits until they are on the disk.
    pub(crate) fn append_metadata(&mut self, records: &[Bytes], now: Now) -> Result<Offset, ErrorCode> {
        let tp = TopicPartition::new(METADATA_TOPIC, 0);
        let records: Vec<KeyValue> = records.iter().map(|value| (None, Some(value.clone()))).collect();
        let last = self.append_batch(&tp, Batch::of(&records, now.unix_ms), now)?;
        self.flush(&tp).map(|()| last)
    }

    /// Appends a batch that this broker built, and answers the offset of its last record.
    pub(crate) fn append_batch(&mut self, tp: &TopicPartition, batch: Batch, now: Now) -> Result<Offset, ErrorCode> {
        match self.command(tp, Command::Append(Append::Own(batch)), now)? {
            Outcome::Appended(appended) => Ok(appended.last_offset),
            Outcome::Refused(refusal) => Err(refusal.error),
            Outcome::LogStart(_) | Outcome::Leading => Err(ErrorCode::UnknownServerError),
        }
    }

    /// Visits every record from an offset on: offset, key, value, timestamp.
    pub(crate) fn read_records(
        &self,
        tp: &TopicPartition,
        from: Offset,
        visit: &mut dyn FnMut(Offset, Option<Bytes>, Option<Bytes>, i64),
    ) -> Result<(), StoreError> {
        self.log(tp).map_or(Ok(()), |log| log.each(&*self.store, from, visit))
    }

    /// Moves the beginning of a log up to an offset, or to the high watermark, and answers where it now begins.
    pub fn delete_records(&mut self, tp: &TopicPartition, before: Option<Offset>, now: Now) -> Result<Offset, ErrorCode> {
        match self.command(tp, Command::DeleteRecords(before), now)? {
            Outcome::LogStart(start) => Ok(start),
            Outcome::Refused(refusal) => Err(refusal.error),
            Outcome::Appended(_) | Outcome::Leading => Err(ErrorCode::UnknownServerError),
        }
    }

    /// The first record not older than a timestamp.
    pub fn first_at_or_after(&self, tp: &TopicPartition, timestamp: i64) -> Result<Option<Dated>, ErrorCode> {
        self.dated(tp, |log| log.first_at_or_after(&*self.store, timestamp))
    }

    /// The first record that has the largest timestamp.
    pub fn newest(&self, tp: &TopicPartition) -> Result<Option<Dated>, ErrorCode> {
        self.dated(tp, |log| log.newest(&*self.store))
    }

    /// The log of a partition that this broker leads in that epoch (-1 for any), or Kafka's error.
    pub fn led_log(&self, tp: &TopicPartition, epoch: LeaderEpoch) -> Result<&Log, ErrorCode> {
        let log = self.partition(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        match epoch {
            LeaderEpoch(-1) => {}
            stale if stale < log.leader_epoch() => return Err(ErrorCode::FencedLeaderEpoch),
            unknown if unknown > log.leader_epoch() => return Err(ErrorCode::UnknownLeaderEpoch),
            _ => {}
        }
        if log.is_offline() { Err(ErrorCode::KafkaStorageError) } else { Ok(log) }
    }

    /// Writes down all that a restart would else have to find out, and marks the directory as whole.
    pub(crate) fn close_logs(&mut self) -> Result<(), StoreError> {
        for tp in self.partitions() {
            self.close_log(&tp)?;
        }
        let ends = self.offsets(Log::log_end);
        self.store.replace("", RECOVERY_POINTS, ends.as_bytes())?;
        let high_watermarks = self.offsets(Log::high_watermark);
        self.store.replace("", HIGH_WATERMARKS, high_watermarks.as_bytes())?;
        self.write_log_starts()?;
        self.store.replace("", CLEAN_SHUTDOWN, br#"{"version":0,"brokerEpoch":-1}"#)
    }

    /// Waits until all of a log is on the disk.
    fn flush(&mut self, tp: &TopicPartition) -> Result<(), ErrorCode> {
        let Some(log) = self.logs.open.get_mut(tp) else { return Err(ErrorCode::UnknownTopicOrPartition) };
        let change = match self.store.sync(log.directory(), &active(log).file()) {
            Ok(()) => Change::Flushed(log.log_end()),
            Err(_) => Change::WentOffline,
        };
        log.apply(&change);
        if log.is_offline() { Err(ErrorCode::KafkaStorageError) } else { Ok(()) }
    }

    /// Decides, writes, applies, tells. A write that fails takes the log offline.
    fn command(&mut self, tp: &TopicPartition, command: Command, now: Now) -> Result<Outcome, ErrorCode> {
        let log = self.logs.open.get(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let step = log.decide(command, now);
        let Reply::Now(outcome) = step.reply else { return Err(ErrorCode::UnknownServerError) };
        let (end, start) = (log.last_stable_offset(), log.log_start());
        for change in &step.changes {
            if self.perform(tp, change).is_err() {
                self.take_offline(tp, now);
                return Err(ErrorCode::KafkaStorageError);
            }
        }
        let moved = self.log(tp).is_some_and(|log| log.last_stable_offset() != end || log.log_start() != start);
        let appended = step.changes.iter().any(|change| matches!(change, Change::Appended { .. }));
        if moved || appended {
            self.partition_moved(tp, now);
        }
        Ok(outcome)
    }

    /// Writes what a change needs written, then applies it.
    fn perform(&mut self, tp: &TopicPartition, change: &Change) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get_mut(tp) else { return Ok(()) };
        let epochs = log.epochs().entries().len();
        if let Change::Appended { header, records, .. } = change {
            let head: [u8; HEADER_LENGTH] = header.bytes();
            self.store.append(log.directory(), &active(log).file(), &[&head, records])?;
        }
        log.apply(change);
        if let Change::SegmentRolled { .. } = change {
            self.rolled(tp)?;
        }
        let epochs_now = self.log(tp).map_or(0, |log| log.epochs().entries().len());
        if epochs_now != epochs || matches!(change, Change::EpochStarted(_)) {
            self.write_epochs(tp)?;
        }
        if let Change::LogStartMoved(_) = change {
            self.write_log_starts()?;
        }
        Ok(())
    }

    fn rolled(&mut self, tp: &TopicPartition) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get(tp) else { return Ok(()) };
        if let [.., sealed, fresh] = log.segments() {
            write_indexes(&mut *self.store, log.directory(), sealed)?;
            let producers = snapshot::to_bytes(log.producers());
            put(&mut *self.store, log.directory(), &file_name(fresh.base, "snapshot"), &producers)?;
            self.store.append(log.directory(), &fresh.file(), &[])?;
        }
        Ok(())
    }

    fn write_epochs(&mut self, tp: &TopicPartition) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get(tp) else { return Ok(()) };
        let text = epochs_to_text(log.epochs().entries());
        put(&mut *self.store, log.directory(), LEADER_EPOCHS, text.as_bytes())
    }

    fn write_log_starts(&mut self) -> Result<(), StoreError> {
        let moved = |tp: &&TopicPartition| self.log(tp).is_some_and(|log| log.log_start() > log.segments()[0].base);
        let partitions = self.partitions();
        let starts: Vec<_> = partitions.iter().filter(moved).map(|tp| (tp, self.logs.open[tp].log_start())).collect();
        let text = offsets_to_text(starts);
        self.store.replace("", LOG_STARTS, text.as_bytes())
    }

    fn open_log(&mut self, tp: &TopicPartition, id: TopicId, config: TopicConfig, now: Now) -> Result<Log, StoreError> {
        let directory = tp.to_string();
        let opening = Opening {
            clean: self.logs.found.clean,
            recovery_point: self.logs.found.recovery_points.get(tp).copied().unwrap_or_default(),
            log_start: self.logs.found.log_starts.get(tp).copied(),
        };
        let log = recover::open(&mut *self.store, &directory, id, config, opening, now)?;
        self.store.create_directory(&directory)?;
        if log.log_end() == Offset(0) {
            put(&mut *self.store, &directory, PARTITION_METADATA, partition_metadata(id).as_bytes())?;
            self.store.append(&directory, &active(&log).file(), &[])?;
        }
        Ok(log)
    }

    fn close_log(&mut self, tp: &TopicPartition) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get_mut(tp).filter(|log| !log.is_offline()) else { return Ok(()) };
        let directory = log.directory().to_owned();
        let mut last = active(log).clone();
        last.sealed();
        write_indexes(&mut *self.store, &directory, &last)?;
        if log.recovery_point() == log.log_end() {
            return Ok(());
        }
        let from = log.recovery_point();
        for segment in log.segments().iter().rev().take_while(|segment| segment.base >= from || segment.base == last.base) {
            self.store.sync(&directory, &segment.file())?;
        }
        let file = file_name(log.log_end(), "snapshot");
        put(&mut *self.store, &directory, &file, &snapshot::to_bytes(log.producers()))?;
        log.apply(&Change::Flushed(log.log_end()));
        Ok(())
    }

    fn take_offline(&mut self, tp: &TopicPartition, now: Now) {
        if let Some(log) = self.logs.open.get_mut(tp) {
            log.apply(&Change::WentOffline);
        }
        self.partition_moved(tp, now);
    }

    fn dated(
        &self,
        tp: &TopicPartition,
        find: impl FnOnce(&Log) -> Result<Option<Dated>, StoreError>,
    ) -> Result<Option<Dated>, ErrorCode> {
        let log = self.log(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        find(log).map_err(|_| ErrorCode::KafkaStorageError)
    }

    fn checkpoint(&self, name: &str, files: &[(String, u64)]) -> Result<HashMap<TopicPartition, Offset>, StoreError> {
        let Some((_, size)) = files.iter().find(|(file, _)| file == name) else { return Ok(HashMap::new()) };
        let bytes = read_all(&*self.store, "", name, *size)?;
        Ok(offsets_from_text(&String::from_utf8_lossy(&bytes)).into_iter().collect())
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        let mut partitions: Vec<_> = self.logs.open.keys().cloned().collect();
        partitions.sort();
        partitions
    }

    fn offsets(&self, of: fn(&Log) -> Offset) -> String {
        let partitions = self.partitions();
        offsets_to_text(partitions.iter().map(|tp| (tp, of(&self.logs.open[tp]))))
    }
}

fn active(log: &Log) -> &Segment {
    &log.segments()[log.segments().len() - 1]
}
