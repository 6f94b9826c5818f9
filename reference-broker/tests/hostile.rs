//! What a hostile person would send: the connection closes as Kafka's does, memory stays within its budget, the broker serves on.
//!
//! The broker is the real binary; its memory is what the kernel says it was at its peak.

mod said;
mod starter;

mod hostile {
    pub(crate) mod broker;
    pub(crate) mod specimen;
}

use hostile::broker::{Broker, Heard};
use hostile::specimen::{cut_everywhere, flipped, specimens};

/// Memory that a broker may take for one connection: 1 MiB and 16 times what it was sent.
fn budget_kib(sent: usize) -> u64 {
    (1 << 10) + (16 * sent as u64 / 1024)
}

/// What an allocator and a buffer pool keep beyond what they were asked for.
const SLACK_KIB: u64 = 2 << 10;

#[test]
fn every_truncation_of_every_request_is_closed_or_answered_and_the_broker_serves_on() {
    let broker = Broker::start();
    for specimen in specimens(&broker.advertised()) {
        for frame in cut_everywhere(&specimen) {
            let heard = broker.tell(&frame);
            assert!(
                !matches!(heard, Heard::Nothing),
                "{} v{} cut to {}: silence",
                specimen.api,
                specimen.version,
                frame.len()
            );
        }
        assert!(
            broker.serves(),
            "gone after truncations of {} v{}",
            specimen.api,
            specimen.version
        );
    }
}

#[test]
fn flipped_bits_in_every_request_never_stop_the_broker() {
    let broker = Broker::start();
    for specimen in specimens(&broker.advertised()) {
        for frame in flipped(&specimen) {
            let _ = broker.tell(&frame);
        }
        assert!(
            broker.serves(),
            "gone after flipped bits in {} v{}",
            specimen.api,
            specimen.version
        );
    }
}

#[test]
fn counts_that_the_bytes_cannot_hold_close_the_connection_within_the_memory_budget() {
    let broker = Broker::start();
    let before = broker.peak_kib();
    // Metadata v0 that claims 2³¹ topics; v12 that claims 2³² tagged fields; a header with 2³¹ of them.
    let frames: [&[u8]; 3] = [
        &[0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xb6],
        &[
            0, 3, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f,
        ],
        &[0, 3, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07],
    ];
    for frame in frames {
        assert_eq!(broker.tell(frame), Heard::Closed, "{frame:02x?}");
    }
    assert!(broker.peak_kib() - before <= budget_kib(64) + SLACK_KIB);
    assert!(broker.serves());
}

#[test]
fn many_small_elements_cost_no_more_than_the_budget() {
    let broker = Broker::start();
    let before = broker.peak_kib();
    // Metadata v0 that names ten million topics of no name: 20 MB that would decode to 36 times as much.
    let count = 10_000_000_i32;
    let mut frame = vec![0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    frame.extend(count.to_be_bytes());
    frame.resize(frame.len() + 2 * count as usize, 0);
    let heard = broker.tell(&frame);
    assert_ne!(heard, Heard::Nothing);
    let grown = broker.peak_kib() - before;
    assert!(
        grown <= budget_kib(frame.len()) + SLACK_KIB,
        "{grown} KiB for {} bytes",
        frame.len()
    );
    assert!(broker.serves());
}

#[test]
fn frame_lengths_out_of_range_close_the_connection() {
    let broker = Broker::start();
    for length in [-1, i32::MIN, 104_857_601, i32::MAX] {
        assert_eq!(broker.tell_raw(&i32::to_be_bytes(length)), Heard::Closed, "{length}");
    }
    for length in 0..10 {
        assert_eq!(
            broker.tell(&vec![0; length]),
            Heard::Closed,
            "a frame of {length} bytes"
        );
    }
}

#[test]
fn a_promise_of_a_hundred_megabytes_costs_what_has_arrived() {
    let broker = Broker::start();
    let before = broker.peak_kib();
    let held: Vec<_> = (0..50).map(|_| broker.promise(100 << 20, 1 << 10)).collect();
    assert!(broker.serves());
    assert!(broker.peak_kib() - before <= budget_kib(50 << 10) + SLACK_KIB);
    drop(held);
}
