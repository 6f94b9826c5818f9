//! The processor made of librdkafka: this test's own binary, started as the one test that plays it.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

const ASKED: &str = "PROCESS_WITH_LIBRDKAFKA";
const TIMEOUT: Duration = Duration::from_secs(30);
const BATCH: usize = 20;
/// This transaction of each life is given up, as an application does that cannot go on.
const GIVEN_UP: usize = 3;

/// The command that processes until it is killed.
pub(crate) fn command(address: String) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "a_processor_of_librdkafka", "--nocapture"])
        .env(ASKED, address);
    command
}

pub(crate) fn process_if_asked() {
    let Ok(address) = env::var(ASKED) else { return };
    let (consumer, producer) = clients(&address);
    producer.init_transactions(TIMEOUT).unwrap();
    for count in 1.. {
        let batch = polled(&consumer);
        tell("polled");
        producer.begin_transaction().unwrap();
        for input in &batch {
            let value = input.payload().unwrap_or_default();
            let output = BaseRecord::<(), _>::to("out")
                .partition(input.partition())
                .payload(value);
            producer.send(output).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(TIMEOUT).unwrap();
        tell("sent");
        if count == GIVEN_UP {
            producer.abort_transaction(TIMEOUT).unwrap();
            back_to_committed(&consumer);
            continue;
        }
        let group = consumer.group_metadata().unwrap();
        let position = consumer.position().unwrap();
        producer
            .send_offsets_to_transaction(&position, &group, TIMEOUT)
            .unwrap();
        tell("offsets");
        tell("committing");
        producer.commit_transaction(TIMEOUT).unwrap();
        tell("committed");
    }
}

fn clients(address: &str) -> (BaseConsumer, BaseProducer) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    let producer = config.clone().set("transactional.id", "loop").create().unwrap();
    let consumer: BaseConsumer = config
        .set("group.id", "loop")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("session.timeout.ms", "1000")
        .set("heartbeat.interval.ms", "100")
        .create()
        .unwrap();
    consumer.subscribe(&["in"]).unwrap();
    (consumer, producer)
}

/// At least one record, and no more than a batch.
fn polled(consumer: &BaseConsumer) -> Vec<OwnedMessage> {
    let (mut batch, mut wait) = (Vec::new(), TIMEOUT);
    let until = Instant::now() + 2 * TIMEOUT;
    while batch.len() < BATCH && Instant::now() < until {
        match consumer.poll(wait) {
            Some(message) => batch.push(message.unwrap().detach()),
            None if batch.is_empty() => {}
            None => break,
        }
        wait = Duration::from_millis(10);
    }
    batch
}

/// What was given up is read again.
fn back_to_committed(consumer: &BaseConsumer) {
    let committed = consumer.committed(TIMEOUT).unwrap();
    let mut list = TopicPartitionList::new();
    for entry in committed.elements() {
        let offset = match entry.offset() {
            Offset::Invalid => Offset::Beginning,
            known => known,
        };
        list.add_partition_offset(entry.topic(), entry.partition(), offset)
            .unwrap();
    }
    consumer.seek_partitions(list, TIMEOUT).unwrap();
}

#[expect(clippy::print_stdout, reason = "the test that started this reads it")]
fn tell(stage: &str) {
    println!("{stage}");
}
