//! A store in memory that outlives the node on it.

use std::sync::{Arc, Mutex};

use broker_core::store::memory::MemoryStore;
use broker_core::{Store, StoreError};

/// Shared by the node that writes and the test that looks.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<MemoryStore>>);

impl Store for Shared {
    fn directories(&self) -> Result<Vec<String>, StoreError> {
        self.0.lock().unwrap().directories()
    }
    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.0.lock().unwrap().files(directory)
    }
    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().create_directory(directory)
    }
    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().rename_directory(from, to)
    }
    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove_directory(directory)
    }
    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError> {
        self.0.lock().unwrap().append(directory, file, bytes)
    }
    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError> {
        self.0.lock().unwrap().read(directory, file, position, into)
    }
    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError> {
        self.0.lock().unwrap().truncate(directory, file, length)
    }
    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().remove(directory, file)
    }
    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().rename(directory, from, to)
    }
    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.lock().unwrap().replace(directory, file, bytes)
    }
    fn sync(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap().sync(directory, file)
    }
}
