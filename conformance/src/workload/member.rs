//! A member of a group: what it is given, what it works off, what it commits and in which order, and its rebalances.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

use super::stage::Stage;
use super::{clients, payload, plan};
use crate::history::{Event, Isolation, Name, Outcome, Place, Semantics, Value};

const POLL: Duration = Duration::from_millis(50);
/// So many records are worked off between two commits, and so many when only what is left is to be worked off.
const BATCH: usize = 10;
const LAST_BATCHES: usize = 200;

/// A record as a reader was given it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) partition: Place,
    pub(super) offset: i64,
    pub(super) value: Value,
}

/// Hears rebalances and notes them.
pub(super) struct Watch {
    stage: Stage,
    process: Name,
    /// Partitions that went since somebody last asked.
    gone: Mutex<Vec<Place>>,
}

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let (list, is_assigned) = match rebalance {
            Rebalance::Assign(list) => (list, true),
            Rebalance::Revoke(list) => (list, false),
            Rebalance::Error(_) => return,
        };
        let partitions = places(list);
        if let (false, Ok(mut gone)) = (is_assigned, self.gone.lock()) {
            gone.extend(partitions.iter().cloned());
        }
        for (generation, partitions) in self.by_generation(partitions) {
            let group = Name::from(self.stage.group());
            let event = match is_assigned {
                true => Event::Assigned {
                    group,
                    generation,
                    partitions,
                },
                false => Event::Revoked {
                    group,
                    generation,
                    partitions,
                },
            };
            self.stage.recorder.add(&self.process, event);
        }
    }
}

impl Watch {
    /// Partitions that came in one generation, or member epoch, together.
    fn by_generation(&self, partitions: Vec<Place>) -> BTreeMap<Option<i32>, Vec<Place>> {
        let mut by_generation = BTreeMap::<_, Vec<_>>::new();
        for place in partitions {
            let generation = self.stage.generations.of(self.process.as_str(), place.partition);
            by_generation.entry(generation).or_default().push(place);
        }
        by_generation
    }

    /// Drops what came from partitions that went meanwhile.
    fn sieve(&self, held: [&mut Vec<Record>; 2]) {
        if let Ok(mut gone) = self.gone.lock() {
            let gone = std::mem::take(&mut *gone);
            for records in held {
                records.retain(|record| !gone.contains(&record.partition));
            }
        }
    }
}

fn places(list: &TopicPartitionList) -> Vec<Place> {
    let elements = list.elements();
    let places = elements.iter().map(|entry| Place {
        topic: entry.topic().into(),
        partition: entry.partition(),
    });
    places.collect()
}

/// A consumer that has subscribed.
pub(super) type Member = BaseConsumer<Watch>;

/// Joins the group.
pub(super) fn joined(stage: &Stage, process: &Name) -> Result<Member, String> {
    let config = clients::member(&stage.bootstrap, process.as_str(), &stage.group(), stage.protocol);
    let watch = Watch {
        stage: stage.clone(),
        process: process.clone(),
        gone: Mutex::default(),
    };
    let consumer: Member = config
        .create_with_context(watch)
        .map_err(|error| format!("{process}: {error}"))?;
    consumer
        .subscribe(&[&stage.input_topic()])
        .map_err(|error| format!("{process}: {error}"))?;
    Ok(consumer)
}

/// Notes a record that was polled.
pub(super) fn noted(stage: &Stage, process: &Name, message: &BorrowedMessage<'_>, since: u64) -> Record {
    let record = Record {
        partition: Place {
            topic: message.topic().into(),
            partition: message.partition(),
        },
        offset: message.offset(),
        value: payload::read(message.key().unwrap_or_default(), message.payload().unwrap_or_default()),
    };
    let event = Event::Poll {
        partition: record.partition.clone(),
        offset: record.offset,
        value: record.value.clone(),
        since,
        isolation: Isolation::Committed,
    };
    stage.recorder.add(process, event);
    record
}

/// Some records, fewer where no more come. Of what is left of earlier ones only that stays whose partitions do.
pub(super) fn polled(stage: &Stage, process: &Name, consumer: &Member, left: &mut Vec<Record>) -> Vec<Record> {
    let (mut batch, deadline) = (Vec::new(), Instant::now() + 2 * POLL);
    let most = if stage.is_over() { LAST_BATCHES } else { BATCH };
    while batch.len() < most && Instant::now() < deadline {
        let since = stage.recorder.now();
        let message = consumer.poll(POLL);
        // The rebalance came before the record.
        consumer.context().sieve([&mut batch, left]);
        // After an error it goes on by itself, or the next life does.
        if let Some(Ok(message)) = message {
            batch.push(noted(stage, process, &message, since));
        }
    }
    batch
}

/// The offsets behind these records.
pub(super) fn behind(batch: &[Record]) -> BTreeMap<Place, i64> {
    batch
        .iter()
        .map(|record| (record.partition.clone(), record.offset + 1))
        .collect()
}

pub(super) fn listed(offsets: &BTreeMap<Place, i64>) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (place, offset) in offsets {
        list.add_partition_offset(place.topic.as_str(), place.partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}

/// A member, life after life, until all are to leave.
pub(super) fn run(stage: &Stage, number: usize) -> Result<(), String> {
    let name = format!("c{number}");
    for (run, span) in plan::lives(stage.seed, &name).enumerate() {
        let _here = stage.recess.come();
        if stage.is_closed() {
            break;
        }
        live(stage, &format!("{name}.{run}").into(), span)?;
    }
    Ok(())
}

fn live(stage: &Stage, process: &Name, span: Duration) -> Result<(), String> {
    let consumer = joined(stage, process)?;
    let until = Instant::now() + span;
    // What is not known to be committed: a refused commit is asked again, also where no more records come.
    let mut left = Vec::new();
    while stage.goes_on(until) {
        let batch = polled(stage, process, &consumer, &mut left);
        let works_first = stage.semantics != Semantics::AtMostOnce;
        if works_first {
            work(stage, process, &batch);
        }
        left.extend(batch);
        if left.is_empty() || committed(stage, process, &consumer, &left) != Outcome::Ok {
            continue;
        }
        if !works_first {
            work(stage, process, &left);
        }
        left.clear();
    }
    Ok(())
}

fn work(stage: &Stage, process: &Name, batch: &[Record]) {
    for record in batch {
        let event = Event::Process {
            group: stage.group().into(),
            partition: record.partition.clone(),
            offset: record.offset,
            value: record.value.clone(),
        };
        stage.recorder.add(process, event);
    }
}

fn committed(stage: &Stage, process: &Name, consumer: &Member, batch: &[Record]) -> Outcome {
    let offsets = behind(batch);
    let id = stage.recorder.invoke(process, |id| Event::Commit {
        id,
        group: stage.group().into(),
        offsets: offsets.clone(),
        transaction: None,
    });
    let ended = listed(&offsets).and_then(|list| consumer.commit(&list, CommitMode::Sync));
    let (outcome, error) = match ended {
        Ok(()) => (Outcome::Ok, None),
        Err(error) => (refusal(&error), Some(error.to_string())),
    };
    stage.recorder.done(process, id, outcome, None, error);
    outcome
}

/// What a coordinator refuses has not happened; all else may have.
fn refusal(error: &KafkaError) -> Outcome {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::IllegalGeneration | RDKafkaErrorCode::UnknownMemberId) => Outcome::Fail,
        _ => Outcome::Unknown,
    }
}
