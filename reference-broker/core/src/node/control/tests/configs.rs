//! Configs, altered as Kafka alters them.

use super::*;

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
