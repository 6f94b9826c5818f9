//! Whole brokers that go wrong, in a test's own process: they stand still, are cut off, lose their disk, lose leadership.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::ports::free_ports;
use crate::talk::{Client, Heard, LIMIT, SILENCE, none_in};
use broker_core::log::build::Batch;
use bytes::Bytes;
use kafka_fixtures::value::{Struct, Value};
use reference_broker::{Cluster, Config, Cut, Fault, Faults, Other};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Between two looks at what a broker says.
const PAUSE: Duration = Duration::from_millis(20);
/// Less than a request may take that is forwarded.
const AT_ONCE: Duration = Duration::from_secs(15);

async fn started(brokers: usize) -> Cluster {
    started_with(brokers, 6000).await
}

async fn started_with(brokers: usize, session_timeout_ms: u32) -> Cluster {
    // Those of most tests come back to their ports.
    let ports: [_; 2] = free_ports();
    let config = Config {
        listen: ports[0],
        brokers,
        properties: vec![
            ("broker.heartbeat.interval.ms".into(), "200".into()),
            ("broker.session.timeout.ms".into(), session_timeout_ms.to_string()),
        ],
        ..Config::default()
    };
    let started = timeout(LIMIT, Cluster::start(config)).await;
    started.expect("in time").expect("starts")
}

fn topic(name: &str, replicas: i16) -> Struct {
    let topic = Struct::new()
        .with("Name", name)
        .with("NumPartitions", 1)
        .with("ReplicationFactor", replicas);
    Struct::new().with("Topics", vec![topic]).with("timeoutMs", 5000)
}

async fn create(client: &mut Client, name: &str, replicas: i16) {
    let said = client.asks("CreateTopics", 5, topic(name, replicas)).await;
    assert_eq!(said.at("Topics[0].ErrorCode"), Some(&Value::Int(0)), "{said:?}");
}

fn batch() -> Bytes {
    let record = (None, Some(Bytes::from_static(b"v")));
    Batch::of(&[record], 1).to_bytes()
}

/// What comes of a record sent to the first partition.
async fn produce(client: &mut Client, topic: &str) -> Option<i64> {
    let partition = Struct::new().with("Index", 0).with("Records", batch());
    let data = Struct::new().with("Name", topic).with("PartitionData", vec![partition]);
    let request = Struct::new()
        .with("Acks", -1i16)
        .with("TimeoutMs", 5000)
        .with("TopicData", vec![data]);
    let said = client.asks("Produce", 9, request).await;
    said.at("Responses[0].PartitionResponses[0].ErrorCode")
        .and_then(Value::as_i64)
}

/// Brokers by what one says: who takes part, and who leads the first partition of a topic.
async fn seen(client: &mut Client, topic: &str) -> (usize, Option<i64>) {
    let topics = vec![Struct::new().with("Name", topic)];
    let said = client.asks("Metadata", 8, Struct::new().with("Topics", topics)).await;
    let brokers = said.get("Brokers").and_then(Value::as_array).map_or(0, <[Value]>::len);
    let leader = said.at("Topics[0].Partitions[0].LeaderId").and_then(Value::as_i64);
    (brokers, leader)
}

fn is_known(leader: Option<i64>) -> bool {
    leader.is_some_and(|id| id > 0)
}

