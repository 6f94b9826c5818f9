//! One batch under compaction: which of its records stay, and what the batch looks like then. Offsets, timestamps, codec,
//! producer and the last offset stay as they were; where tombstones or an idle marker wait for their end, the time of that end
//! takes the place of the base timestamp (KIP-534).

use bytes::Bytes;

use super::super::batch::{BatchHeader, NO_TIMESTAMP};
use super::super::build::{Batch, plain, put_varlong, take_byte, take_nullable, take_record};
use super::super::compression::{self, Codec};
use super::super::walk::{Malformed, varint, varlong};
use crate::units::{Now, Offset};

/// What remains of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remains {
    /// Every byte of it.
    All,
    /// This.
    Some(Batch),
    /// Nothing.
    Nothing,
}

/// What is to become of a batch as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// None of its records stays: they were aborted, or it is a marker whose time has come.
    pub(super) discard: bool,
    /// Its header stays even without records: it is the last of its producer, or of the round.
    pub(super) keep_header: bool,
    /// A marker that decides nothing any more: it goes once its horizon is reached.
    pub(super) idle_marker: bool,
}

/// The times that count for tombstones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: Now,
    pub(super) delete_retention_ms: i64,
}

/// One record, taken apart as far as compaction looks at it.
pub(super) struct Record<'a> {
    pub(super) offset: Offset,
    pub(super) key: Option<&'a [u8]>,
    pub(super) is_tombstone: bool,
    attributes: u8,
    timestamp: i64,
    /// From the key's length on.
    rest: &'a [u8],
}

/// Judges a batch by its records.
pub(super) fn remains(
    header: &BatchHeader,
    records: &[u8],
    fate: Fate,
    times: Times,
    stays: &dyn Fn(&Record<'_>) -> bool,
) -> Result<Remains, Malformed> {
    if fate.discard && !fate.keep_header {
        return Ok(Remains::Nothing);
    }
    let plain = plain(header, records)?;
    let (mut kept, mut tombstones, mut all) = (Vec::new(), false, true);
    each(header, &plain, &mut |record| {
        if !fate.discard && (header.is_control() || stays(&record)) {
            tombstones |= record.is_tombstone;
            kept.push(record);
        } else {
            all = false;
        }
    })?;
    if kept.is_empty() {
        return Ok(if fate.keep_header {
            Remains::Some(shell(header))
        } else {
            Remains::Nothing
        });
    }
    let sets_horizon = (tombstones || fate.idle_marker) && header.delete_horizon_ms().is_none();
    if all && !sets_horizon {
        return Ok(Remains::All);
    }
    let horizon = if sets_horizon {
        Some(times.now.unix_ms.saturating_add(times.delete_retention_ms))
    } else {
        header.delete_horizon_ms()
    };
    rebuilt(header, &kept, horizon).map(Remains::Some)
}

/// Visits the records of a batch whose records lie there uncompressed.
pub(super) fn each<'a>(
    header: &BatchHeader,
    plain: &'a [u8],
    visit: &mut dyn FnMut(Record<'a>),
) -> Result<(), Malformed> {
    let mut rest = plain;
    for _ in 0..header.count.max(0) {
        visit(take(header, take_record(&mut rest)?)?);
    }
    Ok(())
}

fn take<'a>(header: &BatchHeader, mut record: &'a [u8]) -> Result<Record<'a>, Malformed> {
    let attributes = take_byte(&mut record)?;
    let own = header.base_timestamp.wrapping_add(varlong(|| take_byte(&mut record))?);
    let delta = varint(|| take_byte(&mut record))?;
    let rest = record;
    let key = take_nullable(&mut record)?;
    Ok(Record {
        offset: Offset(header.base_offset.0 + i64::from(delta)),
        key,
        is_tombstone: take_nullable(&mut record)?.is_none(),
        attributes,
        timestamp: if header.is_log_append_time() {
            header.max_timestamp
        } else {
            own
        },
        rest,
    })
}

fn rebuilt(header: &BatchHeader, kept: &[Record<'_>], horizon: Option<i64>) -> Result<Batch, Malformed> {
    let first = kept.first().map_or(NO_TIMESTAMP, |record| record.timestamp);
    let base_timestamp = horizon.unwrap_or(first);
    let (mut body, mut front) = (Vec::new(), Vec::new());
    for record in kept {
        front.clear();
        front.push(record.attributes);
        put_varlong(&mut front, record.timestamp.wrapping_sub(base_timestamp));
        put_varlong(&mut front, record.offset.0 - header.base_offset.0);
        put_varlong(&mut body, (front.len() + record.rest.len()) as i64);
        body.extend_from_slice(&front);
        body.extend_from_slice(record.rest);
    }
    let newest = kept.iter().map(|record| record.timestamp).max().unwrap_or(NO_TIMESTAMP);
    let codec = Codec::from_id(header.codec()).ok_or(Malformed::UnknownCodec)?;
    let header = BatchHeader {
        base_timestamp,
        max_timestamp: newest,
        count: kept.len() as i32,
        ..header.with_delete_horizon(horizon.is_some())
    };
    Ok(Batch {
        header,
        records: compression::compress(codec, &body)?.into(),
    }
    .sealed())
}

/// A batch without records, which says where its producer stands.
fn shell(header: &BatchHeader) -> Batch {
    Batch {
        header: BatchHeader {
            base_timestamp: NO_TIMESTAMP,
            count: 0,
            ..header.with_codec(0).with_delete_horizon(false)
        },
        records: Bytes::new(),
    }
    .sealed()
}
