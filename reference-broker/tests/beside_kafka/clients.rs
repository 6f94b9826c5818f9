//! What clients do to the cluster, and what they see of it.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::nodes::Mixed;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);
pub(crate) const TOPIC: &str = "t";
/// One partition that one of Kafka's leads and that loses its beginning.
pub(crate) const SHORT: &str = "short";
/// One whose first replica is ours, and two in which ours is the next to lead.
pub(crate) const REPLICAS: [&[i32]; 3] = [&[1, 3, 2], &[3, 1, 2], &[2, 3, 1]];
const RECORDS: usize = 20;

pub(crate) fn until(cluster: &Mixed, what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let deadline = Instant::now() + LIMIT;
    while let Err(seen) = holds() {
        assert!(Instant::now() < deadline, "{what}: {seen}\n{}", cluster.said());
        thread::sleep(Duration::from_millis(20));
    }
}

/// A client of these brokers.
fn client(addresses: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", addresses)
        .set("reconnect.backoff.max.ms", "200")
        .set("topic.metadata.refresh.fast.interval.ms", "50");
    config
}

pub(crate) async fn create(cluster: &Mixed) {
    let admin: AdminClient<DefaultClientContext> = client(&cluster.addresses()).create().expect("an admin client");
    let wanted = [
        NewTopic::new(TOPIC, 3, TopicReplication::Variable(&REPLICAS)),
        NewTopic::new(SHORT, 1, TopicReplication::Variable(&[&[1, 2, 3]])),
    ];
    let created = admin.create_topics(&wanted, &AdminOptions::new()).await;
    assert_eq!(
        created.expect("an answer"),
        [TOPIC, SHORT].map(|name| Ok(name.to_owned()))
    );
}

/// Writes a record to the short topic, and deletes what comes before it.
pub(crate) async fn shorten(cluster: &Mixed) {
    let producer = producer(client(&cluster.addresses()).set("acks", "all"));
    for _ in 0..2 {
        let record = BaseRecord::<str, str>::to(SHORT).partition(0).payload("gone soon");
        producer.send(record).expect("room in the queue");
        producer.flush(LIMIT).expect("acknowledged in time");
    }
    let (low, high) = producer.client().fetch_watermarks(SHORT, 0, LIMIT).expect("watermarks");
    let admin: AdminClient<DefaultClientContext> = client(&cluster.addresses()).create().expect("an admin client");
    let mut before = TopicPartitionList::new();
    let last = before.add_partition_offset(SHORT, 0, Offset::Offset(high - 1));
    last.expect("an offset");
    let deleted = admin.delete_records(&before, &AdminOptions::new()).await;
    let deleted = deleted.expect("an answer").elements()[0].offset();
    assert!(low < high - 1 && deleted == Offset::Offset(high - 1), "{deleted:?}");
}

/// Every one of these brokers knows of all of them, and who leads and who is in sync.
pub(crate) fn stands(cluster: &Mixed, alive: &[i32], leaders: [i32; 3]) {
    for id in alive {
        let eye: BaseConsumer = client(&cluster.address(*id)).create().expect("a client");
        until(cluster, &format!("broker {id} sees {alive:?} lead {leaders:?}"), || {
            let seen = seen(&eye)?;
            let isr: BTreeSet<i32> = alive.iter().copied().collect();
            let wanted = leaders.map(|leader| (leader, isr.clone()));
            if seen == wanted {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    }
}

fn seen(eye: &BaseConsumer) -> Result<Vec<(i32, BTreeSet<i32>)>, String> {
    let metadata = eye.fetch_metadata(Some(TOPIC), Duration::from_secs(2));
    let metadata = metadata.map_err(|error| error.to_string())?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let seen = partitions.map(|partition| (partition.leader(), partition.isr().iter().copied().collect()));
    Ok(seen.collect())
}

/// Brokers that take part.
pub(crate) fn come(cluster: &Mixed, wanted: &[i32]) {
    let eye: BaseConsumer = client(&cluster.addresses()).create().expect("a client");
    until(cluster, "all brokers take part", || {
        let metadata = eye.fetch_metadata(None, Duration::from_secs(2));
        let metadata = metadata.map_err(|error| error.to_string())?;
        let ids: BTreeSet<i32> = metadata.brokers().iter().map(|broker| broker.id()).collect();
        if wanted.iter().all(|id| ids.contains(id)) {
            Ok(())
        } else {
            Err(format!("{ids:?}"))
        }
    });
}

/// Records to every partition, a batch each, acknowledged by all.
pub(crate) fn produce(cluster: &Mixed, what: &str) {
    let producer = producer(client(&cluster.addresses()).set("acks", "all"));
    for record in 0..RECORDS {
        send(&producer, &format!("{what} {record}"));
        producer.flush(LIMIT).expect("acknowledged in time");
    }
}

/// One transaction that is kept and one that is not, with the offsets of a group.
pub(crate) fn transact(cluster: &Mixed, what: &str, offset: i64) {
    let producer = producer(client(&cluster.addresses()).set("transactional.id", "id"));
    producer.init_transactions(LIMIT).expect("the coordinator answers");
    let mut group = client(&cluster.addresses());
    let group: BaseConsumer = group.set("group.id", "group").create().expect("a consumer");
    for (value, offset, commits) in [("kept", offset, true), ("dropped", offset + 1, false)] {
        producer.begin_transaction().expect("begins");
        send(&producer, &format!("{what} {value}"));
        let mut offsets = TopicPartitionList::new();
        let added = offsets.add_partition_offset(TOPIC, 0, Offset::Offset(offset));
        added.expect("an offset");
        let metadata = group.group_metadata().expect("a group");
        let taken = producer.send_offsets_to_transaction(&offsets, &metadata, LIMIT);
        taken.expect("offsets are taken");
        let ended = match commits {
            true => producer.commit_transaction(LIMIT),
            false => producer.abort_transaction(LIMIT),
        };
        ended.expect("the transaction ends");
    }
    let mut asked = TopicPartitionList::new();
    asked.add_partition(TOPIC, 0);
    let committed = group.committed_offsets(asked, LIMIT).expect("its coordinator answers");
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(offset));
}

fn producer(config: &mut ClientConfig) -> ThreadedProducer<DefaultProducerContext> {
    config.create().expect("a producer")
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, value: &str) {
    for partition in 0..3 {
        let record = BaseRecord::<str, str>::to(TOPIC).partition(partition).payload(value);
        producer.send(record).expect("room in the queue");
    }
}
