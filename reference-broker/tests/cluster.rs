//! Several brokers and their controller in one process, as a client of any of them sees it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use reference_broker::{Cluster, Config};
use tokio::time::timeout;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(60);
const BROKERS: usize = 3;

fn config(data: &std::path::Path) -> Config {
    Config {
        brokers: BROKERS,
        data_dir: Some(data.to_owned()),
        properties: vec![
            ("broker.heartbeat.interval.ms".into(), "200".into()),
            ("broker.session.timeout.ms".into(), "2000".into()),
        ],
        ..Config::default()
    }
}

async fn start(config: Config) -> Cluster {
    let started = timeout(LIMIT, Cluster::start(config)).await;
    started.expect("in time").expect("starts")
}

/// What one broker says: the brokers, and of a topic who keeps each partition.
fn seen_by(address: SocketAddr, topic: &str) -> Option<(BTreeSet<i32>, Vec<BTreeSet<i32>>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address.to_string())
        .create()
        .ok()?;
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(5)).ok()?;
    let brokers = metadata.brokers().iter().map(|broker| broker.id()).collect();
    let topic = metadata.topics().first()?;
    let partitions = topic.partitions().iter();
    let replicas = partitions.filter(|partition| partition.leader() > 0);
    Some((
        brokers,
        replicas
            .map(|partition| partition.replicas().iter().copied().collect())
            .collect(),
    ))
}

async fn until(what: &str, mut holds: impl FnMut() -> bool + Send + 'static) {
    let what = what.to_owned();
    let waited = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + LIMIT;
        while !holds() {
            assert!(Instant::now() < deadline, "{what}: not in time");
            std::thread::sleep(PAUSE);
        }
    });
    waited.await.expect("it holds in time");
}

async fn create(address: SocketAddr, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", address.to_string())
        .create()
        .expect("an admin client");
    let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(BROKERS as i32));
    let created = admin
        .create_topics(&[wanted], &AdminOptions::new())
        .await
        .expect("an answer");
    assert_eq!(created, [Ok(topic.to_owned())]);
}

async fn all_see(cluster: &Cluster, topic: &'static str, partitions: usize) {
    let all: BTreeSet<i32> = (1..=BROKERS as i32).collect();
    for address in cluster.addresses() {
        let all = all.clone();
        until("every broker knows of all brokers and replicas", move || {
            let seen = seen_by(address, topic);
            seen.is_some_and(|(brokers, replicas)| brokers == all && replicas == vec![all.clone(); partitions])
        })
        .await;
    }
}

#[tokio::test]
async fn a_topic_made_through_any_broker_is_seen_by_all_and_outlives_restarts_of_brokers_and_controller() {
    let data = tempfile::tempdir().expect("a directory");
    let mut cluster = start(config(data.path())).await;
    let addresses = cluster.addresses();
    assert_eq!(addresses.len(), BROKERS);
    for (address, topic) in addresses.iter().zip(["a", "b", "c"]) {
        create(*address, topic, 2).await;
        all_see(&cluster, topic, 2).await;
    }
    cluster.close(1).await;
    timeout(LIMIT, cluster.restart(1))
        .await
        .expect("in time")
        .expect("comes back");
    all_see(&cluster, "a", 2).await;

    cluster.kill(2).await;
    timeout(LIMIT, cluster.restart(2))
        .await
        .expect("in time")
        .expect("comes back");
    all_see(&cluster, "b", 2).await;

    cluster.controller_kill().await;
    cluster.controller_restart().await.expect("comes back");
    create(addresses[0], "d", 1).await;
    all_see(&cluster, "d", 1).await;
    timeout(LIMIT, cluster.stop()).await.expect("in time");

    let cluster = start(config(data.path())).await;
    all_see(&cluster, "d", 1).await;
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}
