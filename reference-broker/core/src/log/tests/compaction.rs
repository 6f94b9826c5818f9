//! Compacted logs: what a reader who knows the newest value of each key knows stays the same, also when the broker dies at
//! any write of a round.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn compacted() -> TopicConfig {
    TopicConfig {
        compact: true,
        delete: false,
        delete_retention_ms: 0,
        min_cleanable_millionths: 0,
        ..small_segments()
    }
}

/// From key to offset and value of its newest record; tombstones count as nothing.
fn newest(bench: &Bench) -> BTreeMap<Bytes, (i64, Bytes)> {
    let mut found = BTreeMap::new();
    let mut last = -1;
    bench
        .node
        .read_records(&bench.tp, at(0), &mut |offset, key, value, _| {
            assert!(offset.0 > last, "offsets increase");
            last = offset.0;
            let key = key.unwrap_or_default();
            match value {
                Some(value) => drop(found.insert(key, (offset.0, value))),
                None => drop(found.remove(&key)),
            }
        })
        .unwrap();
    found
}

fn records(bench: &Bench) -> usize {
    bench.batches().iter().map(|(header, _)| header.count as usize).sum()
}

/// Lets a round and what follows it happen; how many ticks that took.
fn compact(bench: &mut Bench) -> usize {
    let mut now = NOW;
    now.monotonic_ms += 60_000;
    for ticks in 0..10_000 {
        bench.node.tick(now);
        let rests = bench.node.next_deadline().is_none_or(|deadline| !deadline.is_due(now));
        if rests || bench.log().is_offline() {
            return ticks;
        }
    }
    panic!("compaction never rests");
}

fn sent() -> impl Strategy<Value = Sent> {
    let sample = ("[a-d]", prop::option::of("[a-z]{0,30}")).prop_map(|(key, value)| Sample {
        timestamp: NOW.unix_ms,
        key: Some(key.into_bytes()),
        value: value.map(String::into_bytes),
    });
    (
        prop::collection::vec(sample, 1..5),
        prop::sample::select(CODECS.to_vec()),
    )
        .prop_map(|(samples, codec)| Sent {
            samples,
            codec,
            producer: None,
        })
}

fn filled(all: &[Sent]) -> Bench {
    let mut bench = Bench::new(compacted());
    for sent in all {
        bench.produce(&sent.bytes()).unwrap();
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_newest_value_of_each_key_outlives_every_round(all in prop::collection::vec(sent(), 0..80)) {
        let mut bench = filled(&all);
        let (before, count) = (newest(&bench), records(&bench));
        let end = bench.log().log_end();
        compact(&mut bench);
        prop_assert_eq!(newest(&bench), before.clone());
        prop_assert!(records(&bench) <= count);
        prop_assert_eq!(bench.log().log_end(), end);
        let active = bench.log().segments().last().unwrap().base;
        let mut seen = BTreeMap::new();
        bench.node.read_records(&bench.tp, at(0), &mut |offset, key, _, _| {
            if offset < active {
                *seen.entry(key.unwrap()).or_insert(0) += 1;
            }
        }).unwrap();
        prop_assert!(seen.values().all(|times| *times == 1), "{:?}", seen);
        let again = Bench::on(bench.store.clone(), compacted());
        prop_assert_eq!(newest(&again), before);
    }

    #[test]
    fn a_round_may_be_cut_short_at_any_write(all in prop::collection::vec(sent(), 30..80), writes in 0usize..60) {
        let mut bench = filled(&all);
        let before = newest(&bench);
        bench.store.lock().writes_left = Some(writes);
        compact(&mut bench);
        bench.store.lock().writes_left = None;
        let mut again = Bench::on(bench.store.clone(), compacted());
        prop_assert_eq!(newest(&again), before.clone());
        let names = again.store.files("t-0").unwrap();
        prop_assert!(!names.iter().any(|(name, _)| name.ends_with(".swap") || name.ends_with(".cleaned") || name.ends_with(".deleted")), "{:?}", names);
        compact(&mut again);
        prop_assert_eq!(newest(&again), before);
    }
}

#[test]
fn a_damaged_batch_stops_compaction_of_its_log_and_loses_nothing() {
    let values: Vec<Sent> = (0..60).map(|n| Sent::new(&[&n.to_string()])).collect();
    let mut bench = filled(&values);
    let count = records(&bench);
    let base = bench.log().segments()[1].file();
    bench.store.lock().file_mut("t-0", &base).unwrap()[80] ^= 1;
    compact(&mut bench);
    assert_eq!(records(&bench), count);
    assert!(!bench.log().is_offline());
}

#[test]
fn aborted_records_go_and_their_marker_goes_after_them() {
    let mut bench = Bench::new(compacted());
    let in_transaction = |sequence| {
        Sent::new(&["x"])
            .by(9, 0, sequence)
            .forged(|header| header.attributes |= 0x10)
    };
    bench.produce(&in_transaction(0)).unwrap();
    bench.end_transaction(9, TransactionResult::Abort);
    for n in 0..40 {
        bench.produce(&Sent::new(&[&n.to_string()]).bytes()).unwrap();
    }
    compact(&mut bench);
    let first = bench.batches()[0].0;
    // The last batch of a producer that is known stays, without its records.
    assert_eq!((first.base_offset, first.count), (at(0), 0));
    let open = bench.log().aborted(at(0), at(2));
    assert_eq!(open.len(), 1);
    let again = Bench::on(bench.store.clone(), compacted());
    assert_eq!(again.log().last_stable_offset(), bench.log().log_end());
}

#[test]
fn a_log_shrinks_in_slices_between_which_requests_are_served() {
    let large = "x".repeat(900);
    let values: Vec<Sent> = (0..1_000).map(|_| Sent::new(&[&large])).collect();
    let mut bench = filled(&values);
    assert!(compact(&mut bench) > 6);
    assert!(records(&bench) < 10);
}
