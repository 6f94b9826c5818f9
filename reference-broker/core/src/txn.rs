//! The coordinator of the transactions whose ids one partition of `__transaction_state` owns (KIP-98, KIP-890).
//!
//! It knows transactional ids, their producers and the partitions of their open transactions. It refuses to know API
//! versions, logs and who leads what: it says which markers are due ([`Coordinator::markers_due`]), the node writes them and
//! comes back with [`Asked::Marked`]. What a restart finds prepared is due again, so a crash loses no decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::log::producers::TransactionResult;
use crate::machine::{Machine, Reply, Step};
pub use crate::units::Producer;
use crate::units::{ErrorCode, Now, ProducerEpoch, ProducerId, TopicPartition};

mod codec;
mod end;
mod enlist;
mod expire;
mod init;
mod list;
mod markers;

pub use codec::{decode, encode};
use expire::decide_forget;
pub use list::{Filter, Listed};
pub use markers::Markers;
use markers::give_up;

/// What an application calls its producer, across restarts.
pub type TransactionalId = Arc<str>;

/// The last epoch that a client gets: one more is kept back, so that it can always be fenced.
const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);
/// Where there is no epoch.
const NO_EPOCH: ProducerEpoch = ProducerEpoch(-1);
/// Where there is no producer.
const NO_PRODUCER: ProducerId = ProducerId(-1);

/// What a transactional id is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// A producer has been given its id and epoch, and nothing has begun. To Ongoing with the first partition, to Empty with
    /// the next InitProducerId, to PrepareAbort with an abort of version 2, to Dead when it is idle for too long.
    Empty,
    /// Partitions are enlisted. To PrepareCommit or PrepareAbort when its producer says so; to PrepareEpochFence when another
    /// producer of this id comes, or the time is up.
    Ongoing,
    /// It is committed, and the markers that say so are being written. To CompleteCommit once they are; all else is answered
    /// CONCURRENT_TRANSACTIONS.
    PrepareCommit,
    /// It is aborted, otherwise the same. To CompleteAbort.
    PrepareAbort,
    /// The markers of a commit are written. On as from Empty.
    CompleteCommit,
    /// The markers of an abort are written. On as from Empty.
    CompleteAbort,
    /// The id was idle for `transactional.id.expiration.ms`: a tombstone is written and it is forgotten. Never stored.
    Dead,
    /// Its producer is fenced by a higher epoch before its transaction is aborted. Never stored: the step that enters it
    /// leaves it, to PrepareAbort.
    PrepareEpochFence,
}

/// Which of the protocols a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Transactions keep their epoch, and partitions are enlisted by the client.
    First,
    /// Each transaction ends with a new epoch, and producing enlists (KIP-890).
    Second,
}

/// A transactional id as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Whose it is.
    pub producer_id: ProducerId,
    /// Who had it before the last change.
    pub previous_producer_id: ProducerId,
    /// Who will have it once the markers are written; -1 where that does not change.
    pub next_producer_id: ProducerId,
    /// The producer's epoch.
    pub epoch: ProducerEpoch,
    /// The epoch before it, where the producer itself asked for the new one: its retry is known by this. A restart forgets it.
    pub last_epoch: ProducerEpoch,
    /// How long a transaction may stay open.
    pub timeout_ms: i32,
    /// What it is in the middle of.
    pub state: State,
    /// The partitions of the open transaction; while markers are written, those that still lack theirs.
    pub partitions: BTreeSet<TopicPartition>,
    /// When the transaction began, milliseconds since the epoch; -1 where none did.
    pub started_unix_ms: i64,
    /// When this last changed, milliseconds since the epoch.
    pub updated_unix_ms: i64,
    /// The protocol of the client that changed it last.
    pub version: Version,
}

/// A record of the topic; no value is a tombstone.
pub type Record = (TransactionalId, Option<Transaction>);

/// What is asked of a coordinator, with the chance that it may need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What is asked.
    pub asked: Asked,
    /// A producer id that nobody has had, where [`Coordinator::wants_producer_id`] said so.
    pub fresh: Option<ProducerId>,
}

/// What may be asked of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// InitProducerId: the longest time for a transaction, and who the client thinks it is.
    Init(TransactionalId, i32, Option<Producer>),
    /// AddPartitionsToTxn, AddOffsetsToTxn, or a Produce that enlists.
    Enlist(TransactionalId, Producer, BTreeSet<TopicPartition>, Version),
    /// EndTxn.
    End(TransactionalId, Producer, TransactionResult, Version),
    /// Its time is up.
    TimeOut(TransactionalId),
    /// These partitions have their markers, or are gone.
    Marked(TransactionalId, BTreeSet<TopicPartition>),
    /// A partition refuses its marker for good: it has heard of a later producer or of a later coordinator.
    GiveUp(TransactionalId),
    /// These were idle for too long.
    Forget(Vec<TransactionalId>),
}

