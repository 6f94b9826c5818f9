//! Tiny histories, told by hand: each anomaly alone, and what looks like it and is none.

mod simulated;
mod tale;

use super::{Anomaly, check, judge};
use crate::history::Isolation::{Committed, Uncommitted};
use crate::history::Outcome::{Fail, Ok, Unknown};
use crate::history::{Event, Semantics};
use tale::Tale;

/// What is wrong with a tale, and the numbers of the lines that show it.
fn wrong(tale: &Tale) -> Vec<(Anomaly, Vec<usize>)> {
    let found = check(&tale.history);
    found
        .into_iter()
        .map(|finding| (finding.anomaly, finding.proof))
        .collect()
}

#[test]
fn a_value_that_is_sent_and_read_is_right() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).polled("c1", "t/0", 0, "p1.0.0");
    tale.read("c1", "t/0", 0, 1);
    assert_eq!(wrong(&tale), []);
}

#[test]
fn what_nobody_knows_the_end_of_may_be_there_or_not() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Unknown, -1).sent("p1", "t/0", 1, Unknown, -1);
    tale.polled("c1", "t/0", 0, "p1.0.1").read("c1", "t/0", 0, 9);
    assert_eq!(wrong(&tale), []);
}

#[test]
fn an_acknowledged_value_that_readers_passed_is_lost() {
    let mut tale = Tale::new();
    for sequence in 0..3 {
        tale.sent("p1", "t/0", sequence, Ok, sequence as i64);
    }
    tale.polled("c1", "t/0", 0, "p1.0.0").polled("c1", "t/0", 2, "p1.0.2");
    assert_eq!(wrong(&tale), [(Anomaly::LostWrite, vec![2, 3, 6, 7])]);
}

#[test]
fn a_reader_that_began_anew_has_passed_nothing() {
    let mut tale = Tale::new();
    for sequence in 0..3 {
        tale.sent("p1", "t/0", sequence, Ok, sequence as i64);
    }
    tale.polled("c1", "t/0", 0, "p1.0.0").assigned("c1", 2, &["t/0"]);
    tale.polled("c1", "t/0", 2, "p1.0.2");
    assert_eq!(wrong(&tale), []);
}

#[test]
fn an_acknowledged_value_beyond_the_last_that_was_read_is_unseen_at_the_end() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).polled("c1", "t/0", 0, "p1.0.0");
    tale.sent("p1", "t/0", 1, Ok, 1);
    assert_eq!(wrong(&tale), [], "nobody looked yet");
    tale.read("c1", "t/0", 0, 1);
    assert_eq!(wrong(&tale), [(Anomaly::Unseen, vec![3, 4, 5])]);
}

#[test]
fn what_was_read_and_went_afterwards_is_unseen_at_the_end() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).polled("c1", "t/0", 0, "p1.0.0");
    tale.read("final", "t/0", 0, 0);
    assert_eq!(wrong(&tale), [(Anomaly::Unseen, vec![0, 1, 3])]);
    tale.polled("final", "t/0", 0, "p1.0.0");
    assert_eq!(wrong(&tale), []);
}

/// Why the history could not show it.
fn unseen(tale: &Tale, anomaly: Anomaly) -> Option<String> {
    let row = judge(&tale.history).rows.into_iter().find(|row| row.anomaly == anomaly);
    let row = row.expect("a row each");
    assert_eq!(row.is_held(), row.unseen.is_none(), "{row:?}");
    row.unseen
}

#[test]
fn a_partition_that_nobody_read_to_its_end_after_the_last_acknowledgement_shows_nothing() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).sent("p1", "t/1", 1, Unknown, -1);
    tale.polled("c1", "t/0", 0, "p1.0.0").read("c1", "t/0", 0, 1);
    assert_eq!(unseen(&tale, Anomaly::Unseen), None, "nobody waits for what is unknown");
    tale.sent("p1", "t/0", 2, Ok, 1);
    let why = unseen(&tale, Anomaly::Unseen).expect("too little");
    assert!(why.starts_with("t/0 was not read to the end"), "{why}");
    tale.polled("c1", "t/0", 1, "p1.0.2").read("c1", "t/0", 0, 2);
    assert_eq!(unseen(&tale, Anomaly::Unseen), None);
}

