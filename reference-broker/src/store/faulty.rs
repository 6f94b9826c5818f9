//! A store whose disk is slow or full where it is told to be. What only reads, cuts or removes goes on as ever.

use std::sync::Arc;

use broker_core::{Span, Store, StoreError};
use bytes::Bytes;

use super::{DiskStore, Keeping, Source, Sources};
use crate::faults::Disk;

/// A disk store that may fail on demand.
pub(crate) struct FaultyStore {
    inner: DiskStore,
    disk: Arc<Disk>,
}

/// Its files, for the connections and for who syncs.
struct FaultySources {
    inner: Arc<dyn Sources>,
    disk: Arc<Disk>,
}

impl FaultyStore {
    pub(crate) fn new(inner: DiskStore, disk: Arc<Disk>) -> Self {
        Self { inner, disk }
    }

    pub(crate) fn sources(&self) -> Arc<dyn Sources> {
        Arc::new(FaultySources {
            inner: self.inner.sources(),
            disk: self.disk.clone(),
        })
    }

    /// Is there room for more?
    fn room(&self, operation: &'static str, directory: &str, file: &str) -> Result<(), StoreError> {
        self.disk.take_time();
        match self.disk.refusal() {
            None => Ok(()),
            Some(error) => Err(StoreError {
                operation,
                path: format!("{directory}/{file}"),
                reason: error.to_string(),
            }),
        }
    }
}

impl Sources for FaultySources {
    fn open(&self, span: &Span) -> Result<Source, StoreError> {
        self.inner.open(span)
    }

    fn keep(&self, keeping: Keeping) {
        self.inner.keep(keeping);
    }

    fn kept(&self, span: &Span) -> Option<[Bytes; 2]> {
        self.inner.kept(span)
    }

    fn sync(&self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.disk.take_time();
        self.inner.sync(directory, file)
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl Store for FaultyStore {
    fn directories(&self) -> Result<Vec<String>, StoreError> {
        self.inner.directories()
    }

    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.inner.files(directory)
    }

    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.room("create", directory, "")?;
        self.inner.create_directory(directory)
    }

    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        self.inner.rename_directory(from, to)
    }

    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.inner.remove_directory(directory)
    }

    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError> {
        self.room("append", directory, file)?;
        self.inner.append(directory, file, bytes)
    }

    fn awaited(&mut self, directory: &str, file: &str, position: u64, bytes: [Bytes; 2]) {
        self.inner.awaited(directory, file, position, bytes);
    }

    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError> {
        self.inner.read(directory, file, position, into)
    }

    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError> {
        self.inner.truncate(directory, file, length)
    }

    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.inner.remove(directory, file)
    }

    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError> {
        self.inner.rename(directory, from, to)
    }

    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.room("replace", directory, file)?;
        self.inner.replace(directory, file, bytes)
    }

    fn space(&self) -> Option<(u64, u64)> {
        let (total, free) = self.inner.space()?;
        Some((total, if self.disk.refusal().is_some() { 0 } else { free }))
    }

    fn sync(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.disk.take_time();
        self.inner.sync(directory, file)
    }
}
