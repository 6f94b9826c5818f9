//! What a producer may append, and what it is told.

use super::*;
use crate::units::Offset;

#[test]
fn a_batch_keeps_its_bytes_but_for_base_offset_and_leader_epoch() {
    let mut bench = Bench::new(TopicConfig::default());
    for codec in CODECS {
        let sent = Sent::new(&["a", "b", "c"]).codec(codec).batch();
        bench.produce(&sent.to_bytes()).unwrap();
        let (stored, records) = bench.batches().pop().unwrap();
        let restored = BatchHeader {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch(-1),
            ..stored
        };
        assert_eq!(
            (restored, records.as_slice()),
            (sent.header, &sent.records[..]),
            "{codec:?}"
        );
        assert_eq!(stored.leader_epoch, LeaderEpoch(3));
    }
    let bases: Vec<i64> = bench.batches().iter().map(|(header, _)| header.base_offset.0).collect();
    assert_eq!(bases, [0, 3, 6, 9, 12]);
    assert_eq!((bench.log().log_end(), bench.log().high_watermark()), (at(15), at(15)));
}

#[test]
fn headers_that_contradict_themselves_are_refused_with_kafkas_errors() {
    let mut bench = Bench::new(TopicConfig::default());
    let sent = Sent::new(&["a", "b"]);
    let cases: [(&str, ErrorCode, Bytes); 9] = [
        (
            "base offset",
            ErrorCode::InvalidRecord,
            sent.forged(|h| h.base_offset = Offset(1)),
        ),
        ("no records", ErrorCode::InvalidRecord, sent.forged(|h| h.count = 0)),
        (
            "count below offsets",
            ErrorCode::InvalidRecord,
            sent.forged(|h| h.count = 1),
        ),
        (
            "count of 2^31",
            ErrorCode::InvalidRecord,
            sent.forged(|h| h.count = i32::MAX),
        ),
        (
            "more than there is",
            ErrorCode::InvalidRecord,
            sent.forged(|h| (h.count, h.last_offset_delta) = (i32::MAX, i32::MAX - 1)),
        ),
        (
            "control",
            ErrorCode::InvalidRecord,
            sent.forged(|h| h.attributes |= 0x20),
        ),
        (
            "sequence",
            ErrorCode::InvalidRecord,
            sent.forged(|h| h.producer_id = ProducerId(4)),
        ),
        (
            "codec 6",
            ErrorCode::UnknownServerError,
            sent.forged(|h| h.attributes = 6),
        ),
        (
            "records left over",
            ErrorCode::InvalidRecord,
            sent.forged(|h| (h.count, h.last_offset_delta) = (1, 0)),
        ),
    ];
    for (what, error, bytes) in cases {
        assert_eq!(bench.error(&bytes), Some(error), "{what}");
    }
    let mut wrong = sent.bytes().to_vec();
    wrong[70] ^= 1;
    assert_eq!(bench.error(&wrong.into()), Some(ErrorCode::CorruptMessage));
    assert_eq!(bench.log().log_end(), at(0), "nothing was written");
}

#[test]
fn a_compressed_batch_is_validated_inside() {
    let mut bench = Bench::new(TopicConfig::default());
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let short = Sent::new(&["a", "b"])
            .codec(codec)
            .forged(|h| (h.count, h.last_offset_delta) = (3, 2));
        assert_eq!(bench.error(&short), Some(ErrorCode::InvalidRecord), "{codec:?}");
        let garbage = Batch {
            records: Bytes::from_static(&[0x11; 40]),
            ..Sent::new(&["a"]).codec(codec).batch()
        };
        assert!(bench.error(&garbage.sealed().to_bytes()).is_some(), "{codec:?}");
    }
}

#[test]
fn the_size_limit_counts_the_whole_batch_and_includes_its_edge() {
    let bytes = Sent::new(&["some value"]).bytes();
    let config = |max_message_bytes| TopicConfig {
        max_message_bytes,
        ..TopicConfig::default()
    };
    assert_eq!(Bench::new(config(bytes.len() as i32)).error(&bytes), None);
    assert_eq!(
        Bench::new(config(bytes.len() as i32 - 1)).error(&bytes),
        Some(ErrorCode::MessageTooLarge)
    );
    let segment = TopicConfig {
        segment_bytes: 60,
        ..TopicConfig::default()
    };
    assert_eq!(Bench::new(segment).error(&bytes), Some(ErrorCode::RecordListTooLarge));
}

