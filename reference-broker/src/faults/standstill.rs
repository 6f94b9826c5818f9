//! A broker that stands still, as under SIGSTOP: it serves nothing, reads no socket, lets no time pass; its connections stay open.
//!
//! Its thread has a runtime of its own and nothing else on it, so blocking the thread is standing still.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::FaultError;

/// A broker that runs stands still long before that, unless it waits for its disk.
const SOON: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Standstill {
    state: Mutex<State>,
    resumed: Condvar,
    call: Notify,
    stands: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    runs: bool,
    wanted: bool,
    /// How often it was wanted.
    wishes: u64,
}

/// Lets the broker go on when dropped: whoever gives up waiting leaves nobody behind who stands still some day. What somebody else has
/// wished since stays.
struct Wish<'a> {
    of: &'a Standstill,
    number: u64,
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        if self.of.state().wishes == self.number {
            self.of.end();
        }
    }
}

impl Standstill {
    /// Has the broker stand still and returns once it does.
    pub(super) async fn begin(&self) -> Result<(), FaultError> {
        let number = {
            let mut state = self.state();
            if !state.runs {
                return Err(FaultError::Down);
            }
            state.wanted = true;
            state.wishes += 1;
            state.wishes
        };
        let wish = Wish { of: self, number };
        self.call.notify_one();
        let mut stands = self.stands.subscribe();
        match timeout(SOON, stands.wait_for(|stands| *stands)).await {
            Ok(_) => std::mem::forget(wish),
            Err(_) => return Err(FaultError::Busy(SOON)),
        }
        Ok(())
    }

    /// Lets it go on.
    pub(super) fn end(&self) {
        self.state().wanted = false;
        self.resumed.notify_all();
    }

    /// Whether there is a broker that could stand still. One that is to end goes on for it.
    pub(super) fn is_run(&self, runs: bool) {
        self.state().runs = runs;
        if !runs {
            self.end();
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.state().runs
    }

    /// Who was let go on stands no more, even where its thread has not heard of it.
    pub(super) fn stands(&self) -> bool {
        let wanted = self.state().wanted;
        wanted && *self.stands.borrow()
    }

    /// Returns when the broker is to stand still.
    pub(super) async fn called(&self) {
        self.call.notified().await;
    }

    /// Blocks the broker's thread until it may go on.
    pub(super) fn stand(&self) {
        let mut state = self.state();
        self.stands.send_replace(state.wanted);
        while state.wanted {
            state = self.resumed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.stands.send_replace(false);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
