//! The stories of `controller.rs` tell a controller that is known to be wrong from one that is right. A process is one mutant
//! at a time, so that they are told one after the other, in a process of their own.
#![cfg(feature = "mutants")]

mod invariants;
mod world;

use broker_core::mutant::become_mutant;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use world::{World, story};

#[test]
fn controllers_that_are_known_to_be_wrong_are_caught() {
    for name in ["isr-grown-unchecked", "unclean-leader-elected"] {
        assert!(become_mutant(name), "{name}");
        let config = Config {
            cases: 1_000,
            failure_persistence: None,
            ..Config::default()
        };
        // The same stories each time: a mutant that is caught today is caught tomorrow.
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let told = runner.run(&story(), |(has_eligible_leaders, events)| {
            let told = World::tell(has_eligible_leaders, &events);
            told.map_err(proptest::test_runner::TestCaseError::fail)
        });
        assert!(told.is_err(), "{name} is not caught");
    }
}