#[test]
fn a_compacted_topic_names_every_record_without_a_key() {
    let mut bench = Bench::new(TopicConfig {
        compact: true,
        ..TopicConfig::default()
    });
    let mut sent = Sent::new(&["a", "b", "c"]);
    (sent.samples[0].key, sent.samples[2].key) = (None, None);
    for codec in CODECS {
        let refusal = bench.produce(&sent.clone().codec(codec).bytes()).unwrap_err();
        let blamed: Vec<i32> = refusal.records.iter().map(|record| record.index).collect();
        assert_eq!((refusal.error, blamed), (ErrorCode::InvalidRecord, vec![0, 2]));
        assert!(refusal.message.is_some() && refusal.log_start == Some(at(0)));
    }
}

#[test]
fn a_timestamp_out_of_range_is_refused_and_none_is_not() {
    let mut bench = Bench::new(TopicConfig {
        timestamp_before_max_ms: 1_000,
        ..TopicConfig::default()
    });
    let now = NOW.unix_ms;
    assert_eq!(
        bench.error(&Sent::at(&[now, now - 1_000, now + 3_600_000]).bytes()),
        None
    );
    assert_eq!(bench.error(&Sent::at(&[-1]).bytes()), None);
    let refusal = bench
        .produce(&Sent::at(&[now, now - 1_001, now + 3_600_001]).bytes())
        .unwrap_err();
    let blamed: Vec<i32> = refusal.records.iter().map(|record| record.index).collect();
    assert_eq!((refusal.error, blamed), (ErrorCode::InvalidTimestamp, vec![1, 2]));
}

#[test]
fn log_append_time_stamps_the_batch_and_keeps_its_checksum_true() {
    let mut bench = Bench::new(TopicConfig {
        log_append_time: true,
        ..TopicConfig::default()
    });
    let sent = Sent::at(&[5, 9]);
    assert_eq!(bench.produce(&sent.bytes()).unwrap().log_append_time, NOW.unix_ms);
    let (header, records) = bench.batches().pop().unwrap();
    assert!(header.is_log_append_time() && header.checksum(&records) == header.crc);
    assert_eq!((header.base_timestamp, header.max_timestamp), (5, NOW.unix_ms));
    assert_eq!(
        bench.error(&sent.forged(|h| h.attributes |= 8)),
        Some(ErrorCode::InvalidTimestamp)
    );
}

#[test]
fn a_batch_flagged_log_append_time_loses_the_flag_on_a_create_time_topic() {
    let mut bench = Bench::new(TopicConfig::default());
    let flagged = Sent::at(&[NOW.unix_ms - 5, NOW.unix_ms]).forged(|h| h.attributes |= 8);
    assert_eq!(bench.error(&flagged), None);
    let (header, records) = bench.batches().pop().unwrap();
    assert!(!header.is_log_append_time() && header.checksum(&records) == header.crc);
}

#[test]
fn a_topics_codec_replaces_the_producers() {
    for (name, codec) in [
        ("gzip", Codec::Gzip),
        ("zstd", Codec::Zstd),
        ("uncompressed", Codec::None),
    ] {
        for sent in CODECS {
            let config = TopicConfig {
                compression: Some(name.to_owned()),
                ..TopicConfig::default()
            };
            let mut bench = Bench::new(config);
            bench
                .produce(&Sent::at(&[7, 3, 8]).codec(sent).by(9, 0, 0).bytes())
                .unwrap();
            let (header, records) = bench.batches().pop().unwrap();
            assert_eq!((header.codec(), header.checksum(&records)), (codec as u8, header.crc));
            assert_eq!(
                (header.base_timestamp, header.max_timestamp, header.producer_id),
                (7, 8, ProducerId(9))
            );
            let mut times = Vec::new();
            super::super::walk::each_record(&header, &records, &mut |record| {
                times.push((record.offset_delta, record.timestamp));
            })
            .unwrap();
            assert_eq!(times, [(0, 7), (1, 3), (2, 8)]);
        }
    }
}

