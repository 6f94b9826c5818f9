//! Files of a data directory as lines, as Kafka's DumpLogSegments tells them: what every field says, and whether checksums hold.
//! Which file it is, its name says; how far a file is filled with zeros that stand for nothing is not shown.

use std::fmt::Display;

use kafka_fixtures::codec::decode;
use kafka_fixtures::schema::{Message, Schemas};

use super::print::lines_of;
use super::records::{batch_lines, record_lines};
use super::symbols::Symbols;
use crate::records::{ReadRecord, read_all};

/// Bytes of an entry of each kind of index.
const OFFSET_ENTRY: usize = 8;
const TIME_ENTRY: usize = 12;
const ABORTED_ENTRY: usize = 34;

/// Whose records a log has, beyond bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// An application's.
    Plain,
    /// The group coordinator's.
    Offsets,
    /// The transaction coordinator's.
    Transactions,
}

/// The lines of a file with that name; None for a name that no file of Kafka's has.
pub fn file_lines(name: &str, bytes: &[u8], records: Records, symbols: &mut Symbols) -> Option<Vec<String>> {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    match name {
        "partition.metadata" => return Some(colon_lines(&text(), symbols)),
        "meta.properties" => return Some(property_lines(&text())),
        ".kafka_cleanshutdown" => return Some(vec![clean_stop(&text())]),
        "leader-epoch-checkpoint" => return Some(epoch_lines(&text())),
        _ if name.ends_with("-checkpoint") => return Some(offset_lines(&text(), symbols)),
        _ => {}
    }
    let (_, kind) = name.split_once('.')?;
    match kind.split('.').next()? {
        "log" => Some(log_lines(bytes, records, symbols)),
        "index" => Some(entries(bytes, OFFSET_ENTRY, |entry| {
            format!("offset=+{} position={}", u32_at(entry, 0), u32_at(entry, 4))
        })),
        "timeindex" => Some(entries(bytes, TIME_ENTRY, |entry| {
            format!("ts={} offset=+{}", symbols.time(i64_at(entry, 0)), u32_at(entry, 8))
        })),
        "txnindex" => Some(entries(bytes, ABORTED_ENTRY, |entry| aborted_line(entry, symbols))),
        "snapshot" => Some(snapshot_lines(bytes, symbols)),
        _ => None,
    }
}

fn log_lines(bytes: &[u8], records: Records, symbols: &mut Symbols) -> Vec<String> {
    let batches = read_all(bytes);
    let mut lines = Vec::new();
    for batch in &batches {
        let one = std::slice::from_ref(batch);
        lines.extend(batch_lines(one, symbols));
        match (&batch.records, records) {
            (Ok(own), Records::Offsets | Records::Transactions) if !batch.is_control() => {
                lines.extend(own.iter().map(|record| coordinator_line(record, records, symbols)));
            }
            _ => lines.extend(record_lines(one, symbols)),
        }
    }
    lines
}

/// `0 OffsetCommit v1 [group=g, topic=t] v4 [offset=5]`: the type is the version of the key.
fn coordinator_line(record: &ReadRecord, records: Records, symbols: &mut Symbols) -> String {
    let key = record.key.as_deref().unwrap_or_default();
    let of = |shown: Option<String>| shown.unwrap_or_else(|| "unreadable".to_owned());
    let kind = key.get(..2).map(|kind| i16::from_be_bytes([kind[0], kind[1]]));
    let name = kind.and_then(|kind| record_name(records, kind));
    let Some((kind, name)) = kind.zip(name) else {
        return format!("{} of no known kind", record.offset);
    };
    let key = of(structure(&format!("{name}Key"), 0, &key[2..], symbols));
    let value = match record.value.as_deref() {
        None => "null".to_owned(),
        Some(value) => of(versioned(&format!("{name}Value"), value, symbols)),
    };
    format!("{} {kind} {name} {key} {value}", record.offset)
}

