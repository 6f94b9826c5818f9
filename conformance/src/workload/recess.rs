//! A recess: every member of the group leaves, stays away while something is done to the brokers, and comes back. What the group
//! goes on from then is what brokers kept, and nothing that a member still knew.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whether there is one, and how many have not left.
#[derive(Debug, Default)]
pub struct Recess {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_called: bool,
    present: usize,
}

/// A member that is there, until this is dropped.
#[derive(Debug)]
pub(super) struct Presence<'r>(&'r Recess);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.state().present -= 1;
    }
}

impl Recess {
    /// Members are to leave.
    pub fn call(&self) {
        self.state().is_called = true;
    }

    /// They may come back.
    pub fn end(&self) {
        self.state().is_called = false;
        self.ended.notify_all();
    }

    /// How many have not left.
    pub fn present(&self) -> usize {
        self.state().present
    }

    pub(super) fn is_called(&self) -> bool {
        self.state().is_called
    }

    /// Comes in, after the recess where there is one.
    pub(super) fn come(&self) -> Presence<'_> {
        let state = self.ended.wait_while(self.state(), |state| state.is_called);
        state.unwrap_or_else(PoisonError::into_inner).present += 1;
        Presence(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_during_a_recess_waits_for_its_end() {
        let recess = Recess::default();
        let first = recess.come();
        recess.call();
        assert_eq!((recess.is_called(), recess.present()), (true, 1));
        drop(first);
        std::thread::scope(|scope| {
            let late = scope.spawn(|| drop(recess.come()));
            assert_eq!(recess.present(), 0);
            recess.end();
            late.join().expect("it comes");
        });
        assert_eq!(recess.present(), 0);
    }
}
