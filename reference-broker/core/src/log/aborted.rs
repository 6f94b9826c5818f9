//! The transactions of a segment that were aborted, in the form of Kafka's `.txnindex` files: what a reader of committed
//! records must leave out.

use super::batch::{i16_at, i64_at};
use super::producers::Completed;
use super::segment::Segment;
use crate::mutant::{self, Mutant};
use crate::units::{Offset, ProducerId};

/// Bytes of an entry: version, producer id, first offset, last offset, last stable offset.
pub const ENTRY: usize = 34;

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// Its marker.
    pub last_offset: Offset,
    /// The last stable offset once it was decided.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    /// What a marker has just decided.
    pub fn new(completed: &Completed, last_stable_offset: Offset) -> Self {
        Self {
            producer_id: completed.producer_id,
            first_offset: completed.first,
            last_offset: completed.last,
            last_stable_offset,
        }
    }

    /// The file's bytes.
    pub fn to_bytes(self) -> [u8; ENTRY] {
        let mut entry = [0; ENTRY];
        for (at, value) in [
            self.producer_id.0,
            self.first_offset.0,
            self.last_offset.0,
            self.last_stable_offset.0,
        ]
        .into_iter()
        .enumerate()
        {
            entry[2 + at * 8..10 + at * 8].copy_from_slice(&value.to_be_bytes());
        }
        entry
    }

    /// All entries of a file; None where it cannot be one.
    pub fn from_file(bytes: &[u8]) -> Option<Vec<Self>> {
        bytes
            .chunks(ENTRY)
            .map(|entry| {
                (entry.len() == ENTRY && i16_at(entry, 0) == 0).then(|| Self {
                    producer_id: ProducerId(i64_at(entry, 2)),
                    first_offset: Offset(i64_at(entry, 10)),
                    last_offset: Offset(i64_at(entry, 18)),
                    last_stable_offset: Offset(i64_at(entry, 26)),
                })
            })
            .collect()
    }
}

/// Those that reach into `from .. to`, from the segment of `from` on. A marker stands behind its transaction, so later
/// segments matter until one was written when everything below `to` was already decided.
pub(crate) fn overlapping(segments: &[Segment], from: Offset, to: Offset) -> Vec<AbortedTransaction> {
    let first = match mutant::on(Mutant::AbortedIndexUnbounded) {
        true => 0,
        false => segments
            .partition_point(|segment| segment.base <= from)
            .saturating_sub(1),
    };
    let mut found = Vec::new();
    for aborted in segments[first..].iter().flat_map(|segment| &segment.aborted) {
        let reaches = aborted.last_offset >= from || mutant::on(Mutant::AbortedIndexUnbounded);
        if reaches && aborted.first_offset < to {
            found.push(*aborted);
        }
        if aborted.last_stable_offset >= to {
            break;
        }
    }
    found
}
