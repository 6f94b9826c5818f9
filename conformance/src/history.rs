//! What a load did and what became of it: one JSON line an event, in the order in which it happened.
//!
//! The format is described in `history/HISTORY.md`. The order of the lines is the only clock that checkers trust: an
//! invocation is written before its request leaves, a completion after its answer came.

mod event;
mod read;
mod record;
mod value;
mod write;

use serde::{Deserialize, Serialize};

pub use event::{Decision, Event, Isolation, Line, Outcome};
pub use read::{ReadError, load, parse};
pub use record::Recorder;
pub use value::{Identity, Name, Place, Value};
pub use write::Writer;

/// The version of the format that is written and read here.
pub const FORMAT: u32 = 1;

/// What a load promises its application, and what is therefore judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Semantics {
    /// No retries, commit before processing: nothing twice.
    AtMostOnce,
    /// acks=all with retries, processing before the commit: nothing lost.
    AtLeastOnce,
    /// As at-least-once with an idempotent producer: nothing lost, doubled or out of order in the log.
    Idempotent,
    /// Transactions that read, process and write: every input has one output.
    ExactlyOnce,
}

impl Semantics {
    /// Its word on the command line and in a history.
    pub fn word(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::Idempotent => "idempotent",
            Self::ExactlyOnce => "exactly-once",
        }
    }
}

/// The first line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub history: u32,
    /// What the load promised.
    pub semantics: Semantics,
    /// What the plan of operations and faults came from.
    pub seed: u64,
    /// Whom it was asked of, as given.
    pub target: String,
    /// The version of what wrote it.
    pub version: String,
}

/// A header and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The first line.
    pub header: Header,
    /// The lines below it.
    pub lines: Vec<Line>,
}

impl History {
    /// The number in the file of the line at this index.
    pub fn number(index: usize) -> usize {
        index + 2
    }
}
