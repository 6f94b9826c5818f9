//! A disk that outlives the node on it. A killed process leaves what it wrote; a power cut leaves what was synced, and of the
//! rest a part, the last page of it torn. Names and directories are durable at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use broker_core::store::memory::SharedStore;
use broker_core::{Store, StoreError};

use super::chance::Chance;

type Synced = BTreeMap<(String, String), u64>;

/// Shared by the node that writes and the world that looks.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    bytes: SharedStore,
    synced: Arc<Mutex<Synced>>,
}

impl Disk {
    /// The power goes: of what was not synced, no more than a part is left.
    pub(crate) fn lose(&self, chance: &mut Chance) {
        let mut bytes = self.bytes.lock();
        let synced = self.synced.lock().unwrap();
        for directory in bytes.directories().unwrap() {
            for (file, size) in bytes.files(&directory).unwrap() {
                let safe = synced.get(&(directory.clone(), file.clone())).copied().unwrap_or(0);
                let left = safe + chance.below(size.saturating_sub(safe) + 1);
                let torn = chance.percent(30) && left > safe;
                let found = bytes.file_mut(&directory, &file).unwrap();
                found.truncate(left as usize);
                if torn {
                    let from = safe.max(left.saturating_sub(16)) as usize;
                    found[from..].fill(0);
                }
            }
        }
    }

    /// Full, or with room again.
    pub(crate) fn fill(&self, is_full: bool) {
        self.bytes.lock().refuses_writes = is_full;
    }

    fn key(directory: &str, file: &str) -> (String, String) {
        (directory.to_owned(), file.to_owned())
    }
}

impl Store for Disk {
    fn directories(&self) -> Result<Vec<String>, StoreError> {
        self.bytes.directories()
    }
    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.bytes.files(directory)
    }
    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.bytes.create_directory(directory)
    }
    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        self.bytes.rename_directory(from, to)?;
        let mut synced = self.synced.lock().unwrap();
        let moved: Vec<_> = synced
            .keys()
            .filter(|(directory, _)| directory == from)
            .cloned()
            .collect();
        for key in moved {
            if let Some(length) = synced.remove(&key) {
                synced.insert((to.to_owned(), key.1), length);
            }
        }
        Ok(())
    }
    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.synced.lock().unwrap().retain(|(found, _), _| found != directory);
        self.bytes.remove_directory(directory)
    }
    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError> {
        self.bytes.append(directory, file, bytes)
    }
    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError> {
        self.bytes.read(directory, file, position, into)
    }
    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError> {
        self.bytes.truncate(directory, file, length)?;
        if let Some(synced) = self.synced.lock().unwrap().get_mut(&Self::key(directory, file)) {
            *synced = length.min(*synced);
        }
        Ok(())
    }
    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.synced.lock().unwrap().remove(&Self::key(directory, file));
        self.bytes.remove(directory, file)
    }
    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError> {
        self.bytes.rename(directory, from, to)?;
        let mut synced = self.synced.lock().unwrap();
        if let Some(length) = synced.remove(&Self::key(directory, from)) {
            synced.insert(Self::key(directory, to), length);
        }
        Ok(())
    }
    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes.replace(directory, file, bytes)?;
        let length = bytes.len() as u64;
        self.synced.lock().unwrap().insert(Self::key(directory, file), length);
        Ok(())
    }
    fn sync(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.bytes.sync(directory, file)?;
        let files = self.bytes.files(directory)?;
        let size = files.iter().find(|(name, _)| name == file).map_or(0, |(_, size)| *size);
        self.synced.lock().unwrap().insert(Self::key(directory, file), size);
        Ok(())
    }
}
