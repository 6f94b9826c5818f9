//! Kafka's own records as Rust types: what `__consumer_offsets`, `__transaction_state` and `__cluster_metadata` hold,
//! what consumers say to each other through JoinGroup, and the files and control batches beside them. To and from bytes,
//! in Kafka 4.3.1's layouts; what a record means is its room's business.
//!
//! Every type is named as Kafka names it (`OffsetCommitValue`, `PartitionChangeRecord`), its fields in snake case; a field
//! that may be null is an `Option`, a uuid is `[u8; 16]`, `Default` is Kafka's default. They are generated from the schema
//! tables: `cargo run -p kafka-fixtures --example generate`. All of them are [`Message`]s:
//!
//! ```
//! use broker_core::records::{self, Message, MetadataRecord, OffsetCommitKey, OffsetCommitValue, TopicRecord};
//! let key = OffsetCommitKey { group: "g".into(), topic: "t".into(), partition: 0 };
//! let value = OffsetCommitValue { offset: 7, ..Default::default() };
//! // Coordinator records: the key goes behind its int16 record type, the value behind its int16 version.
//! let (key_bytes, value_bytes) = (records::key(&key)?, records::value(&value, 3)?);
//! let (record_type, rest) = records::open(&key_bytes)?;
//! assert_eq!((record_type, OffsetCommitKey::decode(rest, 0)?), (OffsetCommitKey::TYPE, key));
//! let (version, rest) = records::open(&value_bytes)?;
//! assert_eq!(OffsetCommitValue::decode(rest, version)?, value);
//! // Metadata records: one enum, framed by frame version, record type and version.
//! let record = MetadataRecord::from(TopicRecord { name: "t".into(), topic_id: [7; 16] });
//! let bytes = record.encode(0)?;
//! assert_eq!(bytes.as_ref(), b"\x01\x02\x00\x02t\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x00");
//! assert_eq!(MetadataRecord::decode(&bytes)?, (record, 0));
//! # Ok::<(), records::RecordError>(())
//! ```
//!
//! | where | framing |
//! |---|---|
//! | `__consumer_offsets`, `__transaction_state` | [`key`] and [`value`], read by [`open`]; a null value deletes the key |
//! | ConsumerProtocolSubscription, ConsumerProtocolAssignment in JoinGroup, SyncGroup and GroupMetadataValue | [`value`], read by [`open`] |
//! | EndTxnMarker, ControlRecordTypeSchema (key of a control record), ProducerSnapshot (`.snapshot` file) | [`value`], read by [`open`] |
//! | LeaderChangeMessage, Snapshot…Record, KRaftVersionRecord, VotersRecord (values of control records) | bare [`Message::encode`] |
//! | `__cluster_metadata` | [`MetadataRecord::encode`], [`MetadataRecord::decode`] |

#[rustfmt::skip]
mod generated;
pub mod primitive;

pub use generated::*;
pub use primitive::{Reader, RecordError, Writer};

use bytes::Bytes;
use std::ops::RangeInclusive;

/// A message of Kafka's: a record, or what a request or a response carries.
pub trait Message: Sized {
    /// Kafka's name for it.
    const NAME: &'static str;
    /// API key or record type; -1 where Kafka has none.
    const TYPE: i16;
    /// The versions it has.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_FROM: i16;

    /// Writes the fields of a version that it has.
    fn write(&self, to: &mut Writer, version: i16) -> Result<(), RecordError>;

