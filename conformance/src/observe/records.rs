//! Records and batches as lines. Where a batch starts and ends is the broker's affair; its records are not.

use super::symbols::{Symbols, bytes_text, quote};
use crate::records::{Batch, ReadRecord};

/// One line a record: `0 key=k value=v ts=… headers=[h:x]`; what is null or of the run's own time is left out.
pub fn record_lines(batches: &[Batch], symbols: &mut Symbols) -> Vec<String> {
    batches.iter().flat_map(|batch| lines_of(batch, symbols)).collect()
}

/// One line a batch: its offsets and the facts of its header that differ from a plain batch's.
pub fn batch_lines(batches: &[Batch], symbols: &mut Symbols) -> Vec<String> {
    batches.iter().map(|batch| header_line(batch, symbols)).collect()
}

fn lines_of(batch: &Batch, symbols: &mut Symbols) -> Vec<String> {
    match &batch.records {
        Err(why) => vec![format!("{} unreadable: {why}", batch.base_offset)],
        Ok(records) if batch.is_control() => records.iter().map(marker_line).collect(),
        Ok(records) => records.iter().map(|record| record_line(record, symbols)).collect(),
    }
}

fn record_line(record: &ReadRecord, symbols: &Symbols) -> String {
    let mut line = record.offset.to_string();
    if let Some(key) = &record.key {
        line += &format!(" key={}", shown(key, symbols));
    }
    line += &match &record.value {
        Some(value) => format!(" value={}", shown(value, symbols)),
        None => " value=null".to_owned(),
    };
    let time = symbols.time(record.timestamp);
    if time != "now" {
        line += &format!(" ts={time}");
    }
    if !record.headers.is_empty() {
        let header = |(name, value): &(String, Option<Vec<u8>>)| {
            let value = value
                .as_deref()
                .map_or_else(|| "null".to_owned(), |value| shown(value, symbols));
            format!("{}:{value}", quote(name))
        };
        line += &format!(
            " headers=[{}]",
            record.headers.iter().map(header).collect::<Vec<_>>().join(", ")
        );
    }
    line
}

fn shown(bytes: &[u8], symbols: &Symbols) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => bytes_text(symbols.names.plain(text).as_bytes()),
        Err(_) => bytes_text(bytes),
    }
}

/// The key of a marker is version and type, its value version and coordinator epoch.
fn marker_line(record: &ReadRecord) -> String {
    let kind = match record.key.as_deref() {
        Some([_, _, 0, 0]) => "abort".to_owned(),
        Some([_, _, 0, 1]) => "commit".to_owned(),
        Some(other) => bytes_text(other),
        None => "null".to_owned(),
    };
    format!("{} marker={kind}", record.offset)
}

fn header_line(batch: &Batch, symbols: &mut Symbols) -> String {
    let last = batch.base_offset + i64::from(batch.last_offset_delta);
    let mut line = format!(
        "batch {}..{last} count={} codec={}",
        batch.base_offset,
        batch.count,
        batch.codec().name()
    );
    let mut fact = |name: &str, value: String, default: &str| {
        if value != default {
            line += &format!(" {name}={value}");
        }
    };
    fact("magic", batch.magic.to_string(), "2");
    fact("leader-epoch", batch.leader_epoch.to_string(), "0");
    fact("producer", symbols.producer(batch.producer_id), "-1");
    fact("epoch", batch.producer_epoch.to_string(), "-1");
    fact("seq", batch.base_sequence.to_string(), "-1");
    fact("base-ts", symbols.time(batch.base_timestamp), "now");
    fact("max-ts", symbols.time(batch.max_timestamp), "now");
    fact("append-time", batch.has_append_time().to_string(), "false");
    fact("transactional", batch.is_transactional().to_string(), "false");
    fact("control", batch.is_control().to_string(), "false");
    fact("delete-horizon", batch.has_delete_horizon().to_string(), "false");
    fact(
        "crc",
        if batch.crc_holds { "holds" } else { "wrong" }.to_owned(),
        "holds",
    );
    line
}
