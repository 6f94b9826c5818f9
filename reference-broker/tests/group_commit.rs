//! `log.flush.interval.messages=1`: who is answered is on the disk, many at a time, and a broker that is killed has all of it.

use std::path::Path;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use reference_broker::{Cluster, Config};
use tokio::task::JoinSet;

const PRODUCERS: usize = 8;
const RECORDS: usize = 25;
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn producers_that_wait_for_the_disk_are_all_answered_and_nothing_of_theirs_is_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut cluster = started(dir.path()).await;
    let address = cluster.addresses()[0].to_string();
    create_topic(&address).await;
    let mut all = JoinSet::new();
    for _ in 0..PRODUCERS {
        let producer: FutureProducer = config(&address)
            .set("queue.buffering.max.ms", "0")
            .create()
            .expect("a producer");
        all.spawn(async move {
            for n in 0..RECORDS {
                let value = n.to_string();
                let record = FutureRecord::<(), _>::to("t").partition(0).payload(&value);
                producer.send(record, DEADLINE).await.expect("acknowledged");
            }
        });
    }
    while let Some(done) = all.join_next().await {
        done.expect("a producer ends well");
    }
    cluster.kill(0).await;
    cluster.restart(0).await.expect("its own directory");
    let found = end(&cluster.addresses()[0].to_string());
    assert_eq!(found, (PRODUCERS * RECORDS) as i64);
    cluster.stop().await;
}

async fn started(data: &Path) -> Cluster {
    let config = Config {
        data_dir: Some(data.join("data")),
        properties: vec![("log.flush.interval.messages".to_owned(), "1".to_owned())],
        ..Config::default()
    };
    Cluster::start(config).await.expect("an empty directory")
}

async fn create_topic(address: &str) {
    let admin: AdminClient<DefaultClientContext> = config(address).create().expect("a client");
    let topic = NewTopic::new("t", 1, TopicReplication::Fixed(1));
    let created = admin.create_topics([&topic], &AdminOptions::new()).await;
    created.expect("an answer")[0].as_ref().expect("created");
}

fn end(address: &str) -> i64 {
    let consumer: BaseConsumer = config(address).set("group.id", "g").create().expect("a consumer");
    let (low, high) = consumer.fetch_watermarks("t", 0, DEADLINE).expect("an answer");
    assert_eq!(low, 0);
    high
}

fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}
