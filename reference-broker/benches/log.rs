//! How fast a log is gone through: after a crash, and by compaction. In memory, so that what is measured is one core and not a disk.
//!
//! The rates to reach are 500 MB/s of an unclean log and 200 MB/s of the input of a round.

use std::hint::black_box;
use std::time::Duration;

use broker_core::config::TopicConfig;
use broker_core::log::Log;
use broker_core::log::build::Batch;
use broker_core::log::compaction::{Progress, Round};
use broker_core::log::recover::{self, Opening};
use broker_core::store::memory::MemoryStore;
use broker_core::units::{Now, Offset, TopicId};
use broker_core::{Machine, Store};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 0,
};
const LOG_BYTES: usize = 32 << 20;
const SEGMENT_BYTES: usize = 8 << 20;
/// What the broker does between two requests.
const SLICE_BYTES: usize = 256 << 10;
const KEY_BYTES: usize = 128 << 20;

/// A log of so many records a batch, each value of that size, each key ten times in it.
fn filled(value: usize, batch: usize) -> MemoryStore {
    let records = LOG_BYTES / (value + 20);
    let keys = (records / 10).max(1);
    // No two records are alike, and no codec is used: what is measured is going through them.
    let value = |n: usize| Bytes::from(format!("{n:0>value$}"));
    let record = |n: usize| (Some(Bytes::from(format!("key-{:08}", n % keys))), Some(value(n)));
    let mut store = MemoryStore::default();
    let (mut base, mut size) = (0, 0);
    for first in (0..records).step_by(batch) {
        let all: Vec<_> = (first..(first + batch).min(records)).map(record).collect();
        let mut batch = Batch::of(&all, NOW.unix_ms);
        batch.header.base_offset = Offset(first as i64);
        let bytes = batch.to_bytes();
        if size + bytes.len() > SEGMENT_BYTES {
            (base, size) = (first, 0);
        }
        size += bytes.len();
        let file = format!("{base:020}.log");
        store.append("t-0", &file, &[&bytes]).expect("memory");
    }
    store
}

fn opened(store: &mut MemoryStore) -> Log {
    let opening = Opening {
        clean: false,
        recovery_point: Offset(0),
        log_start: None,
        high_watermark: None,
    };
    let config = TopicConfig {
        compact: true,
        ..TopicConfig::default()
    };
    let opened = recover::open(store, "t-0", TopicId([1; 16]), config, opening, NOW).expect("a whole log");
    assert!(opened.damage.is_empty());
    opened.log
}

fn bytes_of(log: &Log) -> u64 {
    log.segments().iter().map(|segment| segment.size).sum()
}

/// One whole round, its copies put in place of what they were made from.
fn compacted(store: &mut MemoryStore, log: &mut Log) -> u64 {
    let plan = log.cleanable(&*store, None, NOW).expect("readable");
    let mut round = Round::new(log, plan, KEY_BYTES, NOW);
    let mut copied = 0;
    loop {
        match round.advance(log, store, SLICE_BYTES).expect("whole batches") {
            Progress::More => {}
            Progress::Copied(copy, end) => {
                copied += copy.size;
                log.apply(&broker_core::log::Change::SegmentsReplaced(copy, end));
            }
            Progress::Finished(_) => return copied,
        }
    }
}

fn recovery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recovery");
    for (name, value, batch) in [("batches of 16 KiB", 1024, 16), ("batches of one record", 100, 1)] {
        let mut store = filled(value, batch);
        group.throughput(Throughput::BytesDecimal(bytes_of(&opened(&mut store))));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(opened(&mut store))));
    }
    group.finish();
}

fn compaction(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compaction");
    for (name, value, batch) in [
        ("10:1, records of 1 KiB", 1024, 16),
        ("10:1, records of 100 bytes", 100, 100),
    ] {
        let mut store = filled(value, batch);
        let log = opened(&mut store);
        group.throughput(Throughput::BytesDecimal(bytes_of(&log)));
        let fresh = || (store.clone(), log.clone());
        let mut round = |(mut store, mut log): (MemoryStore, Log)| {
            let copied = compacted(&mut store, &mut log);
            assert!(copied > 0);
            (store, log)
        };
        group.bench_function(name, |bencher| {
            bencher.iter_batched(fresh, &mut round, BatchSize::PerIteration)
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = recovery, compaction
}
criterion_main!(benches);
