//! Links that are cut: between two nodes, or between a broker and its clients.
//!
//! A node cuts what it asks of the other; for a link to be cut in both directions both are told. What clients send is cut where it
//! arrives.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Other {
    /// Everyone who is no node of the cluster.
    Clients,
    /// The node with this id.
    Node(i32),
}

/// What is met on a link that is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Connections are closed, and new ones too, when they first ask.
    Refused,
    /// Nothing passes and nobody is told. What was sent arrives when the link is whole again.
    Silent,
}

#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Whether any is cut: the one thing that is asked where none is.
    any: AtomicBool,
    cut: Mutex<HashMap<Other, Cut>>,
    changed: watch::Sender<u64>,
    /// How often clients were cut off in a way that closes their connections.
    refusals: watch::Sender<u64>,
}

impl Links {
    pub(super) fn cut(&self, other: Other, how: Cut) {
        self.change(|cut| {
            cut.insert(other, how);
        });
        if (other, how) == (Other::Clients, Cut::Refused) {
            self.refusals.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    pub(super) fn mend(&self, other: Other) {
        self.change(|cut| {
            cut.remove(&other);
        });
    }

    pub(super) fn mend_all(&self) {
        self.change(HashMap::clear);
    }

    pub(super) fn list(&self) -> Vec<(Other, Cut)> {
        let mut cut: Vec<_> = self.lock().iter().map(|(other, how)| (*other, *how)).collect();
        cut.sort_unstable_by_key(|(other, _)| *other);
        cut
    }

    /// How the link to this one is cut, if it is.
    pub(crate) fn how(&self, other: Other) -> Option<Cut> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.lock().get(&other).copied()
    }

    /// Hears each time that connections of clients are to be closed.
    pub(crate) fn refusals(&self) -> watch::Receiver<u64> {
        self.refusals.subscribe()
    }

    /// Hears of every change.
    fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns when something may pass; false where it is refused instead.
    pub(crate) async fn passes(&self, other: Other) -> bool {
        let mut changes = self.watch();
        loop {
            match self.how(other) {
                None => return true,
                Some(Cut::Refused) => return false,
                Some(Cut::Silent) => drop(changes.changed().await),
            }
        }
    }

    /// Returns when what passes this link is refused.
    pub(crate) async fn breaks(&self, other: Other) {
        let mut changes = self.watch();
        while self.how(other) != Some(Cut::Refused) {
            // The sender is ours.
            let _ = changes.changed().await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<Other, Cut>)) {
        let mut cut = self.lock();
        change(&mut cut);
        self.any.store(!cut.is_empty(), Ordering::Release);
        drop(cut);
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Other, Cut>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
