//! One consumer of a group: its rebalances as they reach the application, and the pause that keeps records away from it
//! while another member is the one that acts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::show::{self, Record};
use super::{StepFailure, config, consume, errors};

pub(super) type Place = (String, i32);

/// A member of a group, by the name that the case gives it.
pub(super) struct Member {
    pub(super) consumer: BaseConsumer<Watch>,
    pub(super) group: String,
    /// What it subscribed to; empty where it was assigned by hand.
    pub(super) topics: Vec<String>,
    /// Partitions that the case paused.
    pub(super) paused: BTreeSet<Place>,
    /// Records that came while another member acted.
    pub(super) held: VecDeque<Record>,
    /// Where each partition was moved by hand; librdkafka has no position before the first record.
    moved: BTreeMap<Place, i64>,
    /// The numbers of the partitions whose end was told after their last record.
    at_end: BTreeSet<i32>,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member of {}", self.group)
    }
}

/// What happened to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Assigned(Vec<Place>),
    Revoked(Vec<Place>),
    /// Revoked after the group had given them to others already.
    Lost(Vec<Place>),
    Failed(String),
}

/// Hears the rebalances.
#[derive(Default)]
pub(super) struct Watch {
    events: Mutex<Vec<Event>>,
    last: Mutex<Option<Event>>,
    hold: AtomicBool,
    changed: AtomicBool,
}

impl Watch {
    /// The events since the last call; failures stay where they are not asked for.
    pub(super) fn take(&self, with_failures: bool) -> Vec<Event> {
        let Ok(mut events) = self.events.lock() else {
            return Vec::new();
        };
        let all = std::mem::take(&mut *events);
        let (kept, taken) = all
            .into_iter()
            .partition(|event| !with_failures && matches!(event, Event::Failed(_)));
        *events = kept;
        taken
    }

    /// librdkafka repeats an error while it lasts; an application hears it once.
    fn push(&self, event: Event) {
        if let (Ok(mut events), Ok(mut last)) = (self.events.lock(), self.last.lock()) {
            if matches!(event, Event::Failed(_)) && last.as_ref() == Some(&event) {
                return;
            }
            *last = Some(event.clone());
            events.push(event);
        }
    }

    /// Whether the last thing that happened was an assignment.
    pub(super) fn is_assigned(&self) -> bool {
        self.last
            .lock()
            .is_ok_and(|last| matches!(*last, Some(Event::Assigned(_))))
    }

    /// Whether something went wrong since the events were taken.
    pub(super) fn is_failing(&self) -> bool {
        self.events
            .lock()
            .is_ok_and(|events| events.iter().any(|event| matches!(event, Event::Failed(_))))
    }

    /// Whether nothing good has happened since something went wrong.
    pub(super) fn has_dropped_out(&self) -> bool {
        self.last
            .lock()
            .is_ok_and(|last| matches!(*last, Some(Event::Failed(_))))
    }
}

impl ClientContext for Watch {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(list) if consumer.assignment_lost() => self.push(Event::Lost(show::partitions(list))),
            Rebalance::Revoke(list) => self.push(Event::Revoked(show::partitions(list))),
            Rebalance::Error(error) => self.push(Event::Failed(errors::name(error))),
            Rebalance::Assign(_) => {}
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            if self.hold.load(Ordering::Relaxed) {
                let _ = consumer.pause(list); // what cannot be paused is held when it comes
            }
            self.changed.store(true, Ordering::Relaxed);
            self.push(Event::Assigned(show::partitions(list)));
        }
    }
}

impl Member {
    pub(super) fn new(bootstrap: &str, group: &str, given: &config::Properties) -> Result<Self, StepFailure> {
        let consumer = config::consumer(bootstrap, group, given)
            .create_with_context(Watch::default())
            .map_err(|e: KafkaError| StepFailure::usage(format!("no consumer with these properties: {e}")))?;
        Ok(Self {
            consumer,
            group: group.to_owned(),
            topics: Vec::new(),
            paused: BTreeSet::new(),
            held: VecDeque::new(),
            moved: BTreeMap::new(),
            at_end: BTreeSet::new(),
        })
    }

