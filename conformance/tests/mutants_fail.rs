//! Every mutant of the reference broker is caught by a case, by name: `cargo test -p conformance --features mutants`.
//! A mutant without a row, or a row whose case lets the mutant pass, fails here. Without the mutant the same cases pass.
#![cfg(feature = "mutants")]

use std::collections::BTreeSet;
use std::process::{Command, Output};

use reference_broker::mutant::Mutant;
use serde_json::Value;

macro_rules! caught {
    ($($test:ident: $mutant:literal, $case:literal;)*) => {
        /// Which case must catch which mutant.
        const CAUGHT: &[(&str, &str)] = &[$(($mutant, $case)),*];

        $(#[test]
        fn $test() {
            is_caught($mutant, $case);
        })*
    };
}

caught! {
    a_dropped_aborted_index_is_caught: "aborted-index-dropped", "transactions/last-stable-offset";
    revealed_offsets_of_an_abort_are_caught: "aborted-offsets-revealed", "transactions/offsets-in-a-transaction";
    an_answer_before_others_have_the_records_is_caught: "acknowledged-unreplicated", "replication/acks-all-timeout";
    an_answer_to_acks_zero_is_caught: "acks-zero-answered", "produce/acks-zero";
    an_append_that_replaces_is_caught: "append-replaces", "configs/append-to-default";
    a_clean_stop_without_its_mark_is_caught: "clean-stop-unmarked", "storage/log-directory";
    compaction_of_a_live_key_is_caught: "compaction-drops-live", "compaction/newest-of-each-key";
    a_setting_that_waits_for_a_restart_is_caught: "config-needs-restart", "configs/connections-limited";
    a_wrong_crc_that_is_taken_is_caught: "crc-unchecked", "produce/crc-wrong";
    a_downgrade_that_nobody_allowed_is_caught: "downgrade-unasked", "cluster/update-features-refused";
    a_duplicate_with_a_new_offset_is_caught: "duplicate-new-offset", "idempotence/duplicate";
    a_forgotten_eligible_leader_is_caught: "eligible-forgotten", "replication/eligible-leaders";
    a_stale_fetch_session_is_caught: "fetch-session-stale", "fetch/incremental";
    a_follower_that_stays_with_its_old_leader_is_caught: "follows-old-leader", "replication/controlled-shutdown";
    a_group_hash_without_abs_is_caught: "group-hash-without-abs", "groups/coordinator-partition";
    a_reader_of_another_epoch_that_is_served_is_caught: "high-watermark-epoch-unchecked", "replication/epoch-fenced";
    an_index_that_is_off_by_one_is_caught: "index-off-by-one", "client/large-batches-small-limits";
    undecided_records_shown_are_caught: "last-stable-ignored", "transactions/last-stable-offset";
    a_member_that_cannot_leave_is_caught: "leave-ignored", "groups/leave";
    a_long_poll_that_does_not_wait_is_caught: "long-poll-ignored", "fetch/at-the-end";
    a_marker_of_any_epoch_is_caught: "marker-epoch-unchecked", "transactions/write-markers";
    a_lost_marker_is_caught: "marker-lost", "transactions/markers";
    a_refused_marker_that_counts_as_written_is_caught: "marker-refusal-ignored", "transactions/decided-not-marked";
    a_group_that_never_goes_back_is_caught: "migration-one-way", "consumer-groups/downgrade";
    too_few_in_sync_that_are_enough_are_caught: "min-insync-ignored", "replication/min-isr-after-append";
    a_codec_of_the_offsets_topic_that_is_ignored_is_caught: "offsets-codec-ignored", "internal/offsets-log";
    forgotten_offsets_are_caught: "offsets-forgotten", "offsets/after-a-kill";
    producer_ids_handed_out_twice_are_caught: "producer-ids-reused", "idempotence/ids-after-a-kill";
    records_shown_before_they_are_replicated_are_caught: "reads-past-high-watermark", "replication/acks-all-timeout";
    an_answer_that_overtakes_another_is_caught: "response-out-of-order", "framing/pipelined";
    a_partition_with_two_owners_is_caught: "revocation-skipped", "consumer-groups/revocation";
    a_sequence_forgotten_at_the_roll_is_caught: "sequence-forgotten-at-roll", "idempotence/across-segments";
    retention_of_the_active_segment_is_caught: "retention-takes-active", "retention/by-time";
    a_leader_that_serves_on_is_caught: "stale-leader-serves", "replication/epoch-fenced";
    a_commit_of_a_stale_generation_is_caught: "stale-generation-accepted", "offsets/fenced";
    a_stale_member_epoch_that_is_taken_is_caught: "stale-member-epoch-accepted", "consumer-groups/epochs";
    a_stray_that_keeps_its_name_is_caught: "strays-kept", "storage/on-their-way";
    new_partitions_that_nobody_hears_of_are_caught: "topic-changes-unseen", "consumer-groups/topic-changes";
    a_topic_of_any_name_is_caught: "topic-name-unchecked", "topics/create-refused";
    a_torn_tail_that_is_kept_is_caught: "torn-tail-kept", "storage/torn-tail";
    a_leader_that_was_out_of_sync_is_caught: "unclean-leader-elected", "replication/leader-killed";
    a_follower_that_keeps_its_tail_is_caught: "truncation-skipped", "replication/truncation";
    a_validation_that_commits_is_caught: "validate-only-commits", "topics/validate-only";
}

