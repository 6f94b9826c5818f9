//! The data directory as a whole: its checkpoints read at the start, logs opened, all of it written down at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{METADATA_TOPIC, Node, active};
use crate::config::layers::NOTHING;
use crate::config::{TopicConfig, topic};
use crate::log::checkpoint::{
    CLEAN_SHUTDOWN, CLEANER_OFFSETS, HIGH_WATERMARKS, LOG_STARTS, PARTITION_METADATA, RECOVERY_POINTS,
    offsets_from_text, offsets_to_text, partition_metadata, topic_id_of,
};
use crate::log::read::read_all;
use crate::log::recover::{self, Opened, Opening, put, write_indexes};
use crate::log::segment::{Segment, file_name};
use crate::log::{Change, Log, snapshot};
use crate::machine::Machine;
use crate::mutant::{self, Mutant};
use crate::store::{Store, StoreError};
use crate::units::{Now, Offset, TopicId, TopicName, TopicPartition};

/// How the names of deleted partitions' directories end.
const DISCARDED: &str = "-delete";
/// How the names end of directories that belong to no topic that there is. They are never removed.
const STRAY: &str = "-stray";

/// What the data directory says of its logs. Of those that are open the logs know better.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    clean: bool,
    /// In which of its lives this broker left in order (KIP-966).
    left_in_epoch: Option<i64>,
    recovery_points: HashMap<TopicPartition, Offset>,
    log_starts: HashMap<TopicPartition, Offset>,
    high_watermarks: HashMap<TopicPartition, Offset>,
}

/// Who keeps a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nobody else: all of it is as replicated as it can be.
    Alone,
    /// Others too: up to the high watermark that was last written down it surely is on them.
    WithOthers,
}

impl Checkpoints {
    fn mention(&self, tp: &TopicPartition) -> bool {
        self.recovery_points.contains_key(tp) || self.log_starts.contains_key(tp)
    }

    fn forget(&mut self, topic: &TopicName) {
        self.recovery_points.retain(|tp, _| tp.topic != *topic);
        self.log_starts.retain(|tp, _| tp.topic != *topic);
        self.high_watermarks.retain(|tp, _| tp.topic != *topic);
    }
}

impl Node {
    /// Reads the checkpoints of the data directory and whether it was left in order. Comes before any log is opened.
    pub(crate) fn recover_logs(&mut self) -> Result<(), StoreError> {
        let files = self.store.files("")?;
        self.logs.found = Checkpoints {
            clean: files.iter().any(|(name, _)| name == CLEAN_SHUTDOWN),
            left_in_epoch: self.left_in_epoch(&files)?,
            recovery_points: self.checkpoint(RECOVERY_POINTS, &files)?,
            log_starts: self.checkpoint(LOG_STARTS, &files)?,
            high_watermarks: self.checkpoint(HIGH_WATERMARKS, &files)?,
        };
        self.logs.cleaner.cleaned = self.checkpoint(CLEANER_OFFSETS, &files)?.into_iter().collect();
        Ok(())
    }

    /// The epoch of the life in which this broker was stopped in order; -1 where it was not, or never lived.
    pub(crate) fn previous_epoch(&self) -> i64 {
        self.logs.found.left_in_epoch.unwrap_or(-1)
    }

