//! Files on disk, in the directories and under the names that Kafka gives them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_core::{Span, Store, StoreError};
use bytes::Bytes;
use rustix::fs::{FlockOperation, flock, statvfs};
use rustix::io::Errno;

use super::kept::Kept;
use super::{Keeping, Source, Sources};

/// A data directory. Only one process uses it at a time: `.lock` is held while this lives.
pub(crate) struct DiskStore {
    files: Arc<OpenFiles>,
    _lock: File,
}

/// Open files beyond this many are closed again; a closed one is opened when it is next touched.
const MAX_OPEN_FILES: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Append,
}

struct OpenFiles {
    root: PathBuf,
    /// False for a temporary directory: nothing outlives the process, so nothing waits for the disk.
    durable: bool,
    open: Mutex<HashMap<PathBuf, Arc<File>>>,
    kept: Mutex<Kept>,
}

impl DiskStore {
    /// Opens a data directory, made if absent, and locks it.
    pub(crate) fn open(root: &Path, durable: bool) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(failed("open", root))?;
        let lock_path = root.join(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| StoreError {
            operation: "lock",
            path: lock_path.display().to_string(),
            reason: format!("another process uses this directory ({error})"),
        })?;
        let files = OpenFiles {
            root: root.to_owned(),
            durable,
            open: Mutex::default(),
            kept: Mutex::new(Kept::new()),
        };
        Ok(Self {
            files: Arc::new(files),
            _lock: lock,
        })
    }

    /// For the connections: the same files, to read from.
    pub(crate) fn sources(&self) -> Arc<dyn Sources> {
        self.files.clone()
    }
}

impl OpenFiles {
    fn path(&self, directory: &str, file: &str) -> PathBuf {
        self.root.join(directory).join(file)
    }

    /// The file, open; made only where it is about to be written.
    fn get(&self, path: &Path, access: Access) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(path) {
            return Ok(file.clone());
        }
        if open.len() >= MAX_OPEN_FILES {
            open.clear();
        }
        let mut options = OpenOptions::new();
        options.create(access == Access::Append).read(true).append(true);
        let file = options.open(path).or_else(|error| {
            if !lacks_descriptors(&error) || open.is_empty() {
                return Err(error);
            }
            // Connections have taken them all: files that are only kept open give way.
            open.clear();
            options.open(path)
        })?;
        let file = Arc::new(file);
        open.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    /// Does it, once more if descriptors were lacking: files that are only kept open give way.
    fn with_descriptors<T>(&self, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        act().or_else(|error| {
            if !lacks_descriptors(&error) {
                return Err(error);
            }
            self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
            act()
        })
    }

    fn appends(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, path: &Path) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    /// All that is open below a directory.
    fn forget_directory(&self, path: &Path) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|open, _| !open.starts_with(path));
    }
}

impl Sources for OpenFiles {
    fn open(&self, span: &Span) -> Result<Source, StoreError> {
        let path = self.path(&span.directory, &span.file);
        let file = self.get(&path, Access::Read).map_err(failed("read", &path))?;
        Ok(Source {
            file,
            start: span.position,
            length: span.length,
        })
    }

    fn keep(&self, keeping: Keeping) {
        self.appends().turn(keeping);
    }

    fn kept(&self, span: &Span) -> Option<[Bytes; 2]> {
        self.appends().get(span)
    }

    fn sync(&self, directory: &str, file: &str) -> Result<(), StoreError> {
        if !self.durable {
            return Ok(());
        }
        let path = self.path(directory, file);
        let synced = self.get(&path, Access::Read).and_then(|open| open.sync_data());
        absent_is_fine(synced).map_err(failed("sync", &path))
    }

    fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Store for DiskStore {
    fn directories(&self) -> Result<Vec<String>, StoreError> {
        let names = list(&self.files.root, |entry| {
            entry.file_type().is_ok_and(|kind| kind.is_dir())
        })?;
        Ok(names.into_iter().map(|(name, _)| name).collect())
    }

    fn files(&self, directory: &str) -> Result<Vec<(String, u64)>, StoreError> {
        list(&self.files.root.join(directory), |entry| {
            entry.file_type().is_ok_and(|kind| kind.is_file())
        })
    }

    fn create_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        let path = self.files.root.join(directory);
        fs::create_dir_all(&path).map_err(failed("create", &path))
    }

    fn rename_directory(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        let path = self.files.root.join(from);
        let renamed = fs::rename(&path, self.files.root.join(to));
        self.files.forget_directory(&path);
        renamed.map_err(failed("rename", &path))
    }

    fn remove_directory(&mut self, directory: &str) -> Result<(), StoreError> {
        let path = self.files.root.join(directory);
        let removed = absent_is_fine(fs::remove_dir_all(&path));
        self.files.forget_directory(&path);
        removed.map_err(failed("remove", &path))
    }

