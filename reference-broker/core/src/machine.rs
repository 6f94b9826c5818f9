//! The only shapes that all rooms share: a machine decides without changing, and changes without deciding.

use crate::units::Now;

/// A deterministic state machine.
pub trait Machine {
    /// What may be asked of it.
    type Command;
    /// What may happen to it: durable (a record of Kafka's) or soft.
    type Change;
    /// What it answers; a refusal is an outcome too.
    type Outcome;

    /// What this command means in the present state. Reads only.
    fn decide(&self, command: Self::Command, now: Now) -> Step<Self::Change, Self::Outcome>;

    /// The only way state moves: live, during replay, and in tests. Reads no clock: what time it was stands in the change.
    fn apply(&mut self, change: &Self::Change);
}

/// Everything that a decision asks for. Nothing in it has happened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<Change, Outcome> {
    /// In the order in which they are appended and applied.
    pub changes: Vec<Change>,
    /// The answer to the command itself.
    pub reply: Reply<Outcome>,
    /// Answers to earlier commands that were parked and are released by this one, once the changes are durable.
    pub released: Vec<(Ticket, Outcome)>,
}

impl<Change, Outcome> Step<Change, Outcome> {
    /// A step that changes nothing and answers at once.
    pub fn answer(outcome: Outcome) -> Self {
        Self {
            changes: Vec::new(),
            reply: Reply::Now(outcome),
            released: Vec::new(),
        }
    }
}

/// When an answer leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<Outcome> {
    /// As soon as the changes of its step are durable.
    Now(Outcome),
    /// With a later step: a join, a sync, a long poll. The ticket is the one that came with the command.
    Parked(Ticket),
}

/// The claim check of a parked request. Handed out by the node, unique for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);
