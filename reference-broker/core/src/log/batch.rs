//! The header of a record batch (magic 2): its 61 bytes read, changed and written. It knows nothing of the records behind it.

use crate::units::{LeaderEpoch, Offset, Producer, ProducerEpoch, ProducerId};

/// Bytes before the first record.
pub const HEADER_LENGTH: usize = 61;
/// Bytes before the part that the length field counts: base offset and length.
pub const LOG_OVERHEAD: usize = 12;
/// Bytes up to and with the magic byte, the same in all three formats.
pub const MAGIC_END: usize = 17;
/// Where the part that the checksum covers begins.
pub const CHECKED_FROM: usize = 21;
/// The timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;

const TIMESTAMP_TYPE: i16 = 0x08;
/// Attribute: part of a transaction.
pub const TRANSACTIONAL: i16 = 0x10;
/// Attribute: a marker, not data.
pub const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// A batch header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Bytes that follow the length field.
    pub length: i32,
    /// Epoch of the leader that appended the batch; outside the checksum.
    pub leader_epoch: LeaderEpoch,
    /// CRC-32C of all from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type, transactional, control, delete horizon.
    pub attributes: i16,
    /// Offset of the last record, relative to the base.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to.
    pub base_timestamp: i64,
    /// The largest timestamp, or the time of the append.
    pub max_timestamp: i64,
    /// Producer, -1 for none.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// Sequence number of the first record, -1 for none.
    pub base_sequence: i32,
    /// How many records follow.
    pub count: i32,
}

impl BatchHeader {
    /// Reads a header; None when the bytes are fewer than a header or the magic is not 2.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; HEADER_LENGTH] = bytes.first_chunk()?;
        (head[16] == 2).then(|| Self {
            base_offset: Offset(i64_at(head, 0)),
            length: i32_at(head, 8),
            leader_epoch: LeaderEpoch(i32_at(head, 12)),
            crc: i32_at(head, 17) as u32,
            attributes: i16_at(head, 21),
            last_offset_delta: i32_at(head, 23),
            base_timestamp: i64_at(head, 27),
            max_timestamp: i64_at(head, 35),
            producer_id: ProducerId(i64_at(head, 43)),
            producer_epoch: ProducerEpoch(i16_at(head, 51)),
            base_sequence: i32_at(head, 53),
            count: i32_at(head, 57),
        })
    }

    /// The bytes of this header.
    pub fn bytes(&self) -> [u8; HEADER_LENGTH] {
        let mut head = [0; HEADER_LENGTH];
        head[0..8].copy_from_slice(&self.base_offset.0.to_be_bytes());
        head[8..12].copy_from_slice(&self.length.to_be_bytes());
        head[12..16].copy_from_slice(&self.leader_epoch.0.to_be_bytes());
        head[16] = 2;
        head[17..21].copy_from_slice(&self.crc.to_be_bytes());
        head[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        head[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        head[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        head[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        head[43..51].copy_from_slice(&self.producer_id.0.to_be_bytes());
        head[51..53].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        head[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        head[57..61].copy_from_slice(&self.count.to_be_bytes());
        head
    }

    /// The checksum that this header should carry before those records.
    pub fn checksum(&self, records: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.bytes()[CHECKED_FROM..]), records)
    }

    /// Bytes of the whole batch.
    pub fn size(&self) -> u64 {
        LOG_OVERHEAD as u64 + u64::from(self.length.max(0).unsigned_abs())
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.wrapping_add(i64::from(self.last_offset_delta)))
    }

    /// Does a record with this offset stand in it, or did one once?
    pub fn holds(&self, offset: Offset) -> bool {
        (self.base_offset..=self.last_offset()).contains(&offset)
    }

    /// Sequence number of the last record; sequences wrap from the largest i32 to 0.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            -1
        } else {
            advance(self.base_sequence, self.last_offset_delta)
        }
    }

    /// The codec's id: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub fn codec(&self) -> u8 {
        (self.attributes & 7) as u8
    }

    /// The same batch under another codec's id.
    pub fn with_codec(self, codec: u8) -> Self {
        Self {
            attributes: (self.attributes & !7) | i16::from(codec & 7),
            ..self
        }
    }

    /// The records count as appended at [`Self::max_timestamp`], whatever they say themselves.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & TIMESTAMP_TYPE != 0
    }

    /// The same batch with timestamps of that type.
    pub fn with_log_append_time(self, on: bool) -> Self {
        let attributes = if on {
            self.attributes | TIMESTAMP_TYPE
        } else {
            self.attributes & !TIMESTAMP_TYPE
        };
        Self { attributes, ..self }
    }

    /// Part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Carries a control record, not data.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// From when on its tombstones, or its marker, are gone; kept in the place of the base timestamp (KIP-534).
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// The same batch whose base timestamp is such a horizon, or is not.
    pub fn with_delete_horizon(self, on: bool) -> Self {
        let attributes = if on {
            self.attributes | DELETE_HORIZON
        } else {
            self.attributes & !DELETE_HORIZON
        };
        Self { attributes, ..self }
    }

    /// Who sent it, where it has a producer.
    pub fn producer(&self) -> Producer {
        Producer {
            id: self.producer_id,
            epoch: self.producer_epoch,
        }
    }

    /// Comes from an idempotent or transactional producer.
    pub fn has_producer(&self) -> bool {
        self.producer_id.0 > -1
    }
}

/// `sequence` + `by`, wrapping from the largest i32 to 0.
pub(crate) fn advance(sequence: i32, by: i32) -> i32 {
    ((i64::from(sequence) + i64::from(by)) & i64::from(i32::MAX)) as i32
}

pub(crate) fn i16_at(bytes: &[u8], at: usize) -> i16 {
    let mut value = [0; 2];
    value.copy_from_slice(&bytes[at..at + 2]);
    i16::from_be_bytes(value)
}

pub(crate) fn i32_at(bytes: &[u8], at: usize) -> i32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    i32::from_be_bytes(value)
}

pub(crate) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    i64::from_be_bytes(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(advance(i32::MAX, 1), 0);
        assert_eq!(advance(i32::MAX - 1, 3), 1);
        assert_eq!(advance(4, 0), 4);
    }

    #[test]
    fn a_header_survives_writing_and_reading() {
        let bytes: Vec<u8> = (0u8..61)
            .map(|byte| if byte == 16 { 2 } else { byte.wrapping_mul(37) })
            .collect();
        let header = BatchHeader::read(&bytes).expect("magic 2");
        assert_eq!(header.bytes().as_slice(), bytes);
    }
}
