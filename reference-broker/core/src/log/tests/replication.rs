//! A log that follows another: fed in chunks, cut, fed again, killed in the middle of being cut.

use proptest::prelude::*;

use super::recovery::{durable, fill, sent};
use super::*;

const EPOCH: LeaderEpoch = LeaderEpoch(9);

/// A leader that has led in several epochs and keeps transactions, one of them aborted and one open.
fn leader(all: &[Sent]) -> Bench {
    let mut bench = Bench::new(small_segments());
    fill(&mut bench, all);
    let transactional = |id, sequence| {
        let sent = Sent::new(&["in", "a", "transaction"]).by(id, 0, sequence);
        sent.forged(|header| header.attributes |= 0x10)
    };
    bench.produce(&transactional(7, 0)).unwrap();
    bench.produce(&transactional(8, 0)).unwrap();
    lead(&mut bench, LeaderEpoch(5));
    bench.end_transaction(7, TransactionResult::Abort);
    bench.produce(&Sent::new(&["last"]).bytes()).unwrap();
    bench
}

/// A broker that starts on a store and leads nothing.
fn following(store: &Shared) -> Bench {
    Bench::leading(store.clone(), small_segments(), LeaderEpoch(-1))
}

fn lead(bench: &mut Bench, epoch: LeaderEpoch) {
    let tp = bench.tp.clone();
    bench
        .node
        .create_log(&tp, TopicId([7; 16]), small_segments(), epoch, NOW)
        .unwrap();
}

/// All bytes of a log from an offset on.
fn bytes_from(bench: &Bench, from: Offset) -> Vec<u8> {
    let behind = |(header, records): &(BatchHeader, Vec<u8>)| {
        (header.last_offset() >= from).then(|| [&header.bytes()[..], records].concat())
    };
    bench.batches().iter().filter_map(behind).collect::<Vec<_>>().concat()
}

/// Fetches until the ends meet, no answer longer than its limit but for one batch.
fn follow(follower: &mut Bench, leader: &Bench, limits: &[usize]) {
    let tp = leader.tp.clone();
    let mut limits = limits.iter().cycle();
    while follower.log().log_end() < leader.log().log_end() {
        let rest = bytes_from(leader, follower.log().log_end());
        let first = BatchHeader::read(&rest).unwrap().size() as usize;
        let answer = rest[..rest.len().min(first.max(*limits.next().unwrap()))].to_vec();
        follower
            .node
            .append_replicated(&tp, &answer.into(), EPOCH, NOW)
            .unwrap();
    }
    follower
        .node
        .replicated(&tp, leader.log().high_watermark(), NOW)
        .unwrap();
}

/// What must be the same, but for what a log that was read anew has forgotten of its producers.
fn known(log: &Log) -> Log {
    let mut log = durable(log);
    log.leader_epoch = EPOCH;
    // It may be cut right where a segment began; that one stays, and is written to.
    if log.segments.len() > 1 && log.active().size == 0 {
        log.segments.pop();
    }
    // Of a segment that was loaded this is not known; nobody asks for it again.
    for segment in &mut log.segments {
        (segment.first_timestamp, segment.since_entry) = (None, 0);
    }
    log
}

