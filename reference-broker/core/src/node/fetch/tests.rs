//! Long polls, limits and sessions, as a reader sees them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::config::TopicConfig;
use crate::fetch::{Naming, SessionRequest};
use crate::log::tests::{Bench, NOW, Sent};

const ROOM: i32 = 1 << 20;

fn name(partition: i32) -> PartitionKey {
    PartitionKey {
        topic: TopicKey::Name("t".into()),
        partition,
    }
}

fn from(offset: i64) -> Interest {
    Interest {
        offset: Offset(offset),
        max_bytes: ROOM,
        leader_epoch: LeaderEpoch(-1),
        last_fetched_epoch: LeaderEpoch(-1),
        served: crate::fetch::Served::ByLeader,
        log_start: Offset(-1),
        high_watermark: Interest::ANY_HIGH_WATERMARK,
    }
}

/// A request without a session that waits up to half a second for one byte.
fn poll(partitions: &[(PartitionKey, Interest)]) -> FetchCommand {
    FetchCommand {
        session: SessionRequest {
            id: 0,
            epoch: -1,
            fresh_id: 99,
        },
        naming: Naming::Names,
        reader: Reader::Uncommitted,
        rack: None,
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: ROOM,
        partitions: partitions.to_vec(),
        forgotten: Vec::new(),
    }
}

fn later(ms: i64) -> Now {
    Now {
        unix_ms: NOW.unix_ms + ms,
        monotonic_ms: NOW.monotonic_ms + ms,
    }
}

fn at_once(reply: Reply<FetchOutcome>) -> FetchOutcome {
    match reply {
        Reply::Now(outcome) => outcome,
        Reply::Parked(_) => panic!("it was parked"),
    }
}

fn parked(reply: Reply<FetchOutcome>) -> Ticket {
    match reply {
        Reply::Parked(ticket) => ticket,
        Reply::Now(outcome) => panic!("it was answered: {outcome:?}"),
    }
}

impl Bench {
    fn fetch(&mut self, command: &FetchCommand) -> Reply<FetchOutcome> {
        self.node.fetch(command, NOW)
    }

    /// The tickets that were answered, with the bytes of each answer.
    fn answered(&mut self) -> Vec<(Ticket, usize)> {
        let size = |outcome: &FetchOutcome| outcome.partitions.iter().map(Fetched::size).sum();
        let released = self.node.take_released().into_iter();
        released
            .filter_map(|(ticket, released)| match released {
                Released::Fetch(outcome) => Some((ticket, size(&outcome))),
                _ => None,
            })
            .collect()
    }

    fn append(&mut self, values: &[&str]) -> usize {
        let bytes = Sent::new(values).bytes();
        self.produce(&bytes).unwrap();
        bytes.len()
    }
}

#[test]
fn a_poll_at_the_end_is_woken_by_the_append_that_brings_enough() {
    let mut bench = Bench::new(TopicConfig::default());
    let size = bench.append(&["a"]);
    let patient = FetchCommand {
        min_bytes: 2 * size as i32,
        ..poll(&[(name(0), from(1))])
    };
    let first = parked(bench.fetch(&poll(&[(name(0), from(1))])));
    let second = parked(bench.fetch(&patient));
    assert_eq!(bench.node.next_deadline(), Some(NOW.plus_ms(500)));
    bench.append(&["b"]);
    assert_eq!(bench.answered(), [(first, size)]);
    bench.append(&["c"]);
    assert_eq!(bench.answered(), [(second, 2 * size)]);
    bench.append(&["d"]);
    assert_eq!(bench.answered(), []);
}

#[test]
fn a_poll_gets_in_one_answer_what_was_appended_before_anybody_was_answered() {
    let mut bench = Bench::new(TopicConfig::default());
    let ticket = parked(bench.fetch(&poll(&[(name(0), from(0))])));
    let given_up = parked(bench.fetch(&poll(&[(name(0), from(0))])));
    let both = bench.append(&["a"]) + bench.append(&["b"]);
    bench.node.cancel_fetch(given_up);
    assert_eq!(bench.answered(), [(ticket, both)]);
    bench.node.tick(later(500));
    assert_eq!(bench.answered(), [], "nobody is answered twice");
}

#[test]
fn a_poll_ends_with_what_there_is_when_its_time_is_up() {
    let mut bench = Bench::new(TopicConfig::default());
    let size = bench.append(&["a"]);
    let patient = FetchCommand {
        min_bytes: 10_000,
        ..poll(&[(name(0), from(0))])
    };
    let ticket = parked(bench.fetch(&patient));
    bench.node.tick(later(499));
    assert_eq!(bench.answered(), []);
    bench.node.tick(later(500));
    assert_eq!(bench.answered(), [(ticket, size)]);
}