/// What the int16 in front of a key says.
fn record_name(records: Records, kind: i16) -> Option<&'static str> {
    let name = match (records, kind) {
        (Records::Transactions, 0) => "TransactionLog",
        (Records::Offsets, 0 | 1) => "OffsetCommit",
        (Records::Offsets, 2) => "GroupMetadata",
        (Records::Offsets, 3) => "ConsumerGroupMetadata",
        (Records::Offsets, 5) => "ConsumerGroupMemberMetadata",
        (Records::Offsets, 6) => "ConsumerGroupTargetAssignmentMetadata",
        (Records::Offsets, 7) => "ConsumerGroupTargetAssignmentMember",
        (Records::Offsets, 8) => "ConsumerGroupCurrentMemberAssignment",
        (Records::Offsets, 16) => "ConsumerGroupRegularExpression",
        _ => return None,
    };
    Some(name)
}

fn versioned(name: &str, bytes: &[u8], symbols: &mut Symbols) -> Option<String> {
    let version = i16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    Some(format!(
        "v{version} {}",
        structure(name, version, &bytes[2..], symbols)?
    ))
}

fn structure(name: &str, version: i16, bytes: &[u8], symbols: &mut Symbols) -> Option<String> {
    let message = Schemas::latest().named(name)?;
    Some(format!("[{}]", decoded(message, version, bytes, symbols)?.join(", ")))
}

fn decoded(message: &Message, version: i16, bytes: &[u8], symbols: &mut Symbols) -> Option<Vec<String>> {
    let decoded = decode(message, version, bytes).ok()?;
    (decoded.consumed == bytes.len()).then(|| lines_of(message, &decoded.value, symbols))
}

fn snapshot_lines(bytes: &[u8], symbols: &mut Symbols) -> Vec<String> {
    let unreadable = || vec!["unreadable".to_owned()];
    let Some((version, rest)) = bytes.split_at_checked(2) else {
        return unreadable();
    };
    let version = i16::from_be_bytes([version[0], version[1]]);
    let Some(message) = Schemas::latest().named("ProducerSnapshot").filter(|_| rest.len() >= 4) else {
        return unreadable();
    };
    let holds = crc32c::crc32c(&rest[4..]) == u32_at(rest, 0);
    let mut lines = vec![format!("version={version} crc={}", word(holds))];
    let Some(own) = decoded(message, version, rest, symbols) else {
        return unreadable();
    };
    lines.extend(own.into_iter().filter(|line| !line.starts_with("Crc=")));
    lines
}

fn aborted_line(entry: &[u8], symbols: &mut Symbols) -> String {
    format!(
        "version={} producer={} first={} last={} lso={}",
        i16::from_be_bytes([entry[0], entry[1]]),
        symbols.producer(i64_at(entry, 2)),
        i64_at(entry, 10),
        i64_at(entry, 18),
        i64_at(entry, 26)
    )
}

/// Whole entries; the zeros behind the last one are room for more.
fn entries(bytes: &[u8], size: usize, mut line: impl FnMut(&[u8]) -> String) -> Vec<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut lines: Vec<String> = bytes
        .chunks_exact(size)
        .take(end.div_ceil(size))
        .map(&mut line)
        .collect();
    if !bytes.len().is_multiple_of(size) {
        lines.push(format!("{} bytes that are no entry", bytes.len() % size));
    }
    lines
}

/// Version, how many entries, then the entries.
fn epoch_lines(text: &str) -> Vec<String> {
    let (mut lines, entries) = checkpoint(text);
    lines.extend(entries.iter().map(|entry| match entry.split_once(' ') {
        Some((epoch, start)) => format!("epoch={epoch} start={start}"),
        None => (*entry).to_owned(),
    }));
    lines
}

/// A log directory's checkpoint, by partition: those of this run's topics.
fn offset_lines(text: &str, symbols: &Symbols) -> Vec<String> {
    let (mut lines, entries) = checkpoint(text);
    let mut own: Vec<String> = entries
        .iter()
        .filter_map(|entry| {
            let (topic, rest) = entry.split_once(' ')?;
            let (partition, offset) = rest.split_once(' ')?;
            let plain = symbols.names.plain(topic);
            (plain != topic).then(|| format!("{plain}-{partition} offset={offset}"))
        })
        .collect();
    own.sort();
    lines.extend(own);
    lines
}

