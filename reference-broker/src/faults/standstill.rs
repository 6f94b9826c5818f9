//! A broker that stands still, as under SIGSTOP: it serves nothing, reads no socket, lets no time pass; its connections stay open.
//!
//! Its thread has a runtime of its own and nothing else on it, so blocking the thread is standing still.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// A broker that runs stands still long before that.
const SOON: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Standstill {
    wanted: Mutex<bool>,
    resumed: Condvar,
    call: Notify,
    stands: watch::Sender<bool>,
}

impl Standstill {
    /// Has the broker stand still and returns once it does; false where there is none that runs.
    pub(super) async fn begin(&self) -> bool {
        *self.wanted() = true;
        self.call.notify_one();
        let mut stands = self.stands.subscribe();
        let stood = timeout(SOON, stands.wait_for(|stands| *stands)).await.is_ok();
        if !stood {
            self.end();
        }
        stood
    }

    /// Lets it go on.
    pub(super) fn end(&self) {
        *self.wanted() = false;
        self.resumed.notify_all();
    }

    pub(super) fn stands(&self) -> bool {
        *self.stands.borrow()
    }

    /// Returns when the broker is to stand still.
    pub(super) async fn called(&self) {
        self.call.notified().await;
    }

    /// Blocks the broker's thread until it may go on.
    pub(super) fn stand(&self) {
        let mut wanted = self.wanted();
        self.stands.send_replace(*wanted);
        while *wanted {
            wanted = self.resumed.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
        self.stands.send_replace(false);
    }

    fn wanted(&self) -> MutexGuard<'_, bool> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
