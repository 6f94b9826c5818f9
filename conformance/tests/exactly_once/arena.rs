//! The reference with an input and an output topic, what is fed into one and what is seen in the other.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use reference_broker::{Cluster, Config};
use tempfile::TempDir;

use super::process::{Kill, Life};

pub(crate) const PARTITIONS: i32 = 3;
pub(crate) const RECORDS: usize = 900;
/// For a whole loop, kills and restarts included; it takes a tenth of it where nobody else is. What the processors are built of
/// is there before.
const PATIENCE: Duration = Duration::from_secs(180);

/// So that a killed processor's membership ends soon after it. In the classic protocol the members say when: everything waits
/// for the dead one there, so it is a second, and they have to bear being taken for dead. Of the consumer protocol only the
/// partitions of the dead wait.
const PROPERTIES: [(&str, &str); 6] = [
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "500"),
    ("group.consumer.session.timeout.ms", "6000"),
    ("group.consumer.min.session.timeout.ms", "500"),
    ("group.consumer.heartbeat.interval.ms", "200"),
    ("group.consumer.min.heartbeat.interval.ms", "100"),
];

/// Key and value of each record of each partition, in the order of their offsets.
pub(crate) type Seen = Vec<Vec<(String, String)>>;

pub(crate) struct Arena {
    broker: Cluster,
    data: TempDir,
    deadline: Instant,
}

impl Arena {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let property = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let config = Config {
            data_dir: Some(data.path().to_owned()),
            properties: PROPERTIES.map(property).to_vec(),
            ..Config::default()
        };
        let broker = Cluster::start(config).await.unwrap();
        let arena = Self {
            broker,
            data,
            deadline: Instant::now() + PATIENCE,
        };
        arena.create_topics().await;
        arena
    }

    pub(crate) fn address(&self) -> String {
        self.broker.addresses()[0].to_string()
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    async fn create_topics(&self) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topics = ["in", "out"].map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let created = admin.create_topics(&topics, &options).await.unwrap();
        created.into_iter().for_each(|topic| drop(topic.unwrap()));
    }

    /// Puts the inputs there, for the loops whose client does not do it itself.
    pub(crate) fn feed(&self) {
        let producer: BaseProducer = self.config().set("enable.idempotence", "true").create().unwrap();
        for n in 0..RECORDS {
            let value = n.to_string();
            let record = BaseRecord::<(), _>::to("in")
                .partition(n as i32 % PARTITIONS)
                .payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Runs the processor, kills it at each of the moments in turn, and lets the last one come to the end.
    pub(crate) fn process(&self, kills: &[Kill], command: impl Fn() -> Command) {
        for kill in kills {
            Life::begin(command()).ended_at(kill, self.deadline);
        }
        let mut last = Life::begin(command());
        while self.seen("out", "read_committed").iter().map(Vec::len).sum::<usize>() < RECORDS {
            last.assert_lives(self.deadline);
        }
    }

    /// The outputs are the inputs, each once and in order; and the kills did leave something that does not count.
    pub(crate) fn assert_copied(&self) {
        let inputs = self.seen("in", "read_committed");
        assert_eq!(inputs.iter().map(Vec::len).sum::<usize>(), RECORDS);
        self.assert_outputs(&inputs);
    }

    /// The outputs are these, and some were written that do not count.
    pub(crate) fn assert_outputs(&self, expected: &Seen) {
        assert_eq!(&self.seen("out", "read_committed"), expected);
        let all: usize = self.seen("out", "read_uncommitted").iter().map(Vec::len).sum();
        assert!(all > RECORDS, "no transaction was cut off: {all} outputs in all");
    }

    /// What a topic shows under this isolation level, up to its present end.
    pub(crate) fn seen(&self, topic: &str, isolation: &str) -> Seen {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation)
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut seen, mut ended) = (vec![Vec::new(); PARTITIONS as usize], 0);
        while ended < PARTITIONS {
            assert!(Instant::now() < self.deadline, "{topic} has no end");
            match consumer.poll(Duration::from_secs(1)) {
                Some(Ok(message)) => {
                    seen[message.partition() as usize].push((text(message.key()), text(message.payload())))
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("{topic}: {error}"),
                None => {}
            }
        }
        seen
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address());
        config
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}
