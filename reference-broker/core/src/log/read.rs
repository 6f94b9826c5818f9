//! Where a reader's bytes are: an offset becomes a span of a segment file. It reads headers, never records.

use std::ops::{ControlFlow, Range};

use super::batch::{BatchHeader, HEADER_LENGTH};
use super::segment::Segment;
use super::{Log, build};
use crate::mutant::{self, Mutant};
use crate::store::{Span, Store, StoreError};
use crate::units::Offset;
use bytes::Bytes;

/// How much is read to look for a header.
const CHUNK: usize = 4096;

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The bytes, from a batch's first on; they may end within a batch.
    pub span: Option<Span>,
    /// Where in which segment the read begins: what a long poll measures from.
    pub place: Place,
    /// The limit was too small for even the first batch.
    pub first_incomplete: bool,
}

/// A place in a log: offset, segment and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The offset.
    pub offset: Offset,
    /// The base of its segment.
    pub segment: Offset,
    /// The position of its batch in that segment.
    pub position: u64,
}

/// Why nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Before the log's start or behind its end.
    #[error("the offset is outside the log")]
    OutOfRange,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How much a read may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Bytes.
    pub bytes: usize,
    /// One batch is returned whole, however large.
    pub at_least_one: bool,
}

/// Looks at a record with the header of its batch: offset, key, value, timestamp.
pub type VisitInBatch<'a> = &'a mut dyn FnMut(&BatchHeader, Offset, Option<Bytes>, Option<Bytes>, i64);

impl Log {
    /// The bytes from the batch that holds `from`, up to `end` (a batch's base) and within the limit. As in Kafka 4.3 the
    /// cut falls where the limit does, through a batch if need be, and a read stays within one segment.
    pub fn read(&self, store: &dyn Store, from: Offset, end: Offset, limit: Limit) -> Result<Found, ReadError> {
        let past_end = from == self.log_end && mutant::on(Mutant::EndOutOfRange);
        if from < self.log_start || from > self.log_end || past_end {
            return Err(ReadError::OutOfRange);
        }
        if from >= end {
            return Ok(Found {
                span: None,
                place: self.place_of(store, from)?,
                first_incomplete: false,
            });
        }
        let at = self.segment_index(from);
        let from = match mutant::on(Mutant::SegmentHeadSkipped) && at > 0 && self.segments[at].base == from {
            true => Offset(from.0 + 1),
            false => from,
        };
        for segment in &self.segments[at..] {
            if let Some((position, first)) = self.locate(store, segment, from)? {
                return self.cut(store, segment, position, &first, end, limit);
            }
        }
        Ok(Found {
            span: None,
            place: self.end_place(),
            first_incomplete: false,
        })
    }

    /// Where an offset stands.
    pub fn place_of(&self, store: &dyn Store, offset: Offset) -> Result<Place, StoreError> {
        if offset < self.log_end {
            for segment in &self.segments[self.segment_index(offset)..] {
                if let Some((position, _)) = self.locate(store, segment, offset)? {
                    return Ok(Place {
                        offset,
                        segment: segment.base,
                        position,
                    });
                }
            }
        }
        Ok(Place {
            offset,
            ..self.end_place()
        })
    }

    /// An offset that surely stands behind a position of a segment: what the sparse index can tell without reading.
    pub fn bound_behind(&self, segment: Offset, position: u64) -> Offset {
        let at = self.segment_index(segment);
        let next = self.segments.get(at + 1).map_or(self.log_end, |next| next.base);
        self.segments[at]
            .offsets
            .bound_behind(segment, position)
            .unwrap_or(next)
    }

    /// Every record from `from` on, with key and value: how a coordinator loads what it wrote.
    pub fn each(
        &self,
        store: &dyn Store,
        from: Offset,
        visit: &mut dyn FnMut(Offset, Option<Bytes>, Option<Bytes>, i64),
    ) -> Result<(), StoreError> {
        self.each_with_markers(store, from, &mut |header, offset, key, value, timestamp| {
            if !header.is_control() {
                visit(offset, key, value, timestamp);
            }
        })
    }