#[test]
fn a_poll_is_not_held_by_what_cannot_change() {
    let mut bench = Bench::new(TopicConfig {
        segment_bytes: 80,
        ..TopicConfig::default()
    });
    bench.append(&["a"]);
    bench.append(&["b"]);
    let patient = FetchCommand {
        min_bytes: 10_000,
        ..poll(&[(name(0), from(0))])
    };
    let outcome = at_once(bench.fetch(&patient));
    assert!(outcome.partitions[0].size() > 0, "the first segment will not grow");
    let out_of_range = at_once(bench.fetch(&poll(&[(name(0), from(3))])));
    assert_eq!(out_of_range.partitions[0].error, Some(ErrorCode::OffsetOutOfRange));
    assert!(at_once(bench.fetch(&poll(&[]))).partitions.is_empty());
    let hasty = FetchCommand {
        max_wait_ms: 0,
        ..poll(&[(name(0), from(2))])
    };
    assert_eq!(at_once(bench.fetch(&hasty)).partitions[0].error, None);
}

#[test]
fn a_partition_that_goes_away_ends_the_wait_for_it() {
    let mut bench = Bench::new(TopicConfig::default());
    let ticket = parked(bench.fetch(&poll(&[(name(0), from(0))])));
    let tp = bench.tp.clone();
    bench.node.delete_log(&tp, NOW);
    let (answered, released) = bench.node.take_released().remove(0);
    let Released::Fetch(outcome) = released else {
        panic!("not a fetch")
    };
    assert_eq!(
        (answered, outcome.partitions[0].error),
        (ticket, Some(ErrorCode::UnknownTopicOrPartition))
    );
}

#[test]
fn a_client_that_is_gone_leaves_nothing_behind() {
    let mut bench = Bench::new(TopicConfig::default());
    let ticket = parked(bench.fetch(&poll(&[(name(0), from(0))])));
    bench.node.cancel_fetch(ticket);
    bench.append(&["a"]);
    assert_eq!((bench.answered(), bench.node.fetch_deadline()), (Vec::new(), None));
}

#[test]
fn a_reader_of_committed_records_waits_for_the_marker() {
    let mut bench = Bench::new(TopicConfig::default());
    bench
        .produce(&Sent::new(&["x"]).by(4, 0, 0).forged(|h| h.attributes |= 0x10))
        .unwrap();
    let ticket = parked(bench.fetch(&FetchCommand {
        reader: Reader::Committed,
        ..poll(&[(name(0), from(0))])
    }));
    bench.append(&["y"]);
    assert_eq!(bench.answered(), []);
    bench.end_transaction(4, crate::log::producers::TransactionResult::Abort);
    let (answered, released) = bench.node.take_released().remove(0);
    let Released::Fetch(outcome) = released else {
        panic!("not a fetch")
    };
    let aborted = outcome.partitions[0].aborted.as_ref().unwrap();
    assert_eq!(
        (answered, aborted.len(), aborted[0].first_offset),
        (ticket, 1, Offset(0))
    );
}

#[test]
fn a_session_tells_what_is_new_and_counts_its_requests() {
    let mut bench = Bench::new(TopicConfig::default());
    bench.append(&["a"]);
    let session = |id, epoch, partitions: &[(PartitionKey, Interest)]| FetchCommand {
        session: SessionRequest {
            id,
            epoch,
            fresh_id: 99,
        },
        max_wait_ms: 0,
        ..poll(partitions)
    };
    let begun = at_once(bench.fetch(&session(0, 0, &[(name(0), from(1))])));
    let id = begun.session_id;
    assert!(id > 0 && begun.partitions.len() == 1);
    assert_eq!(at_once(bench.fetch(&session(id, 1, &[]))).partitions, []);
    assert_eq!(
        at_once(bench.fetch(&session(id, 1, &[]))).error,
        Some(ErrorCode::InvalidFetchSessionEpoch)
    );
    assert_eq!(
        at_once(bench.fetch(&session(id + 1, 2, &[]))).error,
        Some(ErrorCode::FetchSessionIdNotFound)
    );
    bench.append(&["b"]);
    let news = at_once(bench.fetch(&session(id, 2, &[])));
    assert_eq!((news.session_id, news.partitions.len()), (id, 1));
    let by_id = FetchCommand {
        naming: Naming::Ids,
        ..session(id, 3, &[])
    };
    assert_eq!(
        at_once(bench.fetch(&by_id)).error,
        Some(ErrorCode::FetchSessionTopicIdError)
    );
    let forgetful = FetchCommand {
        forgotten: vec![name(0)],
        ..session(id, 3, &[])
    };
    assert_eq!(at_once(bench.fetch(&forgetful)).session_id, 0);
    assert_eq!(
        at_once(bench.fetch(&session(id, 4, &[]))).error,
        Some(ErrorCode::FetchSessionIdNotFound)
    );
}
