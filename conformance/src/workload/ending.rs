//! After healing: wait for what is undecided, read everything, wait for the group to be through.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::stage::Stage;
use super::{clients, member};
use crate::history::{Event, Isolation, Name, Place};

const ONE_REQUEST: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_millis(100);
/// A group that gets on has so many times the patience of the target.
const LONGEST: u32 = 5;

/// Reads these partitions from the first record to the last, all of them decided or `patience` over. The offset behind the
/// last record of each that was read to its end.
pub(super) fn read_all(stage: &Stage, places: &[Place], patience: Duration) -> Result<BTreeMap<Place, i64>, String> {
    let process = Name::from("final");
    let committed = reader(stage, Isolation::Committed)?;
    let everything = reader(stage, Isolation::Uncommitted)?;
    let mut spans = BTreeMap::new();
    let deadline = Instant::now() + patience;
    for place in places {
        if let Some(span) = decided(&everything, &committed, place, deadline) {
            spans.insert(place.clone(), span);
        }
    }
    let ends = polled(stage, &process, &committed, &spans, Instant::now() + patience)?;
    for place in ends.keys() {
        let (from, to) = spans[place];
        let event = Event::Read {
            partition: place.clone(),
            from,
            to,
            isolation: Isolation::Committed,
        };
        stage.recorder.add(&process, event);
    }
    Ok(ends)
}

fn reader(stage: &Stage, isolation: Isolation) -> Result<BaseConsumer, String> {
    let config = clients::reader(&stage.bootstrap, "final", &stage.group(), isolation);
    config.create().map_err(|error| format!("final: {error}"))
}

/// From where to where a partition goes, as soon as no transaction is open there, or at the deadline in any case.
fn decided(
    everything: &BaseConsumer,
    committed: &BaseConsumer,
    place: &Place,
    deadline: Instant,
) -> Option<(i64, i64)> {
    loop {
        let span = |of: &BaseConsumer| {
            of.fetch_watermarks(place.topic.as_str(), place.partition, ONE_REQUEST)
                .ok()
        };
        let (all, stable) = (span(everything), span(committed));
        match (all, stable) {
            (Some(all), Some(stable)) if all.1 == stable.1 => return Some(all),
            (all, _) if Instant::now() >= deadline => return all,
            _ => std::thread::sleep(BETWEEN),
        }
    }
}

fn polled(
    stage: &Stage,
    process: &Name,
    consumer: &BaseConsumer,
    spans: &BTreeMap<Place, (i64, i64)>,
    deadline: Instant,
) -> Result<BTreeMap<Place, i64>, String> {
    let mut list = TopicPartitionList::new();
    for place in spans.keys() {
        list.add_partition_offset(place.topic.as_str(), place.partition, Offset::Beginning)
            .map_err(|error| error.to_string())?;
    }
    consumer.assign(&list).map_err(|error| error.to_string())?;
    let mut ends: BTreeMap<Place, i64> = BTreeMap::new();
    // All these partitions are of one topic: an end is told by number alone.
    let mut open: BTreeSet<i32> = spans.keys().map(|place| place.partition).collect();
    while !open.is_empty() && Instant::now() < deadline {
        let since = stage.recorder.now();
        match consumer.poll(BETWEEN) {
            Some(Ok(message)) => {
                let record = member::noted(stage, process, &message, since);
                ends.insert(record.partition, record.offset + 1);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(_)) | None => {} // asked again until the deadline
        }
    }
    let closed = spans.iter().filter(|(place, _)| !open.contains(&place.partition));
    Ok(closed
        .map(|(place, (from, _))| (place.clone(), ends.get(place).copied().unwrap_or(*from)))
        .collect())
}

/// Waits until the group has committed what lies behind the last record of each partition, for as long as it gets on: `patience`
/// without a commit, or so many of them in all, are too long. Whether it has.
pub(super) fn drained(stage: &Stage, ends: &BTreeMap<Place, i64>, patience: Duration) -> Result<bool, String> {
    let consumer = reader(stage, Isolation::Committed)?;
    let end = Instant::now() + LONGEST * patience;
    let (mut deadline, mut before) = (Instant::now() + patience, BTreeMap::new());
    loop {
        let offsets = committed(&consumer, ends);
        if !offsets.is_empty() && offsets != before {
            deadline = Instant::now() + patience;
            before.clone_from(&offsets);
        }
        let is_through =
            |(place, end): (&Place, &i64)| *end == 0 || offsets.get(place).is_some_and(|offset| offset >= end);
        if ends.iter().all(is_through) {
            let event = Event::Drained {
                group: stage.group().into(),
                offsets,
            };
            stage.recorder.add(&Name::from("final"), event);
            return Ok(true);
        }
        if Instant::now() >= deadline.min(end) {
            return Ok(false);
        }
        std::thread::sleep(BETWEEN);
    }
}

fn committed(consumer: &BaseConsumer, of: &BTreeMap<Place, i64>) -> BTreeMap<Place, i64> {
    let mut list = TopicPartitionList::new();
    for place in of.keys() {
        list.add_partition(place.topic.as_str(), place.partition);
    }
    let Ok(list) = consumer.committed_offsets(list, ONE_REQUEST) else {
        return BTreeMap::new();
    };
    let known = list.elements().into_iter().filter_map(|entry| match entry.offset() {
        Offset::Offset(offset) => Some((
            Place {
                topic: entry.topic().into(),
                partition: entry.partition(),
            },
            offset,
        )),
        _ => None,
    });
    known.collect()
}
