//! Simulation under a seeded storm. A failing seed is replayed by `SEEDS=N..M cargo test -p broker-core --test chaos`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "scripts/soak shows what the storms came to")]

mod invariants;
mod storm;
mod wire;

use std::ops::Range;
use std::time::{Duration, Instant};

use storm::storm;

/// Seeds that once failed stay.
const KEPT: [u64; 3] = [211, 423, 16_508];

fn seeds() -> Range<u64> {
    let asked = std::env::var("SEEDS").ok();
    let range = asked.as_deref().and_then(|text| text.split_once(".."));
    let parsed = range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.unwrap_or(0..12)
}

#[test]
fn whatever_goes_wrong_nothing_acknowledged_is_lost_and_all_agree_in_the_end() {
    let (mut acknowledged, mut elections, mut failed) = (0, 0, Vec::new());
    let (mut simulated, mut digest, began) = (Duration::ZERO, 0_u64, Instant::now());
    let seeds: Vec<u64> = KEPT.into_iter().chain(seeds()).collect();
    for seed in &seeds {
        match storm(*seed) {
            Ok(story) => {
                acknowledged += story.acknowledged;
                elections += story.elections;
                simulated += story.simulated;
                digest = digest.rotate_left(1) ^ story.digest.0;
            }
            Err(what) => failed.push(format!("seed {seed}: {what}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let each = seeds.len();
    let seconds = simulated.as_secs();
    let speed = simulated.div_duration_f64(began.elapsed());
    println!(
        "{each} storms of {seconds} simulated seconds, {speed:.0} a second: {acknowledged} batches acknowledged, {elections} leaders, digest {digest:016x}"
    );
    assert!(
        acknowledged > 50 * each && elections > 3 * each,
        "too little happened: {acknowledged} batches acknowledged and {elections} leaders in {each} storms"
    );
}

#[test]
fn the_same_seed_gives_the_same_story() {
    let (first, second) = (storm(1).unwrap(), storm(1).unwrap());
    assert_eq!(first, second);
    assert_ne!(first.digest, storm(2).unwrap().digest);
}
