//! Logs as they lie on disk.

use std::fs;
use std::path::{Path, PathBuf};

/// The batches of a partition, over all its segments.
pub(crate) fn bytes(data: &Path, partition: &str) -> Vec<u8> {
    let read = |path: PathBuf| fs::read(path).expect("a segment");
    segments(data, partition).into_iter().flat_map(read).collect()
}

fn segments(data: &Path, partition: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join(partition)).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "log"));
    paths.sort();
    paths
}

/// The base offset of each batch.
pub(crate) fn offsets(log: &[u8]) -> Vec<i64> {
    batches(log).map(base_offset).collect()
}

/// The bytes from the batch at this offset on.
pub(crate) fn from(log: &[u8], offset: i64) -> &[u8] {
    let before = batches(log).take_while(|batch| base_offset(batch) < offset);
    &log[before.map(<[u8]>::len).sum()..]
}

/// How many batches are transactions' markers.
pub(crate) fn markers(log: &[u8]) -> usize {
    const CONTROL: u8 = 0x20;
    batches(log).filter(|batch| batch[22] & CONTROL != 0).count()
}

/// Appends what a leader has written that died before anybody had it: the first batch again, behind the last, in its epoch.
pub(crate) fn append_unreplicated(data: &Path, partition: &str) {
    let path = segments(data, partition).pop().expect("a segment");
    let mut log = fs::read(&path).expect("a segment");
    let last = batches(&log).last().expect("a batch");
    let (epoch, end) = (last[12..16].to_vec(), base_offset(last) + last_delta(last) + 1);
    let mut batch = batches(&log).next().expect("a batch").to_vec();
    // Neither of them is under the CRC.
    batch[..8].copy_from_slice(&end.to_be_bytes());
    batch[12..16].copy_from_slice(&epoch);
    log.extend(batch);
    fs::write(path, log).expect("written");
}

fn batches(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = log;
    std::iter::from_fn(move || {
        let length = rest.get(8..12)?;
        let size = 12 + u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        let (batch, behind) = rest.split_at_checked(size)?;
        rest = behind;
        Some(batch)
    })
}

fn base_offset(batch: &[u8]) -> i64 {
    i64::from_be_bytes(batch[..8].try_into().expect("eight bytes"))
}

fn last_delta(batch: &[u8]) -> i64 {
    i64::from(i32::from_be_bytes(batch[23..27].try_into().expect("four bytes")))
}
