//! Which part of a log may be compacted, and whether it is worth it: the dirty ratio, and the two compaction lags.

use std::ops::ControlFlow;

use super::super::Log;
use super::super::read::scan;
use super::super::segment::Segment;
use crate::store::{Store, StoreError};
use crate::units::{Now, Offset};

/// What a round of compaction would do to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleanable {
    /// Below it all was compacted before.
    pub first_dirty: Offset,
    /// From here on nothing may be compacted yet.
    pub first_uncleanable: Offset,
    dirty_bytes: u64,
    total_bytes: u64,
    /// Something in it has waited for `max.compaction.lag.ms`.
    overdue: bool,
}

impl Cleanable {
    /// Millionths of the log that no round has seen.
    pub fn ratio(&self) -> u64 {
        (self.dirty_bytes.saturating_mul(1_000_000))
            .checked_div(self.total_bytes)
            .unwrap_or(0)
    }

    /// Is it worth a round?
    pub fn is_worth_it(&self, least_millionths: u64) -> bool {
        self.dirty_bytes > 0 && (self.overdue || self.ratio() > least_millionths)
    }
}

impl Log {
    /// What a round would find, the last one having come to `cleaned_to`.
    pub fn cleanable(&self, store: &dyn Store, cleaned_to: Option<Offset>, now: Now) -> Result<Cleanable, StoreError> {
        let first_dirty = cleaned_to
            .filter(|offset| *offset >= self.log_start && *offset <= self.log_end)
            .unwrap_or(self.log_start);
        let bytes = |segments: &[Segment]| segments.iter().map(|segment| segment.size).sum::<u64>();
        let clean = self.segments.partition_point(|segment| segment.base < first_dirty);
        let end = self.segment_index(self.first_uncleanable(first_dirty, now).max(first_dirty));
        let first_uncleanable = self.segments[end].base;
        let from = self.segment_index(first_dirty).min(end);
        let dirty_bytes = bytes(&self.segments[from..end]);
        Ok(Cleanable {
            first_dirty,
            first_uncleanable,
            dirty_bytes,
            total_bytes: bytes(&self.segments[..clean]) + dirty_bytes,
            overdue: self.is_overdue(store, &self.segments[from..self.segments.len() - 1], now)?,
        })
    }

    /// Neither the segment that is written to, nor what is undecided, nor what is younger than `min.compaction.lag.ms`.
    fn first_uncleanable(&self, first_dirty: Offset, now: Now) -> Offset {
        let bound = self.active().base.min(self.last_stable_offset());
        let lag = self.config.min_compaction_lag_ms;
        let sealed = &self.segments[..self.segments.len() - 1];
        let young = sealed[self.segment_index(first_dirty).min(sealed.len())..]
            .iter()
            .find(|segment| lag > 0 && segment.newest_ms() > now.unix_ms.saturating_sub(lag));
        young.map_or(bound, |segment| segment.base.min(bound))
    }

    fn is_overdue(&self, store: &dyn Store, dirty: &[Segment], now: Now) -> Result<bool, StoreError> {
        let until = now.unix_ms.saturating_sub(self.config.max_compaction_lag_ms.max(0));
        for segment in dirty {
            if until > 0
                && self
                    .begins_at(store, segment)?
                    .is_some_and(|begins| begins > 0 && begins < until)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The time of a segment's first batch; of one that was not read since the start only its file knows.
    fn begins_at(&self, store: &dyn Store, segment: &Segment) -> Result<Option<i64>, StoreError> {
        let mut first = segment.first_timestamp;
        if first.is_none() {
            scan(store, &self.directory, segment, 0, &mut |_, header| {
                first = Some(header.max_timestamp);
                ControlFlow::Break(())
            })?;
        }
        Ok(first)
    }
}
