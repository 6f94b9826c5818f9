//! Record batches as they came back: each with its header and as many records as its bytes truly hold.

use super::write::{CONTROL, LOG_APPEND_TIME, TRANSACTIONAL};
use super::{CRC_AT, Codec, HEADER, varint};

/// One batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset delta of its last record.
    pub last_offset_delta: i32,
    /// Epoch of the leader that appended it.
    pub leader_epoch: i32,
    /// Format version.
    pub magic: i8,
    /// Whether the CRC is that of the bytes.
    pub crc_holds: bool,
    /// Attribute bits.
    pub attributes: i16,
    /// Timestamp that deltas count from.
    pub base_timestamp: i64,
    /// Greatest timestamp, or the append time.
    pub max_timestamp: i64,
    /// Producer id.
    pub producer_id: i64,
    /// Producer epoch.
    pub producer_epoch: i16,
    /// Sequence of the first record.
    pub base_sequence: i32,
    /// How many records it claims.
    pub count: i32,
    /// Its records, or why they cannot be read.
    pub records: Result<Vec<ReadRecord>, String>,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRecord {
    /// Offset.
    pub offset: i64,
    /// Timestamp; for a batch with append time that of the batch.
    pub timestamp: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Batch {
    /// The codec.
    pub fn codec(&self) -> Codec {
        Codec::of_id((self.attributes & 7) as u8)
    }

    /// Whether timestamps are append times.
    pub fn has_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Whether it is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether it is a coordinator's marker.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Whether its base timestamp is the time from which its tombstones are gone (KIP-534).
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & 0x40 != 0
    }
}

/// Every whole batch; what is cut off at the end is left out, as a client leaves it out.
pub fn read_all(bytes: &[u8]) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut rest = bytes;
    while let Some(whole) = first(rest) {
        let Some(batch) = read_one(whole) else {
            break;
        };
        batches.push(batch);
        rest = &rest[whole.len()..];
    }
    batches
}

/// The bytes of the first batch, if all of them are there.
pub fn first(bytes: &[u8]) -> Option<&[u8]> {
    let length = i32::from_be_bytes(field(bytes, 8)?);
    let size = usize::try_from(length).ok()?.checked_add(12)?;
    bytes.get(..size).filter(|batch| batch.len() >= HEADER)
}

fn read_one(bytes: &[u8]) -> Option<Batch> {
    let mut batch = Batch {
        base_offset: i64::from_be_bytes(field(bytes, 0)?),
        leader_epoch: i32::from_be_bytes(field(bytes, 12)?),
        magic: i8::from_be_bytes(field(bytes, 16)?),
        crc_holds: u32::from_be_bytes(field(bytes, CRC_AT)?) == crc32c::crc32c(bytes.get(CRC_AT + 4..)?),
        attributes: i16::from_be_bytes(field(bytes, 21)?),
        last_offset_delta: i32::from_be_bytes(field(bytes, 23)?),
        base_timestamp: i64::from_be_bytes(field(bytes, 27)?),
        max_timestamp: i64::from_be_bytes(field(bytes, 35)?),
        producer_id: i64::from_be_bytes(field(bytes, 43)?),
        producer_epoch: i16::from_be_bytes(field(bytes, 51)?),
        base_sequence: i32::from_be_bytes(field(bytes, 53)?),
        count: i32::from_be_bytes(field(bytes, 57)?),
        records: Ok(Vec::new()),
    };
    batch.records = batch
        .codec()
        .expand(bytes.get(HEADER..)?)
        .and_then(|section| records(&batch, &section));
    Some(batch)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn records(batch: &Batch, section: &[u8]) -> Result<Vec<ReadRecord>, String> {
    let mut rest = section;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(varint::take(&mut rest)?).map_err(|_| "a record of negative length")?;
        let body = rest.get(..length).ok_or("a record cut short")?;
        rest = &rest[length..];
        records.push(record(batch, body)?);
    }
    Ok(records)
}

fn record(batch: &Batch, body: &[u8]) -> Result<ReadRecord, String> {
    let mut rest = body.get(1..).ok_or("a record without attributes")?;
    let timestamp = batch.base_timestamp.wrapping_add(varint::take(&mut rest)?);
    let offset = batch.base_offset.wrapping_add(varint::take(&mut rest)?);
    let key = take_bytes(&mut rest)?;
    let value = take_bytes(&mut rest)?;
    let mut headers = Vec::new();
    for _ in 0..varint::take(&mut rest)? {
        let name = take_bytes(&mut rest)?.ok_or("a header with a null key")?;
        headers.push((String::from_utf8_lossy(&name).into_owned(), take_bytes(&mut rest)?));
    }
    let timestamp = if batch.has_append_time() {
        batch.max_timestamp
    } else {
        timestamp
    };
    Ok(ReadRecord {
        offset,
        timestamp,
        key,
        value,
        headers,
    })
}

fn take_bytes(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, String> {
    let length = varint::take(rest)?;
    if length < 0 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| "a length out of range")?;
    let bytes = rest.get(..length).ok_or("bytes cut short")?.to_vec();
    *rest = &rest[length..];
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::{BatchSpec, Codec, RecordSpec};
    use super::read_all;

    fn spec() -> BatchSpec {
        let record = RecordSpec {
            key: Some(b"k".to_vec()),
            value: None,
            headers: vec![("h".to_owned(), None), ("h".to_owned(), Some(Vec::new()))],
            timestamp: 1_000,
        };
        let mut spec = BatchSpec::of(vec![
            record.clone(),
            RecordSpec {
                timestamp: 900,
                key: None,
                ..record
            },
        ]);
        spec.codec = Codec::Zstd;
        spec
    }

    #[test]
    fn what_was_written_is_read_with_its_header() {
        let mut bytes = spec().bytes().expect("in memory");
        bytes.extend(&spec().bytes().expect("in memory")[..70]);
        let batches = read_all(&bytes);
        assert_eq!(batches.len(), 1, "the second batch is cut off");
        let batch = &batches[0];
        assert!(batch.crc_holds);
        assert_eq!(
            (batch.count, batch.last_offset_delta, batch.max_timestamp),
            (2, 1, 1_000)
        );
        let records = batch.records.as_ref().expect("readable");
        assert_eq!(
            (records[1].offset, records[1].timestamp, records[1].key.clone()),
            (1, 900, None)
        );
        assert_eq!(records[0].headers[1], ("h".to_owned(), Some(Vec::new())));
    }

    #[test]
    fn a_forced_crc_does_not_hold() {
        let bytes = BatchSpec { crc_error: 1, ..spec() }.bytes().expect("in memory");
        assert!(!read_all(&bytes)[0].crc_holds);
    }
}
