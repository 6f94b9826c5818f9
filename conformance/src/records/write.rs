//! A record batch from its description; every header field can be forced to a wrong value.

use super::{CRC_AT, Codec, HEADER, varint};

/// One record of a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordSpec {
    /// Key; None is null.
    pub key: Option<Vec<u8>>,
    /// Value; None is null.
    pub value: Option<Vec<u8>>,
    /// Headers, in order; a value of None is null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

/// A batch; what is None is computed as a correct client does.
#[derive(Debug, Clone)]
pub struct BatchSpec {
    /// The records.
    pub records: Vec<RecordSpec>,
    /// Their codec.
    pub codec: Codec,
    /// Offset of the first record: 0 from a correct client.
    pub base_offset: i64,
    /// Leader epoch of the partition: -1 from a correct client.
    pub leader_epoch: i32,
    /// Magic byte.
    pub magic: i8,
    /// Attribute bits besides the codec.
    pub attributes: i16,
    /// Producer id; -1 without idempotence.
    pub producer_id: i64,
    /// Producer epoch; -1 without idempotence.
    pub producer_epoch: i16,
    /// Sequence of the first record; -1 without idempotence.
    pub base_sequence: i32,
    /// Forces the record count.
    pub count: Option<i32>,
    /// Forces the offset delta of the last record.
    pub last_offset_delta: Option<i32>,
    /// Forces the timestamp of the first record.
    pub base_timestamp: Option<i64>,
    /// Forces the greatest timestamp.
    pub max_timestamp: Option<i64>,
    /// Forces the length field.
    pub length: Option<i32>,
    /// What is added to the CRC: not 0 makes it wrong.
    pub crc_error: u32,
    /// Bytes in place of the records section, compressed or not.
    pub payload: Option<Vec<u8>>,
}

/// Attribute bit: timestamps are append times.
pub(crate) const LOG_APPEND_TIME: i16 = 0x08;
/// Attribute bit: part of a transaction.
pub(crate) const TRANSACTIONAL: i16 = 0x10;
/// Attribute bit: a marker of a coordinator.
pub(crate) const CONTROL: i16 = 0x20;

impl BatchSpec {
    /// A correct batch of these records.
    pub fn of(records: Vec<RecordSpec>) -> Self {
        Self {
            records,
            codec: Codec::None,
            base_offset: 0,
            leader_epoch: -1,
            magic: 2,
            attributes: 0,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            count: None,
            last_offset_delta: None,
            base_timestamp: None,
            max_timestamp: None,
            length: None,
            crc_error: 0,
            payload: None,
        }
    }

    /// The bytes of the batch.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let base = self
            .base_timestamp
            .unwrap_or_else(|| self.records.first().map_or(0, |record| record.timestamp));
        let greatest = self.records.iter().map(|record| record.timestamp).max().unwrap_or(-1);
        let count = i32::try_from(self.records.len()).unwrap_or(i32::MAX);
        let section = match &self.payload {
            Some(payload) => payload.clone(),
            None => self.codec.compress(&self.record_bytes(base))?,
        };
        let length = i32::try_from(HEADER - 12 + section.len()).unwrap_or(i32::MAX);
        let mut out = Vec::with_capacity(HEADER + section.len());
        out.extend(self.base_offset.to_be_bytes());
        out.extend(self.length.unwrap_or(length).to_be_bytes());
        out.extend(self.leader_epoch.to_be_bytes());
        out.extend(self.magic.to_be_bytes());
        out.extend([0; 4]);
        out.extend((self.attributes | i16::from(self.codec.id())).to_be_bytes());
        out.extend(self.last_offset_delta.unwrap_or(count - 1).to_be_bytes());
        out.extend(base.to_be_bytes());
        out.extend(self.max_timestamp.unwrap_or(greatest).to_be_bytes());
        out.extend(self.producer_id.to_be_bytes());
        out.extend(self.producer_epoch.to_be_bytes());
        out.extend(self.base_sequence.to_be_bytes());
        out.extend(self.count.unwrap_or(count).to_be_bytes());
        out.extend(section);
        let crc = crc32c::crc32c(&out[CRC_AT + 4..]).wrapping_add(self.crc_error);
        out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
        Ok(out)
    }

    fn record_bytes(&self, base: i64) -> Vec<u8> {
        let mut out = Vec::new();
        for (delta, record) in (0..).zip(&self.records) {
            let mut body = vec![0];
            varint::put(&mut body, record.timestamp.wrapping_sub(base));
            varint::put(&mut body, delta);
            put_bytes(&mut body, record.key.as_deref());
            put_bytes(&mut body, record.value.as_deref());
            varint::put(&mut body, length(record.headers.len()));
            for (key, value) in &record.headers {
                put_bytes(&mut body, Some(key.as_bytes()));
                put_bytes(&mut body, value.as_deref());
            }
            varint::put(&mut out, length(body.len()));
            out.extend(body);
        }
        out
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => varint::put(out, -1),
        Some(bytes) => {
            varint::put(out, length(bytes.len()));
            out.extend(bytes);
        }
    }
}

fn length(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
