//! What is in a client's bytes: the batch found by its header, its checksum, and every record stepped over without building it.
//!
//! It judges nothing. What it finds travels as data, because a broker that does not lead the partition says so before it
//! complains of a bad checksum.

use std::io::BufRead;

use bytes::Bytes;

use super::batch::{
    BatchHeader, CHECKED_FROM, HEADER_LENGTH, LOG_OVERHEAD, MAGIC_END, NO_TIMESTAMP, i16_at, i32_at, i64_at,
};
use super::compression::{self, Codec};
use crate::mutant::{self, Mutant};
use crate::units::{Producer, ProducerEpoch, ProducerId};

/// The bytes that one partition of a Produce request carries, looked through.
#[derive(Debug, Clone)]
pub struct Walked {
    /// How the bytes divide into batches.
    pub shape: Shape,
    /// The first batch, header and all; empty unless the shape is [`Shape::One`].
    pub batch: Bytes,
    /// Its header.
    pub header: Option<BatchHeader>,
    /// Does the checksum hold?
    pub crc_holds: bool,
    /// What stepping over the records found.
    pub records: Result<Records, Malformed>,
}

/// How bytes divide into batches, as far as headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Not one whole batch.
    Nothing,
    /// The first header cannot be one: a length below 14 or a magic above 2.
    Corrupt,
    /// The second header cannot be one.
    CorruptTail,
    /// A batch of magic 0 or 1.
    OldMagic,
    /// Two or more batches.
    Many,
    /// One batch of magic 2.
    One,
}

/// Facts about the records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// The largest timestamp, -1 if no record has one.
    pub max_timestamp: i64,
    /// The smallest timestamp of a record that has one.
    pub min_timestamp: Option<i64>,
    /// At least one record has a null key.
    pub null_keys: bool,
    /// Offset deltas count 0, 1, 2, …
    pub dense: bool,
}

/// Why the records of a batch cannot be stepped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// They end early, leave bytes over or contradict their own lengths.
    #[error("the records do not have the structure that they declare")]
    Structure,
    /// The codec cannot undo them.
    #[error("the records cannot be decompressed")]
    Compression,
    /// No codec has this id.
    #[error("no codec has this id")]
    UnknownCodec,
    /// They grow beyond what this broker is ready to look at.
    #[error("the records grow too large when decompressed")]
    TooLarge,
}

/// One record, stepped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stepped {
    /// Relative to the batch's base.
    pub offset_delta: i32,
    /// Its own timestamp, or the batch's under LogAppendTime.
    pub timestamp: i64,
    /// Is the key there at all?
    pub has_key: bool,
}

impl Walked {
    /// How bytes divide into batches.
    pub fn shape_of(bytes: &Bytes) -> Shape {
        divide(bytes).0
    }

    /// Looks through the bytes of one partition. A batch beyond `limit` bytes will be refused for its size: its records are
    /// not looked at.
    pub fn new(bytes: &Bytes, limit: usize) -> Self {
        Self::within(bytes, limit, &mut { compression::INFLATED_LIMIT })
    }

    /// As [`Walked::new`], with `inflated` bytes left to decompress to: a request has one allowance for all its batches, or a few
    /// kilobytes would keep the broker busy for as long as their sender likes.
    pub fn within(bytes: &Bytes, limit: usize, inflated: &mut u64) -> Self {
        let (shape, batch) = divide(bytes);
        if batch.len() > limit {
            return Self {
                shape,
                batch,
                header: None,
                crc_holds: false,
                records: Err(Malformed::TooLarge),
            };
        }
        let header = if shape == Shape::One {
            BatchHeader::read(&batch)
        } else {
            None
        };
        let Some(header) = header else {
            return Self {
                shape,
                batch,
                header: None,
                crc_holds: false,
                records: Err(Malformed::Structure),
            };
        };
        let crc_holds = crc32c::crc32c(&batch[CHECKED_FROM..]) == header.crc;
        let surveyed = crc_holds || mutant::on(Mutant::CrcUnchecked);
        let records = if surveyed {
            survey(&header, &batch[HEADER_LENGTH..], inflated)
        } else {
            Err(Malformed::Structure)
        };
        Self {
            shape,
            batch,
            header: Some(header),
            crc_holds,
            records,
        }
    }

