//! The case files and the lock of what was recorded agree, and every case has the answers of the baseline.

use std::path::Path;

use conformance::case::load_dir;
use conformance::record::{Lock, Place};

#[test]
fn every_case_has_the_answers_that_a_real_kafka_gave() {
    let place = Place::find(None, Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a checkout");
    let cases = load_dir(&place.cases).unwrap_or_else(|error| panic!("{error}"));
    let lock = Lock::load(&place.lock).unwrap_or_else(|error| panic!("{error}"));
    let disagreements = lock.disagreements(&cases);
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}
