//! A disk that is slow, or full.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// No longer than anyone would wait for one write.
pub(super) const SLOWEST: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// Whether it is slow: the one thing that is asked of a disk that is not.
    is_slow: AtomicBool,
    pace: Mutex<Pace>,
    changed: Condvar,
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Pace {
    slow: Duration,
    /// Whoever stops or kills a broker need not wait for its disk.
    leaving: bool,
}

impl Pace {
    fn of_a_write(&self) -> Duration {
        if self.leaving { Duration::ZERO } else { self.slow }
    }
}

impl Disk {
    /// Also whoever writes now takes this time from when it began.
    pub(super) fn slow_by(&self, by: Duration) {
        self.change(|pace| pace.slow = by);
    }

    /// The broker is to end: nothing is slow any more, until it is started again.
    pub(super) fn is_left(&self, leaving: bool) {
        self.change(|pace| pace.leaving = leaving);
    }

    pub(super) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    pub(super) fn slow(&self) -> Duration {
        self.pace().slow
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Takes as long as a write or sync has to. Whoever writes waits, as for any disk: a store is no place for timers.
    pub(crate) fn take_time(&self) {
        if !self.is_slow.load(Ordering::Acquire) {
            return;
        }
        let began = Instant::now();
        let mut pace = self.pace();
        loop {
            let left = pace.of_a_write().saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(pace, left);
            (pace, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What the system says of a disk that has no room left.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        self.is_full()
            .then(|| io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error()))
    }

    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let mut pace = self.pace();
        change(&mut pace);
        self.is_slow.store(!pace.of_a_write().is_zero(), Ordering::Release);
        drop(pace);
        self.changed.notify_all();
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
