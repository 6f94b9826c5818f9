//! The ground on which brokers that are started here keep data that nobody keeps.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use super::TargetError;

/// The directory of the data directories of this process. They go together, with the last hold on it: ext4 makes files
/// slowly for seconds after many were removed, and most of a run's time would go there.
#[derive(Debug)]
pub(super) struct Ground(TempDir);

impl Ground {
    /// The one there is, or a new one.
    pub(super) fn hold() -> Result<Arc<Self>, TargetError> {
        static GROUND: Mutex<Weak<Ground>> = Mutex::new(Weak::new());
        let mut ground = GROUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = ground.upgrade() {
            return Ok(held);
        }
        let made = TempDir::with_prefix_in("touchstone-", parent());
        let made = made.map_err(|error| TargetError(format!("no temporary directory: {error}")))?;
        let made = Arc::new(Self(made));
        *ground = Arc::downgrade(&made);
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Where data that nobody keeps costs least: in memory, where there is plenty, unless TMPDIR names a place.
fn parent() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    const PLENTY: u64 = 2 << 30;
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |room| room.f_bavail * room.f_frsize);
    match std::env::var_os("TMPDIR") {
        None if free >= PLENTY => MEMORY.into(),
        _ => std::env::temp_dir(),
    }
}
