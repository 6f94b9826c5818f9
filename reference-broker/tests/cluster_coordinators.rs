//! Coordinators that die: what they have acknowledged is known by the next one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use reference_broker::{Cluster, Config};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(60);
const GROUPS: usize = 4;

fn client(addresses: &[SocketAddr]) -> ClientConfig {
    let servers: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers.join(","));
    config
}

fn group(addresses: &[SocketAddr], group: usize) -> BaseConsumer {
    let mut config = client(addresses);
    config.set("group.id", format!("group-{group}"));
    config.create().expect("a consumer")
}

/// Tries until it works, as applications do.
fn until<T>(what: &str, mut tried: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(done) = tried() {
            return done;
        }
        assert!(Instant::now() < deadline, "{what}: not in time");
    }
}

fn commit_and_look(addresses: &[SocketAddr], before: i64, next: i64) {
    for id in 0..GROUPS {
        let consumer = group(addresses, id);
        let mut asked = TopicPartitionList::new();
        asked.add_partition("t", 0);
        let found = until("a coordinator answers", || {
            consumer.committed_offsets(asked.clone(), Duration::from_secs(5)).ok()
        });
        let expected = if before < 0 {
            Offset::Invalid
        } else {
            Offset::Offset(before)
        };
        assert_eq!(found.elements()[0].offset(), expected, "group {id}");
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset("t", 0, Offset::Offset(next))
            .expect("an offset");
        until("a coordinator takes a commit", || {
            consumer.commit(&offsets, CommitMode::Sync).ok()
        });
    }
}

#[tokio::test]
async fn what_a_coordinator_acknowledged_outlives_it() {
    let config = Config {
        brokers: 3,
        properties: vec![
            ("broker.heartbeat.interval.ms".into(), "200".into()),
            ("broker.session.timeout.ms".into(), "2000".into()),
            ("offsets.topic.num.partitions".into(), "8".into()),
        ],
        ..Config::default()
    };
    let started = timeout(LIMIT, Cluster::start(config)).await;
    let mut cluster = started.expect("in time").expect("starts");
    let addresses = cluster.addresses();
    let admin: AdminClient<DefaultClientContext> = client(&addresses).create().expect("an admin client");
    let wanted = NewTopic::new("t", 1, TopicReplication::Fixed(3));
    let created = admin
        .create_topics(&[wanted], &AdminOptions::new())
        .await
        .expect("an answer");
    assert_eq!(created, [Ok("t".to_owned())]);
    let mut before = -1;
    for broker in 0..3 {
        let next = before + 10;
        let all = addresses.clone();
        let looked = tokio::task::spawn_blocking(move || commit_and_look(&all, before, next));
        looked.await.expect("all groups are there");
        cluster.kill(broker).await;
        let all = addresses.clone();
        let looked = tokio::task::spawn_blocking(move || commit_and_look(&all, next, next + 1));
        looked.await.expect("all groups are there without it");
        timeout(LIMIT, cluster.restart(broker))
            .await
            .expect("in time")
            .expect("comes back");
        before = next + 1;
    }
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}
