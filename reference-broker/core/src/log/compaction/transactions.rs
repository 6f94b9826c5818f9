//! Which transactions a round walks through: what was aborted is dropped, and a marker outlives the last batch that it decides.

use std::collections::{HashMap, HashSet, VecDeque};

use super::super::aborted::AbortedTransaction;
use super::super::batch::BatchHeader;
use super::super::producers::TransactionResult;
use super::super::recover::end_marker;
use crate::units::{Offset, ProducerId};

/// The transactions that are open where the walk stands.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// Aborted ones that begin behind it, by their first offset.
    ahead: VecDeque<AbortedTransaction>,
    aborted: HashMap<ProducerId, Aborted>,
    committed: HashSet<ProducerId>,
}

#[derive(Debug)]
struct Aborted {
    entry: AbortedTransaction,
    has_batches: bool,
}

/// What a marker means to the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// Something that it decides is still there; an abort stays in the index.
    Needed(Option<AbortedTransaction>),
    /// Nothing is left of its transaction.
    Idle,
}

impl Transactions {
    /// The walk begins with these aborted transactions before it.
    pub(super) fn among(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|entry| entry.first_offset);
        Self {
            ahead: aborted.into(),
            ..Self::default()
        }
    }

    /// A data batch: was it aborted?
    pub(super) fn data(&mut self, batch: &BatchHeader) -> bool {
        self.reach(batch.last_offset());
        if !batch.is_transactional() {
            return false;
        }
        match self.aborted.get_mut(&batch.producer_id) {
            Some(aborted) => {
                aborted.has_batches = true;
                true
            }
            None => {
                self.committed.insert(batch.producer_id);
                false
            }
        }
    }

    /// A control batch.
    pub(super) fn control(&mut self, batch: &BatchHeader, records: &[u8]) -> Marker {
        self.reach(batch.last_offset());
        if batch.count == 0 {
            return Marker::Idle;
        }
        match end_marker(batch, records).map(|marker| marker.verdict) {
            Some(TransactionResult::Abort) => match self.aborted.remove(&batch.producer_id) {
                Some(aborted) if aborted.has_batches => Marker::Needed(Some(aborted.entry)),
                _ => Marker::Idle,
            },
            Some(TransactionResult::Commit) if self.committed.remove(&batch.producer_id) => Marker::Needed(None),
            Some(TransactionResult::Commit) => Marker::Idle,
            None => Marker::Needed(None),
        }
    }

    fn reach(&mut self, offset: Offset) {
        while self.ahead.front().is_some_and(|entry| entry.first_offset <= offset)
            && let Some(entry) = self.ahead.pop_front()
        {
            self.aborted.entry(entry.producer_id).or_insert(Aborted {
                entry,
                has_batches: false,
            });
        }
    }
}
