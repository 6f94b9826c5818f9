//! A log opened again: after a clean stop, after a crash, after damage.

use proptest::prelude::*;

use super::super::recover;
use super::*;

/// What must be the same after a restart that lost nothing.
pub(super) fn durable(log: &Log) -> Log {
    let mut log = log.clone();
    log.recovery_point = Offset(0);
    log.segments.iter_mut().for_each(|segment| segment.created_ms = 0);
    // A stop writes the largest timestamp of the last segment into its index.
    log.active_mut().sealed();
    log.producers.reopened();
    log
}

pub(super) fn sent() -> impl Strategy<Value = Sent> {
    let values = prop::collection::vec("[a-z]{0,40}", 1..6);
    let codec = prop::sample::select(CODECS.to_vec());
    (values, codec, prop::option::of(0i64..3), 0i64..5_000).prop_map(|(values, codec, producer, age)| {
        let samples = values.iter().map(|value| sample(NOW.unix_ms - age, value)).collect();
        Sent {
            samples,
            codec,
            producer: producer.map(|id| (id, 0, 0)),
        }
    })
}

/// Appends them all, sequences counted on.
pub(super) fn fill(bench: &mut Bench, all: &[Sent]) {
    let mut next = [0; 3];
    for sent in all {
        let mut sent = sent.clone();
        if let Some((id, _, sequence)) = &mut sent.producer {
            *sequence = next[*id as usize];
            next[*id as usize] += sent.samples.len() as i32;
        }
        bench.produce(&sent.bytes()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_log_replayed_after_a_crash_is_the_log_that_was_written(all in prop::collection::vec(sent(), 0..40)) {
        let mut bench = Bench::new(small_segments());
        fill(&mut bench, &all);
        let again = Bench::on(bench.store.clone(), small_segments());
        prop_assert_eq!(durable(again.log()), durable(bench.log()));
    }

    #[test]
    fn a_log_opened_after_a_clean_stop_is_the_log_that_was_closed(all in prop::collection::vec(sent(), 0..40)) {
        let mut bench = Bench::new(small_segments());
        fill(&mut bench, &all);
        bench.node.close_logs().unwrap();
        let mut again = Bench::on(bench.store.clone(), small_segments());
        // A snapshot keeps one batch of each producer, as Kafka's does.
        let forget = |log: &Log| {
            let mut log = durable(log);
            let snapshot = crate::log::snapshot::from_bytes(&crate::log::snapshot::to_bytes(&log.producers));
            log.producers = snapshot.unwrap();
            log.segments.iter_mut().for_each(|segment| segment.first_timestamp = None);
            log
        };
        let (mut found, mut closed) = (forget(again.log()), forget(bench.log()));
        let sealed = found.segments.len() - 1;
        for log in [&mut found, &mut closed] {
            log.segments[..sealed].iter_mut().for_each(|segment| segment.since_entry = 0);
        }
        prop_assert_eq!(found, closed);
        prop_assert_eq!(again.log().recovery_point(), again.log().log_end());
        prop_assert!(again.produce(&Sent::new(&["more"]).bytes()).is_ok());
        let third = Bench::on(bench.store.clone(), small_segments());
        prop_assert_eq!(third.log().log_end(), again.log().log_end());
    }

    #[test]
    fn damage_anywhere_in_a_segment_leaves_a_prefix(
        all in prop::collection::vec(sent(), 1..30),
        segment in any::<prop::sample::Index>(),
        position in any::<prop::sample::Index>(),
        damage in prop_oneof![(1u8..).prop_map(Some), Just(None)],
        tail in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut bench = Bench::new(small_segments());
        fill(&mut bench, &all);
        let whole = bench.batches();
        let segment = segment.get(bench.log().segments()).file();
        {
            let mut store = bench.store.lock();
            let bytes = store.file_mut("t-0", &segment).unwrap();
            let position = position.index(bytes.len());
            match damage {
                Some(flip) => bytes[position] ^= flip,
                None => {
                    bytes.truncate(position);
                    bytes.extend(tail);
                }
            }
        }
        let mut again = Bench::on(bench.store.clone(), small_segments());
        let left = again.batches();
        // Base offset and leader epoch lie outside the checksum.
        let same = left.iter().zip(&whole).all(|(a, b)| a.1 == b.1 && a.0.crc == b.0.crc);
        prop_assert!(left.len() <= whole.len() && same);
        prop_assert_eq!(again.log().check(), Ok(()));
        prop_assert!(again.produce(&Sent::new(&["more"]).bytes()).is_ok());
        let third = Bench::on(bench.store.clone(), small_segments());
        prop_assert_eq!(third.log().log_end(), again.log().log_end());
    }

    #[test]
    fn damaged_indexes_snapshots_and_checkpoints_cost_no_record(
        all in prop::collection::vec(sent(), 1..30),
        garbage in prop::collection::vec(any::<u8>(), 0..60),
        clean in any::<bool>(),
        missing in any::<bool>(),
    ) {
        let mut bench = Bench::new(small_segments());
        fill(&mut bench, &all);
        if clean {
            bench.node.close_logs().unwrap();
        }
        {
            let mut store = bench.store.lock();
            for (file, _) in store.files("t-0").unwrap() {
                if !file.ends_with(".log") && missing {
                    store.remove("t-0", &file).unwrap();
                } else if !file.ends_with(".log") {
                    *store.file_mut("t-0", &file).unwrap() = garbage.clone();
                }
            }
        }
        let again = Bench::on(bench.store.clone(), small_segments());
        prop_assert_eq!(again.batches(), bench.batches());
        prop_assert_eq!(again.log().log_end(), bench.log().log_end());
    }
}

#[test]
fn a_resend_is_known_after_a_crash_and_after_a_clean_stop() {
    for clean in [false, true] {
        let mut bench = Bench::new(small_segments());
        for sequence in 0..30 {
            bench.produce(&Sent::new(&["x"]).by(5, 0, sequence).bytes()).unwrap();
        }
        if clean {
            bench.node.close_logs().unwrap();
        }
        let mut again = Bench::on(bench.store.clone(), small_segments());
        let resent = again.produce(&Sent::new(&["x"]).by(5, 0, 29).bytes()).unwrap();
        assert_eq!(
            (offsets(&resent), again.log().log_end()),
            ((29, 29), at(30)),
            "clean: {clean}"
        );
        assert_eq!(
            again.error(&Sent::new(&["x"]).by(5, 0, 31).bytes()),
            Some(ErrorCode::OutOfOrderSequenceNumber)
        );
    }
}

#[test]
fn an_aborted_transaction_is_known_after_a_restart() {
    for clean in [false, true] {
        let mut bench = Bench::new(small_segments());
        bench
            .produce(&Sent::new(&["b"]).by(4, 0, 0).forged(|h| h.attributes |= 0x10))
            .unwrap();
        bench.end_transaction(4, TransactionResult::Abort);
        bench
            .produce(&Sent::new(&["c"]).by(4, 0, 1).forged(|h| h.attributes |= 0x10))
            .unwrap();
        if clean {
            bench.node.close_logs().unwrap();
        }
        let again = Bench::on(bench.store.clone(), small_segments());
        assert_eq!(again.log().aborted(at(0), at(3)).len(), 1);
        assert_eq!(again.log().last_stable_offset(), at(2), "clean: {clean}");
    }
}

#[test]
fn a_checkpoint_ahead_of_the_log_is_not_believed() {
    let mut bench = Bench::new(small_segments());
    bench.produce(&Sent::new(&["a"]).bytes()).unwrap();
    bench.node.close_logs().unwrap();
    {
        let mut store = bench.store.lock();
        store.remove("", super::super::checkpoint::CLEAN_SHUTDOWN).unwrap();
        store
            .replace("", super::super::checkpoint::RECOVERY_POINTS, b"0\n1\nt 0 900\n")
            .unwrap();
        store
            .replace("", super::super::checkpoint::LOG_STARTS, b"0\n1\nt 0 800\n")
            .unwrap();
    }
    let again = Bench::on(bench.store.clone(), small_segments());
    assert_eq!((again.log().log_end(), again.log().recovery_point()), (at(1), at(1)));
}

#[test]
fn producers_of_deleted_records_are_forgotten_with_a_restart_as_by_kafka() {
    for clean in [false, true] {
        let mut bench = Bench::new(small_segments());
        let resend = Sent::new(&["x"]).by(5, 0, 0).bytes();
        bench.produce(&resend).unwrap();
        bench.node.delete_records(&[(bench.tp.clone(), None)], NOW);
        assert_eq!(offsets(&bench.produce(&resend).unwrap()), (0, 0));
        if clean {
            bench.node.close_logs().unwrap();
        }
        let mut again = Bench::on(bench.store.clone(), small_segments());
        assert_eq!(offsets(&again.produce(&resend).unwrap()), (1, 1), "clean: {clean}");
    }
}

#[test]
fn of_each_producer_only_the_last_batch_is_known_after_a_restart_as_in_kafka() {
    for clean in [false, true] {
        let mut bench = Bench::new(TopicConfig::default());
        let [first, second] = [0, 1].map(|sequence| Sent::new(&["x"]).by(5, 0, sequence).bytes());
        bench.produce(&first).unwrap();
        bench.produce(&second).unwrap();
        assert_eq!(offsets(&bench.produce(&first).unwrap()), (0, 0));
        if clean {
            bench.node.close_logs().unwrap();
        }
        let mut again = Bench::on(bench.store.clone(), TopicConfig::default());
        assert_eq!(offsets(&again.produce(&second).unwrap()), (1, 1), "clean: {clean}");
        assert_eq!(
            again.error(&first),
            Some(ErrorCode::OutOfOrderSequenceNumber),
            "clean: {clean}"
        );
    }
}

#[test]
fn a_full_segment_is_rolled_before_the_producer_is_looked_at_as_in_kafka() {
    let config = || TopicConfig {
        segment_bytes: 100,
        ..TopicConfig::default()
    };
    let mut bench = Bench::new(config());
    bench.produce(&Sent::new(&["x"]).by(5, 0, 0).bytes()).unwrap();
    let gap = Sent::new(&["x"]).by(5, 0, 7).bytes();
    assert_eq!(bench.error(&gap), Some(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(bench.error(&gap), Some(ErrorCode::OutOfOrderSequenceNumber));
    let bases = |bench: &Bench| {
        bench
            .log()
            .segments()
            .iter()
            .map(|segment| segment.base)
            .collect::<Vec<_>>()
    };
    assert_eq!(bases(&bench), [at(0), at(1)], "an empty segment is not rolled again");
    let mut again = Bench::on(bench.store.clone(), config());
    assert_eq!(bases(&again), [at(0), at(1)]);
    assert_eq!(
        offsets(&again.produce(&Sent::new(&["y"]).by(5, 0, 1).bytes()).unwrap()),
        (1, 1)
    );
}

#[test]
fn a_deleted_log_keeps_its_files_for_a_while_under_another_name() {
    let mut bench = Bench::new(TopicConfig::default());
    bench.produce(&Sent::new(&["a"]).bytes()).unwrap();
    let tp = bench.tp.clone();
    bench.node.delete_log(&tp, NOW);
    let ours = |bench: &Bench| {
        let directories = bench.store.directories().unwrap();
        directories
            .into_iter()
            .filter(|name| name.starts_with("t-0"))
            .collect::<Vec<_>>()
    };
    let discarded = format!("t-0.{}-delete", "07".repeat(16));
    assert_eq!(ours(&bench), [discarded]);
    let later = |ms| Now {
        unix_ms: NOW.unix_ms + ms,
        monotonic_ms: NOW.monotonic_ms + ms,
    };
    assert!(
        bench
            .node
            .next_deadline()
            .is_some_and(|deadline| deadline <= NOW.plus_ms(60_000))
    );
    bench.node.tick(later(59_999));
    assert_eq!(ours(&bench).len(), 1);
    bench.node.tick(later(60_000));
    assert_eq!(ours(&bench), Vec::<String>::new());
}

#[test]
fn records_of_an_old_format_are_refused_and_not_cut_off() {
    let mut bench = Bench::new(TopicConfig::default());
    bench.produce(&Sent::new(&["a"]).bytes()).unwrap();
    bench.node.close_logs().unwrap();
    let file = bench.log().segments()[0].file();
    let mut store = bench.store.clone();
    store
        .append(
            "t-0",
            &file,
            &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 14, 9, 9, 9, 9, 1], &[0; 9]],
        )
        .unwrap();
    let opening = recover::Opening {
        clean: true,
        recovery_point: at(1),
        log_start: None,
        high_watermark: None,
    };
    let opened = recover::open(
        &mut store,
        "t-0",
        TopicId([7; 16]),
        TopicConfig::default(),
        opening,
        NOW,
    );
    assert!(opened.is_err_and(|error| error.reason.contains("magic 1")));
}
