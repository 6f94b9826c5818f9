//! A data directory changes hands between the reference and a real Kafka, after a clean stop and after kill -9, and back: whoever
//! opens it serves the same records, offsets and committed offsets, and goes on with the same transactions. Kafka's own
//! DumpLogSegments reads every file of ours.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod child;
mod round_trip {
    pub(crate) mod brokers;
    pub(crate) mod traffic;
    pub(crate) mod transactions;
}

use std::path::Path;

use round_trip::brokers::{Java, Stop, dumped, formatted, reference};
use round_trip::{traffic, transactions};

/// Traffic on one broker, then the same directory on another: does it serve the same?
async fn handed_over(data: &Path, to_kafka: bool, how: Stop, round: usize) {
    let before = if to_kafka {
        let mut ours = reference(data).await;
        let before = traffic::of(&ours.addresses()[0].to_string(), round);
        match how {
            Stop::Clean => ours.stop().await,
            Stop::Kill => ours.kill(0).await,
        }
        before
    } else {
        let kafka = Java::start(data);
        let before = traffic::of(&kafka.address, round);
        kafka.stop(how);
        before
    };
    let after = if to_kafka {
        let kafka = Java::start(data);
        let after = traffic::seen(&kafka.address);
        kafka.stop(Stop::Clean);
        after
    } else {
        let ours = reference(data).await;
        let after = traffic::seen(&ours.addresses()[0].to_string());
        ours.stop().await;
        after
    };
    assert!(before.len() > 100, "{before:?}");
    transactions::is_as_decided(&before, round);
    assert_eq!(before, after, "to Kafka: {to_kafka}, {how:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_directory_of_the_reference_is_served_equal_by_kafka_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    handed_over(&data, true, Stop::Clean, 0).await;
    handed_over(&data, false, Stop::Clean, 1).await;
    handed_over(&data, true, Stop::Kill, 2).await;
    handed_over(&data, false, Stop::Kill, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_directory_of_kafka_is_served_equal_by_the_reference_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    formatted(&data);
    handed_over(&data, false, Stop::Kill, 0).await;
    handed_over(&data, true, Stop::Kill, 1).await;
    handed_over(&data, false, Stop::Clean, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn kafkas_own_tool_reads_every_file_of_the_reference() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let ours = reference(&data).await;
    for round in 0..3 {
        traffic::of(&ours.addresses()[0].to_string(), round);
    }
    ours.stop().await;
    let told = dumped(&data);
    for complaint in [
        "isvalid: false",
        "Mismatches",
        "mismatch",
        "Non-consecutive",
        "Exception",
        "corrupt",
    ] {
        let found: Vec<&str> = told.lines().filter(|line| line.contains(complaint)).collect();
        assert!(found.is_empty(), "{found:#?}");
    }
    for known in [
        "\"group\":\"g\"",
        "REGISTER_BROKER_RECORD",
        "TOPIC_RECORD",
        "producerId: ",
        "timestamp: ",
        "\"transactionalId\":\"open\"",
        "endTxnMarker: COMMIT",
        "endTxnMarker: ABORT",
        "lastStableOffset: ",
    ] {
        assert!(told.contains(known), "no {known} in what the tool told");
    }
}
