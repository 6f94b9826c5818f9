//! Builds batches: the broker's own, and a client's under another codec.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;

use super::batch::{self, BatchHeader, HEADER_LENGTH, LOG_OVERHEAD, NO_TIMESTAMP};
use super::compression::{self, Codec};
use super::producers::{EndMarker, TransactionResult};
use super::walk::{Malformed, varint, varlong};
use crate::units::{LeaderEpoch, Offset, Producer, ProducerEpoch, ProducerId};

/// A batch: its header, and its records as they stand behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where it stands and what it holds.
    pub header: BatchHeader,
    /// All bytes behind the header.
    pub records: Bytes,
}

/// A record's key and value, either of them null.
pub type KeyValue = (Option<Bytes>, Option<Bytes>);

impl Batch {
    /// An uncompressed batch of these records, all of one time, from no producer.
    pub fn of(records: &[KeyValue], timestamp: i64) -> Self {
        let mut body = Vec::new();
        let mut record = Vec::new();
        for (delta, (key, value)) in records.iter().enumerate() {
            record.clear();
            record.push(0);
            put_varlong(&mut record, 0);
            put_varlong(&mut record, delta as i64);
            put_nullable(&mut record, key.as_deref());
            put_nullable(&mut record, value.as_deref());
            put_varlong(&mut record, 0);
            put_varlong(&mut body, record.len() as i64);
            body.extend_from_slice(&record);
        }
        let header = BatchHeader {
            base_offset: Offset(0),
            length: 0,
            leader_epoch: LeaderEpoch(-1),
            crc: 0,
            attributes: 0,
            last_offset_delta: records.len() as i32 - 1,
            base_timestamp: timestamp,
            max_timestamp: timestamp,
            producer_id: ProducerId(-1),
            producer_epoch: ProducerEpoch(-1),
            base_sequence: -1,
            count: records.len() as i32,
        };
        Self {
            header,
            records: body.into(),
        }
        .sealed()
    }

    /// The EndTxn marker of a transaction.
    pub fn marker(producer: Producer, marker: EndMarker, timestamp: i64) -> Self {
        let verdict = match marker.verdict {
            TransactionResult::Abort => 0,
            TransactionResult::Commit => 1,
        };
        let key = Bytes::from(vec![0, 0, 0, verdict]);
        let value = [&[0, 0][..], &marker.coordinator_epoch.to_be_bytes()].concat();
        let mut batch = Self::of(&[(Some(key), Some(value.into()))], timestamp);
        batch.header.attributes = batch::CONTROL;
        batch.in_transaction(producer)
    }

    /// The same batch as part of a producer's transaction; of no sequence that anyone checks.
    pub fn in_transaction(mut self, producer: Producer) -> Self {
        self.header.attributes |= batch::TRANSACTIONAL;
        self.header.producer_id = producer.id;
        self.header.producer_epoch = producer.epoch;
        self.sealed()
    }

    /// A batch that has no codec yet under this one.
    pub fn compressed(mut self, codec: Codec) -> std::io::Result<Self> {
        self.records = compression::compress(codec, &self.records)?.into();
        self.header = self.header.with_codec(codec as u8);
        Ok(self.sealed())
    }

    /// The same records under another codec, offsets counted anew from 0 as Kafka does when it rewrites a batch.
    pub fn recompressed(header: &BatchHeader, records: &[u8], codec: Codec) -> Result<Self, Malformed> {
        let (renumbered, base_timestamp) = renumber(header, &plain(header, records)?)?;
        let header = BatchHeader {
            base_timestamp,
            ..header.with_codec(codec as u8)
        };
        Ok(Self {
            header,
            records: compression::compress(codec, &renumbered)?.into(),
        }
        .sealed())
    }

    /// The header brought in line with the records: length and checksum.
    pub fn sealed(mut self) -> Self {
        self.header.length = (HEADER_LENGTH - LOG_OVERHEAD + self.records.len()) as i32;
        self.header.crc = self.header.checksum(&self.records);
        self
    }

