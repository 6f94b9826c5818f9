//! Transactions on three brokers: the coordinator, the leaders and the group's coordinator are seldom the same one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use reference_broker::{Cluster, Config};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 6;
const IDS: usize = 3;

/// Three brokers with one setting, and the topic.
async fn started(key: &str, value: &str) -> (Cluster, SocketAddr) {
    let config = Config {
        brokers: 3,
        properties: vec![(key.into(), value.into())],
        ..Config::default()
    };
    let started = timeout(LIMIT, Cluster::start(config)).await;
    let cluster = started.expect("in time").expect("starts");
    let address = cluster.addresses()[0];
    create(address).await;
    (cluster, address)
}

async fn create(address: SocketAddr) {
    let admin: AdminClient<DefaultClientContext> = client(address).create().expect("an admin client");
    let wanted = NewTopic::new("t", PARTITIONS, TopicReplication::Fixed(3));
    let created = admin
        .create_topics(&[wanted], &AdminOptions::new())
        .await
        .expect("an answer");
    assert_eq!(created, [Ok("t".to_owned())]);
}

fn client(address: SocketAddr) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address.to_string());
    config
}

/// One record to each partition, then the offsets of a group, in one transaction that ends as it is told.
fn transact(producer: &ThreadedProducer<DefaultProducerContext>, group: &BaseConsumer, value: &str, commits: bool) {
    producer.begin_transaction().expect("begins");
    for partition in 0..PARTITIONS {
        let record = BaseRecord::<str, str>::to("t").partition(partition).payload(value);
        producer.send(record).expect("room in the queue");
    }
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset("t", 0, Offset::Offset(7))
        .expect("an offset");
    let metadata = group.group_metadata().expect("a group");
    producer
        .send_offsets_to_transaction(&offsets, &metadata, LIMIT)
        .expect("offsets are taken");
    match commits {
        true => producer.commit_transaction(LIMIT).expect("commits"),
        false => producer.abort_transaction(LIMIT).expect("aborts"),
    }
}

fn produce(address: SocketAddr, id: usize) {
    let producer: ThreadedProducer<DefaultProducerContext> = client(address)
        .set("transactional.id", format!("id-{id}"))
        .create()
        .expect("a producer");
    let group: BaseConsumer = client(address)
        .set("group.id", format!("group-{id}"))
        .create()
        .expect("a consumer");
    producer.init_transactions(LIMIT).expect("the coordinator answers");
    for (value, commits) in [("kept", true), ("dropped", false), ("kept", true)] {
        transact(&producer, &group, value, commits);
    }
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let committed = group
        .committed_offsets(asked, LIMIT)
        .expect("the group's coordinator answers");
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(7), "id {id}");
}

fn read(address: SocketAddr) -> Vec<String> {
    let consumer: BaseConsumer = client(address)
        .set("group.id", "reader")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset("t", partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&all).expect("assigned");
    let (mut values, deadline) = (Vec::new(), Instant::now() + LIMIT);
    while values.len() < IDS * 2 * PARTITIONS as usize {
        assert!(Instant::now() < deadline, "{} records in time", values.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
        }
    }
    values
}

#[tokio::test]
async fn what_is_committed_across_brokers_is_read_and_nothing_else() {
    let (cluster, address) = started("group.initial.rebalance.delay.ms", "0").await;
    let values = tokio::task::spawn_blocking(move || {
        for id in 0..IDS {
            produce(address, id);
        }
        read(address)
    });
    let values = values.await.expect("all transactions end");
    assert!(values.iter().all(|value| value == "kept"), "{values:?}");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

/// A follower's question lets a coordinator write that an aborted transaction is complete; were the answer kept until that is
/// replicated, it would wait for itself as long as a write may take.
#[tokio::test]
async fn the_answer_to_a_replica_waits_for_nothing_that_it_replicates() {
    let (cluster, address) = started("offsets.commit.timeout.ms", "120000").await;
    let ended = tokio::task::spawn_blocking(move || {
        for id in 0..8 {
            // It is left open, and who has its name next aborts it.
            for life in 0..2 {
                let producer: ThreadedProducer<DefaultProducerContext> = client(address)
                    .set("transactional.id", format!("id-{id}"))
                    .create()
                    .expect("a producer");
                let began = producer.init_transactions(LIMIT);
                began.unwrap_or_else(|error| panic!("life {life} of id-{id}: {error}"));
                producer.begin_transaction().expect("begins");
                producer
                    .send(BaseRecord::<str, str>::to("t").partition(0).payload("x"))
                    .expect("room in the queue");
                // Its partition is enlisted then.
                producer.flush(LIMIT).expect("written");
            }
        }
    });
    ended.await.expect("all are answered");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}