    /// Serves its callbacks and takes what comes.
    pub(super) fn poll(&mut self, wait: Duration) -> Option<Record> {
        let polled = self
            .consumer
            .poll(wait)
            .map(|polled| polled.map(|message| Record::of(&message)));
        if self.consumer.context().changed.swap(false, Ordering::Relaxed) {
            self.at_end.clear();
        }
        match polled? {
            Ok(record) => {
                self.at_end.remove(&record.partition);
                return Some(record);
            }
            Err(KafkaError::PartitionEOF(partition)) => drop(self.at_end.insert(partition)),
            Err(error) if consume::passes(&error) => {}
            Err(error) => self.watch().push(Event::Failed(errors::name(&error))),
        }
        None
    }

    /// Whether librdkafka has said that a partition of this number ends here. It says so once, and maybe before the last
    /// records were written.
    pub(super) fn is_at_end(&self, place: &Place) -> bool {
        self.at_end.contains(&place.1)
    }

    /// Where a partition begins and ends.
    pub(super) fn span_of(&self, place: &Place, patience: Duration) -> Option<(i64, i64)> {
        self.consumer.fetch_watermarks(&place.0, place.1, patience).ok()
    }

    /// Up to where it has read each partition: its position, else where it was moved to, else what the group committed.
    pub(super) fn read_to(&self, patience: Duration) -> BTreeMap<Place, i64> {
        let offsets = |list: KafkaResult<TopicPartitionList>| list.map(|list| known(&list)).unwrap_or_default();
        let mut read = if self.topics.is_empty() {
            BTreeMap::new()
        } else {
            offsets(self.consumer.committed(patience))
        };
        read.extend(self.moved.clone());
        for (place, position) in offsets(self.consumer.position()) {
            let furthest = position.max(self.moved.get(&place).copied().unwrap_or(position));
            read.insert(place, furthest);
        }
        read
    }

    pub(super) fn watch(&self) -> &Watch {
        self.consumer.context()
    }

    /// Keeps records away from it, also from partitions that it is yet to get.
    pub(super) fn hold(&self) {
        self.watch().hold.store(true, Ordering::Relaxed);
        if let Ok(assignment) = self.consumer.assignment() {
            let _ = self.consumer.pause(&assignment); // as above
        }
    }

    /// Lets records come again, but from what the case paused.
    pub(super) fn release(&self) {
        self.watch().hold.store(false, Ordering::Relaxed);
        let mut list = TopicPartitionList::new();
        for (topic, partition) in self.owned() {
            if !self.paused.contains(&(topic.clone(), partition)) {
                list.add_partition(&topic, partition);
            }
        }
        let _ = self.consumer.resume(&list); // fails only for partitions that have just gone
    }

    pub(super) fn is_cooperative(&self) -> bool {
        matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    pub(super) fn owned(&self) -> Vec<Place> {
        self.consumer
            .assignment()
            .map(|list| show::partitions(&list))
            .unwrap_or_default()
    }

    /// What it has read of a partition is not what comes next any more.
    pub(super) fn moved(&mut self, place: &Place, to: Offset) {
        self.held
            .retain(|record| (&record.topic, record.partition) != (&place.0, place.1));
        match to {
            Offset::Offset(offset) => drop(self.moved.insert(place.clone(), offset)),
            _ => drop(self.moved.remove(place)),
        }
    }
}

fn known(list: &TopicPartitionList) -> BTreeMap<Place, i64> {
    let elements = list.elements().into_iter();
    let known = elements.filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some(((element.topic().to_owned(), element.partition()), offset)),
        _ => None,
    });
    known.collect()
}

impl Event {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Assigned(places) if places.is_empty())
    }

    /// `assigned t/0 t/1`
    pub(super) fn line(&self) -> String {
        match self {
            Self::Assigned(places) => format!("assigned {}", show::joined(places)),
            Self::Revoked(places) => format!("revoked {}", show::joined(places)),
            Self::Lost(places) => format!("lost {}", show::joined(places)),
            Self::Failed(error) => format!("error={error}"),
        }
    }
}