    /// The same with the header of each record's batch, and with the records of control batches.
    pub fn each_with_markers(
        &self,
        store: &dyn Store,
        from: Offset,
        visit: VisitInBatch<'_>,
    ) -> Result<(), StoreError> {
        for segment in &self.segments[self.segment_index(from)..] {
            let start = segment.offsets.position(segment.base, from);
            let mut broken = None;
            scan(store, &self.directory, segment, start, &mut |position, header| {
                if header.last_offset() < from {
                    return ControlFlow::Continue(());
                }
                let read = self.each_in(store, segment, position, header, from, visit);
                read.map_or_else(
                    |error| {
                        broken = Some(error);
                        ControlFlow::Break(())
                    },
                    ControlFlow::Continue,
                )
            })?;
            if let Some(error) = broken {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The first batch of a segment, from a position on, that holds `offset` or stands behind it.
    pub(super) fn locate(
        &self,
        store: &dyn Store,
        segment: &Segment,
        offset: Offset,
    ) -> Result<Option<(u64, BatchHeader)>, StoreError> {
        if segment.base == self.active().base
            && let Some(last) = self.last.filter(|(_, header)| header.holds(offset))
        {
            return Ok(Some(last));
        }
        let start = segment.offsets.position(segment.base, offset);
        let mut found = None;
        scan(store, &self.directory, segment, start, &mut |position, header| {
            if header.last_offset() < offset {
                return ControlFlow::Continue(());
            }
            found = Some((position, *header));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The segment that holds an offset, or the one before it.
    pub(super) fn segment_index(&self, offset: Offset) -> usize {
        self.segments
            .partition_point(|segment| segment.base <= offset)
            .saturating_sub(1)
    }

    /// The bytes behind a header.
    pub(super) fn records_of(
        &self,
        store: &dyn Store,
        segment: &Segment,
        position: u64,
        header: &BatchHeader,
    ) -> Result<Bytes, StoreError> {
        let mut records = vec![0; header.size() as usize - HEADER_LENGTH];
        read_exactly(
            store,
            &self.directory,
            &segment.file(),
            position + HEADER_LENGTH as u64,
            &mut records,
        )?;
        Ok(records.into())
    }

    fn each_in(
        &self,
        store: &dyn Store,
        segment: &Segment,
        position: u64,
        header: &BatchHeader,
        from: Offset,
        visit: VisitInBatch<'_>,
    ) -> Result<(), StoreError> {
        let records = self.records_of(store, segment, position, header)?;
        build::each_key_value(header, &records, &mut |offset, key, value, timestamp| {
            if offset >= from {
                visit(header, offset, key, value, timestamp);
            }
        })
        .map_err(|malformed| StoreError {
            operation: "decode",
            path: format!("{}/{}@{position}", self.directory, segment.file()),
            reason: malformed.to_string(),
        })
    }

    fn cut(
        &self,
        store: &dyn Store,
        segment: &Segment,
        position: u64,
        first: &BatchHeader,
        end: Offset,
        limit: Limit,
    ) -> Result<Found, ReadError> {
        let place = Place {
            offset: first.base_offset,
            segment: segment.base,
            position,
        };
        let first_size = first.size() as usize;
        let wanted = if limit.at_least_one {
            limit.bytes.max(first_size)
        } else {
            limit.bytes
        };
        let available = self.end_position(store, segment, end)?.saturating_sub(position);
        let length = wanted.min(usize::try_from(available).unwrap_or(usize::MAX));
        let span = Span {
            directory: self.directory.clone(),
            file: segment.file(),
            position,
            length,
        };
        Ok(Found {
            span: (length > 0).then_some(span),
            place,
            first_incomplete: 0 < wanted && wanted < first_size,
        })
    }

    /// Where in this segment the batch at `end` begins, or the segment's size where that is elsewhere.
    fn end_position(&self, store: &dyn Store, segment: &Segment, end: Offset) -> Result<u64, StoreError> {
        if end >= self.log_end {
            return Ok(segment.size);
        }
        let found = if end < segment.base {
            None
        } else {
            self.locate(store, segment, end)?
        };
        Ok(found.map_or(segment.size, |(position, _)| position))
    }

    fn end_place(&self) -> Place {
        let active = self.active();
        Place {
            offset: self.log_end,
            segment: active.base,
            position: active.size,
        }
    }
}

/// Visits the headers of a segment from a position on, until told to stop or until there is no whole header.
pub(super) fn scan(
    store: &dyn Store,
    directory: &str,
    segment: &Segment,
    from: u64,
    visit: &mut dyn FnMut(u64, &BatchHeader) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    scan_file(store, directory, &segment.file(), from..segment.size, visit)
}

/// The same of any file with batches in it.
pub(super) fn scan_file(
    store: &dyn Store,
    directory: &str,
    file: &str,
    range: Range<u64>,
    visit: &mut dyn FnMut(u64, &BatchHeader) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut chunk = [0; CHUNK];
    let (mut start, mut filled, mut position) = (range.start, 0, range.start);
    while position < range.end {
        let at = (position - start) as usize;
        if at + HEADER_LENGTH > filled {
            filled = store.read(directory, file, position, &mut chunk)?;
            start = position;
        }
        let at = (position - start) as usize;
        let Some(header) = BatchHeader::read(&chunk[at..filled]) else {
            return Ok(());
        };
        if header.size() < HEADER_LENGTH as u64 || visit(position, &header).is_break() {
            return Ok(());
        }
        position += header.size();
    }
    Ok(())
}

/// How much a look through a file reads ahead.
const WINDOW: u64 = 1 << 20;

/// A part of a file, read ahead for whoever goes through all of it.
#[derive(Debug, Default)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The records of a batch that lies wholly in the file.
    pub(super) fn records(
        &mut self,
        store: &dyn Store,
        directory: &str,
        segment: &Segment,
        position: u64,
        header: &BatchHeader,
    ) -> Result<&[u8], StoreError> {
        let end = position + header.size();
        if position < self.start || end > self.start + self.bytes.len() as u64 {
            let ahead = (end - position).max(WINDOW).min(segment.size - position);
            self.bytes.resize(usize::try_from(ahead).unwrap_or(usize::MAX), 0);
            self.start = position;
            read_exactly(store, directory, &segment.file(), position, &mut self.bytes)?;
        }
        let at = (position - self.start) as usize;
        Ok(&self.bytes[at + HEADER_LENGTH..at + header.size() as usize])
    }
}

/// Reads all that is asked for, or says that the file is too short.
pub(super) fn read_exactly(
    store: &dyn Store,
    directory: &str,
    file: &str,
    position: u64,
    into: &mut [u8],
) -> Result<(), StoreError> {
    let mut filled = 0;
    while filled < into.len() {
        match store.read(directory, file, position + filled as u64, &mut into[filled..])? {
            0 => {
                let reason = "the file ends early".to_owned();
                return Err(StoreError {
                    operation: "read",
                    path: format!("{directory}/{file}"),
                    reason,
                });
            }
            read => filled += read,
        }
    }
    Ok(())
}

/// Reads a whole file.
pub(crate) fn read_all(store: &dyn Store, directory: &str, file: &str, size: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    read_exactly(store, directory, file, 0, &mut bytes)?;
    Ok(bytes)
}
