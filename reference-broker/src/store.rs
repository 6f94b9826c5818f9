//! Where the bytes are: files in Kafka's layout, written by the node and read by the connections.

mod disk;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use broker_core::{Span, StoreError};
use bytes::Bytes;

pub(crate) use disk::DiskStore;

/// Opens spans for the connections, which read them while the node goes on.
pub(crate) trait Sources: Send + Sync {
    /// The bytes of a span stay readable as long as the source lives, even when the file is removed meanwhile.
    fn open(&self, span: &Span) -> Result<Source, StoreError>;
}

/// An opened span.
pub(crate) enum Source {
    /// In memory.
    Memory(Bytes),
    /// In a file, from a position, for a length.
    File(Arc<File>, u64, usize),
}

impl Source {
    /// How many bytes it has.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(_, _, length) => *length,
        }
    }

    /// Reads at a position of the span.
    pub(crate) fn read(&self, position: usize, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let rest = bytes.get(position..).unwrap_or_default();
                let read = rest.len().min(into.len());
                into[..read].copy_from_slice(&rest[..read]);
                Ok(read)
            }
            Self::File(file, start, _) => file.read_at(into, start + position as u64),
        }
    }
}
