//! The generated records of broker-core against the schema tables they were made from: the same bytes, read by two codecs
//! that share no code.

use broker_core::records::{self, Message, MetadataRecord, RecordError};
use kafka_fixtures::{arbitrary, codec, schema::Schemas};

/// The bytes of random values, by the tables, with type and version.
fn samples(name: &str) -> impl Iterator<Item = (i16, bytes::Bytes)> {
    let table = Schemas::latest().named(name).expect("a message of the tables");
    table.versions.iter().flat_map(move |version| {
        (0..50).map(move |seed| {
            let value = arbitrary::message(table, version, seed, false);
            (version, codec::encode(table, version, &value).expect("a legal value"))
        })
    })
}

fn agrees<M: Message>() {
    for (version, bytes) in samples(M::NAME) {
        let again = M::decode(&bytes, version).and_then(|record| record.encode(version));
        assert_eq!(again.as_ref(), Ok(&bytes), "{} {version}", M::NAME);
        for length in 0..bytes.len() {
            assert!(
                M::decode(&bytes[..length], version).is_err(),
                "{} {version} cut at {length}",
                M::NAME
            );
        }
    }
}

#[test]
fn coordinator_and_control_records_agree_with_the_tables() {
    agrees::<records::OffsetCommitKey>();
    agrees::<records::OffsetCommitValue>();
    agrees::<records::GroupMetadataKey>();
    agrees::<records::GroupMetadataValue>();
    agrees::<records::TransactionLogKey>();
    agrees::<records::TransactionLogValue>();
    agrees::<records::ConsumerProtocolSubscription>();
    agrees::<records::ConsumerProtocolAssignment>();
    agrees::<records::ProducerSnapshot>();
    agrees::<records::ControlRecordTypeSchema>();
    agrees::<records::EndTxnMarker>();
    agrees::<records::LeaderChangeMessage>();
    agrees::<records::SnapshotHeaderRecord>();
    agrees::<records::SnapshotFooterRecord>();
    agrees::<records::KRaftVersionRecord>();
    agrees::<records::VotersRecord>();
}

#[test]
fn every_metadata_record_agrees_with_the_tables() {
    let mut met = 0;
    for table in Schemas::latest().messages() {
        let kafka_fixtures::schema::Kind::Record { key: Some(key) } = table.kind else {
            continue;
        };
        if !table.name.ends_with("Record") || table.name.starts_with("Remote") {
            continue; // coordinator records have tests of their own; tiered storage is not ours
        }
        met += 1;
        for (version, bytes) in samples(table.name) {
            let framed = [&[1, key as u8, version as u8], &bytes[..]].concat();
            let (record, of) = MetadataRecord::decode(&framed).expect("what the tables wrote");
            assert_eq!(
                (of, record.encode(version).as_deref()),
                (version, Ok(&framed[..])),
                "{}",
                table.name
            );
        }
    }
    assert_eq!(met, 26);
    assert_eq!(MetadataRecord::decode(b"\x01\x64\x00\x00"), Err(RecordError::Type(100)));
}
