//! The storm tells a wrong broker from a right one: these mutants break an invariant under some seed. The others of replication need
//! one story that chance seldom tells; replication_mutants.rs and controller_mutants.rs tell them.

#![cfg(feature = "mutants")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod invariants;
mod storm;
mod wire;

use std::panic::catch_unwind;

use broker_core::mutant::become_mutant;
use storm::storm;

/// The storms that a mutant is given.
const SEEDS: u64 = 30;

const CAUGHT: [&str; 7] = [
    "acknowledged-unreplicated",
    "isr-grown-unchecked",
    "min-insync-ignored",
    "reads-past-high-watermark",
    "stale-leader-serves",
    "truncation-skipped",
    "unclean-leader-elected",
];

#[test]
fn these_mutants_are_caught_by_a_storm() {
    assert!(become_mutant("validate-only-commits"), "it has no part in this");
    let right = storm(0).unwrap();
    assert!(
        right.acknowledged > 0 && right.elections > 0,
        "nothing in {:?}",
        right.simulated
    );
    for name in CAUGHT {
        assert!(become_mutant(name), "{name}");
        // An invariant of the log itself, checked at every change, stops the node.
        let is_caught = |seed| !matches!(catch_unwind(|| storm(seed)), Ok(Ok(_)));
        assert!((0..SEEDS).any(is_caught), "{name} is taken for right");
    }
}
