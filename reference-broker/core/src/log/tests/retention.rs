//! What logs let go of, and what they must not.

use super::*;
use crate::log::Command;
use crate::log::append::Append;
use crate::machine::Machine;

const HOUR: i64 = 3_600_000;

fn hourly(config: TopicConfig) -> Bench {
    let mut bench = Bench::new(TopicConfig {
        segment_ms: HOUR / 2,
        ..config
    });
    for hour in (1..=5).rev() {
        bench.produce(&Sent::at(&[NOW.unix_ms - hour * HOUR]).bytes()).unwrap();
    }
    bench
}

/// An hour of the broker's life, in which retention looks at the log.
fn look(bench: &mut Bench) {
    let mut now = NOW;
    now.monotonic_ms += HOUR;
    bench.node.tick(now);
}

fn starts_at(bench: &Bench) -> (i64, i64) {
    (bench.log().log_start().0, bench.log().log_end().0)
}

#[test]
fn what_is_older_than_retention_ms_goes_and_the_start_is_written_down() {
    let mut bench = hourly(TopicConfig {
        retention_ms: 7 * HOUR / 2,
        ..TopicConfig::default()
    });
    look(&mut bench);
    assert_eq!(starts_at(&bench), (2, 5));
    let files = bench.store.files("t-0").unwrap();
    assert!(files.iter().any(|(name, _)| name == "00000000000000000001.log.deleted"));
    let again = Bench::on(bench.store.clone(), bench.log().config().clone());
    assert_eq!(starts_at(&again), (2, 5));
}

#[test]
fn a_log_that_has_wholly_expired_goes_on_at_its_end() {
    let mut bench = hourly(TopicConfig {
        retention_ms: 1,
        ..TopicConfig::default()
    });
    look(&mut bench);
    assert_eq!(starts_at(&bench), (5, 5));
    assert_eq!(offsets(&bench.produce(&Sent::new(&["a"]).bytes()).unwrap()), (5, 5));
    let again = Bench::on(bench.store.clone(), bench.log().config().clone());
    assert_eq!(starts_at(&again), (5, 6));
}

#[test]
fn no_more_goes_than_leaves_retention_bytes() {
    let mut bench = hourly(TopicConfig {
        retention_ms: -1,
        ..TopicConfig::default()
    });
    let size = bench.log().segments()[0].size as i64;
    for (limit, start) in [(5 * size, 0), (3 * size + 1, 1), (3 * size, 2), (0, 5)] {
        let config = TopicConfig {
            retention_bytes: limit,
            ..bench.log().config().clone()
        };
        bench.node.reconfigure_log(&bench.tp.clone(), config);
        let mut now = NOW;
        now.monotonic_ms += HOUR * (start + 1);
        bench.node.tick(now);
        assert_eq!(starts_at(&bench).0, start, "{limit}");
    }
}

#[test]
fn deleted_files_go_after_their_delay() {
    let mut bench = hourly(TopicConfig {
        retention_ms: 1,
        ..TopicConfig::default()
    });
    look(&mut bench);
    let mut now = NOW;
    now.monotonic_ms += HOUR + 60_000;
    bench.node.tick(now);
    let files = bench.store.files("t-0").unwrap();
    assert!(!files.iter().any(|(name, _)| name.ends_with(".deleted")), "{files:?}");
}

#[test]
fn full_segments_reach_the_disk_by_themselves_and_what_must_be_there_at_once_does() {
    let mut bench = hourly(TopicConfig::default());
    assert_eq!(bench.log().recovery_point(), at(0));
    let mut now = NOW;
    now.monotonic_ms += HOUR;
    while bench.node.next_deadline().is_some_and(|deadline| deadline.is_due(now)) {
        bench.node.tick(now);
    }
    assert_eq!(bench.log().recovery_point(), at(4));
    let config = TopicConfig {
        flush_messages: 1,
        ..bench.log().config().clone()
    };
    bench.node.reconfigure_log(&bench.tp.clone(), config);
    bench.produce(&Sent::new(&["a"]).bytes()).unwrap();
    assert_eq!(bench.log().recovery_point(), at(6));
}

