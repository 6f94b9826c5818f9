//! Checkers: pure functions from a history to what is wrong with it, one file an anomaly, each with its shortest proof.
//!
//! All of them keep to two rules. What has an unknown outcome is never taken for absent. The order of versions comes from
//! offsets, and offsets may have gaps: control records lie there. Each is proven by a mutant of the reference broker.

mod aborted_read;
mod diverged_replicas;
mod duplicate;
mod evidence;
mod facts;
mod inconsistent_offsets;
mod judge;
mod lost_write;
mod nonmonotonic_send;
mod phantom;
mod poll_order;
mod promise;
mod reprocessed;
mod split_ownership;
#[cfg(test)]
mod tests;
mod torn_transaction;
mod unprocessed;
mod unseen;
mod zombie_commit;

pub use judge::{Counts, ENOUGH, Judgement, Row, Verdict, judge};
pub use promise::Promise;

use crate::history::{History, Semantics};
use facts::Facts;

/// What can be wrong with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anomaly {
    /// One (partition, offset) seen with two values.
    InconsistentOffsets,
    /// A record that nobody sent, or with other bytes than were sent.
    Phantom,
    /// Acknowledged, passed over by a reader, and read by nobody.
    LostWrite,
    /// Acknowledged, and not there at the end of the final reads.
    Unseen,
    /// Two replicas of a partition do not hold the same bytes.
    DivergedReplicas,
    /// One value at two offsets.
    Duplicate,
    /// One producer's order is not the log's.
    NonmonotonicSend,
    /// A reader jumped over a record that others were given.
    PollSkip,
    /// A reader went back.
    NonmonotonicPoll,
    /// What failed, was aborted or not yet decided is visible to a reader of committed records.
    AbortedRead,
    /// Some but not all writes of a transaction are visible.
    TornTransaction,
    /// Two members own a partition in one generation.
    SplitOwnership,
    /// A commit of a member that others had replaced was taken.
    ZombieCommit,
    /// A group worked one value off twice.
    Reprocessed,
    /// A group is through with its input and left an acknowledged value out.
    Unprocessed,
}

impl Anomaly {
    /// All of them, the worst first.
    pub const ALL: [Self; 15] = [
        Self::InconsistentOffsets,
        Self::Phantom,
        Self::LostWrite,
        Self::Unseen,
        Self::DivergedReplicas,
        Self::Duplicate,
        Self::NonmonotonicSend,
        Self::PollSkip,
        Self::NonmonotonicPoll,
        Self::AbortedRead,
        Self::TornTransaction,
        Self::SplitOwnership,
        Self::ZombieCommit,
        Self::Reprocessed,
        Self::Unprocessed,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::InconsistentOffsets => "inconsistent-offsets",
            Self::Phantom => "phantom",
            Self::LostWrite => "lost-write",
            Self::Unseen => "unseen",
            Self::DivergedReplicas => "diverged-replicas",
            Self::Duplicate => "duplicate",
            Self::NonmonotonicSend => "nonmonotonic-send",
            Self::PollSkip => "poll-skip",
            Self::NonmonotonicPoll => "nonmonotonic-poll",
            Self::AbortedRead => "aborted-read",
            Self::TornTransaction => "torn-transaction",
            Self::SplitOwnership => "split-ownership",
            Self::ZombieCommit => "zombie-commit",
            Self::Reprocessed => "reprocessed",
            Self::Unprocessed => "unprocessed",
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::InconsistentOffsets => "one offset holds one value",
            Self::Phantom => "only what was sent is read, unharmed",
            Self::LostWrite => "no reader passes over an acknowledged value",
            Self::Unseen => "acknowledged values are there in the end",
            Self::DivergedReplicas => "replicas hold the same bytes in the end",
            Self::Duplicate => "a value is in the log once",
            Self::NonmonotonicSend => "a producer's order is the log's",
            Self::PollSkip => "a reader leaves nothing out",
            Self::NonmonotonicPoll => "a reader never goes back",
            Self::AbortedRead => "only what was committed is read",
            Self::TornTransaction => "a transaction is visible whole or not",
            Self::SplitOwnership => "a partition has one owner",
            Self::ZombieCommit => "replaced members commit nothing",
            Self::Reprocessed => "a value is processed once",
            Self::Unprocessed => "acknowledged values are processed",
        }
    }

    /// What promises against it are worth under these semantics.
    pub fn under(self, semantics: Semantics) -> Promise {
        promise::of(self, semantics)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub anomaly: Anomaly,
    /// One sentence.
    pub told: String,
    /// The fewest lines that show it, as indices into the history, in order.
    pub proof: Vec<usize>,
}

impl Finding {
    fn new(anomaly: Anomaly, told: String, proof: impl IntoIterator<Item = usize>) -> Self {
        let mut proof: Vec<usize> = proof.into_iter().collect();
        proof.sort_unstable();
        proof.dedup();
        Self { anomaly, told, proof }
    }
}

/// All that is wrong with a history, the worst kind first, each kind in the order of its proofs.
pub fn check(history: &History) -> Vec<Finding> {
    of(&Facts::of(history))
}

fn of(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for checker in CHECKERS {
        found.extend(checker(facts));
    }
    found.sort_by(|a, b| (a.anomaly, &a.proof).cmp(&(b.anomaly, &b.proof)));
    found
}

type Checker = fn(&Facts<'_>) -> Vec<Finding>;

const CHECKERS: [Checker; 14] = [
    inconsistent_offsets::check,
    phantom::check,
    lost_write::check,
    unseen::check,
    diverged_replicas::check,
    duplicate::check,
    nonmonotonic_send::check,
    poll_order::check,
    aborted_read::check,
    torn_transaction::check,
    split_ownership::check,
    zombie_commit::check,
    reprocessed::check,
    unprocessed::check,
];
