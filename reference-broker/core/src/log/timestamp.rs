//! From time to offset: the first record not older than a timestamp, and the first of the newest, precise to the record
//! inside a batch, compressed or not.

use std::ops::ControlFlow;

use super::Log;
use super::batch::BatchHeader;
use super::read::scan;
use super::segment::Segment;
use super::walk::each_record;
use crate::store::{Store, StoreError};
use crate::units::{LeaderEpoch, Offset};

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: i64,
    /// The epoch in which it was appended.
    pub leader_epoch: LeaderEpoch,
}

impl Log {
    /// The first readable record whose timestamp is not below `timestamp`.
    pub fn first_at_or_after(&self, store: &dyn Store, timestamp: i64) -> Result<Option<Dated>, StoreError> {
        for segment in self
            .segments
            .iter()
            .filter(|segment| segment.max_timestamp.0 >= timestamp)
        {
            let near = segment.times.offset(segment.base, timestamp).max(self.log_start);
            let from = segment.offsets.position(segment.base, near);
            let wanted = |header: &BatchHeader| header.max_timestamp >= timestamp;
            let found = self.find(store, segment, from, &wanted, &|offset, time| {
                time >= timestamp && offset >= self.log_start
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The first record that has the largest timestamp of all.
    pub fn newest(&self, store: &dyn Store) -> Result<Option<Dated>, StoreError> {
        let largest = self
            .segments
            .iter()
            .map(|segment| segment.max_timestamp.0)
            .max()
            .unwrap_or(-1);
        let Some(segment) = self.segments.iter().find(|segment| segment.max_timestamp.0 == largest) else {
            return Ok(None);
        };
        let from = segment.offsets.position(segment.base, segment.max_timestamp.1);
        let wanted = |header: &BatchHeader| header.max_timestamp == largest;
        self.find(store, segment, from, &wanted, &|_, time| time == largest)
    }

    /// The first record that fits, in the first batches whose header promises one.
    fn find(
        &self,
        store: &dyn Store,
        segment: &Segment,
        from: u64,
        wanted: &dyn Fn(&BatchHeader) -> bool,
        fits: &dyn Fn(Offset, i64) -> bool,
    ) -> Result<Option<Dated>, StoreError> {
        let mut found = Ok(None);
        scan(store, &self.directory, segment, from, &mut |position, header| {
            if !wanted(header) {
                return ControlFlow::Continue(());
            }
            found = self
                .records_of(store, segment, position, header)
                .map(|records| first_fit(header, &records, fits));
            if matches!(found, Ok(None)) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        found
    }
}

fn first_fit(header: &BatchHeader, records: &[u8], fits: &dyn Fn(Offset, i64) -> bool) -> Option<Dated> {
    let mut found = None;
    // A batch that cannot be stepped over was checked before it was written: what was found until then counts.
    let _ = each_record(header, records, &mut |record| {
        let offset = Offset(header.base_offset.0 + i64::from(record.offset_delta));
        if found.is_none() && fits(offset, record.timestamp) {
            found = Some(Dated {
                offset,
                timestamp: record.timestamp,
                leader_epoch: header.leader_epoch,
            });
        }
    });
    found
}