async fn until(client: &mut Client, topic: &str, holds: impl Fn(usize, Option<i64>) -> bool) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let (brokers, leader) = seen(client, topic).await;
        if holds(brokers, leader) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "in time; seen: {brokers} brokers, leader {leader:?}"
        );
        sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_broker_that_stands_still_keeps_its_connections_and_answers_when_it_goes_on() {
    let cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(client.is_served().await);
    faults.pause().await.expect("it runs");
    assert!(faults.is_paused());
    faults.pause().await.expect("it stands already");
    // The kernel takes the connection; nobody answers.
    let mut late = Client::to(cluster.addresses()[0]).await;
    assert_eq!(
        late.hears("Metadata", 8, none_in("Topics"), SILENCE).await,
        Heard::Nothing
    );
    faults.resume();
    assert!(
        matches!(late.still_hears("Metadata", 8).await, Heard::Answer(_)),
        "what was asked meanwhile"
    );
    assert!(client.is_served().await);
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn a_broker_that_stands_still_is_killed_and_stopped_like_any_other_and_one_that_is_down_cannot_stand() {
    let mut cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    faults.pause().await.expect("it runs");
    timeout(LIMIT, cluster.kill(0)).await.expect("in time");
    faults.pause().await.expect_err("it does not run");
    cluster.restart(0).await.expect("comes back");
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(client.is_served().await);
    faults.pause().await.expect("it runs");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn who_stands_still_loses_what_it_leads_and_takes_part_again_when_it_goes_on() {
    let cluster = started(2).await;
    let mut second = Client::to(cluster.addresses()[1]).await;
    create(&mut second, "t", 2).await;
    until(&mut second, "t", |brokers, leader| brokers == 2 && is_known(leader)).await;
    in_sync(&mut second, 2).await;
    let faults = cluster.faults(0).expect("the first");
    faults.pause().await.expect("it runs");
    until(&mut second, "t", |brokers, leader| brokers == 1 && leader == Some(2)).await;
    faults.resume();
    until(&mut second, "t", |brokers, _| brokers == 2).await;
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn clients_that_are_cut_off_are_refused_or_hear_nothing_until_the_link_is_whole() {
    let cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(client.is_served().await);
    faults.cut(Other::Clients, Cut::Refused);
    assert!(client.is_closed().await, "without having asked");
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert!(!client.is_served().await);
    faults.cut(Other::Clients, Cut::Silent);
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert_eq!(
        client.hears("Metadata", 8, none_in("Topics"), SILENCE).await,
        Heard::Nothing
    );
    faults.mend(Other::Clients);
    assert!(
        matches!(client.still_hears("Metadata", 8).await, Heard::Answer(_)),
        "it arrives in the end"
    );
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn while_clients_are_refused_another_link_that_changes_closes_nothing() {
    let cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    let mut earlier = Client::to(cluster.addresses()[0]).await;
    assert!(earlier.is_served().await);
    faults.cut(Other::Clients, Cut::Refused);
    assert!(earlier.is_closed().await, "the cut has begun");
    let mut client = Client::to(cluster.addresses()[0]).await;
    for how in [Cut::Refused, Cut::Silent] {
        faults.cut(Other::Node(2), how);
    }
    // Whoever comes later is asked later.
    assert!(!Client::to(cluster.addresses()[0]).await.is_served().await);
    faults.mend(Other::Node(2));
    faults.mend(Other::Clients);
    assert!(client.is_served().await, "it has not asked before");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn who_is_cut_off_from_the_controller_is_out_until_all_is_healed() {
    for how in [Cut::Refused, Cut::Silent] {
        let cluster = started(2).await;
        let mut first = Client::to(cluster.addresses()[0]).await;
        let faults = cluster.faults(1).expect("the second");
        faults.cut(Other::Node(100), how);
        until(&mut first, "t", |brokers, _| brokers == 1).await;
        cluster.heal();
        until(&mut first, "t", |brokers, _| brokers == 2).await;
        timeout(LIMIT, cluster.stop()).await.expect("in time");
    }
}

#[tokio::test]
async fn a_broker_that_cannot_forward_a_request_serves_others_meanwhile() {
    let cluster = started(2).await;
    let (mut asks, mut other) = (
        Client::to(cluster.addresses()[0]).await,
        Client::to(cluster.addresses()[0]).await,
    );
    let faults = cluster.faults(0).expect("the first");
    faults.cut(Other::Node(100), Cut::Refused);
    let created = tokio::spawn(async move {
        create(&mut asks, "t", 1).await;
    });
    for _ in 0..20 {
        let served = timeout(AT_ONCE, other.is_served()).await;
        assert_eq!(served.ok(), Some(true), "a cut link is no reason to stand still");
        sleep(PAUSE).await;
    }
    assert!(!created.is_finished(), "it is tried again");
    cluster.heal();
    timeout(LIMIT, created)
        .await
        .expect("in time")
        .expect("as soon as the link is whole");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn a_follower_that_is_cut_off_from_its_leader_falls_out_of_sync_and_comes_back() {
    let config = Config {
        brokers: 2,
        properties: vec![("replica.lag.time.max.ms".into(), "1000".into())],
        ..Config::default()
    };
    let cluster = Cluster::start(config).await.expect("starts");
    let mut first = Client::to(cluster.addresses()[0]).await;
    create(&mut first, "t", 2).await;
    in_sync(&mut first, 2).await;
    cluster.cut(0, 1, Cut::Refused).expect("two brokers");
    cluster.cut(0, 2, Cut::Refused).expect_err("there is none");
    cluster.cut(1, 1, Cut::Refused).expect_err("one and the same");
    // Who lacks nothing does not lag, however long it is silent.
    for address in cluster.addresses() {
        let mut broker = Client::to(address).await;
        produce(&mut broker, "t").await;
    }
    in_sync(&mut first, 1).await;
    cluster.heal();
    in_sync(&mut first, 2).await;
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

/// Waits until so many replicas are in sync.
async fn in_sync(client: &mut Client, replicas: usize) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let topics = vec![Struct::new().with("Name", "t")];
        let said = client.asks("Metadata", 8, Struct::new().with("Topics", topics)).await;
        let isr = said.at("Topics[0].Partitions[0].IsrNodes").and_then(Value::as_array);
        if isr.map(<[Value]>::len) == Some(replicas) {
            return;
        }
        assert!(Instant::now() < deadline, "{isr:?} in time");
        sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_leader_is_moved_to_whoever_has_a_replica_and_to_nobody_else() {
    let mut cluster = started(2).await;
    let mut client = Client::to(cluster.addresses()[0]).await;
    create(&mut client, "t", 2).await;
    for broker in [1, 0, 0] {
        cluster.move_leader("t", 0, broker).await.expect("it has a replica");
        let to = broker as i64 + 1;
        until(&mut client, "t", |_, leader| leader == Some(to)).await;
    }
    create(&mut client, "one", 1).await;
    until(&mut client, "one", |_, leader| is_known(leader)).await;
    let (_, leader) = seen(&mut client, "one").await;
    let other = if leader == Some(1) { 1 } else { 0 };
    let refused = cluster.move_leader("one", 0, other).await.expect_err("no replica");
    assert!(refused.contains("has no replica"), "{refused}");
    let refused = cluster.move_leader("none", 0, 0).await.expect_err("no topic");
    assert!(refused.contains("no partition none-0"), "{refused}");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn whoever_moves_a_leader_meets_no_faults_and_asks_who_is_not_cut_off() {
    let mut cluster = started(2).await;
    let mut client = Client::to(cluster.addresses()[1]).await;
    create(&mut client, "t", 2).await;
    for broker in 0..2 {
        for api in ["Metadata", "AlterPartitionReassignments", "ElectLeaders"] {
            let fault = Fault::drop(api).expect("a fault");
            cluster.faults(broker).expect("a broker").set(fault).expect("set");
        }
    }
    cluster.move_leader("t", 0, 0).await.expect("it has a replica");
    let faults = cluster.faults(0).expect("the first");
    faults.cut(Other::Node(100), Cut::Silent);
    cluster.move_leader("t", 0, 1).await.expect("the second is asked");
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn who_leads_without_being_preferred_is_preferred_once_leadership_is_moved_to_it() {
    let mut cluster = started(2).await;
    let mut client = Client::to(cluster.addresses()[0]).await;
    create(&mut client, "t", 2).await;
    cluster.move_leader("t", 0, 1).await.expect("it has a replica");
    in_sync(&mut client, 2).await;
    timeout(LIMIT, cluster.close(1)).await.expect("in time");
    until(&mut client, "t", |_, leader| leader == Some(1)).await;
    cluster.restart(1).await.expect("comes back");
    assert_eq!(preferred(&mut client).await, Some(2));
    cluster.move_leader("t", 0, 0).await.expect("it leads");
    assert_eq!(preferred(&mut client).await, Some(1));
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

/// The first replica of the first partition.
async fn preferred(client: &mut Client) -> Option<i64> {
    let topics = vec![Struct::new().with("Name", "t")];
    let said = client.asks("Metadata", 8, Struct::new().with("Topics", topics)).await;
    let replica = said.at("Topics[0].Partitions[0].ReplicaNodes[0]");
    replica.and_then(Value::as_i64)
}

#[tokio::test]
async fn a_full_disk_takes_what_is_written_to_out_of_service_and_the_rest_serves() {
    let mut cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    let mut client = Client::to(cluster.addresses()[0]).await;
    create(&mut client, "t", 1).await;
    assert_eq!(produce(&mut client, "t").await, Some(0));
    faults.fill_disk();
    assert_eq!(produce(&mut client, "t").await, Some(56), "KAFKA_STORAGE_ERROR");
    assert!(client.is_served().await);
    faults.heal();
    cluster.kill(0).await;
    cluster.restart(0).await.expect("there is room");
    let mut client = Client::to(cluster.addresses()[0]).await;
    assert_eq!(produce(&mut client, "t").await, Some(0));
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

#[tokio::test]
async fn a_slow_disk_makes_a_write_take_its_time() {
    let cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    let mut client = Client::to(cluster.addresses()[0]).await;
    create(&mut client, "t", 1).await;
    let by = Duration::from_millis(200);
    faults.slow_disk(by).expect("not too long");
    let began = Instant::now();
    assert_eq!(produce(&mut client, "t").await, Some(0));
    assert!(began.elapsed() >= by);
    faults.slow_disk(Duration::MAX).expect_err("too long");
    faults.heal();
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}

/// Has a broker write, for a minute unless something ends that; the request that it writes for.
async fn writes(address: SocketAddr, faults: &Faults) -> JoinHandle<Heard> {
    let (mut client, mut other) = (Client::to(address).await, Client::to(address).await);
    assert!(client.is_served().await && other.is_served().await);
    faults.slow_disk(Duration::from_secs(60)).expect("not too long");
    let writing = tokio::spawn(async move { client.hears("CreateTopics", 5, topic("late", 1), LIMIT).await });
    // It serves nobody then.
    while other.hears("Metadata", 8, none_in("Topics"), SILENCE).await != Heard::Nothing {}
    writing
}

#[tokio::test]
async fn a_write_on_a_slow_disk_ends_when_all_is_healed_and_when_its_broker_is_killed_or_stopped() {
    for how in ["heal", "kill", "close", "stop"] {
        let mut cluster = started(1).await;
        let faults = cluster.faults(0).expect("the first");
        let writing = writes(cluster.addresses()[0], &faults).await;
        let began = Instant::now();
        match how {
            "heal" => cluster.heal(),
            "kill" => cluster.kill(0).await,
            "close" => cluster.close(0).await,
            _ => cluster.stop().await,
        }
        let heard = writing.await.expect("it was asked");
        assert!(how != "heal" || matches!(heard, Heard::Answer(_)), "{heard:?}");
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{how}: {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn brokers_whose_controller_stands_still_stop_in_time() {
    let cluster = started_with(2, 60_000).await;
    let controller = cluster.controller_faults().expect("beside them");
    controller.pause().await.expect("it runs");
    let began = Instant::now();
    timeout(LIMIT, cluster.stop()).await.expect("in time");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_gives_up_waiting_for_a_broker_to_stand_still_lets_it_go_on() {
    let cluster = started(1).await;
    let faults = cluster.faults(0).expect("the first");
    let writing = writes(cluster.addresses()[0], &faults).await;
    let gave_up = timeout(PAUSE, faults.pause()).await;
    assert!(gave_up.is_err(), "it writes: {gave_up:?}");
    faults.slow_disk(Duration::ZERO).expect("not too long");
    assert!(matches!(writing.await, Ok(Heard::Answer(_))));
    assert!(!faults.is_paused());
    timeout(LIMIT, cluster.stop()).await.expect("in time");
}
