//! Compaction on this broker: one log at a time, the dirtiest first, a slice of work between two requests.

use std::collections::{BTreeMap, BTreeSet};

use super::Node;
use crate::log::checkpoint::{CLEANER_OFFSETS, offsets_to_text};
use crate::log::compaction::{CLEANED, Cleanable, Progress, Round};
use crate::log::segment::file_name;
use crate::log::{Change, Log};
use crate::store::StoreError;
use crate::units::{Deadline, Now, Offset, TopicId, TopicName, TopicPartition};

/// How much is read before a request gets its turn.
const SLICE_BYTES: usize = 256 << 10;

/// Where compaction stands.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    /// Up to where each log was compacted: the content of `cleaner-offset-checkpoint`.
    pub(super) cleaned: BTreeMap<TopicPartition, Offset>,
    /// Logs that compaction has failed on; they are left alone until the next start, as Kafka does.
    uncleanable: BTreeSet<TopicPartition>,
    at_work: Option<Work>,
    next: Option<Deadline>,
}

#[derive(Debug)]
struct Work {
    tp: TopicPartition,
    topic_id: TopicId,
    round: Round,
}

impl Cleaner {
    /// There is a log now.
    pub(super) fn begin(&mut self, at: Deadline) {
        self.next.get_or_insert(at);
    }

    /// When there is something to do: at once while a round is under way.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        if self.at_work.is_some() {
            Some(Deadline(i64::MIN))
        } else {
            self.next
        }
    }

    /// A topic is gone.
    pub(super) fn forget(&mut self, topic: &TopicName) {
        self.cleaned.retain(|tp, _| tp.topic != *topic);
        self.uncleanable.retain(|tp| tp.topic != *topic);
    }

    /// Its segments are being copied.
    pub(super) fn works_on(&self, tp: &TopicPartition) -> bool {
        self.at_work.as_ref().is_some_and(|work| work.tp == *tp)
    }
}

impl Node {
    /// Goes on with the round under way, or looks for a log that needs one.
    pub(super) fn cleaner_tick(&mut self, now: Now) {
        if let Some(work) = self.logs.cleaner.at_work.take() {
            return self.go_on(work, now);
        }
        if !self.logs.cleaner.next.is_some_and(|next| next.is_due(now)) {
            return;
        }
        self.logs.cleaner.at_work = self.dirtiest(now);
        if self.logs.cleaner.at_work.is_none() {
            self.logs.cleaner.next = Some(now.plus_ms(self.config.dynamic.cleaner.backoff_ms));
            self.expire_logs(now, |log| log.config().compact);
        }
    }

    fn dirtiest(&self, now: Now) -> Option<Work> {
        let cleaner = &self.logs.cleaner;
        let worth = |(tp, log): (&TopicPartition, &Log)| -> Option<(TopicPartition, Cleanable)> {
            let plan = log
                .cleanable(&*self.store, cleaner.cleaned.get(tp).copied(), now)
                .ok()?;
            plan.is_worth_it(log.config().min_cleanable_millionths)
                .then(|| (tp.clone(), plan))
        };
        let compacted = self
            .logs
            .open
            .iter()
            .filter(|(tp, log)| log.config().compact && !log.is_offline() && !cleaner.uncleanable.contains(*tp));
        let (tp, plan) = compacted.filter_map(worth).max_by_key(|(_, plan)| plan.ratio())?;
        let log = self.log(&tp)?;
        Some(Work {
            topic_id: log.topic_id(),
            round: Round::new(log, plan, self.config.dynamic.cleaner.dedupe_buffer_bytes, now),
            tp,
        })
    }

    fn go_on(&mut self, mut work: Work, now: Now) {
        let goes_on = |log: &&Log| log.topic_id() == work.topic_id && !log.is_offline() && log.config().compact;
        let Some(log) = self.logs.open.get(&work.tp).filter(goes_on) else {
            return;
        };
        match work.round.advance(log, &mut *self.store, SLICE_BYTES) {
            Ok(Progress::More) => self.logs.cleaner.at_work = Some(work),
            Ok(Progress::Copied(copy, end)) => {
                let change = Change::SegmentsReplaced(copy, end);
                if self.carry(&work.tp, &change, now).is_ok() {
                    self.logs.cleaner.at_work = Some(work);
                }
            }
            Ok(Progress::Finished(end)) if end > work.round.first_dirty() => self.cleaned(work.tp, end, now),
            Ok(Progress::Finished(end)) => {
                self.complain(format!(
                    "{} is not compacted: the keys of one batch at {end} are too many",
                    work.tp
                ));
                self.give_up(work.tp);
            }
            Err(error) => {
                self.complain(format!("{} is not compacted any more: {error}", work.tp));
                self.give_up(work.tp);
            }
        }
    }

    fn cleaned(&mut self, tp: TopicPartition, end: Offset, now: Now) {
        self.logs.cleaner.cleaned.insert(tp, end);
        self.logs.cleaner.next = Some(now.plus_ms(0));
        // What cannot be written is found out again after a restart: a round more than needed.
        let _ = self.write_cleaner_offsets();
    }

    fn give_up(&mut self, tp: TopicPartition) {
        self.remove_copies(&tp);
        self.logs.cleaner.uncleanable.insert(tp);
    }

    /// A log is about to be cut: what was being copied of it may be what goes.
    pub(super) fn stop_cleaning(&mut self, tp: &TopicPartition, cut: Offset) {
        if self.logs.cleaner.works_on(tp) {
            self.logs.cleaner.at_work = None;
            self.remove_copies(tp);
        }
        if let Some(cleaned) = self.logs.cleaner.cleaned.get_mut(tp) {
            *cleaned = cut.min(*cleaned);
        }
    }

    fn remove_copies(&mut self, tp: &TopicPartition) {
        let Some(log) = self.logs.open.get(tp) else { return };
        for segment in log.segments() {
            let file = format!("{}.{CLEANED}", file_name(segment.base, "log"));
            // A copy that stays is removed at the next start.
            let _ = self.store.remove(log.directory(), &file);
        }
    }

    fn write_cleaner_offsets(&mut self) -> Result<(), StoreError> {
        let cleaned = &self.logs.cleaner.cleaned;
        let text = offsets_to_text(cleaned.iter().map(|(tp, offset)| (tp, *offset)));
        self.store.replace("", CLEANER_OFFSETS, text.as_bytes())
    }
}
