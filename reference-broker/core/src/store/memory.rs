//! A store in memory: for simulations and tests, where losing everything but the synced part is a command away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Store, StoreError};

/// Directories of files of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryStore {
    directories: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// Every operation that writes fails while this is set: a full disk.
    pub refuses_writes: bool,
    /// So many writes still succeed: a broker that dies in the middle of something.
    pub writes_left: Option<usize>,
}

impl MemoryStore {
    /// A file's bytes, to look at or to damage.
    pub fn file_mut(&mut self, directory: &str, file: &str) -> Option<&mut Vec<u8>> {
        self.directories.get_mut(directory)?.get_mut(file)
    }

    /// One write less is left; the error is that none was.
    fn spend(&mut self, operation: &'static str, path: &str) -> Result<(), StoreError> {
        let refused = self.refuses_writes || self.writes_left == Some(0);
        self.writes_left = self.writes_left.map(|left| left.saturating_sub(1));
        let error = || StoreError {
            operation,
            path: path.to_owned(),
            reason: "no space left".to_owned(),
        };
        if refused { Err(error()) } else { Ok(()) }
    }

    fn writable(&mut self, operation: &'static str, directory: &str, file: &str) -> Result<&mut Vec<u8>, StoreError> {
        self.spend(operation, &format!("{directory}/{file}"))?;
        Ok(self
            .directories
            .entry(directory.to_owned())
            .or_default()
            .entry(file.to_owned())
            .or_default())
    }
}

impl Store for MemoryStore {
    fn directories(&self) -> Result<Vec<String>, StoreError> {
        Ok(self
            .directories
            .keys()
            .filter(|name| !name.is_empty())
            .cloned()
            .collect())
    }

    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let files = self.directories.get(directory).into_iter().flatten();
        Ok(files.map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect())
    }

    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.directories.entry(directory.to_owned()).or_default();
        Ok(())
    }

    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        if let Some(files) = self.directories.remove(from) {
            self.directories.insert(to.to_owned(), files);
        }
        Ok(())
    }

    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.directories.remove(directory);
        Ok(())
    }

    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError> {
        let content = self.writable("append", directory, file)?;
        bytes.iter().for_each(|part| content.extend_from_slice(part));
        Ok(())
    }

    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError> {
        let Some(content) = self.directories.get(directory).and_then(|files| files.get(file)) else {
            let (path, reason) = (format!("{directory}/{file}"), "no such file".to_owned());
            return Err(StoreError {
                operation: "read",
                path,
                reason,
            });
        };
        let rest = usize::try_from(position)
            .ok()
            .and_then(|position| content.get(position..))
            .unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError> {
        self.writable("truncate", directory, file)?
            .truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.spend("remove", &format!("{directory}/{file}"))?;
        if let Some(files) = self.directories.get_mut(directory) {
            files.remove(file);
        }
        Ok(())
    }

    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError> {
        self.spend("rename", &format!("{directory}/{from}"))?;
        if let Some(files) = self.directories.get_mut(directory)
            && let Some(bytes) = files.remove(from)
        {
            files.insert(to.to_owned(), bytes);
        }
        Ok(())
    }

    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        *self.writable("replace", directory, file)? = bytes.to_vec();
        Ok(())
    }

    fn sync(&mut self, _directory: &str, _file: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A store in memory that outlives the node on it: shared by the node that writes and whoever looks.
#[derive(Debug, Clone, Default)]
pub struct SharedStore(Arc<Mutex<MemoryStore>>);

impl SharedStore {
    /// The store itself, while nobody else has it.
    pub fn lock(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SharedStore {
    fn directories(&self) -> Result<Vec<String>, StoreError> {
        self.lock().directories()
    }

    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.lock().files(directory)
    }

    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.lock().create_directory(directory)
    }

    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        self.lock().rename_directory(from, to)
    }

    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        self.lock().remove_directory(directory)
    }

    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError> {
        self.lock().append(directory, file, bytes)
    }

    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError> {
        self.lock().read(directory, file, position, into)
    }

    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError> {
        self.lock().truncate(directory, file, length)
    }

    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.lock().remove(directory, file)
    }

    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError> {
        self.lock().rename(directory, from, to)
    }

    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.lock().replace(directory, file, bytes)
    }

    fn sync(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        self.lock().sync(directory, file)
    }
}
