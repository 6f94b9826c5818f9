//! The processor made of librdkafka: this test's own binary, started as the one test that plays it.

use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, io, thread};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
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
    thread::spawn(end_with_the_parent);
    let producer: BaseProducer = config(&address).set("transactional.id", "loop").create().unwrap();
    let mut consumer = member(&address);
    producer.init_transactions(TIMEOUT).unwrap();
    for count in 1.. {
        let batch = polled(&consumer);
        tell("polled");
        let went_on = match count {
            GIVEN_UP => given_up(&batch, &consumer, &producer),
            _ => copied(&batch, &consumer, &producer),
        };
        let Err(stalled) = went_on else { continue };
        // A member that said nothing for a session is out of its group: what it read is another's, and its outputs do not count.
        complain(&stalled);
        if matches!(&stalled, KafkaError::Transaction(error) if error.txn_requires_abort()) {
            producer.abort_transaction(TIMEOUT).unwrap();
        } else {
            assert!(
                matches!(stalled, KafkaError::Seek(_) | KafkaError::OffsetFetch(_)),
                "{stalled}"
            );
        }
        consumer = member(&address);
    }
}

fn copied(batch: &[OwnedMessage], consumer: &Member, producer: &BaseProducer) -> KafkaResult<()> {
    write(batch, producer)?;
    let group = consumer.group_metadata().unwrap();
    producer.send_offsets_to_transaction(&consumer.position()?, &group, TIMEOUT)?;
    tell("offsets");
    tell("committing");
    producer.commit_transaction(TIMEOUT)?;
    tell("committed");
    Ok(())
}

/// What was given up is read again.
fn given_up(batch: &[OwnedMessage], consumer: &Member, producer: &BaseProducer) -> KafkaResult<()> {
    write(batch, producer)?;
    producer.abort_transaction(TIMEOUT)?;
    let committed = consumer.committed(TIMEOUT)?;
    let mut list = TopicPartitionList::new();
    for entry in committed.elements() {
        let offset = match entry.offset() {
            Offset::Invalid => Offset::Beginning,
            known => known,
        };
        list.add_partition_offset(entry.topic(), entry.partition(), offset)?;
    }
    let sought = consumer.seek_partitions(list, TIMEOUT)?;
    let moved = sought.elements().iter().find_map(|entry| entry.error().err());
    moved.map_or(Ok(()), |error| Err(KafkaError::Seek(error.to_string())))
}

fn write(batch: &[OwnedMessage], producer: &BaseProducer) -> KafkaResult<()> {
    producer.begin_transaction()?;
    for input in batch {
        let value = input.payload().unwrap_or_default();
        let output = BaseRecord::<(), _>::to("out")
            .partition(input.partition())
            .payload(value);
        producer.send(output).map_err(|(error, _)| error)?;
    }
    producer.flush(TIMEOUT)?;
    tell("sent");
    Ok(())
}

fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

fn member(address: &str) -> Member {
    let consumer: Member = config(address)
        .set("group.id", "loop")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("session.timeout.ms", "1000")
        .set("heartbeat.interval.ms", "100")
        .create_with_context(Moved::default())
        .unwrap();
    consumer.subscribe(&["in"]).unwrap();
    consumer
}

type Member = BaseConsumer<Moved>;

/// Whether partitions came or went: what was read before is read again, from what is committed.
#[derive(Default)]
struct Moved(AtomicBool);

impl ClientContext for Moved {}

impl ConsumerContext for Moved {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// At least one record, however long that takes, and no more than a batch.
fn polled(consumer: &Member) -> Vec<OwnedMessage> {
    let (mut batch, mut wait) = (Vec::new(), TIMEOUT);
    while batch.len() < BATCH {
        let message = consumer.poll(wait);
        if consumer.context().0.swap(false, Ordering::Relaxed) {
            batch.clear();
        }
        match message {
            Some(message) => batch.push(message.unwrap().detach()),
            None if batch.is_empty() => {}
            None => break,
        }
        wait = Duration::from_millis(10);
    }
    batch
}

/// The standard input is a pipe from the test that started this: it ends with the test, however that ends.
fn end_with_the_parent() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    process::exit(1);
}

#[expect(clippy::print_stderr, reason = "whoever looks for the trouble reads it")]
fn complain(stalled: &KafkaError) {
    eprintln!("given up: {stalled}");
}

#[expect(clippy::print_stdout, reason = "the test that started this reads it")]
fn tell(stage: &str) {
    println!("{stage}");
}
