//! Topics and partitions, refused and made as Kafka does, and in lists that are long on purpose.

use super::*;

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