fn limits() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..2_000, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn a_follower_fed_in_chunks_is_its_leader(all in prop::collection::vec(sent(), 0..40), limits in limits()) {
        let leader = leader(&all);
        let mut follower = following(&Shared::default());
        follow(&mut follower, &leader, &limits);
        prop_assert_eq!(follower.batches(), leader.batches());
        let (mut follows, mut leads) = (follower.log().clone(), leader.log().clone());
        for log in [&mut follows, &mut leads] {
            log.leader_epoch = EPOCH;
            log.recovery_point = at(0);
        }
        prop_assert_eq!(follows, leads);
    }

    #[test]
    fn a_follower_that_was_cut_and_fed_again_is_its_leader(
        all in prop::collection::vec(sent(), 0..40),
        own in prop::collection::vec(sent(), 0..10),
        cut in any::<prop::sample::Index>(),
        limits in limits(),
    ) {
        let leader = leader(&all);
        let mut follower = following(&Shared::default());
        follow(&mut follower, &leader, &limits);
        let shared = at(cut.index(leader.log().log_end().0 as usize + 1) as i64);
        // What it took in as a leader that nobody followed, and what it must give up.
        lead(&mut follower, LeaderEpoch(6));
        for sent in own {
            let _ = follower.produce(&Sent { producer: None, ..sent }.bytes());
        }
        let tp = leader.tp.clone();
        let end = follower.node.truncate_log(&tp, shared, NOW).unwrap();
        prop_assert!(end <= shared);
        prop_assert_eq!(follower.log().check(), Ok(()));
        let kept = leader.batches().into_iter().filter(|(header, _)| header.last_offset() < shared);
        prop_assert_eq!(follower.batches(), kept.collect::<Vec<_>>());
        follow(&mut follower, &leader, &limits);
        prop_assert_eq!(follower.batches(), leader.batches());
        prop_assert_eq!(known(follower.log()), known(leader.log()));
        let again = following(&follower.store);
        prop_assert_eq!(known(again.log()), known(leader.log()));
    }

    #[test]
    fn a_cut_that_a_crash_cuts_short_leaves_a_log(
        all in prop::collection::vec(sent(), 5..30),
        cut in any::<prop::sample::Index>(),
        restarts in any::<bool>(),
    ) {
        let leader = leader(&all);
        let tp = leader.tp.clone();
        let to = at(cut.index(leader.log().log_end().0 as usize) as i64);
        for writes in 0.. {
            let mut follower = following(&Shared::default());
            follow(&mut follower, &leader, &[500]);
            follower.node.close_logs().unwrap();
            let mut follower = following(&follower.store);
            follower.store.lock().writes_left = Some(writes);
            let done = match restarts {
                true => follower.node.restart_log(&tp, to, NOW),
                false => follower.node.truncate_log(&tp, to, NOW),
            };
            prop_assert_eq!(follower.log().is_offline(), done.is_err());
            follower.store.lock().writes_left = None;
            let mut again = following(&follower.store);
            prop_assert_eq!(again.log().check(), Ok(()));
            let left = again.batches();
            let first = left.first().map_or(0, |(header, _)| header.base_offset.0);
            prop_assert_eq!(first, 0);
            prop_assert_eq!(&left[..], &leader.batches()[..left.len()]);
            if !restarts {
                let whole = leader.batches().iter().filter(|(header, _)| header.last_offset() < to).count();
                prop_assert!(left.len() >= whole);
            }
            let epochs = again.log().epochs().entries().to_vec();
            prop_assert!(epochs.iter().all(|(_, start)| *start <= again.log().log_end()));
            if again.log().log_end() < leader.log().log_end() && again.log().log_start() == at(0) {
                follow(&mut again, &leader, &[500]);
                prop_assert_eq!(again.batches(), leader.batches());
                prop_assert_eq!(known(again.log()), known(leader.log()));
            }
            if done.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn a_log_that_begins_anew_elsewhere_is_empty_there() {
    for clean in [false, true] {
        let leader = leader(&[]);
        let mut follower = following(&Shared::default());
        follow(&mut follower, &leader, &[500]);
        let tp = leader.tp.clone();
        assert_eq!(follower.node.restart_log(&tp, at(100), NOW), Ok(at(100)));
        let stands = |bench: &Bench| {
            let log = bench.log();
            (
                log.log_start(),
                log.high_watermark(),
                log.log_end(),
                log.epochs().entries().to_vec(),
            )
        };
        assert_eq!(stands(&follower), (at(100), at(100), at(100), Vec::new()));
        assert!(follower.log().producers().is_empty());
        if clean {
            follower.node.close_logs().unwrap();
        }
        let again = following(&follower.store);
        assert_eq!(stands(&again).0, at(100), "clean: {clean}");
        assert_eq!(stands(&again).2, at(100), "clean: {clean}");
    }
}

#[test]
fn what_is_damaged_or_was_there_before_is_not_replicated() {
    let leader = leader(&[]);
    let tp = leader.tp.clone();
    let mut follower = following(&Shared::default());
    let bytes = bytes_from(&leader, at(0));
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut give = |bytes: &[u8]| {
        follower
            .node
            .append_replicated(&tp, &Bytes::copy_from_slice(bytes), EPOCH, NOW)
    };
    assert_eq!(give(&damaged), Err(ErrorCode::CorruptMessage));
    assert_eq!(give(&[0; 200]), Err(ErrorCode::CorruptMessage));
    assert_eq!(give(&bytes[..40]), Ok(at(0)));
    assert_eq!(give(&bytes), Ok(leader.log().log_end()));
    assert_eq!(give(&bytes), Err(ErrorCode::OffsetOutOfRange));
}

#[test]
fn batches_of_a_later_epoch_than_was_asked_in_are_left() {
    let leader = leader(&[]);
    let tp = leader.tp.clone();
    let mut follower = following(&Shared::default());
    let bytes = Bytes::from(bytes_from(&leader, at(0)));
    let end = follower.node.append_replicated(&tp, &bytes, LeaderEpoch(3), NOW);
    assert_eq!(end, Ok(at(6)));
    assert_eq!(follower.log().epochs().latest(), Some(LeaderEpoch(3)));
}
