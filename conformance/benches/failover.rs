//! How long a partition cannot be written to when its leader is killed: three reference brokers as processes beside three of a real
//! Kafka, with the same timeouts, in one run: `scripts/cluster`.
//!
//! `TARGETS` has a target string a line; each lives in turn, `ROUNDS` times.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::time::{Duration, Instant};

use conformance::target::{Needs, Running, Target};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::producer::{FutureProducer, FutureRecord};

const TOPIC: &str = "written";
const PATIENCE: Duration = Duration::from_secs(60);
/// A client that looks for a leader as often as it may, so that what is measured is the cluster.
const EAGER: [(&str, &str); 7] = [
    ("acks", "all"),
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "20"),
    ("retry.backoff.ms", "10"),
    ("retry.backoff.max.ms", "20"),
    ("topic.metadata.refresh.fast.interval.ms", "20"),
    ("linger.ms", "0"),
];
/// What decides how soon the controller gives a broker up.
const TIMEOUTS: [(&str, &str); 2] = [
    ("broker.session.timeout.ms", "3000"),
    ("broker.heartbeat.interval.ms", "500"),
];

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let rounds = std::env::var("ROUNDS").map_or(5, |text| text.parse().expect("ROUNDS is a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for text in std::env::var("TARGETS")?.lines() {
        let mut times = runtime.block_on(killed(text, rounds))?;
        times.sort_unstable();
        let (least, median, greatest) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        let name = text.split_whitespace().next().unwrap_or(text);
        println!(
            "leader killed to the next write: {} ms, {} to {}  {name}",
            median.as_millis(),
            least.as_millis(),
            greatest.as_millis()
        );
    }
    Ok(())
}

/// Kills the leader so often; each time until somebody else acknowledges a record.
async fn killed(text: &str, rounds: usize) -> Result<Vec<Duration>, Error> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let needs = Needs {
        fresh: true,
        kill: true,
        brokers: 3,
        config: TIMEOUTS.iter().map(owned).collect(),
        ..Needs::default()
    };
    let mut running = Target::parse(text)?.start(&needs).await?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", running.bootstrap().join(","));
    config.set_log_level(RDKafkaLogLevel::Emerg);
    for (key, value) in EAGER {
        config.set(key, value);
    }
    let producer: FutureProducer = config.create()?;
    create(&config).await?;
    written(&producer).await?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(killed_once(&mut running, &producer).await?);
    }
    running.stop().await;
    Ok(times)
}

async fn killed_once(running: &mut Running, producer: &FutureProducer) -> Result<Duration, Error> {
    let leader = settled(producer)?;
    running.kill(leader).await?;
    let began = Instant::now();
    written(producer).await?;
    let took = began.elapsed();
    running.restart(leader).await?;
    Ok(took)
}

async fn create(config: &ClientConfig) -> Result<(), Error> {
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Fixed(3)).set("min.insync.replicas", "2");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for result in admin.create_topics([&topic], &options).await? {
        result.map_err(|(topic, code)| format!("{topic}: {code}"))?;
    }
    Ok(())
}

async fn written(producer: &FutureProducer) -> Result<(), Error> {
    let record: FutureRecord<'_, (), str> = FutureRecord::to(TOPIC).partition(0).payload("x");
    producer.send(record, PATIENCE).await.map_err(|(error, _)| error)?;
    Ok(())
}

/// Waits until all three are in sync; answers with the leader's place.
fn settled(producer: &FutureProducer) -> Result<usize, Error> {
    use rdkafka::producer::Producer;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let metadata = producer.client().fetch_metadata(Some(TOPIC), PATIENCE)?;
        let partition = metadata.topics().first().and_then(|topic| topic.partitions().first());
        if let Some(partition) = partition
            && partition.isr().len() == 3
        {
            return Ok(usize::try_from(partition.leader() - 1)?);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("the three were not in sync in time".into())
}
