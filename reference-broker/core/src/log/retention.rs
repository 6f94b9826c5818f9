//! What a log no longer keeps: whole segments from its beginning on, for their place, their size or their age. A segment that
//! is written to goes too when all of it has expired; a new one begins first.

use super::segment::Segment;
use super::{Change, Log, Outcome};
use crate::machine::{Reply, Step};
use crate::mutant::{self, Mutant};
use crate::units::{Now, Offset};

impl Log {
    /// Lets go of what has had its time: Kafka asks for the log's start, then the size, then the time.
    pub(super) fn decide_expire(&self, now: Now) -> Step<Change, Outcome> {
        let mut gone = self.before_start();
        if self.config.delete {
            gone = self.beyond_size(gone);
            gone = self.beyond_time(gone, now);
        }
        Step {
            changes: self.without(gone, now),
            reply: Reply::Now(Outcome::Expired),
            released: Vec::new(),
        }
    }

    fn without(&self, gone: usize, now: Now) -> Vec<Change> {
        let mut changes = Vec::new();
        if gone == 0 {
            return changes;
        }
        let gone = match mutant::on(Mutant::RetentionTakesActive) {
            true => self.segments.len(),
            false => gone,
        };
        let next = self.segments.get(gone).map_or(self.log_end, |next| next.base);
        if gone == self.segments.len() {
            changes.push(Change::SegmentRolled { at_ms: now.unix_ms });
        }
        if next > self.log_start {
            changes.push(Change::LogStartMoved(next));
        }
        changes.push(Change::SegmentsRemoved(next));
        changes
    }

    /// How many segments lie wholly before the log's start.
    fn before_start(&self) -> usize {
        let passed = |at: &usize| {
            self.segments
                .get(at + 1)
                .is_some_and(|next| next.base <= self.log_start)
        };
        (0..self.segments.len()).take_while(passed).count()
    }

    /// As many more as the log can lose without falling below `retention.bytes`.
    fn beyond_size(&self, gone: usize) -> usize {
        let rest = &self.segments[gone..];
        let size: u64 = rest.iter().map(|segment| segment.size).sum();
        let Ok(limit) = u64::try_from(self.config.retention_bytes) else {
            return gone;
        };
        let mut spare = size.saturating_sub(limit);
        let fits = |segment: &&Segment| match spare.checked_sub(segment.size) {
            Some(left) if size >= limit => {
                spare = left;
                true
            }
            _ => false,
        };
        gone + self.removable(gone).take_while(fits).count()
    }

    /// As many more whose newest record is older than `retention.ms`.
    fn beyond_time(&self, gone: usize, now: Now) -> usize {
        let limit = self.config.retention_ms;
        let expired = |segment: &&Segment| now.unix_ms.saturating_sub(segment.newest_ms()) > limit;
        match limit < 0 {
            true => gone,
            false => gone + self.removable(gone).take_while(expired).count(),
        }
    }

    /// Segments that consumers have had their chance to see. An empty one that is written to stays.
    fn removable(&self, from: usize) -> impl Iterator<Item = &Segment> {
        let last = self.segments.len() - 1;
        let end = move |at: usize| self.segments.get(at + 1).map_or(self.log_end, |next| next.base);
        self.segments
            .iter()
            .enumerate()
            .skip(from)
            .take_while(move |(at, segment)| self.high_watermark >= end(*at) && !(*at == last && segment.size == 0))
            .map(|(_, segment)| segment)
    }

    /// Segments below this offset are no longer part of the log.
    pub(super) fn segments_removed(&mut self, below: Offset) {
        self.segments.retain(|segment| segment.base >= below);
    }
}