#[test]
fn a_partition_whose_file_fails_is_out_of_service_alone_and_the_file_is_named() {
    let mut bench = hourly(TopicConfig::default());
    bench.store.lock().refuses_writes = true;
    assert_eq!(
        bench.error(&Sent::new(&["a"]).bytes()),
        Some(ErrorCode::KafkaStorageError)
    );
    bench.store.lock().refuses_writes = false;
    let told = bench.node.take_complaints();
    assert!(
        told.len() == 1 && told[0].contains(" t-0/00000000000000000004."),
        "{told:?}"
    );
    assert_eq!(
        bench.error(&Sent::new(&["a"]).bytes()),
        Some(ErrorCode::KafkaStorageError)
    );
    assert_eq!(bench.node.take_complaints(), Vec::<String>::new());
}

#[test]
fn what_waits_for_the_disk_is_seen_by_nobody_before_and_one_sync_serves_all_that_wait() {
    let config = TopicConfig {
        flush_messages: 1,
        ..TopicConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.node.flush_elsewhere();
    let promised = |bench: &mut Bench, value: &str| {
        bench.produce(&Sent::new(&[value]).bytes()).unwrap();
        let promises = bench.node.take_promises();
        assert_eq!(promises.len(), 1);
        promises[0].clone()
    };
    let (a, b) = (promised(&mut bench, "a"), promised(&mut bench, "b"));
    let flushes = bench.node.take_flushes();
    assert_eq!(flushes.len(), 1);
    let c = promised(&mut bench, "c");
    let settled = |bench: &Bench| [&a, &b, &c].map(|promise| bench.node.is_settled(promise));
    assert_eq!((settled(&bench), bench.log().high_watermark()), ([false; 3], at(0)));
    bench.node.flushed(&flushes[0], Ok(()), NOW);
    assert_eq!(
        (settled(&bench), bench.log().high_watermark()),
        ([true, true, false], at(2))
    );
    let flushes = bench.node.take_flushes();
    let failed = crate::store::StoreError {
        operation: "sync",
        path: flushes[0].files[0].1.clone(),
        reason: "the disk is gone".to_owned(),
    };
    bench.node.flushed(&flushes[0], Err(failed), NOW);
    assert!(bench.node.is_settled(&c) && !bench.node.is_kept(&c));
    assert_eq!(bench.log().high_watermark(), at(2));
    assert_eq!(
        bench.error(&Sent::new(&["d"]).bytes()),
        Some(ErrorCode::KafkaStorageError)
    );
}

#[test]
fn logs_with_a_jitter_begin_their_segments_at_different_times_and_none_late() {
    let ages: std::collections::BTreeSet<i64> = (0..20)
        .map(|other| {
            let config = TopicConfig {
                segment_ms: 100_000,
                segment_jitter_ms: 50_000,
                ..TopicConfig::default()
            };
            let mut log = Log::new(format!("t-{other}"), TopicId([7; 16]), config, NOW);
            let mut append = |timestamp: i64| {
                let batch = Sent::at(&[timestamp]).bytes();
                let command = Command::Append(Append::Client(Walked::new(&batch, 1 << 20)));
                let step = log.decide(command, NOW);
                step.changes.iter().for_each(|change| log.apply(change));
                log.segments().len()
            };
            append(NOW.unix_ms - 200_000);
            let rolls = |age: &i64| append(NOW.unix_ms - 200_000 + age) > 1;
            (0..=101_000).step_by(1_000).find(rolls).unwrap()
        })
        .collect();
    assert!(ages.len() > 5, "{ages:?}");
    assert!(
        ages.first() > Some(&50_000) && ages.last() <= Some(&101_000),
        "{ages:?}"
    );
}
