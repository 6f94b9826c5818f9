//! The walk against a slow decoder, and against everything that is not a batch.

use proptest::prelude::*;

use super::super::build::each_key_value;
use super::super::walk::{Malformed, Shape, Stepped, each_record};
use super::*;

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let one = (-1i64..10_000, bytes(), bytes());
    prop::collection::vec(
        one.prop_map(|(timestamp, key, value)| Sample { timestamp, key, value }),
        1..30,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn the_walk_sees_what_a_decoder_sees(samples in samples(), codec in prop::sample::select(CODECS.to_vec())) {
        let sent = Sent { samples: samples.clone(), codec, producer: None };
        let walked = Walked::new(&sent.bytes(), usize::MAX);
        let header = walked.header.unwrap();
        let facts = walked.records.unwrap();
        prop_assert_eq!((walked.shape, walked.crc_holds, facts.dense), (Shape::One, true, true));
        prop_assert_eq!(facts.max_timestamp, samples.iter().map(|sample| sample.timestamp).max().unwrap());
        let dated = samples.iter().map(|sample| sample.timestamp).filter(|timestamp| *timestamp != -1);
        prop_assert_eq!(facts.min_timestamp, dated.min());
        prop_assert_eq!(facts.null_keys, samples.iter().any(|sample| sample.key.is_none()));
        let mut stepped = Vec::new();
        each_record(&header, &walked.batch[HEADER_LENGTH..], &mut |record| stepped.push(record)).unwrap();
        let mut decoded = Vec::new();
        each_key_value(&header, &walked.batch[HEADER_LENGTH..], &mut |offset, key, value, timestamp| {
            decoded.push((Stepped { offset_delta: offset.0 as i32, timestamp, has_key: key.is_some() }, key, value));
        })
        .unwrap();
        prop_assert_eq!(stepped, decoded.iter().map(|(record, ..)| *record).collect::<Vec<_>>());
        for ((_, key, value), sample) in decoded.iter().zip(&samples) {
            prop_assert_eq!(key.as_deref(), sample.key.as_deref());
            prop_assert_eq!(value.as_deref(), sample.value.as_deref());
        }
    }

    #[test]
    fn no_mutated_batch_panics_or_is_taken_with_a_false_checksum(
        samples in samples(),
        codec in prop::sample::select(CODECS.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        reseal in any::<bool>(),
    ) {
        let mut bytes = Sent { samples, codec, producer: None }.bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if reseal && bytes.len() > 61 {
            let crc = crc32c::crc32c(&bytes[21..]);
            bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        let mut bench = Bench::new(TopicConfig::default());
        let before = bench.log().log_end();
        let bytes = Bytes::from(bytes);
        if bench.produce(&bytes).is_ok() {
            let (header, records) = bench.batches().pop().unwrap();
            prop_assert_eq!(header.checksum(&records), header.crc);
        } else {
            prop_assert_eq!(bench.log().log_end(), before);
        }
    }

    #[test]
    fn no_bytes_at_all_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let walked = Walked::new(&Bytes::from(bytes.clone()), usize::MAX);
        prop_assert!(walked.shape != Shape::One || walked.batch.len() <= bytes.len());
        let _ = Walked::is_transactional(&bytes);
    }
}

#[test]
fn a_record_that_claims_two_billion_headers_is_refused_at_once() {
    let mut record = vec![0, 0, 0, 1, 1];
    put_varlong(&mut record, i64::from(i32::MAX));
    let mut body = Vec::new();
    put_varlong(&mut body, record.len() as i64);
    body.extend(record);
    let batch = Batch {
        records: body.into(),
        ..Sent::new(&["x"]).batch()
    }
    .sealed();
    let walked = Walked::new(&batch.to_bytes(), usize::MAX);
    assert_eq!(walked.records, Err(Malformed::Structure));
}

#[test]
fn shapes_are_told_by_headers_alone() {
    let one = Sent::new(&["a"]).bytes();
    let shape = |bytes: &[u8]| Walked::shape_of(&Bytes::copy_from_slice(bytes));
    let with = |at: usize, byte: u8| {
        let mut bytes = one.to_vec();
        bytes[at] = byte;
        shape(&bytes)
    };
    assert_eq!(shape(&one), Shape::One);
    assert_eq!(shape(&[&one[..], &one[..]].concat()), Shape::Many);
    assert_eq!(
        shape(&[&one[..], &one[..30]].concat()),
        Shape::One,
        "a torn batch behind is no batch"
    );
    assert_eq!(shape(&[&one[..], &[0; 40]].concat()), Shape::CorruptTail);
    assert_eq!(
        [shape(&[]), shape(&one[..11]), shape(&one[..one.len() - 1])],
        [Shape::Nothing; 3]
    );
    assert_eq!(
        [with(16, 0), with(16, 1), with(16, 3), with(11, 13)],
        [Shape::OldMagic, Shape::OldMagic, Shape::Corrupt, Shape::Corrupt]
    );
}
