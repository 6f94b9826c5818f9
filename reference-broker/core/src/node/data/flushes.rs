//! Group commit: what `flush.messages` wants on the disk before a producer is answered is synced by whoever runs the node, for all
//! that wait at once, while the node goes on. Until then no consumer sees it and no producer hears of it.

use std::collections::BTreeSet;

use super::Node;
use crate::log::{Change, Log};
use crate::machine::Machine;
use crate::store::StoreError;
use crate::units::{LeaderEpoch, Now, Offset, TopicId, TopicPartition};

/// What waits for the disk.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    /// Somebody else syncs; without that the node does, and waits.
    elsewhere: bool,
    due: BTreeSet<TopicPartition>,
    promises: Vec<Promise>,
}

/// An answer may leave once a log is on the disk up to an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    tp: TopicPartition,
    id: TopicId,
    end: Offset,
}

/// Files to be synced, and what is on the disk then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flush {
    tp: TopicPartition,
    id: TopicId,
    /// What was there in another epoch may have been cut off since, and be other bytes now.
    epoch: LeaderEpoch,
    end: Offset,
    /// Directory and name of each.
    pub files: Vec<(String, String)>,
}

impl Node {
    /// From now on [`Node::take_flushes`] is asked for what is to be synced, and [`Node::flushed`] told.
    pub fn flush_elsewhere(&mut self) {
        self.logs.flushes.elsewhere = true;
    }

    /// What the answer to the request just served has to wait for.
    pub fn take_promises(&mut self) -> Vec<Promise> {
        std::mem::take(&mut self.logs.flushes.promises)
    }

    /// Is it on the disk, or nothing that can ever be?
    pub fn is_settled(&self, promise: &Promise) -> bool {
        let log = self.in_service(&promise.tp, promise.id);
        // What a later leader has cut off never comes to the disk.
        log.is_none_or(|log| log.recovery_point() >= promise.end || log.log_end() < promise.end)
    }

    /// A partition that was promised something is still in service.
    pub fn is_kept(&self, promise: &Promise) -> bool {
        self.log(&promise.tp).is_none_or(|log| !log.is_offline())
    }

    /// All that is to be synced by now.
    pub fn take_flushes(&mut self) -> Vec<Flush> {
        let due = std::mem::take(&mut self.logs.flushes.due);
        due.into_iter().filter_map(|tp| self.flush_of(tp)).collect()
    }

    /// The files are on the disk, or cannot be brought there.
    pub fn flushed(&mut self, flush: &Flush, synced: Result<(), StoreError>, now: Now) {
        let Some(log) = self.in_service(&flush.tp, flush.id) else {
            return;
        };
        if log.leader_epoch() != flush.epoch {
            self.logs.flushes.due.insert(flush.tp.clone());
            return;
        }
        let changes = match &synced {
            Ok(()) if self.role(&flush.tp).is_some() => vec![Change::Flushed(flush.end)],
            Ok(()) => vec![Change::Flushed(flush.end), Change::HighWatermarkMoved(flush.end)],
            Err(_) => vec![Change::WentOffline],
        };
        if let Err(error) = synced {
            self.out_of_service(&flush.tp, &error);
        }
        if let Some(log) = self.logs.open.get_mut(&flush.tp) {
            let moves = |log: &Log, change: &Change| match change {
                Change::Flushed(end) => *end > log.recovery_point(),
                Change::HighWatermarkMoved(end) => *end > log.high_watermark(),
                _ => true,
            };
            for change in changes {
                if moves(log, &change) {
                    log.apply(&change);
                }
            }
        }
        self.watermark_may_move(&flush.tp, now);
        self.partition_moved(&flush.tp, now);
    }

    /// Does `flush.messages` want this log on the disk by now?
    pub(super) fn is_flush_due(&self, tp: &TopicPartition) -> bool {
        self.log(tp)
            .is_some_and(|log| log.log_end().0 - log.recovery_point().0 >= log.config().flush_messages)
    }

    /// Is it somebody else who would sync this log now?
    pub(in crate::node) fn is_flushed_elsewhere(&self, tp: &TopicPartition) -> bool {
        self.logs.flushes.elsewhere && self.is_flush_due(tp)
    }

    /// Makes the present answer wait until all of this log is on the disk.
    pub(super) fn promise(&mut self, tp: &TopicPartition) {
        let Some(log) = self.log(tp) else { return };
        let promise = Promise {
            tp: tp.clone(),
            id: log.topic_id(),
            end: log.log_end(),
        };
        self.logs.flushes.due.insert(tp.clone());
        self.logs.flushes.promises.push(promise);
    }

    fn flush_of(&self, tp: TopicPartition) -> Option<Flush> {
        let log = self.log(&tp).filter(|log| !log.is_offline())?;
        let behind = log
            .segments()
            .partition_point(|segment| segment.base <= log.recovery_point());
        let files = log.segments()[behind.saturating_sub(1)..].iter();
        Some(Flush {
            id: log.topic_id(),
            epoch: log.leader_epoch(),
            end: log.log_end(),
            files: files
                .map(|segment| (log.directory().to_owned(), segment.file()))
                .collect(),
            tp,
        })
    }

    fn in_service(&self, tp: &TopicPartition, id: TopicId) -> Option<&Log> {
        self.log(tp).filter(|log| log.topic_id() == id && !log.is_offline())
    }
}
