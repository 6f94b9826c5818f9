//! A loop that reads, processes and writes in transactions, its processor killed at one moment after the other and started
//! again: every input has its output once and in its order, whichever client the processor is made of.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod child;
mod exactly_once {
    pub(crate) mod arena;
    pub(crate) mod franz_go;
    pub(crate) mod java;
    pub(crate) mod librdkafka;
    pub(crate) mod logs;
    pub(crate) mod process;
}

use exactly_once::arena::{Arena, RECORDS};
use exactly_once::process::{Kill, at};
use exactly_once::{franz_go, java, librdkafka, logs};

/// Every moment of a transaction, and the commit twice: how far it came until the signal is another matter each time.
const KILLS: [Kill; 6] = [
    at("polled", 2),
    at("sent", 2),
    at("offsets", 4),
    at("committing", 1),
    at("committing", 5),
    at("committed", 2),
];

#[tokio::test(flavor = "multi_thread")]
async fn librdkafka_writes_each_output_once_through_kills_at_every_moment() {
    let arena = Arena::start().await;
    arena.feed();
    arena.process(&KILLS, || librdkafka::command(arena.address()));
    arena.assert_copied();
    let written = logs::transactions(arena.data(), "out");
    // Version 1 of transactions: an epoch for each start, and one for what a start finds open.
    assert!(written.epochs <= 2 * (KILLS.len() + 1), "{written:?}");
    assert!(written.epochs < written.ended, "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go 1.26 and the modules of exactly_once/franz-go"]
async fn franz_go_writes_each_output_once_through_kills_at_every_moment() {
    franz_go_copies_in_a_group("classic").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go 1.26 and the modules of exactly_once/franz-go"]
async fn franz_go_writes_each_output_once_as_a_member_of_the_consumer_protocol() {
    franz_go_copies_in_a_group("consumer").await;
}

async fn franz_go_copies_in_a_group(protocol: &str) {
    franz_go::built();
    let arena = Arena::start().await;
    arena.feed();
    arena.process(&KILLS, || franz_go::command(arena.address(), protocol));
    arena.assert_copied();
    assert_version_2(&arena);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn kafkas_own_clients_write_each_output_once_between_its_console_tools() {
    java::class_path();
    let arena = Arena::start().await;
    java::type_in(&arena);
    arena.process(&KILLS[1..], || java::copy(&arena.address()));
    arena.assert_copied();
    assert_version_2(&arena);
    let typed = java::tally((0..RECORDS).map(|n| n.to_string()));
    assert_eq!(java::printed(&arena), typed);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn streams_counts_each_input_once_between_the_verifiable_producer_and_consumer() {
    java::class_path();
    let arena = Arena::start().await;
    java::produce_verifiably(&arena);
    let kills = [50, 7, 120, 90].map(|nth| at("counted", nth));
    let state = tempfile::tempdir().unwrap();
    arena.process(&kills, || java::count(&arena.address(), state.path()));
    let expected = java::counted(&arena.seen("in", "read_committed"));
    arena.assert_outputs(&expected);
    assert_version_2(&arena);
    let outputs = expected.into_iter().flatten().map(|(_, value)| value);
    assert_eq!(java::consumed_verifiably(&arena), java::tally(outputs));
}

/// Version 2 of transactions: no epoch sees two of them.
fn assert_version_2(arena: &Arena) {
    let written = logs::transactions(arena.data(), "out");
    assert!(written.epochs >= written.ended, "{written:?}");
}

/// What the first loop starts; run as a test it ends at once.
#[test]
fn a_processor_of_librdkafka() {
    librdkafka::process_if_asked();
}
