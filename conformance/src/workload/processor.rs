//! Clients of exactly-once: writers, whose transactions span partitions, and processors, which read what is committed, write
//! an output for each input and commit both in one transaction.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;

use super::chance::Chance;
use super::member::{Member, Record, joined, polled};
use super::plan::{self, PARTITIONS};
use super::stage::Stage;
use super::transaction::Transactional;
use crate::history::{Decision, Event, Name, Place};

const SEEK: Duration = Duration::from_secs(5);
/// Before a life that could not begin is followed by another.
const AGAIN: Duration = Duration::from_millis(200);

/// Writes transactions as its plan says, some of which it aborts.
pub(super) fn write(stage: &Stage, number: usize) -> Result<(), String> {
    let name = format!("w{number}");
    let mut batches = plan::batches(stage.seed, &name, stage.semantics);
    for run in 0.. {
        if stage.is_over() {
            break;
        }
        let Some(mut producer) = Transactional::begin(stage, &name, run)? else {
            std::thread::sleep(AGAIN);
            continue;
        };
        while !stage.is_over() {
            let Some(batch) = batches.next() else { break };
            // Whatever went wrong, the next life begins from a known state.
            if written(stage, &mut producer, &batch).is_err() {
                break;
            }
            std::thread::sleep(batch.pause);
        }
    }
    Ok(())
}

fn written(stage: &Stage, producer: &mut Transactional, batch: &plan::Batch) -> KafkaResult<()> {
    let open = producer.open()?;
    for order in &batch.orders {
        let key = format!("k{}", order.key);
        producer.send(&open, &stage.input(order.partition), &key, order.size, None)?;
    }
    if let Some(hold) = batch.hold {
        producer.flush()?;
        std::thread::sleep(hold);
    }
    producer.end(open, batch.decision)
}

/// Processes until the group is through.
pub(super) fn process(stage: &Stage, number: usize) -> Result<(), String> {
    let name = format!("x{number}");
    let mut chance = Chance::new(stage.seed, &name);
    for (run, span) in (0..).zip(plan::lives(stage.seed, &name)) {
        let _here = stage.recess.come();
        if stage.is_closed() {
            break;
        }
        let Some(producer) = Transactional::begin(stage, &name, run)? else {
            std::thread::sleep(AGAIN);
            continue;
        };
        live(stage, &format!("{name}.{run}").into(), span, producer, &mut chance)?;
    }
    Ok(())
}

fn live(
    stage: &Stage,
    process: &Name,
    span: Duration,
    mut producer: Transactional,
    chance: &mut Chance,
) -> Result<(), String> {
    let consumer = joined(stage, process)?;
    let until = Instant::now() + span;
    while stage.goes_on(until) {
        let batch = polled(stage, process, &consumer, &mut Vec::new());
        if batch.is_empty() {
            continue;
        }
        let decision = match chance.once_in(6) {
            true => Decision::Abort,
            false => Decision::Commit,
        };
        let ended = copied(stage, &consumer, &mut producer, &batch, decision);
        // After half of the aborts another life goes on from what is committed, which must not be what was aborted.
        let goes_on = match decision {
            Decision::Commit => ended.is_ok(),
            Decision::Abort => ended.is_ok() && chance.once_in(2) && rewound(stage, process, &consumer, &batch),
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

fn copied(
    stage: &Stage,
    consumer: &Member,
    producer: &mut Transactional,
    batch: &[Record],
    decision: Decision,
) -> KafkaResult<()> {
    let open = producer.open()?;
    for record in batch {
        // Next to where it came from, so that a transaction spans partitions.
        let to = stage.output((record.partition.partition + 1) % PARTITIONS);
        let source = record.value.identity();
        producer.send(&open, &to, record.value.key.as_str(), 40, Some(source))?;
    }
    if let Some(group) = consumer.group_metadata() {
        producer.offsets(&open, batch, &group)?;
        producer.end(open, decision)
    } else {
        producer.end(open, Decision::Abort)
    }
}

/// What was given up is read again.
fn rewound(stage: &Stage, process: &Name, consumer: &Member, batch: &[Record]) -> bool {
    let mut first: BTreeMap<&Place, i64> = BTreeMap::new();
    for record in batch {
        let offset = first.entry(&record.partition).or_insert(record.offset);
        *offset = record.offset.min(*offset);
    }
    first.into_iter().all(|(place, offset)| {
        let event = Event::Seek {
            partition: place.clone(),
            offset,
        };
        stage.recorder.add(process, event);
        consumer
            .seek(place.topic.as_str(), place.partition, Offset::Offset(offset), SEEK)
            .is_ok()
    })
}
