//! A delivery on a known-wrong reference broker is caught, by the anomaly that shows the rule it breaks:
//! `cargo test -p conformance --features mutants --test mutants_deliver`.
#![cfg(feature = "mutants")]

use std::process::Command;

macro_rules! caught {
    ($how:ident: $($test:ident: $mutant:literal under $semantics:literal seed $seed:literal shows $anomaly:literal;)*) => {
        $(#[test]
        fn $test() {
            is_caught($how, $mutant, $semantics, $seed, $anomaly);
        })*
    };
}

/// What is wrong where brokers and connections fail.
const FAULTY: &[&str] = &["--duration", "6", "--patience", "8", "--faults", "kill,cut,partition"];
/// What is wrong all the time.
const QUIET: &[&str] = &["--duration", "3", "--patience", "2", "--faults", "none"];
/// What is wrong between brokers.
const THREE: &[&str] = &[
    "--duration",
    "2",
    "--patience",
    "2",
    "--faults",
    "none",
    "--target",
    "reference:3",
];

caught! { FAULTY:
    a_dropped_aborted_index_shows: "aborted-index-dropped" under "exactly-once" seed 0 shows "aborted-read";
    revealed_offsets_of_an_abort_show: "aborted-offsets-revealed" under "exactly-once" seed 0 shows "unprocessed";
    a_duplicate_with_a_new_offset_shows: "duplicate-new-offset" under "idempotent" seed 0 shows "inconsistent-offsets";
    undecided_records_show: "last-stable-ignored" under "exactly-once" seed 0 shows "aborted-read";
    a_lost_marker_shows: "marker-lost" under "exactly-once" seed 0 shows "torn-transaction";
    forgotten_offsets_show: "offsets-forgotten" under "at-most-once" seed 0 shows "reprocessed";
    a_partition_with_two_owners_shows: "revocation-skipped" under "idempotent" seed 2 shows "zombie-commit";
    a_sequence_forgotten_at_the_roll_shows: "sequence-forgotten-at-roll" under "idempotent" seed 0 shows "duplicate";
    an_order_that_nobody_kept_shows: "sequence-forgotten-at-roll" under "idempotent" seed 0 shows "nonmonotonic-send";
    what_never_became_visible_shows: "marker-lost" under "exactly-once" seed 0 shows "unseen";
}

caught! { QUIET:
    a_skipped_head_of_a_segment_shows: "segment-head-skipped" under "at-least-once" seed 0 shows "lost-write";
    an_assignment_for_all_shows: "leaders-assignment-for-all" under "idempotent" seed 0 shows "split-ownership";
    another_partitions_records_show: "first-partition-served" under "at-least-once" seed 0 shows "phantom";
    too_long_an_aborted_index_shows: "aborted-index-unbounded" under "exactly-once" seed 0 shows "poll-skip";
    an_end_that_is_out_of_range_shows: "end-out-of-range" under "at-least-once" seed 0 shows "nonmonotonic-poll";
}

caught! { THREE:
    a_follower_that_drops_epochs_shows: "follower-epoch-unstamped" under "idempotent" seed 0 shows "diverged-replicas";
}

/// Chance has its part in a delivery, as it has in a broken broker: which request a kill meets is not the seed's to say. One delivery that
/// shows the anomaly is proof, and a right broker never shows it.
const DELIVERIES: u32 = 12;

fn is_caught(how: &[&str], mutant: &str, semantics: &str, seed: u32, anomaly: &str) {
    let mut passed = String::new();
    for seed in seed..seed + DELIVERIES {
        let seed = seed.to_string();
        let what = ["--mutant", mutant, "--semantics", semantics, "--seed", &seed];
        let (code, said) = deliver(&[how, &what].concat());
        if code == Some(1) && is_shown(anomaly, &said) {
            assert!(said.contains(&format!("{anomaly}: ")), "without a proof: {said}");
            return;
        }
        passed.push_str(&said);
    }
    panic!("{mutant} never shows {anomaly}: {passed}");
}

fn is_shown(anomaly: &str, said: &str) -> bool {
    let broken = said.lines().filter(|line| line.starts_with("BROKEN"));
    broken
        .filter_map(|line| line.split_whitespace().nth(2))
        .any(|name| name == anomaly)
}

fn deliver(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("deliver")
        .args(arguments)
        .output()
        .expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_mutant_that_does_not_exist_is_a_wrong_usage() {
    let (code, said) = deliver(&["--mutant", "no-such", "--semantics", "idempotent"]);
    assert_eq!((code, said.contains("no-such")), (Some(2), true), "{said}");
}