    /// Is the first batch part of a transaction? Some answer even where the batch is too short for the rest.
    pub fn is_transactional(bytes: &[u8]) -> bool {
        matches!(batch_size(bytes), Ok(Some(_))) && attributes(bytes).is_some_and(|attributes| attributes & 0x10 != 0)
    }

    /// The producer of the first batch, where it is part of a transaction.
    pub fn transactional_producer(&self) -> Option<Producer> {
        let head = self.batch.get(..53)?;
        let producer = Producer {
            id: ProducerId(i64_at(head, 43)),
            epoch: ProducerEpoch(i16_at(head, 51)),
        };
        (Self::is_transactional(&self.batch) && producer.id.0 > -1).then_some(producer)
    }

    /// The codec of the first batch, as far as there is one.
    pub fn codec(&self) -> Option<u8> {
        attributes(&self.batch).map(|attributes| attributes & 7)
    }
}

/// Steps over every record of a batch, in order.
pub fn each_record(header: &BatchHeader, records: &[u8], visit: &mut dyn FnMut(Stepped)) -> Result<(), Malformed> {
    each_within(header, records, &mut { compression::INFLATED_LIMIT }, visit)
}

fn each_within(
    header: &BatchHeader,
    records: &[u8],
    inflated: &mut u64,
    visit: &mut dyn FnMut(Stepped),
) -> Result<(), Malformed> {
    match Codec::from_id(header.codec()).ok_or(Malformed::UnknownCodec)? {
        Codec::None => step_all(header, &mut { records }, Lengths::Binding, visit),
        codec => {
            let mut stream = compression::open(codec, records, inflated).map_err(Malformed::from)?;
            step_all(header, &mut *stream, Lengths::Ignored, visit)
        }
    }
}

/// Kafka believes the length in front of a record only where it need not decompress to find it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    Binding,
    Ignored,
}

fn survey(header: &BatchHeader, records: &[u8], inflated: &mut u64) -> Result<Records, Malformed> {
    let mut found = Records {
        max_timestamp: NO_TIMESTAMP,
        min_timestamp: None,
        null_keys: false,
        dense: true,
    };
    let mut expected = 0;
    each_within(header, records, inflated, &mut |record| {
        found.max_timestamp = found.max_timestamp.max(record.timestamp);
        if record.timestamp != NO_TIMESTAMP {
            found.min_timestamp = Some(
                found
                    .min_timestamp
                    .map_or(record.timestamp, |min| min.min(record.timestamp)),
            );
        }
        found.null_keys |= !record.has_key;
        found.dense &= record.offset_delta == expected;
        expected += 1;
    })?;
    Ok(found)
}

fn step_all<R: BufRead + ?Sized>(
    header: &BatchHeader,
    source: &mut R,
    lengths: Lengths,
    visit: &mut dyn FnMut(Stepped),
) -> Result<(), Malformed> {
    for _ in 0..header.count.max(0) {
        visit(step(header, source, lengths)?);
    }
    match source.fill_buf() {
        Ok([]) => Ok(()),
        Ok(_) => Err(Malformed::Structure),
        Err(error) => Err(error.into()),
    }
}

fn step<R: BufRead + ?Sized>(header: &BatchHeader, source: &mut R, lengths: Lengths) -> Result<Stepped, Malformed> {
    let length = varint(|| next_byte(source))?;
    let left = match lengths {
        Lengths::Binding => u64::try_from(length).map_err(|_| Malformed::Structure)?,
        Lengths::Ignored => u64::MAX,
    };
    let mut record = Bounded { source, left };
    record.byte()?;
    let timestamp_delta = record.varlong()?;
    let offset_delta = record.varint()?;
    let has_key = record.skip_nullable()?;
    record.skip_nullable()?;
    let headers = record.varint()?;
    if headers < 0 || u64::from(headers.unsigned_abs()) > record.left {
        return Err(Malformed::Structure);
    }
    for _ in 0..headers {
        if !record.skip_nullable()? {
            return Err(Malformed::Structure);
        }
        record.skip_nullable()?;
    }
    if lengths == Lengths::Binding && record.left != 0 {
        return Err(Malformed::Structure);
    }
    let timestamp = if header.is_log_append_time() {
        header.max_timestamp
    } else {
        header.base_timestamp.wrapping_add(timestamp_delta)
    };
    Ok(Stepped {
        offset_delta,
        timestamp,
        has_key,
    })
}

