//! What logs let go of, and what they must not.

use super::*;

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
    bench.store.0.lock().unwrap().refuses_writes = true;
    assert_eq!(
        bench.error(&Sent::new(&["a"]).bytes()),
        Some(ErrorCode::KafkaStorageError)
    );
    bench.store.0.lock().unwrap().refuses_writes = false;
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
