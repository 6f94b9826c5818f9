//! The logs of one broker: what is decided is written to the store, then applied, then told to whoever waits for it.

mod cleaner;
mod directory;
mod flushes;
mod perform;
mod replicate;
mod upkeep;

use std::collections::HashMap;

use bytes::Bytes;

use self::cleaner::Cleaner;
use self::directory::Checkpoints;
pub(crate) use self::directory::Kept;
use self::flushes::Flushes;
pub use self::flushes::{Flush, Promise};
use self::upkeep::Upkeep;
use super::Node;
use super::replicas::epoch_error;
use crate::config::TopicConfig;
use crate::log::append::{Append, Appended, Entering, MarkerRule, Refusal};
use crate::log::build::{Batch, KeyValue};
use crate::log::compression::Codec;
use crate::log::segment::Segment;
use crate::log::timestamp::Dated;
use crate::log::walk::Walked;
use crate::log::{Command, Log, Outcome};
use crate::mutant::{self, Mutant};
use crate::store::StoreError;
use crate::units::{Deadline, ErrorCode, LeaderEpoch, Now, Offset, Producer, TopicId, TopicName, TopicPartition};

/// The topic that holds the cluster's metadata.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// Its one partition.
pub(crate) fn metadata() -> TopicPartition {
    TopicPartition::new(METADATA_TOPIC, 0)
}

/// The logs, and what the data directory says of those that are not open yet.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    open: HashMap<TopicPartition, Log>,
    found: Checkpoints,
    upkeep: Upkeep,
    cleaner: Cleaner,
    flushes: Flushes,
}

impl Logs {
    /// The log of a partition.
    pub(crate) fn get(&self, tp: &TopicPartition) -> Option<&Log> {
        self.open.get(tp)
    }
}

impl Node {
    /// Opens the log of a partition, making it where there is none, and leads it in this epoch.
    pub(crate) fn create_log(
        &mut self,
        tp: &TopicPartition,
        id: TopicId,
        config: TopicConfig,
        epoch: LeaderEpoch,
        now: Now,
    ) -> Result<(), ErrorCode> {
        self.open_hosted(tp, id, config, Kept::Alone, now)?;
        match self.command(tp, Command::Lead(epoch), now)? {
            Outcome::Refused(refusal) => Err(refusal.error),
            Outcome::Leading
            | Outcome::Expired
            | Outcome::Appended(_)
            | Outcome::LogStart(_)
            | Outcome::HighWatermark(_) => Ok(()),
        }
    }

    /// Opens the log of a partition, making it where there is none.
    pub(crate) fn open_hosted(
        &mut self,
        tp: &TopicPartition,
        id: TopicId,
        config: TopicConfig,
        kept: Kept,
        now: Now,
    ) -> Result<(), ErrorCode> {
        if !self.logs.open.contains_key(tp) {
            let opened = self.open_log(tp, id, config, kept, now);
            let log = opened.map_err(|error| self.out_of_service(tp, &error))?;
            self.logs.open.insert(tp.clone(), log);
            self.logs.upkeep.begin(&self.config, now);
            if self.config.dynamic.cleaner.enable {
                self.logs
                    .cleaner
                    .begin(now.plus_ms(self.config.dynamic.cleaner.backoff_ms));
            }
        }
        Ok(())
    }

