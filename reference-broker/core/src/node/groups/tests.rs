//! A node's groups: where they are kept, what a restart finds, and what is told where nobody coordinates.

use super::*;
use crate::config::BrokerConfig;
use crate::controller::Intent;
use crate::controller::configs::{Alteration, Op, Operation, Unnamed};
use crate::controller::topics::{NewTopic, TopicRef};
use crate::group::tests::commit;
use crate::group::{Commit, Heartbeat, Leave};
use crate::log::tests::{Shared, identity};
use crate::units::Offset;

const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 0,
};

fn open(store: &Shared) -> Node {
    let identity = identity(3);
    let properties = [
        ("offsets.topic.replication.factor", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = BrokerConfig::from_properties(&properties).expect("valid properties");
    Node::open(Box::new(store.clone()), config, identity, NOW).expect("a directory that is ours")
}

/// A broker with a topic `t` of two partitions, and coordinators.
fn ready(store: &Shared) -> Node {
    let mut node = open(store);
    node.make_coordinators(CoordinatorKind::Group, NOW);
    let topic = NewTopic {
        name: "t".into(),
        partitions: 2,
        replication_factor: 1,
        ..NewTopic::default()
    };
    node.create_topics(vec![topic], Intent::Commit, NOW).expect("written");
    node
}

fn offsets(node: &mut Node, group: &str) -> Vec<(String, i32, i64)> {
    let all = node.all_committed(group, View::Replicated, NOW).expect("we coordinate");
    all.into_iter()
        .map(|(topic, partition, value)| (topic.to_string(), partition, value.offset))
        .collect()
}

fn join(group: &str, ticket: Ticket) -> Join {
    Join {
        group: group.into(),
        member: "".into(),
        instance: None,
        protocol_type: "consumer".into(),
        protocols: Arc::from([group::Protocol {
            name: "range".into(),
            metadata: bytes::Bytes::new(),
        }]),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        client_id: "c".into(),
        client_host: "/h".into(),
        fresh: "1".into(),
        ticket,
        requires_known_member: false,
        skips_assignment: false,
        timing: group::Timing::default(),
    }
}

/// One member that has been told of its generation.
fn joined(node: &mut Node, group: &str) -> group::Joined {
    let Reply::Parked(ticket) = node.join_group(|ticket| join(group, ticket), NOW) else {
        panic!("a join is parked")
    };
    // The delay is 0: no tick is needed.
    match node.take_released().pop() {
        Some((released, Released::Group(Outcome::Joined(joined)))) if released == ticket => joined,
        other => panic!("{other:?}"),
    }
}

fn end_of(node: &Node, partition: i32) -> Option<Offset> {
    node.log(&TopicPartition::new(OFFSETS_TOPIC, partition))
        .map(crate::log::Log::log_end)
}

#[test]
fn the_first_lookup_finds_nobody_and_the_next_one_the_leader() {
    let mut node = open(&Shared::default());
    assert_eq!(
        node.coordinator_of(CoordinatorKind::Group, "g"),
        Err(ErrorCode::CoordinatorNotAvailable)
    );
    node.make_coordinators(CoordinatorKind::Group, NOW);
    let found = node.coordinator_of(CoordinatorKind::Group, "g");
    assert_eq!(found.map(|broker| broker.id), Ok(node.broker_id()));
    assert_eq!(
        node.image().topic(OFFSETS_TOPIC).map(TopicImage::partition_count),
        Some(50)
    );
}

#[test]
fn without_coordinators_everything_is_somewhere_else() {
    let mut node = open(&Shared::default());
    let refused = Outcome::JoinRefused("".into(), ErrorCode::NotCoordinator);
    assert_eq!(node.join_group(|ticket| join("g", ticket), NOW), Reply::Now(refused));
    let invalid = Outcome::JoinRefused("".into(), ErrorCode::InvalidGroupId);
    assert_eq!(node.join_group(|ticket| join("", ticket), NOW), Reply::Now(invalid));
    assert_eq!(
        node.all_committed("g", View::Replicated, NOW),
        Err(ErrorCode::NotCoordinator)
    );
    assert_eq!(node.delete_group(&"g".into(), NOW), Err(ErrorCode::NotCoordinator));
    assert_eq!(node.list_groups(), []);
}

#[test]
fn a_group_is_kept_in_the_partition_that_its_hash_names() {
    let mut node = ready(&Shared::default());
    // Their hashes: the most negative of all, which Kafka counts as 0; 103; and one below zero, which counts by its magnitude.
    for (group, partition) in [("polygenelubricants", 0), ("g", 3), ("billing", 9)] {
        let before = end_of(&node, partition);
        assert_eq!(node.commit_offsets(commit(group, &[("t", 0, 1)]), NOW), [None]);
        assert_eq!(end_of(&node, partition), before.map(|end| Offset(end.0 + 1)), "{group}");
    }
}

#[test]
fn a_partition_that_does_not_exist_is_refused_by_itself() {
    let mut node = ready(&Shared::default());
    let missing = Some(ErrorCode::UnknownTopicOrPartition);
    let commit = commit(
        "g",
        &[("t", 0, 1), ("t", 2, 1), ("nope", 0, 1), ("t", 1, -9), ("t", -1, 1)],
    );
    assert_eq!(
        node.commit_offsets(commit, NOW),
        [None, missing, missing, None, missing]
    );
    assert_eq!(offsets(&mut node, "g"), [("t".into(), 0, 1), ("t".into(), 1, -9)]);
    let asked = vec![("t".into(), 1), ("nope".into(), 0)];
    assert_eq!(node.delete_offsets(&"g".into(), asked, NOW), Ok(vec![None, missing]));
    assert_eq!(offsets(&mut node, "g"), [("t".into(), 0, 1)]);
}

#[test]
fn what_a_group_refuses_is_refused_for_every_partition_that_exists() {
    let mut node = ready(&Shared::default());
    let commit = Commit {
        generation: 3,
        ..commit("g", &[("t", 0, 1), ("nope", 0, 1)])
    };
    let refused = [
        Some(ErrorCode::GroupIdNotFound),
        Some(ErrorCode::UnknownTopicOrPartition),
    ];
    assert_eq!(node.commit_offsets(commit, NOW), refused);
}

#[test]
fn what_is_too_large_for_the_offsets_topic_has_not_happened() {
    let mut node = ready(&Shared::default());
    let big = bytes::Bytes::from(vec![0; 1_100_000]);
    let member = joined(&mut node, "g").member;
    let sync = |ticket| Sync {
        group: "g".into(),
        member: Arc::clone(&member),
        instance: None,
        generation: 1,
        protocol_type: None,
        protocol: None,
        assignments: vec![(Arc::clone(&member), big)],
        ticket,
    };
    let refused = Outcome::Refused(ErrorCode::UnknownServerError);
    assert_eq!(node.sync_group(sync, NOW), Reply::Now(refused));
    let heartbeat = Heartbeat {
        group: "g".into(),
        member,
        instance: None,
        generation: 1,
    };
    assert_eq!(
        node.heartbeat(heartbeat, NOW),
        Outcome::Refused(ErrorCode::RebalanceInProgress)
    );

    let many: Vec<_> = (0..20_000).map(|offset| ("t", 0, offset)).collect();
    let results = node.commit_offsets(commit("h", &many), NOW);
    assert!(
        results
            .iter()
            .all(|result| *result == Some(ErrorCode::UnknownServerError))
    );
    assert_eq!(offsets(&mut node, "h"), []);
}

#[test]
fn a_restart_finds_groups_members_and_offsets() {
    let store = Shared::default();
    let mut node = ready(&store);
    let member = joined(&mut node, "g").member;
    let sync = |ticket| Sync {
        group: "g".into(),
        member: Arc::clone(&member),
        instance: None,
        generation: 1,
        protocol_type: None,
        protocol: None,
        assignments: vec![(Arc::clone(&member), bytes::Bytes::from_static(b"x"))],
        ticket,
    };
    assert!(matches!(node.sync_group(sync, NOW), Reply::Now(Outcome::Synced(_))));
    let by_member = Commit {
        member: Arc::clone(&member),
        generation: 1,
        ..commit("g", &[("t", 1, 7)])
    };
    assert_eq!(node.commit_offsets(by_member, NOW), [None]);
    let described = node.describe_group("g", NOW);
    drop(node);

    let mut node = open(&store);
    assert_eq!(node.describe_group("g", NOW), described);
    assert_eq!(offsets(&mut node, "g"), [("t".into(), 1, 7)]);
    let heartbeat = Heartbeat {
        group: "g".into(),
        member: Arc::clone(&member),
        instance: None,
        generation: 1,
    };
    assert_eq!(node.heartbeat(heartbeat.clone(), NOW), Outcome::Done);
    let late = Now {
        monotonic_ms: 10_000,
        ..NOW
    };
    assert!(node.next_deadline().is_some_and(|deadline| deadline.is_due(late)));
    node.tick(late);
    assert_eq!(
        node.heartbeat(heartbeat, late),
        Outcome::Refused(ErrorCode::UnknownMemberId)
    );
}

#[test]
fn a_topics_offsets_go_with_it() {
    let mut node = ready(&Shared::default());
    assert_eq!(node.commit_offsets(commit("g", &[("t", 0, 1)]), NOW), [None]);
    let reference = TopicRef {
        name: Some("t".into()),
        id: TopicId::ZERO,
    };
    node.delete_topics(vec![reference], NOW).expect("written");
    assert_eq!(offsets(&mut node, "g"), []);
    assert_eq!(node.list_groups().len(), 1);
    assert_eq!(node.delete_group(&"g".into(), NOW), Ok(()));
    assert_eq!(node.list_groups().len(), 0);
}

#[test]
fn who_waits_is_told_when_the_offsets_topic_goes() {
    let mut node = ready(&Shared::default());
    joined(&mut node, "g");
    let second = |ticket| Join {
        fresh: "2".into(),
        ..join("g", ticket)
    };
    let Reply::Parked(ticket) = node.join_group(second, NOW) else {
        panic!("a join is parked")
    };
    node.topic_deleted(&OFFSETS_TOPIC.into(), TopicId::ZERO, NOW);
    let released = node.take_released().pop();
    assert!(matches!(
        released,
        Some((released, Released::Group(Outcome::JoinRefused(_, ErrorCode::NotCoordinator)))) if released == ticket
    ));
    let leave = Leave {
        group: "g".into(),
        members: Vec::new(),
    };
    assert_eq!(node.leave_group(leave, NOW), Outcome::Left(Vec::new()));
}

fn beat(member: &str, timing: group::Timing) -> group::ConsumerHeartbeat {
    group::ConsumerHeartbeat {
        group: "g".into(),
        member: member.into(),
        epoch: 0,
        instance: None,
        rack: None,
        client_id: "c".into(),
        client_host: "/h".into(),
        rebalance_timeout_ms: Some(1_000),
        topics: Some(["t".into()].into()),
        regex: None,
        assignor: None,
        owned: Some(group::Partitions::new()),
        timing,
        classic: None,
    }
}

fn after(ms: i64) -> Now {
    Now {
        monotonic_ms: ms,
        ..NOW
    }
}

#[test]
fn a_member_that_could_not_be_written_off_goes_once_it_can() {
    let mut node = ready(&Shared::default());
    let joined = node.consumer_heartbeat(|timing| beat("k", timing), "g", NOW);
    assert!(matches!(joined, Outcome::Beaten(_)), "{joined:?}");
    let limit = |node: &mut Node, bytes: &str| {
        let alteration = Alteration {
            kind: 2,
            name: OFFSETS_TOPIC.into(),
            operations: Some(vec![Operation {
                name: "max.message.bytes".into(),
                op: Op::Set,
                value: Some(bytes.into()),
            }]),
        };
        let altered = node.alter_configs(vec![alteration], Unnamed::Keep, Intent::Commit, NOW);
        assert!(altered.expect("written")[0].1.is_ok());
    };
    limit(&mut node, "10");
    node.tick(after(45_001));
    let members = |node: &mut Node| {
        node.describe_consumer_group(&"g".into(), NOW)
            .expect("a group")
            .members
            .len()
    };
    assert_eq!(members(&mut node), 1);
    limit(&mut node, "1000000");
    node.tick(after(45_400));
    assert_eq!(members(&mut node), 1, "not before its time");
    node.tick(after(45_501));
    assert_eq!(members(&mut node), 0);
}

#[test]
fn a_deadline_that_is_the_first_after_a_start_finds_the_topics() {
    let store = Shared::default();
    let mut node = ready(&store);
    let joined = node.consumer_heartbeat(|timing| beat("k", timing), "g", NOW);
    assert!(matches!(joined, Outcome::Beaten(_)), "{joined:?}");
    let metadata = bytes::Bytes::from_static(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0");
    let classic = |ticket| Join {
        protocols: Arc::from([group::Protocol {
            name: "range".into(),
            metadata,
        }]),
        fresh: "c".into(),
        session_timeout_ms: 50_000,
        rebalance_timeout_ms: 50_000,
        ..join("g", ticket)
    };
    let joined = node.join_group(classic, NOW);
    assert!(matches!(joined, Reply::Now(Outcome::Joined(_))), "{joined:?}");
    drop(node);
    let mut node = open(&store);
    node.tick(after(1));
    assert_eq!(node.groups.topics.version, 0, "nobody has asked");
    node.tick(after(45_001));
    assert_eq!(node.groups.topics.version, node.image().next_offset());
}