#[test]
fn a_resend_of_the_last_five_batches_is_told_its_first_offset() {
    let mut bench = Bench::new(TopicConfig::default());
    let batch = |sequence| Sent::new(&["x", "y"]).by(1, 0, sequence).bytes();
    for sequence in (0..14).step_by(2) {
        bench.produce(&batch(sequence)).unwrap();
    }
    for sequence in (4..14).step_by(2) {
        let again = bench.produce(&batch(sequence)).unwrap();
        assert_eq!(
            (offsets(&again), again.log_append_time),
            ((sequence.into(), sequence as i64 + 1), NOW.unix_ms)
        );
    }
    assert_eq!(bench.error(&batch(2)), Some(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(
        bench.error(&Sent::new(&["x"]).by(1, 0, 12).bytes()),
        Some(ErrorCode::OutOfOrderSequenceNumber)
    );
    assert_eq!(
        bench.error(&batch(16)),
        Some(ErrorCode::OutOfOrderSequenceNumber),
        "a gap"
    );
    assert_eq!(bench.log().log_end(), at(14));
}

#[test]
fn epochs_of_a_producer_go_up_and_begin_at_zero() {
    let mut bench = Bench::new(TopicConfig::default());
    let sent = |epoch, sequence| Sent::new(&["x"]).by(1, epoch, sequence).bytes();
    assert_eq!(bench.error(&sent(5, 77)), None, "an unknown producer begins anywhere");
    assert_eq!(bench.error(&sent(6, 78)), Some(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(bench.error(&sent(6, 0)), None);
    assert_eq!(bench.error(&sent(5, 78)), Some(ErrorCode::InvalidProducerEpoch));
    let mut bench = Bench::new(TopicConfig::default());
    assert_eq!(bench.error(&sent(0, i32::MAX)), None);
    assert_eq!(bench.error(&sent(0, 0)), None, "sequences wrap");
}

#[test]
fn a_store_that_fails_takes_the_partition_offline() {
    let mut bench = Bench::new(TopicConfig::default());
    bench.produce(&Sent::new(&["a"]).bytes()).unwrap();
    bench.store.lock().refuses_writes = true;
    assert_eq!(
        bench.error(&Sent::new(&["b"]).bytes()),
        Some(ErrorCode::KafkaStorageError)
    );
    bench.store.lock().refuses_writes = false;
    assert_eq!(
        bench.error(&Sent::new(&["c"]).bytes()),
        Some(ErrorCode::KafkaStorageError)
    );
    assert_eq!(
        bench.node.led_log(&bench.tp, LeaderEpoch(-1)).err(),
        Some(ErrorCode::KafkaStorageError)
    );
}

#[test]
fn an_open_transaction_holds_the_last_stable_offset_until_its_marker() {
    let mut bench = Bench::new(TopicConfig::default());
    bench.produce(&Sent::new(&["a"]).bytes()).unwrap();
    bench
        .produce(&Sent::new(&["b", "c"]).by(4, 0, 0).forged(|h| h.attributes |= 0x10))
        .unwrap();
    bench.produce(&Sent::new(&["d"]).bytes()).unwrap();
    assert_eq!(
        (bench.log().last_stable_offset(), bench.log().high_watermark()),
        (at(1), at(4))
    );
    bench.end_transaction(4, TransactionResult::Abort);
    assert_eq!(
        (bench.log().last_stable_offset(), bench.log().log_end()),
        (at(5), at(5))
    );
    let aborted = bench.log().aborted(at(0), at(5));
    assert_eq!(
        aborted
            .iter()
            .map(|aborted| (aborted.first_offset.0, aborted.last_offset.0))
            .collect::<Vec<_>>(),
        [(1, 4)]
    );
    assert_eq!(bench.log().aborted(at(0), at(1)), []);
}

#[test]
fn a_producer_that_was_long_silent_is_forgotten() {
    let mut bench = Bench::new(TopicConfig::default());
    let day = 86_400_000;
    bench.produce(&Sent::new(&["x"]).by(1, 0, 0).bytes()).unwrap();
    let later = |ms| Now {
        unix_ms: NOW.unix_ms + ms,
        monotonic_ms: NOW.monotonic_ms + ms,
    };
    bench.node.tick(later(day - 1));
    assert_eq!(
        bench.error(&Sent::new(&["x"]).by(1, 0, 7).bytes()),
        Some(ErrorCode::OutOfOrderSequenceNumber)
    );
    bench.node.tick(later(day + 600_000));
    assert_eq!(bench.error(&Sent::new(&["x"]).by(1, 0, 7).bytes()), None);
}