    /// Reads the fields of a version that it has.
    fn read(from: &mut Reader<'_>, version: i16) -> Result<Self, RecordError>;

    /// Its bytes, without any framing.
    ///
    /// # Errors
    /// No such version; a value that the version cannot say: null, a string longer than an int16 can tell, or a field
    /// that it lacks and that must not go unsaid.
    fn encode(&self, version: i16) -> Result<Bytes, RecordError> {
        let mut to = Writer::new(checked::<Self>(version)?);
        self.write(&mut to, version)?;
        Ok(to.finish())
    }

    /// From its bytes, without any framing. Bytes after it and tagged fields that 4.3.1 does not know are passed over.
    ///
    /// # Errors
    /// No such version, or bytes that are not this message.
    fn decode(bytes: &[u8], version: i16) -> Result<Self, RecordError> {
        Self::read(&mut Reader::new(bytes, checked::<Self>(version)?), version)
    }
}

/// Whether the version is flexible, if there is such a version.
fn checked<M: Message>(version: i16) -> Result<bool, RecordError> {
    match M::VERSIONS.contains(&version) {
        true => Ok(version >= M::FLEXIBLE_FROM),
        false => Err(RecordError::Version {
            message: M::NAME,
            version,
        }),
    }
}

/// The key of a coordinator record: its int16 record type, then the key, of which Kafka has only version 0.
pub fn key<M: Message>(key: &M) -> Result<Bytes, RecordError> {
    Ok([&M::TYPE.to_be_bytes(), &*key.encode(0)?].concat().into())
}

/// A message behind its int16 version.
pub fn value<M: Message>(value: &M, version: i16) -> Result<Bytes, RecordError> {
    Ok([&version.to_be_bytes(), &*value.encode(version)?].concat().into())
}

/// Takes the int16 off what [`key`] and [`value`] made: the record type, or the version.
pub fn open(bytes: &[u8]) -> Result<(i16, &[u8]), RecordError> {
    match bytes {
        [high, low, rest @ ..] => Ok((i16::from_be_bytes([*high, *low]), rest)),
        _ => Err(RecordError::Bytes {
            offset: 0,
            what: "the bytes end here",
        }),
    }
}

/// A record of the metadata log behind its frame version (always 1), record type and version.
fn framed<M: Message>(record: &M, version: i16) -> Result<Bytes, RecordError> {
    let mut to = Writer::new(checked::<M>(version)?);
    for varint in [1, M::TYPE as u32, version as u32] {
        to.varint(varint);
    }
    record.write(&mut to, version)?;
    Ok(to.finish())
}

/// The record type, the version and the rest of a framed metadata record.
fn unframed(bytes: &[u8]) -> Result<(i16, i16, &[u8]), RecordError> {
    let mut from = Reader::new(bytes, true);
    if from.varint()? != 1 {
        return Err(RecordError::Bytes {
            offset: 0,
            what: "a frame version other than 1",
        });
    }
    let mut int16 = || from.varint().map(|value| i16::try_from(value).unwrap_or(i16::MAX));
    let (record_type, version) = (int16()?, int16()?);
    Ok((record_type, version, from.rest()))
}

/// Reads a metadata record whole: Kafka refuses bytes after it.
fn whole<M: Message>(bytes: &[u8], version: i16) -> Result<M, RecordError> {
    let mut from = Reader::new(bytes, checked::<M>(version)?);
    let record = M::read(&mut from, version)?;
    match from.rest() {
        [] => Ok(record),
        rest => Err(RecordError::Bytes {
            offset: bytes.len() - rest.len(),
            what: "bytes after the record",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_written_as_kafka_writes_it() {
        let group = GroupMetadataValue {
            protocol_type: "c".into(),
            protocol: None,
            leader: None,
            ..Default::default()
        };
        let bytes = value(&group, 3).expect("a version it has");
        assert_eq!(
            bytes.as_ref(),
            b"\0\x03\0\x01c\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"
        );
    }

    #[test]
    fn a_tagged_field_is_written_when_it_says_something() {
        let mut record = PartitionChangeRecord {
            partition_id: 1,
            leader: 2,
            ..Default::default()
        };
        let with_leader = MetadataRecord::from(record.clone())
            .encode(0)
            .expect("a version it has");
        assert_eq!(with_leader.len(), 3 + 4 + 16 + 1 + 2 + 4);
        record.leader = PartitionChangeRecord::default().leader;
        assert_eq!(
            MetadataRecord::from(record).encode(0).expect("a version it has").len(),
            3 + 4 + 16 + 1
        );
    }

    #[test]
    fn every_truncation_of_a_record_is_an_error() {
        let isr = Some(vec![1, 2, 3]);
        let record = MetadataRecord::from(PartitionChangeRecord {
            isr,
            leader: 3,
            ..Default::default()
        });
        let bytes = record.encode(1).expect("a version it has");
        assert_eq!(MetadataRecord::decode(&bytes), Ok((record, 1)));
        for length in 0..bytes.len() {
            assert!(MetadataRecord::decode(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_count_beyond_the_bytes_allocates_nothing() {
        let refused = ConsumerProtocolAssignment::decode(b"\x7f\xff\xff\xff\0\0", 0);
        assert!(matches!(
            refused,
            Err(RecordError::Bytes {
                what: "more elements than the bytes can hold",
                ..
            })
        ));
    }

    #[test]
    fn what_a_version_cannot_say_is_refused() {
        let long = OffsetCommitKey {
            group: "g".repeat(40_000),
            ..Default::default()
        };
        assert!(matches!(key(&long), Err(RecordError::TooLong(40_000))));
        assert!(matches!(
            OffsetCommitValue::default().encode(9),
            Err(RecordError::Version { version: 9, .. })
        ));
    }
}
