//! The events of a history. Only a `done` says how something ended; without one nobody knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Name, Place, Value};

/// One line below the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since the load began.
    pub at: u64,
    /// Who did it: a producer, a consumer, `faults`.
    pub process: Name,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It did not happen and never will.
    Fail,
    /// It may have happened, and may happen yet.
    Unknown,
}

/// What a reader sees of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// `read_committed`
    Committed,
    /// `read_uncommitted`
    Uncommitted,
}

/// How a transaction is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// All of it.
    Commit,
    /// Nothing of it.
    Abort,
}

/// What happened. `send`, `commit`, `begin` and `end` are invocations; `done` with the same id completes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A record is handed to the producer.
    Send {
        /// Unique among all invocations.
        id: u64,
        /// Where to.
        partition: Place,
        /// What.
        value: Value,
        /// Within which transaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<Name>,
    },
    /// Offsets are to be committed for a group: the next ones to read.
    Commit {
        /// Unique among all invocations.
        id: u64,
        /// Whose offsets.
        group: Name,
        /// By partition.
        offsets: BTreeMap<Place, i64>,
        /// Within which transaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<Name>,
    },
    /// A transaction begins.
    Begin {
        /// Unique among all invocations.
        id: u64,
        /// A name that no other transaction of this history has.
        transaction: Name,
    },
    /// A transaction is to end.
    End {
        /// Unique among all invocations.
        id: u64,
        /// Which one.
        transaction: Name,
        /// How.
        decision: Decision,
    },
    /// An invocation has ended.
    Done {
        /// Which one.
        id: u64,
        /// How.
        outcome: Outcome,
        /// Of a send that is ok: where the record lies, where that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offset: Option<i64>,
        /// What the client said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A record reached a reader.
    Poll {
        /// From where.
        partition: Place,
        /// Its offset there.
        offset: i64,
        /// What.
        value: Value,
        /// When the poll was invoked, in milliseconds since the load began.
        since: u64,
        /// What this reader sees.
        isolation: Isolation,
    },
    /// A member of a group did the work that a record asks for.
    Process {
        /// Its group.
        group: Name,
        /// Where the record came from.
        partition: Place,
        /// Its offset there.
        offset: i64,
        /// The record.
        value: Value,
    },
    /// A producer sends under another id or epoch than before: what is in flight then may be sent again as if for the first time.
    Session,
    /// A member got partitions.
    Assigned {
        /// Its group.
        group: Name,
        /// Generation, or member epoch; left out where nobody told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<i32>,
        /// Those that are new to it.
        partitions: Vec<Place>,
    },
    /// A member gave partitions up, or heard that it has lost them.
    Revoked {
        /// Its group.
        group: Name,
        /// Generation, or member epoch; left out where nobody told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<i32>,
        /// Those that went.
        partitions: Vec<Place>,
    },
    /// A reader goes on from another offset.
    Seek {
        /// In which partition.
        partition: Place,
        /// The offset that comes next.
        offset: i64,
    },
    /// Something was done to the target or to connections, or its effect ended.
    Fault {
        /// `kill`, `pause`, `cut`, `delay`, `partition`, `leave`, `heal`.
        fault: String,
        /// To what.
        on: String,
        /// How many brokers or connections it touched; 0: it had no effect.
        effect: u64,
    },
    /// The final reads have polled all of a partition from one offset up to another.
    Read {
        /// Which partition.
        partition: Place,
        /// The first offset that was asked for.
        from: i64,
        /// The first offset behind the last.
        to: i64,
        /// What was asked for.
        isolation: Isolation,
    },
    /// A replica holds a batch, after everything. The process is its broker.
    Batch {
        /// Of which partition.
        partition: Place,
        /// The first offset.
        offset: i64,
        /// The first offset behind the last.
        to: i64,
        /// Of all its bytes as they lie in a file; any function that tells bytes apart.
        digest: Name,
    },
    /// The batches of a replica, all of which came before, are those from one offset up to another.
    Replica {
        /// Of which partition.
        partition: Place,
        /// Its first offset.
        from: i64,
        /// The first offset behind the last.
        to: i64,
    },
    /// A group has worked off its input: these are its committed offsets in the end.
    Drained {
        /// Which group.
        group: Name,
        /// The next offset of each partition.
        offsets: BTreeMap<Place, i64>,
    },
}
