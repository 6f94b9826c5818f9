//! What a transactional application leaves behind: a transaction that is committed, one that is aborted, and one left open,
//! each with records and with offsets of a group of its own.

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use std::time::{Duration, Instant};

use super::traffic::{self, TIMEOUT, patiently};

pub(crate) const TOPIC: &str = "decided";
/// How a transaction ends; its producer, its values and its group are called so.
const ENDS: [&str; 3] = ["committed", "aborted", "open"];

/// One transaction of each kind, over both partitions, and a record behind them that no transaction has.
/// Whoever left one open in the round before aborts it by coming back.
pub(crate) fn of(address: &str, round: usize) {
    let producers = ENDS.map(|end| begun(address, end, round));
    producers[0].commit_transaction(TIMEOUT).unwrap();
    producers[1].abort_transaction(TIMEOUT).unwrap();
    let plain: BaseProducer = traffic::config(address).create().unwrap();
    send(&plain, "behind", round);
}

/// The records that count, those that do not, where the former end, and what the groups have committed.
pub(crate) fn seen(address: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for isolation in ["read_committed", "read_uncommitted"] {
        let consumer = consumer(address, isolation);
        for partition in 0..2 {
            let (low, high) = patiently(|| consumer.fetch_watermarks(TOPIC, partition, TIMEOUT));
            seen.push(format!("{isolation} {partition} {low}..{high}"));
            let records = records(&consumer, partition);
            seen.extend(records.iter().map(|record| format!("{isolation} {partition} {record}")));
        }
    }
    seen.extend(ENDS.map(|end| format!("{end} has committed {:?}", committed(address, end))));
    seen
}

/// After this round: what was committed, and what no transaction had, but for what is behind the one that is open.
pub(crate) fn is_as_decided(seen: &[String], round: usize) {
    for partition in 0..2 {
        let prefix = format!("read_committed {partition} ");
        let values = seen.iter().filter_map(|line| line.strip_prefix(&prefix));
        let values = values.filter_map(|line| line.split_once("= ").map(|(_, value)| value.to_owned()));
        let all = (0..=round).flat_map(|round| [format!("{round}-committed"), format!("{round}-behind")]);
        let mut expected: Vec<String> = all.collect();
        expected.pop();
        assert_eq!(values.collect::<Vec<_>>(), expected, "{seen:#?}");
    }
    let offset = round as i64 + 1;
    for told in [
        format!("committed has committed {offset}"),
        "aborted has committed -1001".into(),
        "open has committed -1001".into(),
    ] {
        assert!(seen.contains(&told), "{told}: {seen:#?}");
    }
}

/// A transaction with two records and an offset in it.
fn begun(address: &str, end: &str, round: usize) -> BaseProducer {
    let producer: BaseProducer = traffic::config(address)
        .set("transactional.id", end)
        .set("transaction.timeout.ms", "600000")
        .create()
        .unwrap();
    patiently(|| producer.init_transactions(TIMEOUT));
    producer.begin_transaction().unwrap();
    send(&producer, end, round);
    let group = group(address, end, "read_committed").group_metadata().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("plain", 0, Offset::Offset(round as i64 + 1))
        .unwrap();
    producer.send_offsets_to_transaction(&list, &group, TIMEOUT).unwrap();
    producer
}

fn send(producer: &BaseProducer, end: &str, round: usize) {
    let value = format!("{round}-{end}");
    for partition in 0..2 {
        let record = BaseRecord::<str, str>::to(TOPIC).partition(partition).payload(&value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
}

/// What a partition has for this consumer, up to its end.
fn records(consumer: &BaseConsumer, partition: i32) -> Vec<String> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let (mut found, deadline) = (Vec::new(), Instant::now() + TIMEOUT);
    loop {
        assert!(Instant::now() < deadline, "{TOPIC}/{partition} has no end: {found:?}");
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => return found,
            Some(told) => {
                let record = told.unwrap();
                let value = String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned();
                found.push(format!("{}= {value}", record.offset()));
            }
        }
    }
}

fn committed(address: &str, end: &str) -> i64 {
    let mut list = TopicPartitionList::new();
    list.add_partition("plain", 0);
    // What is pending is none of its business.
    let group = group(address, end, "read_uncommitted");
    let committed = patiently(|| group.committed_offsets(list.clone(), TIMEOUT));
    match committed.elements()[0].offset() {
        Offset::Offset(offset) => offset,
        other => other.to_raw().unwrap(),
    }
}

fn consumer(address: &str, isolation: &str) -> BaseConsumer {
    group(address, "reader", isolation)
}

fn group(address: &str, group: &str, isolation: &str) -> BaseConsumer {
    let mut config: ClientConfig = traffic::config(address);
    config
        .set("group.id", group)
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    config.create().unwrap()
}
