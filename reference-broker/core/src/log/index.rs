//! The two sparse indexes of a segment, in the form of Kafka's files: from offset to file position, and from timestamp to
//! offset. One entry for about every `index.interval.bytes`; the rest is a short scan.

use crate::mutant::{self, Mutant};
use crate::units::Offset;

/// Bytes of an entry in an `.index` file: relative offset, position.
pub const OFFSET_ENTRY: usize = 8;
/// Bytes of an entry in a `.timeindex` file: timestamp, relative offset.
pub const TIME_ENTRY: usize = 12;

/// Last offsets of batches and where these batches begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetIndex(Vec<(u32, u32)>);

/// The largest timestamp up to an offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeIndex(Vec<(i64, u32)>);

impl OffsetIndex {
    /// Adds an entry behind all others.
    pub fn push(&mut self, base: Offset, last_offset: Offset, position: u64) {
        if let (Some(relative), Ok(position)) = (relative(base, last_offset), u32::try_from(position)) {
            self.0.push((relative, position));
        }
    }

    /// Where to start looking for the record at `offset`.
    pub fn position(&self, base: Offset, offset: Offset) -> u64 {
        let wanted = offset.0.saturating_sub(base.0);
        let after = self.0.partition_point(|(last, _)| i64::from(*last) <= wanted);
        let after = if mutant::on(Mutant::IndexOffByOne) {
            (after + 1).min(self.0.len())
        } else {
            after
        };
        after.checked_sub(1).map_or(0, |entry| u64::from(self.0[entry].1))
    }

    /// The last offset of the first indexed batch that begins at or behind a position.
    pub fn bound_behind(&self, base: Offset, position: u64) -> Option<Offset> {
        let behind = self.0.partition_point(|(_, begins)| u64::from(*begins) < position);
        self.0.get(behind).map(|(last, _)| Offset(base.0 + i64::from(*last)))
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of its file.
    pub fn bytes(&self) -> usize {
        self.0.len() * OFFSET_ENTRY
    }

    /// It has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Last offset and position of the last entry.
    pub fn last(&self, base: Offset) -> Option<(Offset, u64)> {
        self.0
            .last()
            .map(|(last, position)| (Offset(base.0 + i64::from(*last)), u64::from(*position)))
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(last, position)| [last.to_be_bytes(), position.to_be_bytes()].concat())
            .collect()
    }

    /// An index from its file; None when the bytes cannot be one for a segment of that size. Kafka keeps the file of the
    /// active segment longer than its content, filled up with zeros.
    pub fn from_bytes(bytes: &[u8], segment_size: u64) -> Option<Self> {
        let mut entries = Vec::with_capacity(bytes.len() / OFFSET_ENTRY);
        for entry in bytes.chunks(OFFSET_ENTRY) {
            let entry: [u8; OFFSET_ENTRY] = entry.try_into().ok()?;
            let [a, b, c, d, e, f, g, h] = entry;
            let (last, position) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
            if entry == [0; OFFSET_ENTRY] {
                break;
            }
            let (before, start) = entries.last().copied().unwrap_or_default();
            let grows = entries.is_empty() || (last > before && position > start);
            if !grows || u64::from(position) >= segment_size {
                return None;
            }
            entries.push((last, position));
        }
        Some(Self(entries))
    }
}

impl TimeIndex {
    /// Adds an entry if the timestamp is larger than any before.
    pub fn push(&mut self, base: Offset, timestamp: i64, offset: Offset) {
        if let Some(relative) = relative(base, offset)
            && timestamp > self.0.last().map_or(-1, |(last, _)| *last)
        {
            self.0.push((timestamp, relative));
        }
    }

    /// The offset up to which all timestamps are below `timestamp`: a place to start looking from.
    pub fn offset(&self, base: Offset, timestamp: i64) -> Offset {
        let after = self.0.partition_point(|(largest, _)| *largest <= timestamp);
        after
            .checked_sub(1)
            .map_or(base, |entry| Offset(base.0 + i64::from(self.0[entry].1)))
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of its file.
    pub fn bytes(&self) -> usize {
        self.0.len() * TIME_ENTRY
    }

    /// It has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last entry.
    pub fn last(&self, base: Offset) -> Option<(i64, Offset)> {
        self.0
            .last()
            .map(|(timestamp, offset)| (*timestamp, Offset(base.0 + i64::from(*offset))))
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(largest, offset)| [&largest.to_be_bytes()[..], &offset.to_be_bytes()].concat())
            .collect()
    }

    /// An index from its file; None when the bytes cannot be one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut entries: Vec<(i64, u32)> = Vec::with_capacity(bytes.len() / TIME_ENTRY);
        for entry in bytes.chunks(TIME_ENTRY) {
            let entry: [u8; TIME_ENTRY] = entry.try_into().ok()?;
            if entry == [0; TIME_ENTRY] {
                break;
            }
            let (timestamp, offset) = entry.split_first_chunk::<8>()?;
            let timestamp = i64::from_be_bytes(*timestamp);
            let offset = u32::from_be_bytes(offset.try_into().ok()?);
            if entries
                .last()
                .is_some_and(|(before, from)| timestamp <= *before || offset < *from)
            {
                return None;
            }
            entries.push((timestamp, offset));
        }
        Some(Self(entries))
    }
}

fn relative(base: Offset, offset: Offset) -> Option<u32> {
    offset
        .0
        .checked_sub(base.0)
        .and_then(|relative| i32::try_from(relative).ok())
        .and_then(|r| u32::try_from(r).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_gives_the_last_entry_that_does_not_overshoot() {
        let mut index = OffsetIndex::default();
        index.push(Offset(100), Offset(109), 4_000);
        index.push(Offset(100), Offset(119), 8_000);
        let position = |offset| index.position(Offset(100), Offset(offset));
        assert_eq!(
            [
                position(100),
                position(108),
                position(109),
                position(118),
                position(119),
                position(500)
            ],
            [0, 0, 4_000, 4_000, 8_000, 8_000]
        );
    }

    #[test]
    fn files_read_back_with_and_without_zeros_behind() {
        let (mut offsets, mut times) = (OffsetIndex::default(), TimeIndex::default());
        for n in 1..50 {
            offsets.push(Offset(7), Offset(7 + n * 3), n as u64 * 5_000);
            times.push(Offset(7), 1_000 + n, Offset(7 + n * 3));
        }
        let mut bytes = offsets.to_bytes();
        assert_eq!(OffsetIndex::from_bytes(&bytes, 1 << 20).as_ref(), Some(&offsets));
        bytes.extend([0; 80]);
        assert_eq!(OffsetIndex::from_bytes(&bytes, 1 << 20).as_ref(), Some(&offsets));
        assert_eq!(OffsetIndex::from_bytes(&bytes, 4_000), None);
        assert_eq!(TimeIndex::from_bytes(&times.to_bytes()).as_ref(), Some(&times));
        assert_eq!(TimeIndex::from_bytes(&bytes[..13]), None);
    }

    #[test]
    fn a_timestamp_that_does_not_grow_adds_no_entry() {
        let mut index = TimeIndex::default();
        index.push(Offset(0), 5, Offset(1));
        index.push(Offset(0), 5, Offset(2));
        index.push(Offset(0), 4, Offset(3));
        assert_eq!(
            (index.len(), index.offset(Offset(0), 5), index.offset(Offset(0), 4)),
            (1, Offset(1), Offset(0))
        );
    }
}
