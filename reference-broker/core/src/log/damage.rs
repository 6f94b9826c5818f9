//! What of a log may be cut off as a crash's doing, and what must not: records of another format, and metadata that were on the disk.

use std::ops::Range;

use super::Log;
use super::batch::{BatchHeader, HEADER_LENGTH, MAGIC_END};
use super::read::read_exactly;
use super::segment::Segment;
use crate::store::{Store, StoreError};

/// What is cut off, for whoever runs this broker.
pub(super) fn told(directory: &str, file: &str, range: Range<u64>) -> String {
    let Range { start, end } = range;
    format!("{directory}/{file} is cut to {start} of {end} bytes: what stood there is no whole batch")
}

/// What a clean stop left and this broker cannot read must not be cut off as damage.
pub(super) fn refuse_other_format(
    store: &dyn Store,
    directory: &str,
    segment: &Segment,
    at: u64,
) -> Result<(), StoreError> {
    let mut head = [0; MAGIC_END];
    let read = store.read(directory, &segment.file(), at, &mut head)?;
    if read < MAGIC_END || head[16] == 2 {
        return Ok(());
    }
    let magic = head[16];
    let reason = format!("magic {magic} at position {at}: only record batches of magic 2 are read");
    Err(refused(directory, &segment.file(), reason))
}

/// Metadata are on the disk before anyone learns of them: a crash tears the last batch at most. Without more than that topics would
/// be lost, and nobody would know.
pub(super) fn may_be_cut(
    store: &dyn Store,
    log: &Log,
    last_of_a_crash: bool,
    file: &str,
    range: Range<u64>,
) -> Result<(), StoreError> {
    if !log.is_metadata() {
        return Ok(());
    }
    let at = range.start;
    let reason = if !last_of_a_crash {
        format!("the batch at position {at} is damaged, and no crash can have done that")
    } else if let Some(behind) = good_batch(store, log, file, range)? {
        format!("the batch at position {at} is damaged, and there is a whole one at {behind}")
    } else {
        return Ok(());
    };
    let reason = format!("{reason}; topics would be lost: put the file back from a copy");
    Err(refused(&log.directory, file, reason))
}

/// Where a whole batch of later offsets begins, if one does.
fn good_batch(store: &dyn Store, log: &Log, file: &str, range: Range<u64>) -> Result<Option<u64>, StoreError> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
    read_exactly(store, &log.directory, file, range.start, &mut bytes)?;
    let is_good = |at: &usize| {
        let rest = &bytes[*at..];
        let Some(header) = BatchHeader::read(rest).filter(|header| header.base_offset > log.log_end) else {
            return false;
        };
        let size = usize::try_from(header.size()).unwrap_or(usize::MAX);
        let records = rest.get(HEADER_LENGTH..size);
        records.is_some_and(|records| header.checksum(records) == header.crc)
    };
    let damaged = BatchHeader::read(&bytes);
    // Inside the damaged batch anything may stand, a client's bytes among it. What seems to be a batch there is one only where
    // the length is what was damaged, which the checksum does not cover.
    let is_behind = |at: &usize| {
        damaged.as_ref().is_none_or(|damaged| {
            let own = bytes.get(HEADER_LENGTH..*at);
            *at as u64 >= damaged.size() || own.is_some_and(|own| damaged.checksum(own) == damaged.crc)
        })
    };
    // From 1 on: the batch that begins at 0 is the damaged one.
    let found = (1..bytes.len()).find(|at| is_good(at) && is_behind(at));
    Ok(found.map(|at| range.start + at as u64))
}

fn refused(directory: &str, file: &str, reason: String) -> StoreError {
    StoreError {
        operation: "open",
        path: format!("{directory}/{file}"),
        reason,
    }
}
