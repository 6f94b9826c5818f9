//! What time does to logs: producers are forgotten, segments expire, checkpoints are written, deleted files go.

use std::collections::BTreeSet;

use super::Node;
use crate::config::BrokerConfig;
use crate::log::{Change, Command, Log};
use crate::machine::Machine;
use crate::units::{Deadline, Now, TopicPartition};

/// When each kind of work falls due next; nothing does before there is a log.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    due: Option<Dues>,
    /// What was deleted, by the time at which it goes: whole directories, and files of a directory.
    discarded: BTreeSet<(Deadline, String, Option<String>)>,
}

#[derive(Debug, Clone, Copy)]
struct Dues {
    producers: Deadline,
    retention: Deadline,
    checkpoints: Deadline,
}

impl Upkeep {
    /// There is a log now.
    pub(super) fn begin(&mut self, config: &BrokerConfig, now: Now) {
        self.due.get_or_insert(Dues {
            producers: now.plus_ms(config.producer_id_expiration_check_ms),
            retention: now.plus_ms(config.initial_task_delay_ms),
            checkpoints: now.plus_ms(config.initial_task_delay_ms),
        });
    }

    /// When something falls due.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let discarded = self.discarded.first().map(|(deadline, ..)| *deadline);
        let due = self
            .due
            .map(|due| due.producers.min(due.retention).min(due.checkpoints));
        discarded.into_iter().chain(due).min()
    }

    /// Notes a directory, or a file in one, that nobody needs from then on.
    pub(super) fn discard(&mut self, at: Deadline, directory: String, file: Option<String>) {
        self.discarded.insert((at, directory, file));
    }

    fn pop_discarded(&mut self, now: Now) -> Option<(String, Option<String>)> {
        let due = self
            .discarded
            .first()
            .is_some_and(|(deadline, ..)| deadline.is_due(now));
        let (_, directory, file) = if due { self.discarded.pop_first() } else { None }?;
        Some((directory, file))
    }
}

impl Node {
    /// Lets happen what has fallen due.
    pub(super) fn upkeep_tick(&mut self, now: Now) {
        self.remove_discarded(now);
        let Some(mut due) = self.logs.upkeep.due else { return };
        if due.producers.is_due(now) {
            due.producers = now.plus_ms(self.config.producer_id_expiration_check_ms);
            self.forget_producers(now);
        }
        if due.retention.is_due(now) {
            due.retention = now.plus_ms(self.config.retention_check_ms);
            self.expire_logs(now, |log| !log.config().compact);
        }
        // One file between two requests; what is on the disk is written down once nothing waits for it.
        if due.checkpoints.is_due(now) && !self.flush_one_sealed() {
            due.checkpoints = now.plus_ms(self.config.checkpoint_ms);
            // What cannot be written now is written with the next one: a checkpoint only spares work.
            let _ = self.write_checkpoints();
        }
        self.logs.upkeep.due = Some(due);
    }

    /// Waits until one more segment that is full is on the disk; false where all are.
    fn flush_one_sealed(&mut self) -> bool {
        let waiting = self.logs.open.iter().find_map(|(tp, log)| {
            let sealed = log.segments().windows(2).map(|pair| pair[1].base);
            let next = sealed.into_iter().find(|end| *end > log.recovery_point())?;
            (!log.is_offline()).then(|| (tp.clone(), next))
        });
        let Some((tp, end)) = waiting else { return false };
        // A log that cannot be synced is offline now, and no longer waits.
        let _ = self.flush_to(&tp, end);
        true
    }

    /// Lets the logs that fit lose what has had its time.
    pub(super) fn expire_logs(&mut self, now: Now, fits: impl Fn(&Log) -> bool) {
        let cleaner = &self.logs.cleaner;
        let at_rest = self
            .logs
            .open
            .iter()
            .filter(|(tp, log)| fits(log) && !log.is_metadata() && !log.is_offline() && !cleaner.works_on(tp));
        let partitions: Vec<TopicPartition> = at_rest.map(|(tp, _)| tp.clone()).collect();
        for tp in partitions {
            // A log that cannot be cut is offline now, which is all that there is to be told.
            let _ = self.command(&tp, Command::Expire, now);
        }
    }

    fn forget_producers(&mut self, now: Now) {
        let until_ms = now
            .unix_ms
            .saturating_sub(self.config.dynamic.producer_id_expiration_ms);
        self.logs
            .open
            .values_mut()
            .for_each(|log| log.apply(&Change::ProducersExpired { until_ms }));
    }

    /// Removes the directories and files whose time has come.
    fn remove_discarded(&mut self, now: Now) {
        while let Some((directory, file)) = self.logs.upkeep.pop_discarded(now) {
            // What cannot be removed now is tried again at the next start.
            let _ = match file {
                Some(file) => self.store.remove(&directory, &file),
                None => self.store.remove_directory(&directory),
            };
        }
    }
}
