//! What an application does to a broker, and what it sees there.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::transactions;

pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// Name, configs and the producers' codec.
type Topic = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const TOPICS: [Topic; 3] = [
    ("plain", &[("retention.ms", "-1")], "none"),
    (
        "packed",
        &[("retention.ms", "-1"), ("message.timestamp.type", "LogAppendTime")],
        "zstd",
    ),
    ("compacted", &[("cleanup.policy", "compact")], "gzip"),
];

/// Does somebody answer there, and lead what there is?
pub(crate) fn answers(address: &str) -> bool {
    let metadata = consumer(address, "probe").fetch_metadata(None, Duration::from_secs(1));
    metadata.is_ok_and(|metadata| {
        let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        partitions.all(|partition| partition.leader() >= 0)
    })
}

/// Produces and commits, once a round more of it, and answers what there is to be seen then.
pub(crate) fn of(address: &str, round: usize) -> Vec<String> {
    create_topics(address);
    for (topic, _, codec) in TOPICS {
        produce(address, topic, codec, round);
    }
    let committing = consumer(address, "g");
    let mut list = TopicPartitionList::new();
    for (topic, ..) in TOPICS {
        list.add_partition_offset(topic, 0, Offset::Offset(round as i64 + 3))
            .unwrap();
    }
    committing.commit(&list, CommitMode::Sync).unwrap();
    transactions::of(address, round);
    seen(address)
}

/// Every record, where logs begin and end, and what group `g` has committed.
pub(crate) fn seen(address: &str) -> Vec<String> {
    let consumer = consumer(address, "g");
    let mut seen = Vec::new();
    for (topic, ..) in TOPICS {
        for partition in 0..2 {
            let (low, high) = patiently(|| consumer.fetch_watermarks(topic, partition, TIMEOUT));
            seen.push(format!("{topic}/{partition} {low}..{high}"));
            seen.extend(records(&consumer, topic, partition, high));
        }
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, 0);
        let committed = patiently(|| consumer.committed_offsets(list.clone(), TIMEOUT));
        let offsets: Vec<_> = committed.elements().iter().map(|entry| entry.offset()).collect();
        seen.push(format!("{topic} committed {offsets:?}"));
    }
    seen.extend(transactions::seen(address));
    seen
}

fn create_topics(address: &str) {
    let admin: AdminClient<DefaultClientContext> = config(address).create().unwrap();
    let all = TOPICS.iter().map(|(name, settings, _)| (*name, settings.to_vec()));
    let topics: Vec<NewTopic<'_>> = all
        .chain([(transactions::TOPIC, Vec::new())])
        .map(|(name, config)| NewTopic {
            name,
            num_partitions: 2,
            replication: TopicReplication::Fixed(1),
            config,
        })
        .collect();
    let created = admin.create_topics(&topics, &AdminOptions::new().operation_timeout(Some(TIMEOUT)));
    // From the second round on they are there.
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(created)).unwrap();
    let deadline = Instant::now() + TIMEOUT;
    while !answers(address) {
        assert!(Instant::now() < deadline);
    }
}

fn produce(address: &str, topic: &str, codec: &str, round: usize) {
    let producer: BaseProducer = config(address)
        .set("compression.codec", codec)
        .set("enable.idempotence", "true")
        .create()
        .unwrap();
    for n in 0..40 {
        let (key, value) = (format!("k{}", n % 7), format!("{round}-{n}"));
        let headers = OwnedHeaders::new().insert(Header {
            key: "h",
            value: (n % 2 == 0).then_some("x"),
        });
        let record = BaseRecord::to(topic).key(&key).headers(headers).partition(n % 2);
        let record = if n % 5 == 4 { record } else { record.payload(&value) };
        producer.send(record).map_err(|(error, _)| error).unwrap();
        if n % 8 == 7 {
            producer.flush(TIMEOUT).unwrap();
        }
    }
    producer.flush(TIMEOUT).unwrap();
}

fn records(consumer: &BaseConsumer, topic: &str, partition: i32, high: i64) -> Vec<String> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let (mut found, deadline) = (Vec::new(), Instant::now() + TIMEOUT);
    loop {
        assert!(Instant::now() < deadline, "{topic}/{partition} ends before {high}");
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            if high == 0 {
                return found;
            }
            continue;
        };
        let message = message.unwrap();
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let headers: Vec<_> = message
            .headers()
            .map(|headers| {
                headers
                    .iter()
                    .map(|header| format!("{}={:?}", header.key, text(header.value)))
                    .collect()
            })
            .unwrap_or_default();
        found.push(format!(
            "{topic}/{partition} {} {:?} {:?} {:?} {headers:?}",
            message.offset(),
            text(message.key()),
            text(message.payload()),
            message.timestamp()
        ));
        if message.offset() + 1 >= high {
            return found;
        }
    }
}

/// A coordinator or a leader that has just started is asked again.
pub(super) fn patiently<T>(mut ask: impl FnMut() -> Result<T, rdkafka::error::KafkaError>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

fn consumer(address: &str, group: &str) -> BaseConsumer {
    let mut config = config(address);
    config.set("group.id", group).set("enable.auto.commit", "false");
    config.create().unwrap()
}

pub(super) fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}
