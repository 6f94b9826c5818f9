//! Whatever brokers and operators ask of a controller in whatever order, the cluster's metadata hold together.

mod invariants;
mod world;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use world::{World, story};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn the_metadata_hold_together_whatever_is_asked((has_eligible_leaders, events) in story()) {
        let told = World::tell(has_eligible_leaders, &events);
        prop_assert_eq!(told, Ok(()));
    }
}
