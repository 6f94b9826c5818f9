//! Where the bytes are: files in Kafka's layout, written by the node; connections read what it has opened for them.

mod disk;
mod faulty;
mod kept;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use broker_core::{Span, StoreError};
use bytes::Bytes;

pub(crate) use disk::DiskStore;
pub(crate) use faulty::FaultyStore;

/// Opens the spans of answers, which connections read while the node goes on.
pub(crate) trait Sources: Send + Sync {
    /// The bytes of a span stay readable as long as the source lives, even when the file is removed meanwhile.
    fn open(&self, span: &Span) -> Result<Source, StoreError>;
    /// Lets go of what is kept of appends, and says whether those from now on are.
    fn keep(&self, keeping: Keeping);
    /// The bytes of a span that is an append which is kept.
    fn kept(&self, span: &Span) -> Option<[Bytes; 2]>;
    /// Waits until a file's bytes are on the disk; one that is gone by now needs none.
    fn sync(&self, directory: &str, file: &str) -> Result<(), StoreError>;
    /// Closes what is only kept open; what is touched again is opened again.
    fn close(&self);
}

/// What becomes of appends that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// They are shared with the answers that follow from them.
    Appends,
    /// They are read from their files.
    Nothing,
}

/// An opened span: a range of a file.
pub(crate) struct Source {
    file: Arc<File>,
    start: u64,
    length: usize,
}

impl Source {
    /// How many bytes it has.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Where in the file it begins.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Reads at a position of the span.
    pub(crate) fn read(&self, position: usize, into: &mut [u8]) -> std::io::Result<usize> {
        self.file.read_at(into, self.start + position as u64)
    }
}
