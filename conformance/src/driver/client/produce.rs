//! Producing, with the delivery report of every record.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Partitioner, Producer as _, ProducerContext};
use rdkafka::topic_partition_list::Offset;

use super::{Call, Clients, Lines, StepFailure, config, errors, show};
use crate::case::Arg;

/// `BaseProducer::poll` stays for the whole time that it is given, also when all reports have come.
const TURN: Duration = Duration::from_millis(2);

/// A producer with the reports that came and were not shown yet.
pub(super) struct Producer {
    client: BaseProducer<Reports, RoundRobin>,
    sent: usize,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Producer of {} records", self.sent)
    }
}

/// By number of the record: its line.
#[derive(Default)]
pub(super) struct Reports {
    lines: Mutex<BTreeMap<usize, String>>,
    partitioner: Option<RoundRobin>,
}

impl ClientContext for Reports {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ProducerContext<RoundRobin> for Reports {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        let (message, outcome) = match result {
            Ok(message) => (
                message,
                format!("offset={}", show::offset(Offset::from_raw(message.offset()))),
            ),
            Err((error, message)) => (message, format!("error={}", errors::name(error))),
        };
        let place = match message.partition() {
            -1 => message.topic().to_owned(),
            partition => format!("{}/{partition}", message.topic()),
        };
        let key = message
            .key()
            .map_or(String::new(), |key| format!(" key={}", show::bytes(Some(key))));
        if let Ok(mut lines) = self.lines.lock() {
            lines.insert(*number, format!("{place} {outcome}{key}"));
        }
    }

    fn get_custom_partitioner(&self) -> Option<&RoundRobin> {
        self.partitioner.as_ref()
    }
}

/// An application's own partitioner: one record to each partition in turn.
#[derive(Default)]
pub(super) struct RoundRobin(AtomicI32);

impl Partitioner for RoundRobin {
    fn partition(&self, _: &str, _: Option<&[u8]>, partitions: i32, _: impl Fn(i32) -> bool) -> i32 {
        self.0.fetch_add(1, Ordering::Relaxed) % partitions.max(1)
    }
}

pub(super) fn produce(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["values", "keys", "headers", "timestamps", "producer", "wait", "show"])?;
    let place = call.args.at(0, "a topic or TOPIC/PARTITION")?;
    let (topic, partition) = match place.rsplit_once('/') {
        Some((_, number)) if number.parse::<i32>().is_ok() => {
            let (topic, partition) = clients.place(&place)?;
            (topic, Some(partition))
        }
        _ => (clients.unique(&place), None),
    };
    let records = records(call)?;
    let producer = clients.producer(call)?;
    let first = producer.sent;
    for record in &records {
        producer.send(&topic, partition, record);
    }
    if call.args.text("wait").as_deref() == Some("false") {
        return Ok(vec![format!("queued {}", records.len())]);
    }
    producer.settle(call, first);
    Ok(producer.shown(call, first))
}

pub(super) fn flush(clients: &mut Clients, call: &Call<'_>) -> Lines {
    let producer = clients.producer(call)?;
    producer.settle(call, 0);
    Ok(producer.shown(call, 0))
}

pub(super) fn transaction(clients: &mut Clients, verb: &str, call: &Call<'_>) -> Lines {
    let producer = clients.producer(call)?;
    let done = match verb {
        "init-transactions" => producer.client.init_transactions(call.left()),
        "begin" => producer.client.begin_transaction(),
        "commit-transaction" => producer.client.commit_transaction(call.left()),
        _ => producer.client.abort_transaction(call.left()),
    };
    Ok(vec![match done {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("error={}", errors::name(&error)),
    }])
}

/// `send-offsets c1 t/0=2 producer=p`: what a member has read goes into the producer's transaction (KIP-447).
pub(super) fn send_offsets(clients: &mut Clients, call: &Call<'_>) -> Lines {
    let name = call.args.at(0, "the name of a member")?;
    let list = clients.list(call, 1, Offset::Invalid)?;
    let metadata = clients.known(&name)?.consumer.group_metadata();
    let metadata = metadata.ok_or_else(|| StepFailure::usage(format!("{name} is in no group")))?;
    let producer = clients.producer(call)?;
    let sent = producer
        .client
        .send_offsets_to_transaction(&list, &metadata, call.left());
    Ok(vec![match sent {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("error={}", errors::name(&error)),
    }])
}