    fn append(&mut self, directory: &str, file: &str, bytes: &[&[u8]]) -> Result<(), StoreError> {
        let path = self.files.path(directory, file);
        let open = self.files.get(&path, Access::Append).map_err(failed("append", &path))?;
        write_all(&open, bytes).map_err(|(error, written)| {
            // Half an append is none: what did arrive is cut off again, as far as the system still obeys.
            if let Ok(present) = open.metadata() {
                let _ = open.set_len(present.len().saturating_sub(written));
            }
            failed("append", &path)(error)
        })
    }

    fn awaited(&mut self, directory: &str, file: &str, position: u64, bytes: [Bytes; 2]) {
        self.files.appends().put(directory, file, position, bytes);
    }

    fn read(&self, directory: &str, file: &str, position: u64, into: &mut [u8]) -> Result<usize, StoreError> {
        let path = self.files.path(directory, file);
        let open = self.files.get(&path, Access::Read).map_err(failed("read", &path))?;
        let mut filled = 0;
        while filled < into.len() {
            match open.read_at(&mut into[filled..], position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read", &path)(error)),
            }
        }
        Ok(filled)
    }

    fn truncate(&mut self, directory: &str, file: &str, length: u64) -> Result<(), StoreError> {
        let path = self.files.path(directory, file);
        let open = self.files.get(&path, Access::Read).map_err(failed("truncate", &path))?;
        open.set_len(length).map_err(failed("truncate", &path))
    }

    fn remove(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        let path = self.files.path(directory, file);
        let removed = absent_is_fine(fs::remove_file(&path));
        self.files.forget(&path);
        removed.map_err(failed("remove", &path))
    }

    fn rename(&mut self, directory: &str, from: &str, to: &str) -> Result<(), StoreError> {
        let (from, to) = (self.files.path(directory, from), self.files.path(directory, to));
        let renamed = absent_is_fine(fs::rename(&from, &to));
        self.files.forget(&from);
        self.files.forget(&to);
        renamed.map_err(failed("rename", &from))
    }

    fn replace(&mut self, directory: &str, file: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.files.path(directory, file);
        self.files.forget(&path);
        let temporary = self.files.path(directory, &format!("{file}.tmp"));
        let put = || {
            let mut new = File::create(&temporary)?;
            new.write_all(bytes)?;
            if self.files.durable {
                new.sync_all()?;
            }
            fs::rename(&temporary, &path)?;
            if self.files.durable {
                File::open(self.files.root.join(directory))?.sync_all()?;
            }
            Ok(())
        };
        self.files.with_descriptors(put).map_err(failed("replace", &path))
    }

    fn space(&self) -> Option<(u64, u64)> {
        let volume = statvfs(&self.files.root).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
        Some((bytes(volume.f_blocks), bytes(volume.f_bavail)))
    }

    fn sync(&mut self, directory: &str, file: &str) -> Result<(), StoreError> {
        Sources::sync(&*self.files, directory, file)
    }
}

fn failed<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |error| StoreError {
        operation,
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

fn lacks_descriptors(error: &io::Error) -> bool {
    let lacking = [Errno::MFILE, Errno::NFILE];
    lacking
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn list(path: &Path, wanted: impl Fn(&fs::DirEntry) -> bool) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(path) {
        // A directory that is not there has nothing in it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(failed("list", path))?,
    };
    for entry in entries {
        let entry = entry.map_err(failed("list", path))?;
        if wanted(&entry) {
            let size = entry.metadata().map_err(failed("list", path))?.len();
            // A name that is not UTF-8 is none of ours.
            found.extend(entry.file_name().into_string().ok().map(|name| (name, size)));
        }
    }
    found.sort();
    Ok(found)
}

/// One system call where the system takes everything at once. An error comes with how much was written before it.
fn write_all(mut file: &File, bytes: &[&[u8]]) -> Result<(), (io::Error, u64)> {
    let mut so_far = 0;
    let mut slices: Vec<IoSlice<'_>> = bytes.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = &mut slices[..];
    // Nothing to write is no failure.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err((ErrorKind::WriteZero.into(), so_far)),
            Ok(written) => {
                so_far += written as u64;
                IoSlice::advance_slices(&mut rest, written);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((error, so_far)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_refused_and_the_lock_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let held = DiskStore::open(dir.path(), false).expect("nobody's yet");
        let error = DiskStore::open(dir.path(), false).map(drop).expect_err("in use");
        let told = error.to_string();
        assert!(
            told.contains(".lock") && told.contains("another process uses this directory"),
            "{told}"
        );
        drop(held);
        DiskStore::open(dir.path(), false).expect("free again");
    }

    #[test]
    fn files_that_are_only_kept_open_give_way_where_descriptors_lack() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = DiskStore::open(dir.path(), false).expect("a store");
        let kept = store.files.get(&dir.path().join("a"), Access::Append).expect("made");
        drop(kept);
        let mut tries = 0;
        let done = store.files.with_descriptors(|| {
            tries += 1;
            let open = store.files.open.lock().unwrap_or_else(PoisonError::into_inner).len();
            match open {
                0 => Ok(()),
                _ => Err(Errno::MFILE.into()),
            }
        });
        assert!(done.is_ok());
        assert_eq!(tries, 2);
    }
}
