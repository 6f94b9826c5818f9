//! Starting on a data directory, and leaving it.

use super::*;

#[test]
fn a_new_directory_is_formatted_as_kafka_formats_one() {
    let store = Shared::default();
    let node = open(&store, 1).expect("an empty directory");
    assert_eq!(node.cluster_id(), "AQEBAQEBAQEBAQEBAQEBAQ");
    let features: Vec<_> = node
        .image()
        .features()
        .iter()
        .map(|(name, level)| (name.as_str(), *level))
        .collect();
    assert_eq!(
        features,
        [
            ("eligible.leader.replicas.version", 1),
            ("group.version", 1),
            ("metadata.version", 30),
            ("share.version", 1),
            ("streams.version", 1),
            ("transaction.version", 2),
        ]
    );
    let broker = node.image().broker(BrokerId(1)).expect("registered");
    assert!(!broker.fenced);
    let listener = broker.among_brokers().expect("it listens");
    assert_eq!(
        (listener.host.as_str(), listener.port, broker.epoch),
        ("localhost", 9092, 10)
    );
    assert_eq!(
        node.image()
            .overrides(ResourceKind::Broker, "")
            .get("min.insync.replicas")
            .map(String::as_str),
        Some("1")
    );
}

#[test]
fn producer_ids_are_never_given_twice_not_even_after_a_restart() {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    let first: Vec<i64> = (0..1_001)
        .map(|_| node.fresh_producer_id(NOW).expect("written").0)
        .collect();
    assert!(first.iter().copied().eq(0..1_001));
    drop(node);
    let mut node = open(&store, 2).expect("its own directory");
    assert_eq!(node.fresh_producer_id(NOW), Ok(ProducerId(2_000)));
}

#[test]
fn after_a_restart_everything_is_there_and_leaders_are_of_a_new_epoch() {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    create(&mut node, vec![topic("t", 2), topic("gone", 1)]);
    node.delete_topics(
        vec![TopicRef {
            name: Some("gone".into()),
            id: TopicId::ZERO,
        }],
        NOW,
    )
    .expect("written");
    alter(
        &mut node,
        TOPIC,
        "t",
        vec![operation("retention.ms", Op::Set, Some("5"))],
    );
    let id = node.image().topic("t").expect("created").id;
    drop(node);
    let node = open(&store, 2).expect("its own directory");
    let after = node.image().topic("t").expect("still there");
    assert_eq!(
        (after.id, after.partitions.len(), node.image().topics().count()),
        (id, 2, 1)
    );
    assert_eq!(
        (after.partitions[0].leader, after.partitions[0].leader_epoch),
        (BrokerId(1), LeaderEpoch(2))
    );
    assert_eq!(shown(&node, "t", "retention.ms"), (Some("5".into()), Source::Topic));
    assert_eq!(
        node.log(&tp("t", 1))
            .map(|log| (log.leader_epoch(), log.config().retention_ms)),
        Some((LeaderEpoch(2), 5))
    );
    assert_eq!(node.cluster_id(), "AQEBAQEBAQEBAQEBAQEBAQ");
}

#[test]
fn a_broker_that_stops_in_order_leaves_the_cluster() {
    let store = Shared::default();
    let mut node = open(&store, 1).expect("an empty directory");
    create(&mut node, vec![topic("t", 1)]);
    node.close();
    assert!(node.image().broker(BrokerId(1)).is_some_and(|broker| broker.fenced));
    let left = &node.image().topic("t").expect("still there").partitions[0];
    assert_eq!(
        (left.leader, &left.eligible_leader_replicas[..]),
        (crate::image::NO_LEADER, &[BrokerId(1)][..])
    );
    let node = open(&store, 2).expect("its own directory");
    let back = &node.image().topic("t").expect("still there").partitions[0];
    assert_eq!(
        (back.leader, back.leader_epoch, back.isr.len()),
        (BrokerId(1), LeaderEpoch(2), 1)
    );
}

#[test]
fn a_directory_of_another_node_or_of_nobody_is_refused() {
    let store = Shared::default();
    drop(open(&store, 1).expect("an empty directory"));
    let says = |result: Result<Node, OpenError>| result.map(drop).expect_err("refused").to_string();
    assert!(says(open_with(&store, 2, &[("node.id", "7")])).contains("node.id=1"));
    store
        .lock()
        .file_mut("", "meta.properties")
        .expect("written")
        .truncate(5);
    assert!(says(open(&store, 3)).contains("meta.properties has no version"));
    *store
        .lock()
        .file_mut("__cluster_metadata-0", "quorum-state")
        .expect("written") = b"{}".to_vec();
    assert!(says(open(&store, 4)).contains("meta.properties"));
}
