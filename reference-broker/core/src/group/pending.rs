//! Offsets that were committed inside transactions: nobody sees them until the transaction is, and then the newest counts,
//! also against one that was committed outside (KIP-98, KIP-447).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::offsets::Commit;
use super::record::{OffsetKey, OffsetValue};
use super::{Change, Coordinator, Decision, GroupId, Outcome, refuse};
use crate::log::producers::TransactionResult;
use crate::machine::Step;
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now, Producer, ProducerId};

/// Offsets to commit with a transaction.
#[derive(Debug, Clone)]
pub struct TxnCommit {
    /// Who commits what.
    pub commit: Commit,
    /// Whose transaction.
    pub producer: Producer,
}

/// What waits for a marker, by producer. Plain commits and pending ones are counted together, so that it is known which
/// of two came later.
#[derive(Debug, Default)]
pub(super) struct Pending {
    by_producer: BTreeMap<ProducerId, BTreeMap<OffsetKey, (u64, OffsetValue)>>,
    /// How many producers have each of them pending.
    waiting: BTreeMap<OffsetKey, usize>,
    committed_at: BTreeMap<OffsetKey, u64>,
    counted: u64,
}

impl Pending {
    fn put(&mut self, producer_id: ProducerId, key: &OffsetKey, value: &OffsetValue) {
        self.counted += 1;
        let offsets = self.by_producer.entry(producer_id).or_default();
        if offsets.insert(key.clone(), (self.counted, value.clone())).is_none() {
            *self.waiting.entry(key.clone()).or_default() += 1;
        }
    }

    /// One was committed outside of transactions; that matters only while another is pending.
    pub(super) fn overtaken(&mut self, key: &OffsetKey) {
        self.counted += 1;
        if self.is_pending(key) {
            self.committed_at.insert(key.clone(), self.counted);
        }
    }

    /// Deleted, pending or not.
    pub(super) fn remove(&mut self, key: &OffsetKey) {
        if self.waiting.remove(key).is_some() {
            self.by_producer.retain(|_, offsets| {
                offsets.remove(key);
                !offsets.is_empty()
            });
        }
        self.committed_at.remove(key);
    }

    fn take(&mut self, producer_id: ProducerId) -> BTreeMap<OffsetKey, (u64, OffsetValue)> {
        let taken = self.by_producer.remove(&producer_id).unwrap_or_default();
        for key in taken.keys() {
            if let Some(count) = self.waiting.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    self.waiting.remove(key);
                }
            }
        }
        taken
    }

    fn is_pending(&self, key: &OffsetKey) -> bool {
        self.waiting.contains_key(key)
    }

    /// Does a group wait for any of them?
    pub(super) fn has_group(&self, group: &str) -> bool {
        self.of_group(group).next().is_some()
    }

    /// Those of a group.
    pub(super) fn of_group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a OffsetKey> {
        let first = OffsetKey {
            group: group.into(),
            topic: "".into(),
            partition: i32::MIN,
        };
        let keys = self.waiting.range(first..).map(|(key, _)| key);
        keys.take_while(move |key| &*key.group == group)
    }

    /// All that pass, each once.
    pub(super) fn all_of(&self, passes: impl Fn(&OffsetKey, &OffsetValue) -> bool) -> BTreeSet<&OffsetKey> {
        let all = self.by_producer.values().flatten();
        all.filter(|(key, (_, value))| passes(key, value))
            .map(|(key, _)| key)
            .collect()
    }
}

impl Coordinator {
    /// Is there an offset that may yet count, of a transaction that is still open?
    pub fn is_unstable(&self, group: &GroupId, topic: &Arc<str>, partition: i32) -> bool {
        self.pending.is_pending(&OffsetKey {
            group: Arc::clone(group),
            topic: Arc::clone(topic),
            partition,
        })
    }

    pub(super) fn decide_txn_commit(&self, asked: TxnCommit, now: Now) -> Decision {
        let TxnCommit { commit, producer } = asked;
        if let Err(error) = self.may_commit_in_transaction(&commit) {
            return refuse(error);
        }
        let (kept, results) = self.checked(&commit, now);
        let pending = kept
            .into_iter()
            .map(|(key, value)| Change::Pending(producer, key, value));
        Step {
            changes: pending.collect(),
            ..Step::answer(Outcome::Offsets(results))
        }
    }

    /// A member must be the one that it says, in the present generation; nobody in particular may always commit.
    fn may_commit_in_transaction(&self, commit: &Commit) -> Result<(), ErrorCode> {
        let is_named = commit.generation >= 0 || !commit.member.is_empty() || commit.instance.is_some();
        if !is_named {
            return Ok(());
        }
        if let Some(group) = self.consumers.get(&commit.group) {
            return group.validate_commit(commit).map_err(|error| match error {
                ErrorCode::StaleMemberEpoch => ErrorCode::IllegalGeneration,
                other => other,
            });
        }
        let Some(group) = self.groups.get(&commit.group) else {
            return match commit.generation {
                ..0 => Ok(()),
                0.. => Err(ErrorCode::IllegalGeneration),
            };
        };
        if commit.generation < 0 && group.is_empty() {
            return Ok(());
        }
        group.validate(&commit.member, commit.instance.as_deref())?;
        if commit.generation == group.generation() {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    pub(super) fn apply_pending(&mut self, producer_id: ProducerId, key: &OffsetKey, value: &OffsetValue) {
        self.ensure_group(&key.group);
        self.pending.put(producer_id, key, value);
    }

    /// The marker is in the log: what was pending counts, or never was.
    pub(super) fn apply_decided(&mut self, producer_id: ProducerId, result: TransactionResult) {
        let decided = self.pending.take(producer_id);
        let reveals = result == TransactionResult::Commit || mutant::on(Mutant::AbortedOffsetsRevealed);
        for (key, (at, value)) in decided {
            let is_newest = self
                .pending
                .committed_at
                .get(&key)
                .is_none_or(|committed| *committed < at);
            if reveals && is_newest {
                self.pending.committed_at.insert(key.clone(), at);
                self.offsets.put(&key, value);
            }
            if !self.pending.is_pending(&key) {
                self.pending.committed_at.remove(&key);
            }
        }
    }
}