#[test]
fn a_group_that_nobody_saw_through_with_its_input_shows_nothing() {
    let mut tale = Tale::new();
    tale.assigned("c1", 1, &["t/0"]);
    tale.sent("p1", "t/0", 0, Ok, 0).processed("c1", "t/0", 0, "p1.0.0");
    let why = unseen(&tale, Anomaly::Unprocessed);
    assert_eq!(why.as_deref(), Some("nobody saw g through with its input"));
    tale.drained("t/0", 0);
    let why = unseen(&tale, Anomaly::Unprocessed);
    assert_eq!(why.as_deref(), Some("g was not seen through with t/0"));
    tale.drained("t/0", 1);
    assert_eq!(unseen(&tale, Anomaly::Unprocessed), None);
    tale.sent("p1", "t/1", 1, Ok, 0);
    let why = unseen(&tale, Anomaly::Unprocessed);
    assert_eq!(
        why.as_deref(),
        Some("g was not seen through with t/1"),
        "nobody was given it"
    );
}

#[test]
fn replicas_differ_at_the_first_batch_that_one_of_them_has_otherwise_or_not() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).sent("p1", "t/0", 1, Ok, 1);
    tale.replica("b1", "t/0", 0, &["aa", "bb"]);
    let why = unseen(&tale, Anomaly::DivergedReplicas);
    let missing = Some("the replicas of t/0 were not all compared up to what was acknowledged");
    assert_eq!(why.as_deref(), missing);
    tale.replica("b2", "t/0", 1, &["bb"]);
    assert_eq!(wrong(&tale), [], "what one has no more is not compared");
    assert_eq!(unseen(&tale, Anomaly::DivergedReplicas), None);
    tale.replica("b3", "t/0", 0, &["aa"]);
    assert_eq!(wrong(&tale), [], "who is behind may get the rest");
    assert_eq!(
        unseen(&tale, Anomaly::DivergedReplicas).as_deref(),
        missing,
        "and shows nothing until then"
    );
    tale.replica("b3", "t/0", 1, &["cc"]);
    assert_eq!(wrong(&tale), [(Anomaly::DivergedReplicas, vec![5, 11])]);
}

#[test]
fn what_retention_took_is_not_missed() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).read("c1", "t/0", 1, 1);
    assert_eq!(wrong(&tale), []);
}

#[test]
fn a_value_at_two_offsets_is_a_duplicate() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0);
    tale.polled("c1", "t/0", 0, "p1.0.0").polled("c1", "t/0", 1, "p1.0.0");
    assert_eq!(wrong(&tale), [(Anomaly::Duplicate, vec![0, 2, 3])]);
}

#[test]
fn what_was_in_flight_over_a_new_session_may_be_there_twice() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0);
    let done = tale.history.lines.pop().expect("its completion");
    tale.add("p1", Event::Session);
    tale.history.lines.push(done);
    tale.polled("c1", "t/0", 0, "p1.0.0").polled("c1", "t/0", 1, "p1.0.0");
    assert_eq!(wrong(&tale), []);
    let session = tale.history.lines.remove(1);
    tale.history.lines.push(session);
    assert_eq!(wrong(&tale), [(Anomaly::Duplicate, vec![0, 2, 3])]);
}

#[test]
fn an_offset_with_two_values_is_inconsistent() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).sent("p1", "t/0", 1, Unknown, -1);
    tale.polled("c1", "t/0", 0, "p1.0.1").polled("c2", "t/0", 0, "p1.0.1");
    let found = wrong(&tale);
    assert_eq!(found[0], (Anomaly::InconsistentOffsets, vec![0, 1, 4]));
    assert!(
        found
            .iter()
            .all(|(anomaly, _)| *anomaly == Anomaly::InconsistentOffsets),
        "{found:?}"
    );
}

