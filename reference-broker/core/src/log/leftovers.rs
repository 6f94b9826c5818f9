//! What a crash may leave in a log's directory besides whole segments: files on their way out go, and segments that compaction
//! had finished take the place of those that they were made from.

use std::ops::ControlFlow;

use super::compaction::{CLEANED, SWAP};
use super::read::scan_file;
use super::segment::{DELETED, SEGMENT_FILES, file_name, offset_in};
use crate::store::{Store, StoreError};
use crate::units::Offset;

/// Brings the directory into the state in which only whole segments are there.
pub(super) fn settle(store: &mut dyn Store, directory: &str) -> Result<(), StoreError> {
    let files = store.files(directory)?;
    let ends = |name: &str, suffix: &str| name.strip_suffix(suffix).is_some_and(|stem| stem.ends_with('.'));
    for (name, _) in files
        .iter()
        .filter(|(name, _)| ends(name, DELETED) || ends(name, CLEANED))
    {
        store.remove(directory, name)?;
    }
    let unfinished = files.iter().filter_map(|(name, _)| base_of(name, CLEANED)).min();
    let swaps = || {
        files
            .iter()
            .filter_map(|(name, size)| Some((name, *size, base_of(name, SWAP)?)))
    };
    for (name, size, base) in swaps() {
        if unfinished.is_some_and(|unfinished| base >= unfinished) {
            store.remove(directory, name)?;
        } else if *name == format!("{}.{SWAP}", file_name(base, "log")) {
            replace(store, directory, &files, base, size)?;
        }
    }
    for (name, ..) in swaps() {
        let whole = name
            .strip_suffix(SWAP)
            .and_then(|name| name.strip_suffix('.'))
            .unwrap_or(name);
        store.rename(directory, name, whole)?;
    }
    Ok(())
}

/// Removes the segments that a finished copy stands for.
fn replace(
    store: &mut dyn Store,
    directory: &str,
    files: &[(String, u64)],
    base: Offset,
    size: u64,
) -> Result<(), StoreError> {
    let log = format!("{}.{SWAP}", file_name(base, "log"));
    let end = end_of(store, directory, &log, base, size)?;
    for (name, _) in files {
        let segment = SEGMENT_FILES
            .iter()
            .filter(|suffix| **suffix != "snapshot")
            .find_map(|suffix| offset_in(name, suffix));
        if segment.is_some_and(|segment| segment >= base && segment < end) {
            store.remove(directory, name)?;
        }
    }
    Ok(())
}

/// The offset behind the last batch of a copy; its own name is not yet that of a segment.
fn end_of(store: &dyn Store, directory: &str, log: &str, base: Offset, size: u64) -> Result<Offset, StoreError> {
    let mut end = Offset(base.0 + 1);
    scan_file(store, directory, log, 0..size, &mut |_, header| {
        end = end.max(Offset(header.last_offset().0 + 1));
        ControlFlow::Continue(())
    })?;
    Ok(end)
}

fn base_of(name: &str, suffix: &str) -> Option<Offset> {
    let name = name.strip_suffix(suffix)?.strip_suffix('.')?;
    SEGMENT_FILES.iter().find_map(|suffix| offset_in(name, suffix))
}