fn run(arguments: &[&str]) -> (Output, Vec<(String, String)>) {
    let report = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["run", "--format", "json", "--report"])
        .arg(report.path())
        .args(arguments)
        .output()
        .expect("the binary runs");
    let events = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(event)
        .collect::<Vec<_>>();
    let finished = events.iter().filter(|event| event["event"] == "run_finished");
    let verdicts = finished
        .map(|run| (word(&run["case"]), word(&run["verdict"])))
        .collect();
    (output, verdicts)
}

fn event(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn is_caught(mutant: &str, case: &str) {
    let (output, verdicts) = run(&["--mutant", mutant, "--case", case]);
    let told = String::from_utf8_lossy(&output.stderr);
    let differs = verdicts.iter().any(|(of, verdict)| of == case && verdict == "differs");
    assert!(differs, "{case} lets the mutant {mutant} pass: {verdicts:?}\n{told}");
    assert_eq!(output.status.code(), Some(1), "{mutant}: {told}");
}

/// Mutants that show only in a load, or where a message comes late or a broker dies at the worst time: the simulation of
/// `reference-broker/core/tests/*_mutants.rs` catches them, or a delivery, `mutants_deliver.rs`.
const CAUGHT_ELSEWHERE: [&str; 9] = [
    "aborted-index-unbounded",
    "end-out-of-range",
    "first-partition-served",
    "follower-epoch-unstamped",
    "isr-grown-unchecked",
    "leaders-assignment-for-all",
    "segment-head-skipped",
    "truncates-to-high-watermark",
    "truncation-skipped",
];

#[test]
fn every_mutant_has_a_case_that_must_catch_it() {
    let in_cases = CAUGHT.iter().map(|(mutant, _)| *mutant);
    let named: BTreeSet<&str> = in_cases.chain(CAUGHT_ELSEWHERE).collect();
    let all: BTreeSet<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    let missing: Vec<_> = all.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&all).collect();
    assert!(missing.is_empty(), "no case is named for {missing:?}");
    assert!(unknown.is_empty(), "no mutant is called {unknown:?}");
}

#[test]
fn without_a_mutant_the_same_cases_pass() {
    let cases: BTreeSet<&str> = CAUGHT.iter().map(|(_, case)| *case).collect();
    let arguments: Vec<&str> = cases.iter().flat_map(|case| ["--case", case]).collect();
    let (output, verdicts) = run(&arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    let others: Vec<_> = verdicts.iter().filter(|(_, verdict)| verdict != "passed").collect();
    assert!(others.is_empty(), "{others:?}\n{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    let asked: BTreeSet<&str> = verdicts.iter().map(|(case, _)| case.as_str()).collect();
    assert_eq!(asked, cases);
}

#[test]
fn a_mutant_that_does_not_exist_is_a_wrong_usage() {
    let (output, _) = run(&["--mutant", "no-such"]);
    assert_eq!(output.status.code(), Some(2));
}