#[test]
fn what_one_leader_alone_acknowledged_may_lie_elsewhere_under_the_next() {
    let mut tale = Tale::new();
    tale.history.header.semantics = Semantics::AtMostOnce;
    tale.sent("p1", "t/0", 0, Ok, 0).sent("p2", "t/0", 0, Ok, 0);
    tale.polled("c1", "t/0", 0, "p2.0.0");
    assert_eq!(wrong(&tale), []);
    tale.polled("c2", "t/0", 0, "p1.0.0");
    assert_eq!(wrong(&tale), [(Anomaly::InconsistentOffsets, vec![4, 5])]);
}

#[test]
fn what_nobody_sent_and_what_was_harmed_are_phantoms() {
    let mut tale = Tale::new();
    tale.polled("c1", "t/0", 0, "p1.0.0");
    assert_eq!(wrong(&tale), [(Anomaly::Phantom, vec![0])]);
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0)
        .polled("c1", "t/0", 0, "p1.0.0")
        .harmed();
    assert_eq!(wrong(&tale), [(Anomaly::Phantom, vec![0, 2])]);
}

#[test]
fn what_was_sent_later_lies_later() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 1).sent("p1", "t/0", 1, Ok, 0);
    tale.polled("c1", "t/0", 0, "p1.0.1").polled("c1", "t/0", 1, "p1.0.0");
    assert_eq!(wrong(&tale), [(Anomaly::NonmonotonicSend, vec![4, 5])]);
}

#[test]
fn a_reader_neither_skips_nor_goes_back_but_after_a_rebalance() {
    let mut tale = Tale::new();
    for sequence in 0..3 {
        tale.sent("p1", "t/0", sequence, Unknown, -1);
        tale.polled("c1", "t/0", sequence as i64, &format!("p1.0.{sequence}"));
    }
    tale.polled("c2", "t/0", 0, "p1.0.0").polled("c2", "t/0", 2, "p1.0.2");
    tale.polled("c2", "t/0", 1, "p1.0.1");
    assert_eq!(
        wrong(&tale),
        [
            (Anomaly::PollSkip, vec![5, 9, 10]),
            (Anomaly::NonmonotonicPoll, vec![10, 11])
        ]
    );
    tale.revoked("c2", 1, &["t/0"]).polled("c2", "t/0", 0, "p1.0.0");
    assert_eq!(wrong(&tale).len(), 2);
}

#[test]
fn what_failed_or_was_aborted_is_not_read() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Fail, -1)
        .polled("c1", "t/0", 0, "p1.0.0")
        .as_isolation(Committed);
    assert_eq!(wrong(&tale), [(Anomaly::AbortedRead, vec![0, 1, 2])]);
    let mut tale = Tale::new();
    tale.in_transaction("x", |tale| tale.sent("p1", "t/0", 0, Ok, 0))
        .ended("x", false, Ok);
    tale.polled("c1", "t/0", 0, "p1.0.0").as_isolation(Uncommitted);
    assert_eq!(wrong(&tale), [], "nothing was promised to this reader");
    tale.polled("c2", "t/0", 0, "p1.0.0").as_isolation(Committed);
    assert_eq!(wrong(&tale), [(Anomaly::AbortedRead, vec![2, 5, 7])]);
}

#[test]
fn a_transaction_is_not_read_before_it_was_to_be_committed() {
    let mut tale = Tale::new();
    tale.in_transaction("x", |tale| tale.sent("p1", "t/0", 0, Ok, 0));
    tale.polled("c1", "t/0", 0, "p1.0.0").as_isolation(Committed);
    assert_eq!(wrong(&tale), [(Anomaly::AbortedRead, vec![2, 4])]);
    tale.ended("x", true, Ok);
    assert_eq!(wrong(&tale), [(Anomaly::AbortedRead, vec![2, 4, 5])]);
}