/// What may happen to a coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A record of `__transaction_state`.
    Durable(Record),
    /// These partitions need no marker any more. Kafka keeps no record of it: a restart writes them again.
    Marked(TransactionalId, BTreeSet<TopicPartition>),
    /// No marker of this one is written any more, until a restart makes a coordinator of a later epoch.
    GivenUp(TransactionalId),
}

/// What a coordinator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Done,
    /// It is so, and this is the producer from now on.
    Producer(Producer),
    /// It is not, and why.
    Refused(ErrorCode),
}

pub(crate) type Decision = Step<Change, Outcome>;

/// The transactions of one partition of `__transaction_state`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coordinator {
    transactions: BTreeMap<TransactionalId, Transaction>,
    /// Those that wait for their markers, without those whose markers are given up.
    prepared: BTreeSet<TransactionalId>,
}

impl Coordinator {
    /// May the answer hand out a producer id that nobody has had?
    pub fn wants_producer_id(&self, asked: &Asked) -> bool {
        let exhausted = |id: &TransactionalId| self.get(id).is_some_and(Transaction::is_exhausted);
        match asked {
            Asked::Init(id, ..) => !self.transactions.contains_key(id) || exhausted(id),
            Asked::End(id, _, _, Version::Second) => exhausted(id),
            Asked::Enlist(..)
            | Asked::End(..)
            | Asked::TimeOut(_)
            | Asked::Marked(..)
            | Asked::GiveUp(_)
            | Asked::Forget(_) => false,
        }
    }

    /// What is known of an id.
    pub fn get(&self, id: &str) -> Option<&Transaction> {
        self.transactions.get(id)
    }
}

impl Machine for Coordinator {
    type Command = Command;
    type Change = Change;
    type Outcome = Outcome;

    fn decide(&self, command: Command, now: Now) -> Decision {
        let Command { asked, fresh } = command;
        match asked {
            Asked::Init(id, timeout_ms, expected) => self.decide_init(&id, timeout_ms, expected, fresh, now),
            Asked::Enlist(id, producer, partitions, version) => {
                self.decide_enlist(&id, producer, partitions, version, now)
            }
            Asked::End(id, producer, result, version) => match self.end_allowed(&id, producer, result, version) {
                Ok(Some(known)) => known.prepare(&id, result, version, fresh, now),
                Ok(None) => self.told(&id),
                Err(error) => refuse(error),
            },
            Asked::TimeOut(id) => self.decide_time_out(&id, now),
            Asked::Marked(id, partitions) => self.decide_marked(&id, partitions, now),
            Asked::GiveUp(id) => give_up(id),
            Asked::Forget(ids) => decide_forget(ids),
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Durable((id, Some(transaction))) => {
                if transaction.state.is_prepared() {
                    self.prepared.insert(Arc::clone(id));
                } else {
                    self.prepared.remove(id);
                }
                self.transactions.insert(Arc::clone(id), transaction.clone());
            }
            Change::Durable((id, None)) => {
                self.prepared.remove(id);
                self.transactions.remove(id);
            }
            Change::Marked(id, partitions) => {
                if let Some(transaction) = self.transactions.get_mut(id) {
                    transaction.partitions.retain(|tp| !partitions.contains(tp));
                }
            }
            Change::GivenUp(id) => drop(self.prepared.remove(id)),
        }
    }
}

impl State {
    /// As DescribeTransactions names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::Dead => "Dead",
            Self::PrepareEpochFence => "PrepareEpochFence",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// In the order of their numbers in the log.
    const ALL: [Self; 8] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
        Self::Dead,
        Self::PrepareEpochFence,
    ];

    /// It is decided, and its markers are being written.
    pub fn is_prepared(self) -> bool {
        matches!(self, Self::PrepareCommit | Self::PrepareAbort)
    }
}

impl Transaction {
    /// This one changed, at that time: who has it now had it before.
    fn changed(&self, state: State, now: Now) -> Self {
        Self {
            state,
            previous_producer_id: self.producer_id,
            updated_unix_ms: now.unix_ms,
            ..self.clone()
        }
    }

    /// Whose it is, as its client knows it.
    fn producer(&self) -> Producer {
        Producer {
            id: self.producer_id,
            epoch: self.epoch,
        }
    }

    fn is_exhausted(&self) -> bool {
        self.epoch >= LAST_EPOCH
    }
}

/// A step that writes one record and then says this.
fn write(id: &TransactionalId, transaction: Transaction, outcome: Outcome) -> Decision {
    Step {
        changes: vec![Change::Durable((Arc::clone(id), Some(transaction)))],
        reply: Reply::Now(outcome),
        released: Vec::new(),
    }
}

fn refuse(error: ErrorCode) -> Decision {
    Step::answer(Outcome::Refused(error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
mod tests;
