//! Ends of brokers that take a moment. Each has a thread of its own: nothing that runs beside it may stand still for so long.

use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

static UNDER_WAY: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Does it apart; [`settle`] waits for it.
pub(super) fn apart(end: impl FnOnce() + Send + 'static) {
    // Where there is no room for a thread it is dropped here, and with it what it was to end.
    if let Ok(under_way) = Builder::new().spawn(end) {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).push(under_way);
    }
}

/// Waits until all that was begun has ended. For the end of the process, outside of any task.
pub(super) fn settle() {
    loop {
        let next = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match next {
            Some(under_way) => drop(under_way.join()), // one that failed leaves what it was to remove
            None => return,
        }
    }
}
