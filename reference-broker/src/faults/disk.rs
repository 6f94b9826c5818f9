//! A disk that is slow, or full.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::Errno;

/// No longer than anyone would wait for one write.
pub(super) const SLOWEST: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Disk {
    slow_ms: AtomicU64,
    full: AtomicBool,
}

impl Disk {
    pub(super) fn slow_by(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.slow_ms.store(by, Ordering::Relaxed);
    }

    pub(super) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    pub(super) fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms.load(Ordering::Relaxed))
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Takes as long as a write or sync has to. Whoever writes waits, as for any disk: a store is no place for timers.
    pub(crate) fn take_time(&self) {
        let slow = self.slow();
        if !slow.is_zero() {
            std::thread::sleep(slow);
        }
    }

    /// What the system says of a disk that has no room left.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        self.is_full()
            .then(|| io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error()))
    }
}
