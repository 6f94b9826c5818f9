//! What a client saw, as canonical lines: partitions in order, errors by name, no address, no time unless asked for.

use std::time::{Duration, SystemTime};

use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::errors;

/// Longer keys and values are shown by length and checksum.
const LONGEST: usize = 80;
/// By how much a broker's clock and ours may differ.
const CLOCKS_AGREE: Duration = Duration::from_secs(60);

/// One record as an application received it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) topic: String,
    pub(super) partition: i32,
    offset: i64,
    timestamp: Timestamp,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }

    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// `t/0 offset=5 key=k value=v headers=[h=1]`; the time only where a case asks for it, because it seldom repeats.
    fn line(&self, with_time: bool) -> String {
        let mut line = format!("{}/{} offset={}", self.topic, self.partition, self.offset);
        if with_time {
            line += &time(self.timestamp);
        }
        if self.key.is_some() {
            line += &format!(" key={}", bytes(self.key.as_deref()));
        }
        line += &format!(" value={}", bytes(self.value.as_deref()));
        if !self.headers.is_empty() {
            let shown = self
                .headers
                .iter()
                .map(|(name, value)| format!("{name}={}", bytes(value.as_deref())));
            line += &format!(" headers=[{}]", shown.collect::<Vec<_>>().join(", "));
        }
        line
    }
}

/// The application's time as a number. The broker's is never the same twice: near our clock it is `<now>`.
fn time(timestamp: Timestamp) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let is_now = |millis: i64| {
        let time = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        now.abs_diff(time) < CLOCKS_AGREE
    };
    match timestamp {
        Timestamp::NotAvailable => " timestamp=none".to_owned(),
        Timestamp::CreateTime(millis) => format!(" timestamp={millis}"),
        Timestamp::LogAppendTime(millis) if is_now(millis) => " append-time=<now>".to_owned(),
        Timestamp::LogAppendTime(millis) => format!(" append-time={millis}"),
    }
}

/// Records by partition; within one, in the order in which they came.
pub(super) fn records(mut records: Vec<Record>, with_time: bool) -> Vec<String> {
    records.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    records.iter().map(|record| record.line(with_time)).collect()
}

/// Text as it is, anything else as hex; long ones as length and CRC-32C.
pub(super) fn bytes(value: Option<&[u8]>) -> String {
    let Some(value) = value else {
        return "null".to_owned();
    };
    if value.len() > LONGEST {
        return format!("<{} bytes, crc32c {:08x}>", value.len(), crc32c::crc32c(value));
    }
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => text.to_owned(),
        Ok(text) if text.chars().all(|c| !c.is_control()) => format!("{text:?}"),
        _ => {
            let hex = value.iter().map(|byte| format!("{byte:02x}"));
            format!("0x{}", hex.collect::<String>())
        }
    }
}

/// `t/0`, `t/1`, … in order.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<(String, i32)> {
    let mut partitions: Vec<_> = list
        .elements()
        .iter()
        .map(|element| (element.topic().to_owned(), element.partition()))
        .collect();
    partitions.sort();
    partitions
}

/// `t/0 t/1`, or `nothing`.
pub(super) fn joined(partitions: &[(String, i32)]) -> String {
    if partitions.is_empty() {
        return "nothing".to_owned();
    }
    let names = partitions
        .iter()
        .map(|(topic, partition)| format!("{topic}/{partition}"));
    names.collect::<Vec<_>>().join(" ")
}

/// One line a partition: its offset under `word`, or its error.
pub(super) fn offsets(list: &TopicPartitionList, word: &str) -> Vec<String> {
    let mut lines: Vec<_> = list
        .elements()
        .iter()
        .map(|element| {
            let place = format!("{}/{}", element.topic(), element.partition());
            let mut fact = match element.error() {
                Ok(()) => format!("{place} {word}={}", offset(element.offset())),
                Err(error) => format!("{place} error={}", errors::name(&error)),
            };
            if !element.metadata().is_empty() {
                fact += &format!(" metadata={}", bytes(Some(element.metadata().as_bytes())));
            }
            ((element.topic().to_owned(), element.partition()), fact)
        })
        .collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// An offset in words.
pub(super) fn offset(offset: Offset) -> String {
    match offset {
        Offset::Beginning => "beginning".to_owned(),
        Offset::End => "end".to_owned(),
        Offset::Stored => "stored".to_owned(),
        Offset::Invalid => "none".to_owned(),
        Offset::Offset(number) => number.to_string(),
        Offset::OffsetTail(number) => format!("tail-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_so_that_they_cannot_be_mistaken() {
        assert_eq!(bytes(None), "null");
        assert_eq!(bytes(Some(b"")), "\"\"");
        assert_eq!(bytes(Some(b"plain")), "plain");
        assert_eq!(bytes(Some(b"two words")), "\"two words\"");
        assert_eq!(bytes(Some(&[0, 255])), "0x00ff");
        assert!(bytes(Some(&[b'x'; 81])).starts_with("<81 bytes, crc32c "));
    }
}
