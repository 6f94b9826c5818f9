//! Batches as they stand in the leader's log, on their way into a follower's: offsets and epochs are kept. What is not intact
//! or would stand before what is there is refused as a whole; what the leader cut off at the end comes again.

use bytes::Bytes;

use super::append::{Appended, Refusal};
use super::batch::{BatchHeader, HEADER_LENGTH, NO_TIMESTAMP};
use super::build::Batch;
use super::recover::end_marker;
use super::{Change, Log};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, LeaderEpoch, Now, Offset};

impl Log {
    /// The whole batches in a leader's answer. Those of a later epoch than the one that was asked in are left for a question that
    /// knows of it, as Kafka does: the answer is older than they are.
    ///
    /// # Errors
    /// CORRUPT_MESSAGE; OFFSET_OUT_OF_RANGE where a batch begins before the log's end or is out of order.
    pub fn replicable(&self, records: &Bytes, epoch: LeaderEpoch) -> Result<Vec<Batch>, Refusal> {
        let mut batches = Vec::new();
        let (mut rest, mut end) = (records.clone(), self.log_end);
        while let Some(batch) = first_batch(&rest)? {
            if batch.header.leader_epoch > epoch {
                break;
            }
            intact(&batch)?;
            if batch.header.base_offset < end {
                return Err(Refusal::bare(ErrorCode::OffsetOutOfRange));
            }
            end = Offset(batch.header.last_offset().0 + 1);
            rest = rest.slice(batch.header.size() as usize..);
            batches.push(batch);
        }
        Ok(batches)
    }

    /// One of them at the log's end.
    pub(super) fn replicated(&self, batch: Batch, now: Now) -> (Vec<Change>, Appended) {
        let mut header = batch.header;
        if mutant::on(Mutant::FollowerEpochUnstamped) && !self.directory.starts_with("__") {
            header.leader_epoch = LeaderEpoch(-1);
        }
        let marker = if header.is_control() {
            end_marker(&header, &batch.records)
        } else {
            None
        };
        let mut changes: Vec<Change> = self.roll_before(&header, now).into_iter().collect();
        changes.push(Change::Appended {
            header,
            marker,
            records: batch.records,
        });
        let appended = Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time: NO_TIMESTAMP,
            log_start: self.log_start,
        };
        (changes, appended)
    }
}

/// All batches of a file that was given whole.
///
/// # Errors
/// CORRUPT_MESSAGE, also where the bytes end inside a batch.
pub fn whole_batches(bytes: &Bytes) -> Result<Vec<Batch>, Refusal> {
    let (mut batches, mut rest) = (Vec::new(), bytes.clone());
    while !rest.is_empty() {
        let batch = first_batch(&rest)?.ok_or_else(corrupt)?;
        intact(&batch)?;
        rest = rest.slice(batch.header.size() as usize..);
        batches.push(batch);
    }
    Ok(batches)
}

/// The batch at the front of these bytes; none where they end before it does.
fn first_batch(bytes: &Bytes) -> Result<Option<Batch>, Refusal> {
    if bytes.len() < HEADER_LENGTH {
        return Ok(None);
    }
    let header = BatchHeader::read(bytes).filter(|header| header.size() >= HEADER_LENGTH as u64);
    let header = header.ok_or_else(corrupt)?;
    let Some(size) = usize::try_from(header.size()).ok().filter(|size| *size <= bytes.len()) else {
        return Ok(None);
    };
    Ok(Some(Batch {
        header,
        records: bytes.slice(HEADER_LENGTH..size),
    }))
}

fn intact(batch: &Batch) -> Result<(), Refusal> {
    let header = &batch.header;
    let ends = header.base_offset.0.checked_add(header.last_offset_delta.into());
    let ordered = header.base_offset.0 >= 0 && header.last_offset_delta >= 0 && ends.is_some_and(|end| end < i64::MAX);
    let whole = header.checksum(&batch.records) == header.crc || mutant::on(Mutant::CrcUnchecked);
    if ordered && whole { Ok(()) } else { Err(corrupt()) }
}

fn corrupt() -> Refusal {
    Refusal::bare(ErrorCode::CorruptMessage)
}