    /// Removes a partition's log. Its directory gets a name that no partition has; its files go later.
    pub(crate) fn delete_log(&mut self, tp: &TopicPartition, now: Now) {
        self.forget_role(tp);
        let Some(log) = self.logs.open.remove(tp) else { return };
        self.logs.cleaner.forget(&tp.topic);
        self.discard(&log, now);
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

    /// The log of a partition as clients may ask for it; the cluster's metadata is not among them.
    pub fn partition(&self, tp: &TopicPartition) -> Result<&Log, ErrorCode> {
        match self.log(tp).filter(|log| !log.is_metadata()) {
            Some(log) => Ok(log),
            None => Err(self.why_absent(tp)),
        }
    }

    /// The topic that has this id.
    pub fn topic_named_by(&self, id: TopicId) -> Option<&TopicName> {
        self.image().topic_by_id(id).map(|topic| &topic.name)
    }

    /// Appends what a producer sent.
    pub fn produce(&mut self, tp: &TopicPartition, walked: Walked, now: Now) -> Result<Appended, Refusal> {
        self.append(tp, Append::Client(walked), now)
    }

    /// Appends what a producer sent as the first of its transaction here.
    pub(crate) fn produce_first(
        &mut self,
        tp: &TopicPartition,
        walked: Walked,
        entering: Entering,
        now: Now,
    ) -> Result<Appended, Refusal> {
        self.append(tp, Append::Entering(walked, entering), now)
    }

    fn append(&mut self, tp: &TopicPartition, append: Append, now: Now) -> Result<Appended, Refusal> {
        self.may(tp, &append).map_err(Refusal::bare)?;
        match self.command(tp, Command::Append(append), now) {
            Ok(Outcome::Appended(appended)) => {
                // A batch that was there before may still be on its way to the disk.
                if self.is_flushed_elsewhere(tp) {
                    self.promise(tp);
                }
                Ok(appended)
            }
            Ok(Outcome::Refused(refusal)) => Err(refusal),
            Ok(Outcome::LogStart(_) | Outcome::Leading | Outcome::Expired | Outcome::HighWatermark(_)) => {
                Err(Refusal::bare(ErrorCode::UnknownServerError))
            }
            Err(error) => Err(Refusal::bare(error)),
        }
    }

    /// Only a leader appends, and what a broker writes for itself wants all replicas in sync to have it.
    fn may(&self, tp: &TopicPartition, append: &Append) -> Result<(), ErrorCode> {
        match append {
            Append::Replicated(_) => Ok(()),
            Append::Client(_) | Append::Entering(..) => self.may_append(tp),
            Append::Own(_) | Append::Marker(..) => {
                self.may_append(tp)?;
                match self.is_under_min_isr(tp) {
                    true => Err(ErrorCode::NotEnoughReplicas),
                    false => Ok(()),
                }
            }
        }
    }

    /// Appends the group coordinator's records as one batch, and answers the offset of the last. Kafka's coordinators leave their
    /// batches' base sequence at 0 although there is no producer.
    pub(crate) fn append_records(
        &mut self,
        tp: &TopicPartition,
        records: &[KeyValue],
        now: Now,
    ) -> Result<Offset, ErrorCode> {
        self.append_coordinators(tp, Batch::of(records, now.unix_ms), now)
    }

    /// The same, as part of a producer's transaction.
    pub(crate) fn append_in_transaction(
        &mut self,
        tp: &TopicPartition,
        records: &[KeyValue],
        producer: Producer,
        now: Now,
    ) -> Result<Offset, ErrorCode> {
        let batch = Batch::of(records, now.unix_ms).in_transaction(producer);
        self.append_coordinators(tp, batch, now)
    }

    fn append_coordinators(&mut self, tp: &TopicPartition, mut batch: Batch, now: Now) -> Result<Offset, ErrorCode> {
        batch.header.base_sequence = 0;
        let codec = match mutant::on(Mutant::OffsetsCodecIgnored) {
            true => Codec::None,
            false => self.config.group.offsets_topic_codec,
        };
        let batch = batch.compressed(codec).map_err(|_| ErrorCode::UnknownServerError)?;
        self.may_coordinate(tp)?;
        let appended = self.append_batch(tp, batch, now);
        self.note_unreplicated(tp, self.config.offsets_commit_timeout_ms);
        appended
    }

    /// Appends metadata records, values only as KRaft writes them, and waits until they are on the disk.
    pub(crate) fn append_metadata(&mut self, records: &[Bytes], now: Now) -> Result<Offset, ErrorCode> {
        let records: Vec<KeyValue> = records.iter().map(|value| (None, Some(value.clone()))).collect();
        let last = self.append_batch(&metadata(), Batch::of(&records, now.unix_ms), now)?;
        self.flush_metadata().map(|()| last)
    }

    /// What is given to observers does not go back, whatever happens to this node.
    pub(crate) fn flush_metadata(&mut self) -> Result<(), ErrorCode> {
        self.flush(&metadata())
    }

    /// Appends a batch that this broker built, and answers the offset of its last record.
    pub(crate) fn append_batch(&mut self, tp: &TopicPartition, batch: Batch, now: Now) -> Result<Offset, ErrorCode> {
        self.append_own(tp, Append::Own(batch), now)
    }

    /// Appends an EndTxn marker.
    pub(crate) fn append_marker(
        &mut self,
        tp: &TopicPartition,
        batch: Batch,
        rule: MarkerRule,
        now: Now,
    ) -> Result<Offset, ErrorCode> {
        self.append_own(tp, Append::Marker(batch, rule), now)
    }

    fn append_own(&mut self, tp: &TopicPartition, append: Append, now: Now) -> Result<Offset, ErrorCode> {
        let appended = self.append(tp, append, now);
        appended
            .map(|appended| appended.last_offset)
            .map_err(|refusal| refusal.error)
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

    /// Moves the beginnings of logs up to an offset, or to the high watermark, and answers where each now begins.
    pub fn delete_records(
        &mut self,
        asked: &[(TopicPartition, Option<Offset>)],
        now: Now,
    ) -> Vec<Result<Offset, ErrorCode>> {
        let delete = |(tp, before): &(TopicPartition, Option<Offset>)| match self.command(
            tp,
            Command::DeleteRecords(*before),
            now,
        )? {
            Outcome::LogStart(start) => Ok(start),
            Outcome::Refused(refusal) => Err(refusal.error),
            Outcome::Appended(_) | Outcome::Leading | Outcome::Expired | Outcome::HighWatermark(_) => {
                Err(ErrorCode::UnknownServerError)
            }
        };
        let results: Vec<_> = asked.iter().map(delete).collect();
        if results.iter().any(Result::is_ok) && self.write_log_starts().is_err() {
            return results
                .into_iter()
                .map(|result| result.and(Err(ErrorCode::KafkaStorageError)))
                .collect();
        }
        results
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
        let log = self.kept_log(tp, epoch);
        match self.may_append(tp) {
            // What is wrong with the epoch outranks that.
            Err(error) if !matches!(log, Err(ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownLeaderEpoch)) => {
                Err(error)
            }
            _ => log,
        }
    }

    /// The same, whether this broker leads it or follows.
    ///
    /// # Errors
    /// Kafka's.
    pub fn kept_log(&self, tp: &TopicPartition, epoch: LeaderEpoch) -> Result<&Log, ErrorCode> {
        let log = self.partition(tp)?;
        if let Some(error) = epoch_error(epoch, log.leader_epoch()) {
            return Err(error);
        }
        if log.is_offline() {
            Err(ErrorCode::KafkaStorageError)
        } else {
            Ok(log)
        }
    }

    /// When there is something to forget, to remove or to write down.
    pub(crate) fn logs_deadline(&self) -> Option<Deadline> {
        let deadlines = [self.logs.upkeep.deadline(), self.logs.cleaner.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Lets time pass for the logs.
    pub(crate) fn logs_tick(&mut self, now: Now) {
        self.upkeep_tick(now);
        self.cleaner_tick(now);
    }

    fn why_absent(&self, tp: &TopicPartition) -> ErrorCode {
        let topic = self.image().topic(&tp.topic);
        match topic.and_then(|topic| topic.partition(tp.partition)) {
            Some(partition) if partition.replicas.contains(&self.broker_id()) => ErrorCode::KafkaStorageError,
            Some(_) => ErrorCode::NotLeaderOrFollower,
            None => ErrorCode::UnknownTopicOrPartition,
        }
    }

    fn dated(
        &self,
        tp: &TopicPartition,
        find: impl FnOnce(&Log) -> Result<Option<Dated>, StoreError>,
    ) -> Result<Option<Dated>, ErrorCode> {
        let log = self.log(tp).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        find(log).map_err(|_| ErrorCode::KafkaStorageError)
    }
}

/// The segment that is written to.
fn active(log: &Log) -> &Segment {
    &log.segments()[log.segments().len() - 1]
}
