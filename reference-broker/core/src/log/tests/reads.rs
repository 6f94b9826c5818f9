//! What a reader finds: offsets, times, epochs.

use super::super::read::{Limit, ReadError};
use super::*;
use crate::store::memory::MemoryStore;

fn limit(bytes: usize) -> Limit {
    Limit {
        bytes,
        at_least_one: true,
    }
}

impl Bench {
    /// Base offset and length of what a read gives.
    fn read(&self, from: i64, bytes: usize) -> Option<(i64, usize)> {
        let log = self.log();
        let found = log.read(&self.store, at(from), log.log_end(), limit(bytes)).unwrap();
        found.span.map(|span| (found.place.offset.0, span.length))
    }
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset() {
    let mut bench = Bench::new(small_segments());
    for _ in 0..40 {
        bench.produce(&Sent::new(&["a", "b", "c"]).bytes()).unwrap();
    }
    assert!(bench.log().segments().len() > 3);
    for offset in 0..120 {
        let (base, _) = bench.read(offset, 1).unwrap();
        assert_eq!(base, offset / 3 * 3, "offset {offset}");
    }
    assert_eq!(bench.read(120, 1), None);
    let beyond = bench.log().read(&bench.store, at(121), at(120), limit(1));
    assert_eq!(beyond.unwrap_err(), ReadError::OutOfRange);
}

#[test]
fn the_batch_appended_last_is_found_without_a_look_into_its_file() {
    let mut bench = Bench::new(TopicConfig::default());
    let bytes = Sent::new(&["a", "b"]).bytes();
    for _ in 0..4 {
        bench.produce(&bytes).unwrap();
    }
    let nothing = MemoryStore::default();
    let read = |from| bench.log().read(&nothing, at(from), at(8), limit(1 << 20));
    for from in [6, 7] {
        let found = read(from).unwrap();
        assert_eq!(
            Some(found),
            bench.log().read(&bench.store, at(from), at(8), limit(1 << 20)).ok()
        );
    }
    assert!(matches!(read(5), Err(ReadError::Store(_))));
}

#[test]
fn one_batch_comes_whole_and_more_are_cut_at_the_limit() {
    let mut bench = Bench::new(TopicConfig::default());
    let bytes = Sent::new(&["a", "b"]).bytes();
    for _ in 0..4 {
        bench.produce(&bytes).unwrap();
    }
    assert_eq!(bench.read(0, 1), Some((0, bytes.len())));
    assert_eq!(bench.read(3, bytes.len() + 10), Some((2, bytes.len() + 10)));
    assert_eq!(bench.read(0, 1 << 20), Some((0, bytes.len() * 4)));
    let strict = Limit {
        bytes: bytes.len() - 1,
        at_least_one: false,
    };
    assert!(
        bench
            .log()
            .read(&bench.store, at(0), at(8), strict)
            .unwrap()
            .first_incomplete
    );
}

#[test]
fn a_time_finds_the_first_record_that_is_not_older_inside_any_batch() {
    for codec in CODECS {
        let mut bench = Bench::new(small_segments());
        for start in (0..200).step_by(4) {
            let start = start * 10;
            bench
                .produce(
                    &Sent::at(&[start, start + 25, start + 5, start + 30])
                        .codec(codec)
                        .bytes(),
                )
                .unwrap();
        }
        let all: Vec<i64> = (0..200)
            .step_by(4)
            .flat_map(|n| [0, 25, 5, 30].map(|d| n * 10 + d))
            .collect();
        for asked in (0..2_100).step_by(7) {
            let slow = all.iter().position(|time| *time >= asked).map(|offset| offset as i64);
            let found = bench.log().first_at_or_after(&bench.store, asked).unwrap();
            assert_eq!(found.map(|found| found.offset.0), slow, "{codec:?} {asked}");
        }
        let newest = bench.log().newest(&bench.store).unwrap().unwrap();
        assert_eq!((newest.offset.0, newest.timestamp), (199, 1_990));
    }
}

#[test]
fn the_newest_record_is_found_wherever_it_stands() {
    let mut bench = Bench::new(small_segments());
    assert_eq!(bench.log().newest(&bench.store).unwrap(), None);
    for start in 0..60 {
        let peak = if start == 17 { 9_000 } else { start };
        bench.produce(&Sent::at(&[start, peak, start]).bytes()).unwrap();
    }
    let newest = bench.log().newest(&bench.store).unwrap().unwrap();
    assert_eq!((newest.offset.0, newest.timestamp), (17 * 3 + 1, 9_000));
}

#[test]
fn deleted_records_are_out_of_range_and_the_batch_around_the_start_is_still_whole() {
    let mut bench = Bench::new(TopicConfig::default());
    bench.produce(&Sent::new(&["a", "b", "c"]).bytes()).unwrap();
    let delete = |bench: &mut Bench, before| {
        let asked = [(bench.tp.clone(), before)];
        bench.node.delete_records(&asked, NOW).remove(0)
    };
    assert_eq!(delete(&mut bench, Some(at(4))), Err(ErrorCode::OffsetOutOfRange));
    assert_eq!(delete(&mut bench, Some(at(2))), Ok(at(2)));
    assert_eq!(delete(&mut bench, Some(at(1))), Ok(at(2)));
    assert_eq!(bench.read(2, 1).map(|(base, _)| base), Some(0));
    assert!(bench.log().read(&bench.store, at(1), at(3), limit(1)).is_err());
    assert_eq!(
        bench
            .log()
            .first_at_or_after(&bench.store, 0)
            .unwrap()
            .map(|found| found.offset),
        Some(at(2))
    );
    assert_eq!(delete(&mut bench, None), Ok(at(3)));
    let again = Bench::on(bench.store.clone(), TopicConfig::default());
    assert_eq!(
        (again.log().log_start(), again.log().log_end()),
        (at(3), at(3)),
        "also after a crash"
    );
}

#[test]
fn a_coordinators_records_come_back_with_keys_and_values() {
    let mut bench = Bench::new(TopicConfig::default());
    let tp = bench.tp.clone();
    let records = [
        (Some(Bytes::from_static(b"k1")), None),
        (None, Some(Bytes::from_static(b"v2"))),
    ];
    assert_eq!(bench.node.append_records(&tp, &records, NOW), Ok(at(1)));
    assert_eq!(bench.node.append_records(&tp, &records[..1], NOW), Ok(at(2)));
    let mut seen = Vec::new();
    bench
        .node
        .read_records(&tp, at(1), &mut |offset, key, value, _| {
            seen.push((offset.0, key, value))
        })
        .unwrap();
    assert_eq!(
        seen,
        [
            (1, None, Some(Bytes::from_static(b"v2"))),
            (2, Some(Bytes::from_static(b"k1")), None)
        ]
    );
}
