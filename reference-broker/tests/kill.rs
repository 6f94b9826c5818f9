//! kill -9 under load: what was acknowledged is served after the next start, and nothing else appears in its place.

mod said;
mod starter;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::task::JoinSet;

const PARTITIONS: i32 = 3;
const ROUNDS: usize = 5;
const RECORDS_A_ROUND: usize = 2_000;
const DEADLINE: Duration = Duration::from_secs(20);

/// (partition, offset) → value, as acknowledged.
type Acknowledged = BTreeMap<(i32, i64), String>;

#[tokio::test]
async fn every_acknowledged_record_is_served_after_kill_minus_nine() {
    let data = tempfile::tempdir().expect("a directory");
    let mut broker = Broker::start("127.0.0.1:0".parse().expect("an address"), data.path());
    create_topic(broker.address).await;
    let mut acknowledged = Acknowledged::new();
    for round in 0..ROUNDS {
        // Half of a round's records are in flight when the broker dies.
        load(&mut broker, round, RECORDS_A_ROUND / 2, &mut acknowledged).await;
        broker = Broker::start(broker.address, data.path());
        verify(broker.address, &acknowledged).await;
    }
    assert!(
        acknowledged.len() >= ROUNDS * RECORDS_A_ROUND / 2,
        "too little happened: {}",
        acknowledged.len()
    );
}

/// Sends a round of records and kills the broker as soon as `enough` of them are acknowledged.
async fn load(broker: &mut Broker, round: usize, enough: usize, acknowledged: &mut Acknowledged) {
    let producer: FutureProducer = config(broker.address)
        .set("message.timeout.ms", "5000")
        .set(
            "enable.idempotence",
            if round.is_multiple_of(2) { "true" } else { "false" },
        )
        .set("queue.buffering.max.ms", "1")
        .create()
        .expect("a producer");
    let mut sends = JoinSet::new();
    for n in 0..RECORDS_A_ROUND {
        let (producer, value) = (producer.clone(), format!("{round}-{n}-{}", "x".repeat(n % 500)));
        sends.spawn(async move {
            let record = FutureRecord::<(), _>::to("t")
                .partition(n as i32 % PARTITIONS)
                .payload(&value);
            let delivered = producer.send(record, DEADLINE).await.ok()?;
            Some(((delivered.partition, delivered.offset), value))
        });
    }
    let mut count = 0;
    while let Some(sent) = sends.join_next().await {
        if let Some((place, value)) = sent.expect("a send ends") {
            let before = acknowledged.insert(place, value);
            assert_eq!(before, None, "{place:?} was acknowledged twice");
            count += 1;
        }
        if count == enough {
            broker.kill();
        }
    }
}

async fn verify(address: SocketAddr, acknowledged: &Acknowledged) {
    let served = tokio::task::spawn_blocking(move || read_all(address))
        .await
        .expect("the reader ends");
    for (place, value) in acknowledged {
        assert_eq!(served.get(place), Some(value), "{place:?}");
    }
}

fn read_all(address: SocketAddr) -> Acknowledged {
    let consumer: BaseConsumer = config(address)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment
            .add_partition_offset("t", partition, Offset::Beginning)
            .expect("assignable");
    }
    consumer.assign(&assignment).expect("assigned");
    let (mut served, mut ended) = (Acknowledged::new(), 0);
    while ended < PARTITIONS {
        match consumer.poll(DEADLINE).expect("something to read before the deadline") {
            Ok(message) => {
                let value = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
                served.insert((message.partition(), message.offset()), value);
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("reading back: {error}"),
        }
    }
    served
}

async fn create_topic(address: SocketAddr) {
    let admin: AdminClient<DefaultClientContext> = config(address).create().expect("an admin client");
    let topic = NewTopic::new("t", PARTITIONS, TopicReplication::Fixed(1)).set("segment.bytes", "1048576");
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    let created = admin.create_topics([&topic], &options).await.expect("an answer");
    created.into_iter().for_each(|topic| drop(topic.expect("created")));
}

fn config(address: SocketAddr) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address.to_string())
        .set("reconnect.backoff.max.ms", "100");
    config
}

struct Broker {
    child: Child,
    address: SocketAddr,
}

impl Broker {
    fn start(listen: SocketAddr, data: &Path) -> Self {
        let (child, address) = starter::start(listen, &["--data-dir".as_ref(), data.as_os_str()]);
        Self { child, address }
    }

    fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("it is gone");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Killed already in most rounds.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