    /// Bytes of the whole batch.
    pub fn to_bytes(&self) -> Bytes {
        [&self.header.bytes()[..], &self.records].concat().into()
    }
}

/// Records with offset deltas 0, 1, 2 … and timestamps relative to the first, which is returned too.
fn renumber(header: &BatchHeader, plain: &[u8]) -> Result<(Vec<u8>, i64), Malformed> {
    let mut out = Vec::with_capacity(plain.len());
    let mut base_timestamp = None;
    let mut rest = plain;
    for delta in 0..i64::from(header.count) {
        let mut record = take_record(&mut rest)?;
        let attributes = take_byte(&mut record)?;
        let own = varlong(|| take_byte(&mut record))?;
        let timestamp = if header.is_log_append_time() {
            header.max_timestamp
        } else {
            header.base_timestamp.wrapping_add(own)
        };
        varint(|| take_byte(&mut record))?;
        let base = *base_timestamp.get_or_insert(timestamp);
        let mut front = vec![attributes];
        put_varlong(&mut front, timestamp.wrapping_sub(base));
        put_varlong(&mut front, delta);
        put_varlong(&mut out, (front.len() + record.len()) as i64);
        out.extend_from_slice(&front);
        out.extend_from_slice(record);
    }
    Ok((out, base_timestamp.unwrap_or(NO_TIMESTAMP)))
}

/// The records of a batch, one at a time, with their keys and values: for the broker's own topics.
pub fn each_key_value(
    header: &BatchHeader,
    records: &[u8],
    visit: &mut dyn FnMut(Offset, Option<Bytes>, Option<Bytes>, i64),
) -> Result<(), Malformed> {
    let plain = Bytes::from(plain(header, records)?.into_owned());
    let mut rest = &plain[..];
    for _ in 0..header.count {
        let mut record = take_record(&mut rest)?;
        take_byte(&mut record)?;
        let timestamp = header.base_timestamp.wrapping_add(varlong(|| take_byte(&mut record))?);
        let delta = varint(|| take_byte(&mut record))?;
        let key = take_nullable(&mut record)?.map(|key| plain.slice_ref(key));
        let value = take_nullable(&mut record)?.map(|value| plain.slice_ref(value));
        let timestamp = if header.is_log_append_time() {
            header.max_timestamp
        } else {
            timestamp
        };
        visit(Offset(header.base_offset.0 + i64::from(delta)), key, value, timestamp);
    }
    Ok(())
}

/// The records of a batch without their codec.
pub(crate) fn plain<'a>(header: &BatchHeader, records: &'a [u8]) -> Result<Cow<'a, [u8]>, Malformed> {
    match Codec::from_id(header.codec()).ok_or(Malformed::UnknownCodec)? {
        Codec::None => Ok(records.into()),
        codec => {
            let mut plain = Vec::new();
            compression::open(codec, records, &mut { compression::INFLATED_LIMIT })?.read_to_end(&mut plain)?;
            Ok(plain.into())
        }
    }
}

pub(crate) fn take_record<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = varint(|| take_byte(rest))?;
    let length = usize::try_from(length).map_err(|_| Malformed::Structure)?;
    let (record, after) = rest.split_at_checked(length).ok_or(Malformed::Structure)?;
    *rest = after;
    Ok(record)
}

pub(crate) fn take_nullable<'a>(record: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let length = varint(|| take_byte(record))?;
    let Ok(length) = usize::try_from(length) else {
        return Ok(None);
    };
    let (bytes, after) = record.split_at_checked(length).ok_or(Malformed::Structure)?;
    *record = after;
    Ok(Some(bytes))
}

pub(crate) fn take_byte(bytes: &mut &[u8]) -> Result<u8, Malformed> {
    let (first, rest) = bytes.split_first().ok_or(Malformed::Structure)?;
    *bytes = rest;
    Ok(*first)
}

fn put_nullable(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_varlong(into, bytes.map_or(-1, |bytes| bytes.len() as i64));
    into.extend_from_slice(bytes.unwrap_or_default());
}

pub(crate) fn put_varlong(into: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        into.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    into.push(rest as u8);
}