    fn left_in_epoch(&self, files: &[(String, u64)]) -> Result<Option<i64>, StoreError> {
        let Some((_, size)) = files.iter().find(|(name, _)| name == CLEAN_SHUTDOWN) else {
            return Ok(None);
        };
        let bytes = read_all(&*self.store, "", CLEAN_SHUTDOWN, *size)?;
        let text = String::from_utf8_lossy(&bytes);
        let after = text.split_once("\"brokerEpoch\":").map(|(_, after)| after.trim_start());
        let digits = after.map(|after| after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
        Ok(digits.and_then(|digits| digits.parse().ok()))
    }

    /// What was deleted before the stop gets its delay anew: that of this broker, for its topic is gone. Comes after the
    /// metadata, which may have another than the start.
    pub(crate) fn recover_discarded(&mut self, now: Now) -> Result<(), StoreError> {
        let layers = self.image().layers(self.broker_id(), &self.config.fixed);
        let at = now.plus_ms(topic::resolve(&NOTHING, layers).file_delete_delay_ms);
        for directory in self.store.directories()?.into_iter().filter(|name| is_discarded(name)) {
            self.logs.upkeep.discard(at, directory, None);
        }
        Ok(())
    }

    /// From here on a stop without another mark is a crash. A directory that was refused until then keeps its mark.
    pub(crate) fn begin_writing(&mut self) -> Result<(), StoreError> {
        self.store.remove("", CLEAN_SHUTDOWN)
    }

    /// Up to where a log was on the disk when that was last written down.
    pub(crate) fn recovery_point_found(&self, tp: &TopicPartition) -> Offset {
        self.logs.found.recovery_points.get(tp).copied().unwrap_or_default()
    }

    /// Is there a directory of a topic's partition?
    pub(crate) fn has_partitions(&self) -> Result<bool, StoreError> {
        for directory in self.store.directories()? {
            let is_topics = partition_of(&directory).is_some_and(|tp| *tp.topic != *METADATA_TOPIC);
            if is_topics && self.topic_id_in(&directory)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Renames the directory of a deleted log, to be removed after `file.delete.delay.ms`.
    pub(super) fn discard(&mut self, log: &Log, now: Now) {
        let discarded = aside(log.directory(), log.topic_id(), DISCARDED);
        // What cannot be renamed is set aside where a topic of this name is made again.
        if self.store.rename_directory(log.directory(), &discarded).is_ok() {
            let at = now.plus_ms(log.config().file_delete_delay_ms);
            self.logs.upkeep.discard(at, discarded, None);
        }
    }

    /// Renames a directory that is of another topic of this name: one whose deletion was cut short. Its records must not show up
    /// in the topic made since.
    fn set_stray_aside(&mut self, directory: &str, id: TopicId) -> Result<(), StoreError> {
        match self.topic_id_in(directory)? {
            Some(stray) if stray != id => self.set_aside_as_stray(directory, stray),
            _ => Ok(()),
        }
    }

    fn set_aside_as_stray(&mut self, directory: &str, id: TopicId) -> Result<(), StoreError> {
        let name = aside(directory, id, STRAY);
        self.store.rename_directory(directory, &name)?;
        self.complain(format!("{directory} is of no topic that there is: it is now {name}"));
        Ok(())
    }

    /// Renames the directories of partitions that the metadata do not know.
    pub(crate) fn set_strays_aside(&mut self, known: &BTreeSet<(TopicPartition, TopicId)>) -> Result<(), StoreError> {
        let known: HashSet<String> = known.iter().map(|(tp, _)| tp.to_string()).collect();
        for directory in self.store.directories()? {
            let is_metadata = partition_of(&directory).is_none_or(|tp| *tp.topic == *METADATA_TOPIC);
            if is_metadata || known.contains(&directory) || mutant::on(Mutant::StraysKept) {
                continue;
            }
            if let Some(id) = self.topic_id_in(&directory)? {
                self.set_aside_as_stray(&directory, id)?;
            }
        }
        Ok(())
    }

    /// What `partition.metadata` says; none where it is missing or says nothing, which is damage and no proof of a stray.
    fn topic_id_in(&self, directory: &str) -> Result<Option<TopicId>, StoreError> {
        let files = self.store.files(directory)?;
        let Some((_, size)) = files.iter().find(|(file, _)| file == PARTITION_METADATA) else {
            return Ok(None);
        };
        let bytes = read_all(&*self.store, directory, PARTITION_METADATA, *size)?;
        Ok(topic_id_of(&String::from_utf8_lossy(&bytes)))
    }

    /// Writes down all that a restart would else have to find out, and marks the directory as whole.
    pub(crate) fn close_logs(&mut self) -> Result<(), StoreError> {
        let partitions: Vec<TopicPartition> = self.logs.open.keys().cloned().collect();
        for tp in &partitions {
            self.close_log(tp)?;
        }
        self.write_checkpoints()?;
        if mutant::on(Mutant::CleanStopUnmarked) {
            return Ok(());
        }
        let epoch = self.own_epoch().epoch;
        let mark = format!(r#"{{"version":0,"brokerEpoch":{epoch}}}"#);
        self.store.replace("", CLEAN_SHUTDOWN, mark.as_bytes())
    }

    /// Writes down how far each log is on the disk, how far it may be read, and where it begins.
    pub(super) fn write_checkpoints(&mut self) -> Result<(), StoreError> {
        self.write_recovery_points()?;
        let open = self.logs.open.iter().filter(|(_, log)| !log.is_metadata());
        let high_watermarks: BTreeMap<_, _> = open.map(|(tp, log)| (tp, log.high_watermark())).collect();
        self.store
            .replace("", HIGH_WATERMARKS, offsets_to_text(high_watermarks).as_bytes())?;
        self.write_log_starts()
    }

    /// Opens the log in a partition's directory, or makes it.
    pub(super) fn open_log(
        &mut self,
        tp: &TopicPartition,
        id: TopicId,
        config: TopicConfig,
        kept: Kept,
        now: Now,
    ) -> Result<Log, StoreError> {
        let directory = tp.to_string();
        self.set_stray_aside(&directory, id)?;
        let is_new = self.store.files(&directory)?.is_empty();
        if is_new && self.logs.found.mention(tp) {
            // What the checkpoints say is of an earlier topic of this name.
            self.logs.found.forget(&tp.topic);
            self.write_recovery_points()?;
            self.write_log_starts()?;
        }
        let opening = Opening {
            clean: self.logs.found.clean,
            recovery_point: self.recovery_point_found(tp),
            log_start: self.logs.found.log_starts.get(tp).copied(),
            high_watermark: match kept {
                Kept::Alone => None,
                Kept::WithOthers => Some(self.logs.found.high_watermarks.get(tp).copied().unwrap_or_default()),
            },
        };
        let Opened { log, damage } = recover::open(&mut *self.store, &directory, id, config, opening, now)?;
        damage.into_iter().for_each(|told| self.complain(told));
        if is_new {
            self.store.create_directory(&directory)?;
            put(
                &mut *self.store,
                &directory,
                PARTITION_METADATA,
                partition_metadata(id).as_bytes(),
            )?;
        }
        if is_new || self.lacks_its_file(&log)? {
            make_files(&mut *self.store, &log)?;
        }
        Ok(log)
    }

    /// A log that lost all of its files, or whose only copy was none, begins anew.
    fn lacks_its_file(&self, log: &Log) -> Result<bool, StoreError> {
        let last = active(log);
        if last.size > 0 {
            return Ok(false);
        }
        let files = self.store.files(log.directory())?;
        Ok(!files.iter().any(|(file, _)| *file == last.file()))
    }

    /// Where each log begins, for those that DeleteRecords moved.
    pub(super) fn write_log_starts(&mut self) -> Result<(), StoreError> {
        let mut starts = self.unopened(&self.logs.found.log_starts);
        let moved = self
            .logs
            .open
            .iter()
            .filter(|(_, log)| log.log_start() > log.segments()[0].base);
        starts.extend(moved.map(|(tp, log)| (tp, log.log_start())));
        let text = offsets_to_text(starts);
        self.store.replace("", LOG_STARTS, text.as_bytes())
    }

    pub(super) fn write_recovery_points(&mut self) -> Result<(), StoreError> {
        let mut points = self.unopened(&self.logs.found.recovery_points);
        points.extend(self.logs.open.iter().map(|(tp, log)| (tp, log.recovery_point())));
        let text = offsets_to_text(points);
        self.store.replace("", RECOVERY_POINTS, text.as_bytes())
    }

    fn unopened<'a>(&self, found: &'a HashMap<TopicPartition, Offset>) -> BTreeMap<&'a TopicPartition, Offset>
    where
        Self: 'a,
    {
        found
            .iter()
            .filter(|(tp, _)| !self.logs.open.contains_key(tp))
            .map(|(tp, offset)| (tp, *offset))
            .collect()
    }

    fn close_log(&mut self, tp: &TopicPartition) -> Result<(), StoreError> {
        let Some(log) = self.logs.open.get_mut(tp).filter(|log| !log.is_offline()) else {
            return Ok(());
        };
        if active(log).size == 0 && log.recovery_point() == log.log_end() {
            return Ok(());
        }
        let directory = log.directory().to_owned();
        let mut last: Segment = active(log).clone();
        last.sealed();
        write_indexes(&mut *self.store, &directory, &last)?;
        if log.recovery_point() == log.log_end() {
            return Ok(());
        }
        let from = log.recovery_point();
        for segment in log
            .segments()
            .iter()
            .filter(|segment| segment.base.0 + 1 > from.0 || segment.base == last.base)
        {
            self.store.sync(&directory, &segment.file())?;
        }
        let file = file_name(log.log_end(), "snapshot");
        put(
            &mut *self.store,
            &directory,
            &file,
            &snapshot::to_bytes(log.producers()),
        )?;
        log.apply(&Change::Flushed(log.log_end()));
        Ok(())
    }

    fn checkpoint(&self, name: &str, files: &[(String, u64)]) -> Result<HashMap<TopicPartition, Offset>, StoreError> {
        let Some((_, size)) = files.iter().find(|(file, _)| file == name) else {
            return Ok(HashMap::new());
        };
        let bytes = read_all(&*self.store, "", name, *size)?;
        Ok(offsets_from_text(&String::from_utf8_lossy(&bytes))
            .into_iter()
            .collect())
    }
}

/// What a directory is called that is no partition's any more. Names are cut where a file system cuts them off, as Kafka does.
fn aside(directory: &str, id: TopicId, ending: &str) -> String {
    const LONGEST: usize = 255;
    let id: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = directory.len().min(LONGEST - 1 - id.len() - ending.len());
    format!("{}.{id}{ending}", &directory[..kept])
}

/// `t-0.<32 hex digits>-delete`, and no directory of anyone else's.
fn is_discarded(name: &str) -> bool {
    let parts = name.strip_suffix(DISCARDED).and_then(|name| name.rsplit_once('.'));
    parts.is_some_and(|(partition, id)| {
        (partition_of(partition).is_some() || name.len() == 255)
            && id.len() == 32
            && id.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// The partition whose directory has this name.
fn partition_of(directory: &str) -> Option<TopicPartition> {
    let (topic, partition) = directory.rsplit_once('-')?;
    let is_number = !partition.is_empty() && partition.bytes().all(|digit| digit.is_ascii_digit());
    let partition = partition.parse().ok().filter(|_| is_number && !topic.is_empty())?;
    Some(TopicPartition::new(topic, partition))
}

/// Makes the files of a new segment. Its indexes are filled when it is full or the broker stops.
pub(super) fn make_files(store: &mut dyn Store, log: &Log) -> Result<(), StoreError> {
    let base = active(log).base;
    for suffix in ["log", "index", "timeindex"] {
        store.append(log.directory(), &file_name(base, suffix), &[])?;
    }
    Ok(())
}