fn checkpoint(text: &str) -> (Vec<String>, Vec<&str>) {
    let mut lines = text.lines();
    let (version, count) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let entries: Vec<&str> = lines.collect();
    let holds = count.parse() == Ok(entries.len());
    (vec![format!("version={version} count={}", word(holds))], entries)
}

fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "wrong" }
}

/// `version: 0`, `topic_id: …`.
fn colon_lines(text: &str, symbols: &mut Symbols) -> Vec<String> {
    let line = |line: &str| match line.split_once(": ") {
        Some(("topic_id", id)) => format!("topic_id={}", topic_id(id, symbols)),
        Some((key, value)) => format!("{key}={value}"),
        None => line.to_owned(),
    };
    text.lines().map(line).collect()
}

fn topic_id(id: &str, symbols: &mut Symbols) -> String {
    uuid_of(id).map_or_else(|| "unreadable".to_owned(), |id| symbols.topic_id(id))
}

/// The 22 letters of base64url, without padding, by which Kafka writes an id.
fn uuid_of(text: &str) -> Option<[u8; 16]> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = 0_u128;
    for letter in text.chars().take(21) {
        bits = bits << 6 | LETTERS.find(letter)? as u128;
    }
    // Of the last letter only two bits count.
    let last = LETTERS.find(text.chars().nth(21)?)? as u128;
    (text.len() == 22).then(|| (bits << 2 | last >> 4).to_be_bytes())
}

/// Java properties, by name; ids are the broker's own.
fn property_lines(text: &str) -> Vec<String> {
    let own = |line: &str| {
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some(match key {
            "cluster.id" => "cluster.id=<cluster>".to_owned(),
            "directory.id" => "directory.id=<directory>".to_owned(),
            "node.id" => "node.id=<broker>".to_owned(),
            _ => format!("{key}={value}"),
        })
    };
    let mut lines: Vec<String> = text.lines().filter_map(own).collect();
    lines.sort();
    lines
}

/// `{"version":0,"brokerEpoch":29}`; which epoch it was is the controller's affair.
fn clean_stop(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let has_epoch = value["brokerEpoch"].as_i64().is_some_and(|epoch| epoch >= 0);
    let version: &dyn Display = &value["version"];
    format!(
        "version={version} broker-epoch={}",
        if has_epoch { "<epoch>" } else { "none" }
    )
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from(u32_at(bytes, at)) << 32 | i64::from(u32_at(bytes, at + 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Names;

    fn lines(name: &str, bytes: &[u8]) -> Vec<String> {
        let mut symbols = Symbols::new(Names::new("p-"), Vec::new(), 1_000_000);
        file_lines(name, bytes, Records::Plain, &mut symbols).expect("a file of Kafka's")
    }

    #[test]
    fn an_index_ends_before_the_zeros_that_are_room_for_more() {
        let mut bytes = vec![0, 0, 0, 3, 0, 0, 1, 0];
        bytes.extend([0; 16]);
        assert_eq!(lines("00.index", &bytes), ["offset=+3 position=256"]);
        assert_eq!(lines("00.timeindex", &bytes[..5]).len(), 1);
    }

    #[test]
    fn a_checkpoint_says_whether_its_count_holds_and_only_what_is_of_this_run() {
        assert_eq!(
            lines("recovery-point-offset-checkpoint", b"0\n2\nother 0 5\np-t 0 7\n"),
            ["version=0 count=holds", "t-0 offset=7"]
        );
        assert_eq!(
            lines("leader-epoch-checkpoint", b"0\n2\n0 5\n"),
            ["version=0 count=wrong", "epoch=0 start=5"]
        );
    }

    #[test]
    fn what_is_torn_is_shown_and_does_no_harm() {
        assert_eq!(lines("00.snapshot", &[0, 1, 9]), ["unreadable"]);
        assert_eq!(lines("00.log", &[7; 20]), [""; 0]);
        assert_eq!(
            lines("partition.metadata", b"version: 0\ntopic_id: x"),
            ["version=0", "topic_id=unreadable"]
        );
        assert_eq!(lines(".kafka_cleanshutdown", b"?"), ["version=null broker-epoch=none"]);
    }
}