impl Clients {
    /// The producer that a step names; one with the properties of the step where it names none.
    fn producer(&mut self, call: &Call<'_>) -> Result<&mut Producer, StepFailure> {
        let name = call.args.text("producer").unwrap_or_default();
        let mut given = config::properties(call.args)?;
        if !name.is_empty() && given.is_empty() {
            let known = self.producers.keys().find(|(known, _)| *known == name);
            given = known.map(|(_, properties)| properties.clone()).unwrap_or_default();
        }
        if let Some(id) = given.get_mut("transactional.id") {
            *id = if id.starts_with(&self.prefix) {
                id.clone()
            } else {
                format!("{}{id}", self.prefix)
            };
        }
        let key = (name, given);
        if !self.producers.contains_key(&key) {
            let producer = Producer::new(&self.bootstrap, &key.1)?;
            self.producers.insert(key.clone(), producer);
        }
        self.producers
            .get_mut(&key)
            .ok_or_else(|| StepFailure("no producer".to_owned()))
    }
}

impl Producer {
    fn new(bootstrap: &str, given: &config::Properties) -> Result<Self, StepFailure> {
        let mut given = given.clone();
        let mut reports = Reports::default();
        if given.get("partitioner").is_some_and(|name| name == "round-robin") {
            given.remove("partitioner");
            given.insert("sticky.partitioning.linger.ms".to_owned(), "0".to_owned());
            reports.partitioner = Some(RoundRobin::default());
        }
        let client = config::producer(bootstrap, &given)
            .create_with_context(reports)
            .map_err(|e: KafkaError| StepFailure::usage(format!("no producer with these properties: {e}")))?;
        Ok(Self { client, sent: 0 })
    }

    fn send(&mut self, topic: &str, partition: Option<i32>, record: &Outgoing) {
        let number = self.sent;
        self.sent += 1;
        let mut message = BaseRecord::with_opaque_to(topic, Box::new(number));
        message.partition = partition;
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        message.timestamp = record.timestamp;
        message.headers = record.headers.clone();
        if let Err((error, _)) = self.client.send(message) {
            let place = partition.map_or(topic.to_owned(), |partition| format!("{topic}/{partition}"));
            let line = format!("{place} error={} refused locally", errors::name(&error));
            if let Ok(mut lines) = self.client.context().lines.lock() {
                lines.insert(number, line);
            }
        }
    }

    /// Serves delivery reports until all since `first` are here or the time is up.
    fn settle(&self, call: &Call<'_>, first: usize) {
        let missing = |reports: &Reports| {
            let here = reports.lines.lock().map_or(0, |lines| lines.range(first..).count());
            self.client.in_flight_count() > 0 && here < self.sent - first
        };
        while missing(self.client.context()) && !call.left().is_zero() {
            self.client.poll(call.left().min(TURN));
        }
        self.client.poll(Duration::ZERO);
    }

    /// The lines since `first`, taken out; the fatal error that ends this producer, if there is one.
    fn shown(&self, call: &Call<'_>, first: usize) -> Vec<String> {
        let here = match self.client.context().lines.lock() {
            Ok(mut lines) => lines.split_off(&first),
            Err(_) => BTreeMap::new(),
        };
        let missing = usize::try_from(self.client.in_flight_count()).unwrap_or(0);
        let mut shown: Vec<String> = match call.args.text("show").as_deref() {
            Some("counts") => counts(here.values()),
            _ => here.into_values().collect(),
        };
        if missing > 0 {
            shown.push(format!("no report for {missing}"));
        }
        if let Some((code, _)) = self.client.client().fatal_error() {
            shown.push(format!("fatal={}", errors::code(code)));
        }
        shown
    }
}

/// How many records each partition took, or each error.
fn counts<'a>(lines: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ');
        let place = words.next().unwrap_or_default();
        let outcome = words.next().filter(|word| word.starts_with("error="));
        let key = outcome.map_or(place.to_owned(), |error| format!("{place} {error}"));
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
        .into_iter()
        .map(|(place, count)| format!("{place} records={count}"))
        .collect()
}

struct Outgoing {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: Option<i64>,
    headers: Option<OwnedHeaders>,
}

/// `values=[a, b] keys=[k, null]`: as many records as the longer of the two.
fn records(call: &Call<'_>) -> Result<Vec<Outgoing>, StepFailure> {
    let (values, keys) = (call.args.list("values"), call.args.list("keys"));
    let timestamps = call.args.list("timestamps");
    let headers = headers(call.args.get("headers"));
    let count = values.len().max(keys.len());
    if count == 0 {
        return Err(StepFailure::usage("produce wants values=[…]"));
    }
    let record = |index: usize| Outgoing {
        key: keys.get(index).and_then(Arg::bytes),
        value: values.get(index).and_then(Arg::bytes),
        timestamp: timestamps.get(index).or(timestamps.last()).and_then(Arg::int),
        headers: headers.clone(),
    };
    Ok((0..count).map(record).collect())
}

/// `{ h: v, h: null }`: names may repeat.
fn headers(given: Option<&Arg>) -> Option<OwnedHeaders> {
    let Some(Arg::Record(fields)) = given else {
        return None;
    };
    let headers = fields.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        let value = value.bytes();
        headers.insert(Header {
            key,
            value: value.as_ref(),
        })
    });
    Some(headers)
}
