//! What every client of a load shares: whom to ask, where to note, when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::clients::Protocol;
use super::plan::PARTITIONS;
use super::recess::Recess;
use crate::fault::Generations;
use crate::history::{Name, Place, Recorder, Semantics};

/// Shared by all clients.
#[derive(Debug, Clone)]
pub struct Stage(Arc<Shared>);

/// See [`Stage`].
#[derive(Debug)]
pub struct Shared {
    pub(super) semantics: Semantics,
    pub(super) seed: u64,
    /// Through the proxies.
    pub(super) bootstrap: String,
    pub(super) protocol: Protocol,
    /// What the names of topics, groups and transactional ids begin with.
    pub(super) prefix: String,
    pub(super) recorder: Arc<Recorder>,
    pub(super) generations: Arc<Generations>,
    pub(super) recess: Recess,
    over: AtomicBool,
    closed: AtomicBool,
}

impl std::ops::Deref for Stage {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Stage {
    /// A stage on which nobody plays yet.
    pub fn new(
        semantics: Semantics,
        seed: u64,
        bootstrap: String,
        protocol: Protocol,
        prefix: String,
        recorder: Arc<Recorder>,
        generations: Arc<Generations>,
    ) -> Self {
        Self(Arc::new(Shared {
            semantics,
            seed,
            bootstrap,
            protocol,
            prefix,
            recorder,
            generations,
            recess: Recess::default(),
            over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }))
    }
}

impl Shared {
    /// Where everything is noted.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Every partition that this load writes.
    pub fn places(&self) -> Vec<Place> {
        [self.inputs(), self.outputs()].concat()
    }

    /// When members are to be away.
    pub fn recess(&self) -> &Recess {
        &self.recess
    }

    /// Whether producers are to stop.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Producers stop.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether a member whose life lasts until then goes on. In the end everyone stays, so that the group can settle.
    pub(super) fn goes_on(&self, until: Instant) -> bool {
        !self.is_closed() && !self.recess.is_called() && (self.is_over() || Instant::now() < until)
    }

    /// Whether members are to leave.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Members leave.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.recess.end();
    }

    /// The topic that producers write and the group reads.
    pub(super) fn input_topic(&self) -> String {
        format!("{}in", self.prefix)
    }

    /// The topic that processors write.
    pub(super) fn output_topic(&self) -> String {
        format!("{}out", self.prefix)
    }

    pub(super) fn group(&self) -> String {
        format!("{}group", self.prefix)
    }

    pub(super) fn input(&self, partition: i32) -> Place {
        Place {
            topic: Name::from(self.input_topic()),
            partition,
        }
    }

    pub(super) fn output(&self, partition: i32) -> Place {
        Place {
            topic: Name::from(self.output_topic()),
            partition,
        }
    }

    pub(super) fn inputs(&self) -> Vec<Place> {
        (0..PARTITIONS).map(|partition| self.input(partition)).collect()
    }

    pub(super) fn outputs(&self) -> Vec<Place> {
        match self.semantics {
            Semantics::ExactlyOnce => (0..PARTITIONS).map(|partition| self.output(partition)).collect(),
            Semantics::AtMostOnce | Semantics::AtLeastOnce | Semantics::Idempotent => Vec::new(),
        }
    }
}