/// The rest of one record.
struct Bounded<'a, R: ?Sized> {
    source: &'a mut R,
    left: u64,
}

impl<R: BufRead + ?Sized> Bounded<'_, R> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        self.left = self.left.checked_sub(1).ok_or(Malformed::Structure)?;
        next_byte(self.source)
    }

    fn varint(&mut self) -> Result<i32, Malformed> {
        varint(|| self.byte())
    }

    fn varlong(&mut self) -> Result<i64, Malformed> {
        varlong(|| self.byte())
    }

    /// Steps over a length and that many bytes; false when the length says null.
    fn skip_nullable(&mut self) -> Result<bool, Malformed> {
        let Ok(mut length) = usize::try_from(self.varint()?) else {
            return Ok(false);
        };
        self.left = self.left.checked_sub(length as u64).ok_or(Malformed::Structure)?;
        while length > 0 {
            let ready = self.source.fill_buf()?.len().min(length);
            if ready == 0 {
                return Err(Malformed::Structure);
            }
            self.source.consume(ready);
            length -= ready;
        }
        Ok(true)
    }
}

fn next_byte<R: BufRead + ?Sized>(source: &mut R) -> Result<u8, Malformed> {
    let byte = *source.fill_buf()?.first().ok_or(Malformed::Structure)?;
    source.consume(1);
    Ok(byte)
}

pub(crate) fn varint(mut next: impl FnMut() -> Result<u8, Malformed>) -> Result<i32, Malformed> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = next()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(((value >> 1) as i32) ^ -((value & 1) as i32));
        }
    }
    Err(Malformed::Structure)
}

pub(crate) fn varlong(mut next: impl FnMut() -> Result<u8, Malformed>) -> Result<i64, Malformed> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(((value >> 1) as i64) ^ -((value & 1) as i64));
        }
    }
    Err(Malformed::Structure)
}

impl From<std::io::Error> for Malformed {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::FileTooLarge => Self::TooLarge,
            _ => Self::Compression,
        }
    }
}

fn divide(bytes: &Bytes) -> (Shape, Bytes) {
    let first = match batch_size(bytes) {
        Err(CorruptHeader) => return (Shape::Corrupt, Bytes::new()),
        Ok(None) => return (Shape::Nothing, Bytes::new()),
        Ok(Some(size)) => bytes.slice(..size),
    };
    let shape = match (first[16], batch_size(&bytes[first.len()..])) {
        (0 | 1, _) => Shape::OldMagic,
        (_, Err(CorruptHeader)) => Shape::CorruptTail,
        (_, Ok(Some(_))) => Shape::Many,
        (_, Ok(None)) => Shape::One,
    };
    (shape, first)
}

/// The low byte of the attributes; a message of the old formats has a timestamp or its key there.
fn attributes(batch: &[u8]) -> Option<u8> {
    if batch.get(16) == Some(&2) {
        batch.get(22).copied()
    } else {
        None
    }
}

struct CorruptHeader;

/// The size of the batch at the front of these bytes, None when they end before it does.
fn batch_size(bytes: &[u8]) -> Result<Option<usize>, CorruptHeader> {
    if bytes.len() < LOG_OVERHEAD {
        return Ok(None);
    }
    let length = i32_at(bytes, 8);
    if length < 14 {
        return Err(CorruptHeader);
    }
    if bytes.len() < MAGIC_END {
        return Ok(None);
    }
    if bytes[16] > 2 {
        return Err(CorruptHeader);
    }
    let size = LOG_OVERHEAD + length as usize;
    Ok((size <= bytes.len()).then_some(size))
}
