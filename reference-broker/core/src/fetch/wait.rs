//! Long polls: requests that wait for enough to read, woken by the partitions they wait for and by nothing else.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::session::{Context, Wanted};
use super::{Fetched, Reader};
use crate::log::read::Place;
use crate::machine::Ticket;
use crate::units::{Deadline, Now, Offset, TopicPartition};

/// Everything that waits.
#[derive(Debug, Default)]
pub struct Waits {
    waiting: HashMap<Ticket, Waiting>,
    by_partition: HashMap<TopicPartition, HashSet<Ticket>>,
    deadlines: BTreeSet<(Deadline, Ticket)>,
}

/// A request that waits.
#[derive(Debug)]
pub struct Waiting {
    /// What kind of answer it gets.
    pub context: Context,
    /// What it reads.
    pub wanted: Vec<Wanted>,
    /// Partitions that were refused when it came; they do not end the wait.
    pub refused: Vec<Fetched>,
    /// Who reads.
    pub reader: Reader,
    /// Its rack, if it says one.
    pub rack: Option<Arc<str>>,
    /// How much the answer may carry.
    pub max_bytes: i32,
    /// How little is too little.
    pub min_bytes: i32,
    /// When it is answered with what there is.
    pub deadline: Deadline,
    /// Where it stands in each partition.
    pub parked: HashMap<TopicPartition, Parked>,
    /// Is there enough for it, and it is about to be answered?
    pub leaves: bool,
}

/// Where a waiting request stands in a partition.
#[derive(Debug, Clone, Copy)]
pub struct Parked {
    /// Where its read will begin.
    pub place: Place,
    /// How much of this partition counts.
    pub max_bytes: i32,
    /// A leader with a higher high watermark than this one answers at once.
    pub high_watermark: Offset,
    /// How much there is by now.
    pub available: u64,
}

impl Waiting {
    /// Is there enough to answer?
    pub fn is_satisfied(&self) -> bool {
        let available: u64 = self.parked.values().map(|parked| parked.available).sum();
        available >= u64::from(self.min_bytes.max(0).unsigned_abs())
    }
}

impl Waits {
    /// Lets a request wait.
    pub fn park(&mut self, ticket: Ticket, waiting: Waiting) {
        for tp in waiting.parked.keys() {
            self.by_partition.entry(tp.clone()).or_default().insert(ticket);
        }
        self.deadlines.insert((waiting.deadline, ticket));
        self.waiting.insert(ticket, waiting);
    }

    /// Takes a request out: to be answered, or because its client is gone.
    pub fn take(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.deadlines.remove(&(waiting.deadline, ticket));
        for tp in waiting.parked.keys() {
            if let Some(tickets) = self.by_partition.get_mut(tp) {
                tickets.remove(&ticket);
                if tickets.is_empty() {
                    self.by_partition.remove(tp);
                }
            }
        }
        Some(waiting)
    }

    /// Does anybody wait for this partition?
    pub fn is_awaited(&self, tp: &TopicPartition) -> bool {
        self.by_partition.contains_key(tp)
    }

    /// Who waits for this partition and has not enough yet, in order of arrival.
    pub fn on(&self, tp: &TopicPartition) -> Vec<Ticket> {
        let lacks = |ticket: &Ticket| self.waiting.get(ticket).is_some_and(|waiting| !waiting.leaves);
        let tickets = self.by_partition.get(tp).into_iter().flatten().copied();
        let mut tickets: Vec<Ticket> = tickets.filter(lacks).collect();
        tickets.sort_unstable();
        tickets
    }

    /// There is enough for a request.
    pub fn leaves(&mut self, ticket: Ticket) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.leaves = true;
        }
    }

    /// A request that waits.
    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Waiting> {
        self.waiting.get_mut(&ticket)
    }

    /// When the next wait ends.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The requests whose time is up.
    pub fn due(&self, now: Now) -> Vec<Ticket> {
        self.deadlines
            .iter()
            .take_while(|(deadline, _)| deadline.is_due(now))
            .map(|(_, ticket)| *ticket)
            .collect()
    }
}
