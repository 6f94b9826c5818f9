//! A node's metadata against what a real 4.3.1 answered, against restarts, and against lists that are long on purpose.

use proptest::prelude::*;

use super::*;
use crate::config::BrokerConfig;
use crate::config::layers::Source;
use crate::controller::configs::{Op, Operation};
use crate::log::tests::Shared;
use crate::node::{Identity, OpenError};
use crate::units::{LeaderEpoch, Offset};

const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 0,
};
const TOPIC: i8 = ResourceKind::Topic as i8;
const BROKER: i8 = ResourceKind::Broker as i8;
const GROUP: i8 = ResourceKind::Group as i8;

fn open(store: &Shared, start: u8) -> Result<Node, OpenError> {
    open_with(store, start, &[])
}

fn open_with(store: &Shared, start: u8, properties: &[(&str, &str)]) -> Result<Node, OpenError> {
    let identity = Identity {
        host: "localhost".into(),
        port: 9092,
        cluster_id: [1; 16],
        directory_id: [2; 16],
        incarnation_id: [start; 16],
    };
    let properties: Vec<_> = properties
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let config = BrokerConfig::from_properties(&properties).expect("valid properties");
    Node::open(Box::new(store.clone()), config, identity, NOW)
}

fn fresh() -> Node {
    open(&Shared::default(), 1).expect("an empty directory")
}

fn topic(name: &str, partitions: i32) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions,
        replication_factor: 1,
        ..NewTopic::default()
    }
}

fn create(node: &mut Node, topics: Vec<NewTopic>) -> Vec<(String, Option<ErrorCode>)> {
    let created = node.create_topics(topics, Intent::Commit, NOW).expect("written");
    created
        .into_iter()
        .map(|(name, result)| (name, result.err().map(|refusal| refusal.code)))
        .collect()
}

fn refusal_of(node: &mut Node, topic: NewTopic) -> Option<ErrorCode> {
    let created = create(node, vec![topic]);
    assert_eq!(created.len(), 1);
    created[0].1
}

fn operation(name: &str, op: Op, value: Option<&str>) -> Operation {
    Operation {
        name: name.into(),
        op,
        value: value.map(str::to_owned),
    }
}

fn alter(node: &mut Node, kind: i8, name: &str, operations: Vec<Operation>) -> Option<ErrorCode> {
    let alteration = Alteration {
        kind,
        name: name.into(),
        operations: Some(operations),
    };
    let altered = node
        .alter_configs(vec![alteration], Unnamed::Keep, Intent::Commit, NOW)
        .expect("written");
    altered[0].1.as_ref().err().map(|refusal| refusal.code)
}

fn shown(node: &Node, topic: &str, key: &str) -> (Option<String>, Source) {
    let entries = node.describe_configs(ResourceKind::Topic, topic).expect("a topic");
    let entry = entries.into_iter().find(|entry| entry.name == key).expect("a config");
    (entry.value, entry.source)
}

fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

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
    assert_eq!(
        (broker.host.as_str(), broker.port, broker.epoch),
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
fn new_topics_are_refused_for_kafkas_reasons() {
    let mut node = fresh();
    assert_eq!(refusal_of(&mut node, topic("a.b", 1)), None);
    let with = |change: &dyn Fn(&mut NewTopic)| {
        let mut wanted = NewTopic {
            partitions: -1,
            replication_factor: -1,
            ..topic("t", 1)
        };
        change(&mut wanted);
        wanted
    };
    let named = |name: &str| with(&|topic| topic.name = name.into());
    let assigned = |assignments: &[(i32, &[i32])]| {
        with(&|topic| {
            topic.assignments = assignments
                .iter()
                .map(|(index, brokers)| (*index, brokers.to_vec()))
                .collect()
        })
    };
    let configured =
        |key: &str, value: Option<&str>| with(&|topic| topic.configs = vec![(key.into(), value.map(str::to_owned))]);
    for (wanted, code) in [
        (named("a.b"), ErrorCode::TopicAlreadyExists),
        (named("a_b"), ErrorCode::InvalidTopicException),
        (named(""), ErrorCode::InvalidTopicException),
        (named(".."), ErrorCode::InvalidTopicException),
        (named(&"x".repeat(250)), ErrorCode::InvalidTopicException),
        (named("a/b"), ErrorCode::InvalidTopicException),
        (named("__cluster_metadata"), ErrorCode::InvalidRequest),
        (with(&|topic| topic.partitions = 0), ErrorCode::InvalidPartitions),
        (with(&|topic| topic.partitions = -2), ErrorCode::InvalidPartitions),
        (
            with(&|topic| topic.replication_factor = 0),
            ErrorCode::InvalidReplicationFactor,
        ),
        (
            with(&|topic| topic.replication_factor = 2),
            ErrorCode::InvalidReplicationFactor,
        ),
        (with(&|topic| topic.partitions = 10_001), ErrorCode::PolicyViolation),
        (with(&|topic| topic.partitions = 10_000), ErrorCode::PolicyViolation),
        (assigned(&[(0, &[1]), (2, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned(&[(0, &[1]), (0, &[1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned(&[(0, &[])]), ErrorCode::InvalidReplicaAssignment),
        (assigned(&[(0, &[1, 1])]), ErrorCode::InvalidReplicaAssignment),
        (assigned(&[(0, &[7])]), ErrorCode::InvalidReplicaAssignment),
        (
            NewTopic {
                partitions: 1,
                ..assigned(&[(0, &[1])])
            },
            ErrorCode::InvalidRequest,
        ),
        (
            NewTopic {
                replication_factor: 1,
                ..assigned(&[(0, &[1])])
            },
            ErrorCode::InvalidRequest,
        ),
        (configured("nope", Some("1")), ErrorCode::InvalidConfig),
        (configured("retention.ms", None), ErrorCode::InvalidConfig),
        (configured("segment.bytes", Some("14")), ErrorCode::InvalidConfig),
    ] {
        assert_eq!(refusal_of(&mut node, wanted.clone()), Some(code), "{wanted:?}");
    }
    assert_eq!(node.image().topics().count(), 1);
}

#[test]
fn topics_of_one_request_do_not_see_each_other() {
    let mut node = fresh();
    assert_eq!(
        create(&mut node, vec![topic("e.f", 1), topic("e_f", 1)]),
        [("e.f".into(), None), ("e_f".into(), None)]
    );
    let twice = create(
        &mut node,
        vec![topic("d", 1), topic("d", 1), topic("d", 1), topic("o", 1)],
    );
    assert_eq!(
        twice,
        [("d".into(), Some(ErrorCode::InvalidRequest)), ("o".into(), None)]
    );
}

#[test]
fn a_created_topic_has_logs_and_a_deleted_one_has_none() {
    let mut node = fresh();
    create(&mut node, vec![topic("t", 3)]);
    assert_eq!(
        node.log(&tp("t", 2)).map(|log| log.leader_epoch()),
        Some(LeaderEpoch(0))
    );
    let id = node.image().topic("t").expect("created").id;
    let deleted = node
        .delete_topics(
            vec![TopicRef {
                name: Some("t".into()),
                id: TopicId::ZERO,
            }],
            NOW,
        )
        .expect("written");
    assert_eq!(
        deleted,
        [(
            TopicRef {
                name: Some("t".into()),
                id
            },
            Ok(())
        )]
    );
    assert!(node.log(&tp("t", 0)).is_none() && node.image().topic_by_id(id).is_none());
    create(&mut node, vec![topic("t", 1)]);
    assert_ne!(node.image().topic("t").expect("created again").id, id);
}

#[test]
fn a_topic_is_deleted_once_and_in_one_way() {
    let mut node = fresh();
    create(&mut node, vec![topic("a", 1), topic("b", 1)]);
    let id = node.image().topic("a").expect("created").id;
    let by_name = |name: &str| TopicRef {
        name: Some(name.into()),
        id: TopicId::ZERO,
    };
    let by_id = |id| TopicRef { name: None, id };
    let mut codes = |topics: Vec<TopicRef>| -> Vec<Option<ErrorCode>> {
        let deleted = node.delete_topics(topics, NOW).expect("written");
        deleted
            .into_iter()
            .map(|(_, result)| result.err().map(|refusal| refusal.code))
            .collect()
    };
    assert_eq!(codes(vec![by_name("a"), by_id(id)]), [Some(ErrorCode::InvalidRequest)]);
    assert_eq!(
        codes(vec![by_name("a"), by_name("a")]),
        [Some(ErrorCode::InvalidRequest)]
    );
    assert_eq!(codes(vec![by_id(id), by_id(id)]), [Some(ErrorCode::InvalidRequest)]);
    assert_eq!(
        codes(vec![TopicRef {
            name: Some("a".into()),
            id
        }]),
        [Some(ErrorCode::InvalidRequest)]
    );
    assert_eq!(codes(vec![by_id(TopicId::ZERO)]), [Some(ErrorCode::InvalidRequest)]);
    assert_eq!(codes(vec![by_name("zzz")]), [Some(ErrorCode::UnknownTopicOrPartition)]);
    assert_eq!(codes(vec![by_id(TopicId([9; 16]))]), [Some(ErrorCode::UnknownTopicId)]);
    assert_eq!(codes(vec![by_id(id), by_name("b")]), [None, None]);
}

#[test]
fn partitions_are_added_and_never_taken_away() {
    let mut node = fresh();
    create(&mut node, vec![topic("t", 2)]);
    let mut grow = |count, assignments: Option<Vec<Vec<i32>>>| {
        let wanted = MorePartitions {
            name: "t".into(),
            count,
            assignments,
        };
        let grown = node
            .create_partitions(vec![wanted], Intent::Commit, NOW)
            .expect("written");
        grown[0].1.as_ref().err().map(|refusal| refusal.code)
    };
    for count in [-1, 0, 1, 2] {
        assert_eq!(grow(count, None), Some(ErrorCode::InvalidPartitions));
    }
    assert_eq!(grow(4, Some(vec![vec![1]])), Some(ErrorCode::InvalidReplicaAssignment));
    assert_eq!(grow(3, Some(vec![vec![9]])), Some(ErrorCode::InvalidReplicaAssignment));
    assert_eq!(grow(i32::MAX, None), Some(ErrorCode::UnknownServerError));
    assert_eq!(grow(4, Some(vec![vec![1], vec![1]])), None);
    assert_eq!(node.image().topic("t").map(|topic| topic.partitions.len()), Some(4));
    assert!(node.log(&tp("t", 3)).is_some());
}

#[test]
fn lists_are_extended_and_reduced_from_what_holds() {
    let mut node = fresh();
    create(&mut node, vec![topic("t", 1)]);
    let policy = |op, items| vec![operation("cleanup.policy", op, Some(items))];
    for (op, items, then) in [
        (Op::Append, "compact", "delete,compact"),
        (Op::Append, "compact", "delete,compact"),
        (Op::Subtract, "delete", "compact"),
        (Op::Subtract, "delete", "compact"),
        (Op::Subtract, "compact", ""),
    ] {
        assert_eq!(alter(&mut node, TOPIC, "t", policy(op, items)), None);
        assert_eq!(shown(&node, "t", "cleanup.policy"), (Some(then.into()), Source::Topic));
    }
    assert_eq!(
        alter(
            &mut node,
            TOPIC,
            "t",
            vec![operation("retention.ms", Op::Append, Some("5"))]
        ),
        Some(ErrorCode::InvalidConfig)
    );
}

#[test]
fn alterations_are_refused_for_kafkas_reasons_and_then_change_nothing() {
    let mut node = fresh();
    create(&mut node, vec![topic("t", 1)]);
    let before = node.image().clone();
    let set = |key: &str, value: &str| operation(key, Op::Set, Some(value));
    for (kind, name, operations, code) in [
        (TOPIC, "t", vec![set("nope", "1")], ErrorCode::InvalidConfig),
        (
            TOPIC,
            "t",
            vec![set("retention.ms", "12"), set("nope", "1")],
            ErrorCode::InvalidConfig,
        ),
        (
            TOPIC,
            "t",
            vec![set("min.compaction.lag.ms", "9"), set("max.compaction.lag.ms", "5")],
            ErrorCode::InvalidConfig,
        ),
        (
            TOPIC,
            "t",
            vec![set("leader.replication.throttled.replicas", &"1:2,".repeat(9_000))],
            ErrorCode::InvalidConfig,
        ),
        (
            TOPIC,
            "t",
            vec![operation("retention.ms", Op::Set, None)],
            ErrorCode::InvalidRequest,
        ),
        (
            TOPIC,
            "t",
            vec![set("retention.ms", "1"), set("retention.ms", "2")],
            ErrorCode::InvalidRequest,
        ),
        (
            TOPIC,
            "zzz",
            vec![set("retention.ms", "1")],
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            TOPIC,
            "b!",
            vec![set("retention.ms", "1")],
            ErrorCode::InvalidTopicException,
        ),
        (TOPIC, "", vec![set("retention.ms", "1")], ErrorCode::InvalidRequest),
        (1, "t", vec![set("retention.ms", "1")], ErrorCode::InvalidRequest),
        (BROKER, "1", vec![set("num.partitions", "1")], ErrorCode::InvalidRequest),
        (
            BROKER,
            "2",
            vec![set("max.connections", "1")],
            ErrorCode::InvalidRequest,
        ),
        (
            BROKER,
            "x",
            vec![set("max.connections", "1")],
            ErrorCode::InvalidRequest,
        ),
        (
            BROKER,
            "1",
            vec![set("log.segment.bytes", "100")],
            ErrorCode::InvalidRequest,
        ),
        (
            BROKER,
            "1",
            vec![set("ssl.keystore.password", "s")],
            ErrorCode::InvalidRequest,
        ),
        (
            BROKER,
            "",
            vec![set("sasl.jaas.config", "s")],
            ErrorCode::InvalidRequest,
        ),
        (
            BROKER,
            "1",
            vec![set("min.insync.replicas", "2")],
            ErrorCode::InvalidConfig,
        ),
        (
            BROKER,
            "",
            vec![operation("min.insync.replicas", Op::Delete, None)],
            ErrorCode::InvalidConfig,
        ),
        (
            GROUP,
            "g",
            vec![set("consumer.session.timeout.ms", "1")],
            ErrorCode::InvalidConfig,
        ),
        (
            GROUP,
            "g",
            vec![set("share.record.lock.duration.ms", "99999999")],
            ErrorCode::InvalidConfig,
        ),
        (
            GROUP,
            "",
            vec![set("consumer.session.timeout.ms", "50000")],
            ErrorCode::InvalidRequest,
        ),
        (
            ResourceKind::ClientMetrics as i8,
            "c",
            vec![set("interval.ms", "5")],
            ErrorCode::InvalidRequest,
        ),
    ] {
        assert_eq!(
            alter(&mut node, kind, name, operations.clone()),
            Some(code),
            "{operations:?}"
        );
    }
    assert_eq!(*node.image(), before);
}

#[test]
fn an_unknown_operation_takes_the_whole_request_with_it() {
    let mut node = fresh();
    create(&mut node, vec![topic("t", 1), topic("u", 1)]);
    let good = Alteration {
        kind: TOPIC,
        name: "t".into(),
        operations: Some(vec![operation("retention.ms", Op::Set, Some("5"))]),
    };
    let bad = Alteration {
        kind: TOPIC,
        name: "u".into(),
        operations: None,
    };
    let altered = node
        .alter_configs(vec![good, bad], Unnamed::Keep, Intent::Commit, NOW)
        .expect("written");
    assert!(
        altered
            .iter()
            .all(|(_, result)| *result == Err(Refusal::silent(ErrorCode::UnknownServerError)))
    );
    assert_eq!(shown(&node, "t", "retention.ms").1, Source::Default);
}

#[test]
fn a_changed_config_acts_on_the_log_at_once() {
    let mut node = fresh();
    create(&mut node, vec![topic("t", 1)]);
    let retention = |node: &Node| node.log(&tp("t", 0)).expect("a log").config().retention_ms;
    assert_eq!(
        alter(
            &mut node,
            BROKER,
            "",
            vec![operation("log.retention.ms", Op::Set, Some("7"))]
        ),
        None
    );
    assert_eq!(retention(&node), 7);
    assert_eq!(
        alter(
            &mut node,
            TOPIC,
            "t",
            vec![operation("retention.ms", Op::Set, Some("9"))]
        ),
        None
    );
    assert_eq!(retention(&node), 9);
    assert_eq!(
        alter(&mut node, TOPIC, "t", vec![operation("retention.ms", Op::Delete, None)]),
        None
    );
    assert_eq!(retention(&node), 7);
}

#[test]
fn what_is_only_validated_changes_nothing() {
    let mut node = fresh();
    let end = node.log(&tp("__cluster_metadata", 0)).expect("a log").log_end();
    let created = node
        .create_topics(vec![topic("t", 3)], Intent::Validate, NOW)
        .expect("answered");
    assert!(matches!(&created[..], [(_, Ok(topic))] if topic.partitions == 3 && topic.id != TopicId::ZERO));
    assert_eq!(node.log(&tp("__cluster_metadata", 0)).expect("a log").log_end(), end);
}

#[test]
fn internal_topics_are_made_as_their_coordinators_want_them() {
    let mut node = fresh();
    node.auto_create_topics(vec!["__consumer_offsets".into(), "plain".into(), "b!".into()], NOW);
    assert_eq!(
        node.image()
            .topic("__consumer_offsets")
            .map(|topic| topic.partitions.len()),
        Some(50)
    );
    assert_eq!(
        shown(&node, "__consumer_offsets", "cleanup.policy"),
        (Some("compact".into()), Source::Topic)
    );
    assert_eq!(
        shown(&node, "__consumer_offsets", "segment.bytes"),
        (Some("104857600".into()), Source::Topic)
    );
    assert!(node.image().topic("plain").is_some());
    assert_eq!(node.image().topics().count(), 2);
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
        .0
        .lock()
        .expect("not poisoned")
        .file_mut("", "meta.properties")
        .expect("written")
        .truncate(5);
    assert!(says(open(&store, 3)).contains("meta.properties has no version"));
    *store
        .0
        .lock()
        .expect("not poisoned")
        .file_mut("__cluster_metadata-0", "quorum-state")
        .expect("written") = b"{}".to_vec();
    assert!(says(open(&store, 4)).contains("meta.properties"));
}

#[test]
fn long_lists_are_answered_in_one_pass() {
    let mut node = fresh();
    let many = 30_000;
    let missing = |index| TopicRef {
        name: Some(format!("t{}", index % (many / 2))),
        id: TopicId::ZERO,
    };
    assert_eq!(
        node.delete_topics((0..many).map(missing).collect(), NOW)
            .expect("answered")
            .len(),
        many / 2
    );
    let wanted = |index: usize| topic(&format!("t{index}"), 1);
    assert!(
        create(&mut node, (0..many).map(wanted).collect())
            .iter()
            .all(|(_, code)| *code == Some(ErrorCode::PolicyViolation))
    );
    assert_eq!(
        create(&mut node, (0..many).map(|_| topic("same", 1)).collect()).len(),
        1
    );
    let assignments = (0..many as i32).map(|index| (index, vec![1])).collect();
    let assigned = NewTopic {
        partitions: -1,
        replication_factor: -1,
        assignments,
        ..topic("assigned", -1)
    };
    assert_eq!(refusal_of(&mut node, assigned), Some(ErrorCode::PolicyViolation));
    let more = |_| MorePartitions {
        name: "zzz".into(),
        count: 5,
        assignments: None,
    };
    assert_eq!(
        node.create_partitions((0..many).map(more).collect(), Intent::Commit, NOW)
            .expect("answered")
            .len(),
        1
    );
    let alteration = |_| Alteration {
        kind: TOPIC,
        name: "zzz".into(),
        operations: Some(Vec::new()),
    };
    let altered = node
        .alter_configs((0..many).map(alteration).collect(), Unnamed::Keep, Intent::Commit, NOW)
        .expect("answered");
    assert_eq!(altered.len(), many);
    let keys = (0..many)
        .map(|index| operation(&format!("k{index}"), Op::Set, Some("1")))
        .collect();
    assert_eq!(alter(&mut node, GROUP, "g", keys), Some(ErrorCode::InvalidConfig));
}

/// What a client may ask of the metadata, in small numbers so that requests meet.
#[derive(Debug, Clone)]
enum Request {
    Create(Vec<(u8, i32)>),
    Delete(Vec<u8>),
    Grow(u8, i32),
    Alter(i8, u8, u8, Option<u32>),
    ProducerId,
    Restart,
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        prop::collection::vec((0..4u8, -2..4i32), 0..4).prop_map(Request::Create),
        prop::collection::vec(0..4u8, 0..3).prop_map(Request::Delete),
        (0..4u8, 0..6i32).prop_map(|(name, count)| Request::Grow(name, count)),
        (
            prop::sample::select(vec![TOPIC, BROKER, GROUP]),
            0..4u8,
            0..4u8,
            prop::option::of(0..100u32)
        )
            .prop_map(|(kind, name, key, value)| Request::Alter(kind, name, key, value)),
        Just(Request::ProducerId),
        Just(Request::Restart),
    ]
}

fn name(index: u8) -> String {
    ["a.b", "a_b", "1", "t"][usize::from(index)].into()
}

fn carry_out(node: &mut Node, request: &Request) {
    match request {
        Request::Create(topics) => drop(create(
            node,
            topics
                .iter()
                .map(|(index, partitions)| topic(&name(*index), *partitions))
                .collect(),
        )),
        Request::Delete(topics) => {
            let named = topics.iter().map(|index| TopicRef {
                name: Some(name(*index)),
                id: TopicId::ZERO,
            });
            drop(node.delete_topics(named.collect(), NOW));
        }
        Request::Grow(index, count) => {
            let wanted = MorePartitions {
                name: name(*index),
                count: *count,
                assignments: None,
            };
            drop(node.create_partitions(vec![wanted], Intent::Commit, NOW));
        }
        Request::Alter(kind, index, key, value) => {
            let key = [
                "retention.ms",
                "min.insync.replicas",
                "log.retention.ms",
                "cleanup.policy",
            ][usize::from(*key)];
            let op = if value.is_some() { Op::Set } else { Op::Delete };
            let operation = Operation {
                name: key.into(),
                op,
                value: value.map(|value| value.to_string()),
            };
            alter(node, *kind, &name(*index), vec![operation]);
        }
        Request::ProducerId => drop(node.fresh_producer_id(NOW)),
        Request::Restart => {}
    }
}

/// The image that the log alone makes.
fn replayed(node: &Node) -> Image {
    let mut image = Image::default();
    node.read_records(&tp("__cluster_metadata", 0), Offset(0), &mut |offset, _, value, _| {
        let (record, _) = MetadataRecord::decode(&value.expect("never null")).expect("a record of ours");
        image.apply(&record, offset.0);
    })
    .expect("readable");
    image
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn replaying_the_records_gives_an_equal_image(requests in prop::collection::vec(request(), 1..12)) {
        let store = Shared::default();
        let mut node = open(&store, 0).expect("an empty directory");
        for (start, request) in (1..).zip(&requests) {
            if matches!(request, Request::Restart) {
                drop(node);
                node = open(&store, start).expect("its own directory");
            }
            carry_out(&mut node, request);
            prop_assert_eq!(&replayed(&node), node.image());
            for topic in node.image().topics() {
                for (index, partition) in (0..).zip(&topic.partitions) {
                    let log = node.log(&TopicPartition { topic: topic.name.clone(), partition: index });
                    prop_assert_eq!(log.map(|log| log.leader_epoch()), Some(partition.leader_epoch));
                    prop_assert!(partition.isr.contains(&partition.leader));
                }
            }
        }
    }
}
