//! Where bytes are kept. A store knows directories and files; it knows nothing of Kafka.

pub mod memory;

use bytes::Bytes;

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{operation} {path}: {reason}")]
pub struct StoreError {
    /// What was tried: `append`, `read`, `truncate`, …
    pub operation: &'static str,
    /// The file or directory, relative to the data directory.
    pub path: String,
    /// What the system said.
    pub reason: String,
}

/// Files in directories, one directory a log; the empty directory name is the data directory itself.
///
/// Implementations: memory (simulation, tests) and disk (Kafka's layout). Appends and reads go to the page cache; only
/// [`Store::sync`] and [`Store::replace`] wait for the disk.
pub trait Store: Send {
    /// Names of all directories, sorted.
    fn directories(&self) -> Result<Vec<String>, StoreError>;
    /// Names and sizes of the files in a directory, sorted.
    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError>;
    /// Makes a directory; it may exist.
    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError>;
    /// Gives a directory another name, which nothing has.
    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError>;
    /// Removes a directory and all that is in it; it may be absent.
    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError>;
    /// Appends to a file, which is made if absent; all or nothing as far as the system allows.
    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError>;
    /// Says what was appended at a position of a file while somebody waits for it: a store that keeps it for the answers that follow at
    /// once saves reading it.
    fn awaited(&mut self, _directory: &str, _file: &str, _position: u64, _bytes: [Bytes; 2]) {}
    /// Reads up to `into.len()` bytes at `position`; fewer at the end of the file.
    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError>;
    /// Cuts a file to a length.
    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError>;
    /// Removes a file; it may be absent.
    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError>;
    /// Gives a file another name in the same directory, in place of whatever has it; the file may be absent.
    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError>;
    /// Puts a whole file in place atomically: temporary file, sync, rename, sync of the directory.
    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// How large the volume is and how much of it may still be written, in bytes; None where nobody knows.
    fn space(&self) -> Option<(u64, u64)> {
        None
    }
    /// Waits until a file's bytes are on the disk.
    fn sync(&mut self, directory: &str, file: &str) -> Result<(), StoreError>;
}

/// A range of bytes in a file that stays where it is: what a fetch answers, sent without passing through user space
/// where the store allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Directory name.
    pub directory: String,
    /// File name.
    pub file: String,
    /// First byte.
    pub position: u64,
    /// How many bytes.
    pub length: usize,
}
