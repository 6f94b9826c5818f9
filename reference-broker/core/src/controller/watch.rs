//! What is not as it should be: partitions that another than the preferred replica leads, and such as nobody leads. Soft
//! state, made again from the image; it says when the controller looks at them, and nothing of what becomes of them.

use std::collections::BTreeSet;

use super::{Change, Controller};
use crate::image::{Image, PartitionImage};
use crate::records::MetadataRecord;
use crate::units::{Deadline, Now, TopicId};

/// What the controller is to do of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Leaders go back to the preferred replicas.
    Balance,
    /// What nobody leads gets a leader at any price, where its topic wants that.
    UncleanElection,
}

/// How long until the controller looks; None where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    balance_ms: Option<i64>,
    unclean_ms: Option<i64>,
}

/// The partitions that are not as they should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    imbalanced: BTreeSet<(TopicId, i32)>,
    leaderless: BTreeSet<(TopicId, i32)>,
    balance_at: Option<Deadline>,
    unclean_at: Option<Deadline>,
}

impl Controller<'_> {
    /// How often this controller looks.
    pub fn check_intervals(&self) -> Intervals {
        let long = |name: &str| self.config.value(name).and_then(|text| text.parse::<i64>().ok());
        let balances = self.config.value("auto.leader.rebalance.enable").as_deref() == Some("true");
        let seconds = long("leader.imbalance.check.interval.seconds").filter(|_| balances);
        Intervals {
            balance_ms: seconds.map(|seconds| seconds.saturating_mul(1_000)),
            unclean_ms: long("unclean.leader.election.interval.ms"),
        }
    }

    /// The records of what is due.
    pub fn carry_out_due(&self, due: Due) -> Vec<Change> {
        match due {
            Due::Balance => self.balance_leaders(),
            Due::UncleanElection => self.elect_unclean_leaders(),
        }
    }
}

impl Watch {
    /// Looks at everything, as a controller begins.
    pub fn begin(&mut self, image: &Image) {
        *self = Self::default();
        for topic in image.topics() {
            for (index, partition) in (0..).zip(&topic.partitions) {
                self.note((topic.id, index), partition);
            }
        }
    }

    /// Looks at what a record has changed, once the image has it.
    pub fn see(&mut self, record: &MetadataRecord, image: &Image) {
        let (topic, index) = match record {
            MetadataRecord::Partition(new) => (TopicId(new.topic_id), new.partition_id),
            MetadataRecord::PartitionChange(change) => (TopicId(change.topic_id), change.partition_id),
            MetadataRecord::RemoveTopic(gone) => return self.forget(TopicId(gone.topic_id)),
            _ => return,
        };
        let partition = image.topic_by_id(topic).and_then(|topic| topic.partition(index));
        if let Some(partition) = partition {
            self.note((topic, index), partition);
        }
    }

    fn note(&mut self, key: (TopicId, i32), partition: &PartitionImage) {
        let put = |set: &mut BTreeSet<_>, is_in: bool| match is_in {
            true => drop(set.insert(key)),
            false => drop(set.remove(&key)),
        };
        put(&mut self.imbalanced, partition.leader != partition.preferred_leader());
        put(&mut self.leaderless, partition.leader.0 < 0);
    }

    fn forget(&mut self, topic: TopicId) {
        for set in [&mut self.imbalanced, &mut self.leaderless] {
            while let Some(gone) = set.range((topic, i32::MIN)..=(topic, i32::MAX)).next().copied() {
                set.remove(&gone);
            }
        }
    }

    /// When something is to be looked at.
    pub fn next_deadline(&self) -> Option<Deadline> {
        [self.balance_at, self.unclean_at].into_iter().flatten().min()
    }

    /// What is to be done now.
    pub fn due(&mut self, now: Now) -> Vec<Due> {
        let is_due = |at: &mut Option<Deadline>| at.take_if(|at| at.is_due(now)).is_some();
        let due = [
            is_due(&mut self.balance_at).then_some(Due::Balance),
            is_due(&mut self.unclean_at).then_some(Due::UncleanElection),
        ];
        due.into_iter().flatten().collect()
    }

    /// Has something come that no clock is set for, or gone that one is?
    pub fn is_out_of_step(&self) -> bool {
        let differs = |set: &BTreeSet<_>, at: Option<Deadline>| set.is_empty() == at.is_some();
        differs(&self.imbalanced, self.balance_at) || differs(&self.leaderless, self.unclean_at)
    }

    /// Sets the clock for what is not as it should be, and stops it for what is.
    pub fn schedule(&mut self, intervals: Intervals, now: Now) {
        let set = |at: Option<Deadline>, needed: bool, ms: Option<i64>| {
            let next = ms.map(|ms| now.plus_ms(ms)).filter(|_| needed);
            at.filter(|_| next.is_some()).or(next)
        };
        self.balance_at = set(self.balance_at, !self.imbalanced.is_empty(), intervals.balance_ms);
        self.unclean_at = set(self.unclean_at, !self.leaderless.is_empty(), intervals.unclean_ms);
    }
}
