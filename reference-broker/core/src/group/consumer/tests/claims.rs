//! What members may claim and must not get by it: partitions of others, two names for life, protocols by the thousand.

use super::*;
use crate::group::{GroupValue, MemberValue, embedded};
use crate::units::ErrorCode;

fn beats(play: &mut Play, beat: ConsumerHeartbeat) -> Outcome {
    play.run(Command::ConsumerHeartbeat(Box::new(beat)))
}

/// A classic group of `a` and `b` with these assignments, in generation 1.
fn classic(play: &mut Play, given: [Partitions; 2]) {
    let topics = Arc::clone(&play.coordinator.topics);
    let member = |(id, given): (&str, Partitions)| MemberValue {
        member_id: id.into(),
        instance_id: None,
        client_id: "c".into(),
        client_host: "/h".into(),
        rebalance_timeout_ms: 8_000,
        session_timeout_ms: 6_000,
        subscription: bytes::Bytes::from_static(SUBSCRIPTION),
        assignment: embedded::assignment(&given, SUBSCRIPTION, &topics).unwrap(),
    };
    let value = GroupValue {
        protocol_type: "consumer".into(),
        generation: 1,
        protocol: Some("range".into()),
        leader: Some("a".into()),
        since_unix_ms: 0,
        members: ["a", "b"].into_iter().zip(given).map(member).collect(),
    };
    play.coordinator
        .apply(&Change::Durable(Record::Group(GROUP.into(), Some(value))));
}

#[test]
fn a_protocol_must_be_known_to_all_classic_members_and_thousands_cost_no_more_than_their_number() {
    let mut play = Play::new();
    play.topics(0, [2, 0]);
    beats(&mut play, beat("a", 0, None));
    let names = |from: usize| (from..from + 20_000).map(|at| at.to_string()).collect::<Vec<_>>();
    let (known, strange) = (names(0), names(30_000));
    let first = play.run(Command::Join(join("", known.iter().map(String::as_str))));
    assert!(matches!(first, Outcome::Joined(_)), "{first:?}");
    let other = play.run(Command::Join(join("", strange.iter().map(String::as_str))));
    let refused = Outcome::JoinRefused("".into(), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(other, refused);
    let mut second = Command::Join(join("", ["0"].into_iter()));
    if let Command::Join(join) = &mut second {
        join.fresh = "second".into();
    }
    assert!(matches!(play.run(second), Outcome::Joined(_)));
    let third = play.run(Command::Join(join("", ["1"].into_iter())));
    assert_eq!(third, refused, "one of two has it");
}

#[test]
fn a_group_whose_leader_gave_a_partition_to_two_does_not_change_its_protocol_as_with_kafka() {
    let given =
        |partitions: &[i32]| -> Partitions { [(TopicId([1; 16]), partitions.iter().copied().collect())].into() };
    let mut play = Play::new();
    play.topics(0, [2, 0]);
    classic(&mut play, [given(&[0]), given(&[0, 1])]);
    let outcome = beats(&mut play, beat("c", 0, None));
    assert!(
        matches!(outcome, Outcome::RefusedWith(ErrorCode::UnknownServerError, _)),
        "{outcome:?}"
    );
    assert!(!play.coordinator.has_consumer_group(GROUP));
    classic(&mut play, [given(&[0]), given(&[1])]);
    assert!(matches!(beats(&mut play, beat("c", 0, None)), Outcome::Beaten(_)));
}

#[test]
fn a_member_that_takes_another_name_for_life_leaves_the_first_one_free() {
    let named = |member: &str, instance: &str, epoch: i32| ConsumerHeartbeat {
        instance: Some(instance.into()),
        ..beat(member, epoch, None)
    };
    let mut play = Play::new();
    play.topics(0, [1, 0]);
    beats(&mut play, named("a", "i", 0));
    assert!(matches!(beats(&mut play, named("a", "j", 0)), Outcome::Beaten(_)));
    beats(&mut play, named("a", "j", -1));
    assert!(matches!(beats(&mut play, named("b", "i", 0)), Outcome::Beaten(_)));
}

#[test]
fn a_classic_member_that_is_of_the_consumer_protocol_by_now_need_not_join_or_sync() {
    let mut play = Play::new();
    play.topics(0, [2, 0]);
    beats(&mut play, beat("k", 0, None));
    play.run(Command::Join(join("", ["range"].into_iter())));
    let sync = Timer::MemberSync(GROUP.into(), "fresh".into());
    assert!(play.coordinator.timers.is_set(&sync));
    assert!(matches!(beats(&mut play, beat("fresh", 0, None)), Outcome::Beaten(_)));
    play.run(Command::Expire(sync));
    let described = play.coordinator.describe_consumer(&GROUP.into()).unwrap();
    assert_eq!(described.members.len(), 2);
}