#[test]
fn a_commit_that_nobody_knows_the_end_of_may_be_read() {
    let mut tale = Tale::new();
    tale.in_transaction("x", |tale| tale.sent("p1", "t/0", 0, Ok, 0))
        .ended("x", true, Unknown);
    tale.polled("c1", "t/0", 0, "p1.0.0")
        .as_isolation(Committed)
        .read("c1", "t/0", 0, 2);
    assert_eq!(wrong(&tale), []);
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let mut tale = Tale::new();
    tale.in_transaction("x", |tale| tale.sent("p1", "t/0", 0, Ok, 0).sent("p1", "t/1", 1, Ok, 0));
    tale.ended("x", true, Unknown);
    tale.polled("c1", "t/0", 0, "p1.0.0").as_isolation(Committed);
    assert_eq!(wrong(&tale), [], "the rest may come");
    tale.read("c1", "t/1", 0, 2);
    assert_eq!(wrong(&tale), [(Anomaly::TornTransaction, vec![2, 4, 5, 8, 9])]);
}

#[test]
fn a_partition_has_one_owner_in_a_generation() {
    let mut tale = Tale::new();
    tale.assigned("c1", 1, &["t/0"]).assigned("c2", 2, &["t/0"]);
    assert_eq!(wrong(&tale), []);
    tale.assigned("c1", 2, &["t/1", "t/0"]);
    assert_eq!(wrong(&tale), [(Anomaly::SplitOwnership, vec![1, 2])]);
}

#[test]
fn a_member_that_was_replaced_commits_nothing() {
    let mut tale = Tale::new();
    tale.assigned("c1", 1, &["t/0"]).assigned("c2", 2, &["t/0"]);
    tale.committed("c2", "t/0", 3, Ok)
        .committed("c1", "t/0", 2, Fail)
        .committed("c1", "t/0", 2, Unknown);
    assert_eq!(wrong(&tale), []);
    tale.committed("c1", "t/0", 2, Ok);
    assert_eq!(wrong(&tale), [(Anomaly::ZombieCommit, vec![0, 1, 8, 9])]);
}

#[test]
fn a_member_that_gave_up_and_got_again_commits() {
    let mut tale = Tale::new();
    tale.assigned("c1", 1, &["t/0"])
        .revoked("c1", 1, &["t/0"])
        .assigned("c2", 2, &["t/0"]);
    tale.revoked("c2", 2, &["t/0"])
        .assigned("c1", 3, &["t/0"])
        .committed("c1", "t/0", 2, Ok);
    assert_eq!(wrong(&tale), []);
}

#[test]
fn work_is_done_once_and_left_to_nobody() {
    let mut tale = Tale::new();
    tale.sent("p1", "t/0", 0, Ok, 0).sent("p1", "t/0", 1, Ok, 1);
    tale.polled("c1", "t/0", 0, "p1.0.0").polled("c1", "t/0", 1, "p1.0.1");
    tale.processed("c1", "t/0", 0, "p1.0.0")
        .processed("c2", "t/0", 0, "p1.0.0");
    tale.drained("t/0", 1);
    assert_eq!(wrong(&tale), [(Anomaly::Reprocessed, vec![6, 7])]);
    tale.drained("t/0", 2);
    let found = wrong(&tale);
    assert_eq!(found[1], (Anomaly::Unprocessed, vec![2, 3, 9]));
}

#[test]
fn a_source_has_one_output() {
    let mut tale = Tale::new();
    tale.sent("p1", "in/0", 0, Ok, 0)
        .polled("x1", "in/0", 0, "p1.0.0")
        .as_isolation(Committed);
    for (sequence, offset) in [(0, 0), (1, 2)] {
        tale.sent("x1", "out/0", sequence, Ok, offset).made_of("p1.0.0");
        tale.polled("c1", "out/0", offset, &format!("x1.0.{sequence}"))
            .made_of("p1.0.0")
            .as_isolation(Committed);
    }
    tale.drained("in/0", 1);
    assert_eq!(wrong(&tale), [(Anomaly::Reprocessed, vec![5, 8])]);
}
