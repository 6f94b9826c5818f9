//! Records of the offsets topic to bytes and back, in the versions that Kafka 4.3.1 writes: an offset as v4, or as v1
//! where the commit itself said when it expires; a group as v3.

use std::sync::Arc;

use bytes::Bytes;

use super::consumer;
use super::record::{GroupValue, MemberValue, OffsetKey, OffsetValue, Record};
use crate::records::{
    self, GroupMetadataKey, GroupMetadataValue, MemberMetadata, Message, OffsetCommitKey, OffsetCommitValue,
    RecordError,
};
use crate::units::TopicId;

/// The last version without tagged fields: Kafka writes no newer one while a release that cannot read it may take over.
const GROUP_VERSION: i16 = 3;
const OFFSET_VERSION: i16 = 4;
/// The one version that has an expiry.
const EXPIRING_OFFSET_VERSION: i16 = 1;

/// The key and the value of a record; no value is a tombstone.
///
/// # Errors
/// A string that is longer than the format can say.
pub fn encode(record: &Record) -> Result<(Bytes, Option<Bytes>), RecordError> {
    Ok(match record {
        Record::Offset(key, value) => (encode_offset_key(key)?, value.as_ref().map(encode_offset).transpose()?),
        Record::Group(group, value) => {
            let key = records::key(&GroupMetadataKey {
                group: group.to_string(),
            })?;
            (key, value.as_ref().map(encode_group).transpose()?)
        }
        Record::Consumer(group, record) => consumer::encode(group, record)?,
    })
}

/// What a record says; `None` where it is of another kind of group or of the future, which Kafka passes over too.
///
/// # Errors
/// Bytes that are not what their key says.
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, RecordError> {
    let (record_type, rest) = records::open(key)?;
    Ok(match record_type {
        0 | OffsetCommitKey::TYPE => {
            let key = decode_offset_key(&OffsetCommitKey::decode(rest, 0)?);
            Some(Record::Offset(key, value.map(decode_offset).transpose()?))
        }
        GroupMetadataKey::TYPE => {
            let group = GroupMetadataKey::decode(rest, 0)?.group;
            Some(Record::Group(group.into(), value.map(decode_group).transpose()?))
        }
        _ => consumer::decode(key, value)?.map(|(group, record)| Record::Consumer(group, record)),
    })
}

fn encode_offset_key(key: &OffsetKey) -> Result<Bytes, RecordError> {
    let (group, topic) = (key.group.to_string(), key.topic.to_string());
    records::key(&OffsetCommitKey {
        group,
        topic,
        partition: key.partition,
    })
}

fn decode_offset_key(key: &OffsetCommitKey) -> OffsetKey {
    OffsetKey {
        group: key.group.as_str().into(),
        topic: key.topic.as_str().into(),
        partition: key.partition,
    }
}

/// Where the expiry is said the leader epoch is not: v1 has no room for it.
fn encode_offset(value: &OffsetValue) -> Result<Bytes, RecordError> {
    let version = if value.expire_unix_ms.is_some() {
        EXPIRING_OFFSET_VERSION
    } else {
        OFFSET_VERSION
    };
    let kept = OffsetCommitValue {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata.to_string(),
        commit_timestamp: value.commit_unix_ms,
        expire_timestamp: value.expire_unix_ms.unwrap_or(-1),
        topic_id: value.topic_id.0,
    };
    records::value(&kept, version)
}

fn decode_offset(bytes: &[u8]) -> Result<OffsetValue, RecordError> {
    let (version, rest) = records::open(bytes)?;
    let kept = OffsetCommitValue::decode(rest, version)?;
    Ok(OffsetValue {
        offset: kept.offset,
        leader_epoch: kept.leader_epoch,
        metadata: kept.metadata.into(),
        commit_unix_ms: kept.commit_timestamp,
        expire_unix_ms: Some(kept.expire_timestamp).filter(|expiry| *expiry != -1),
        topic_id: TopicId(kept.topic_id),
    })
}

fn encode_group(value: &GroupValue) -> Result<Bytes, RecordError> {
    let text = |text: &Option<Arc<str>>| text.as_ref().map(ToString::to_string);
    let member = |member: &MemberValue| MemberMetadata {
        member_id: member.member_id.to_string(),
        group_instance_id: text(&member.instance_id),
        client_id: member.client_id.to_string(),
        client_host: member.client_host.to_string(),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: member.subscription.clone(),
        assignment: member.assignment.clone(),
    };
    let kept = GroupMetadataValue {
        protocol_type: value.protocol_type.to_string(),
        generation: value.generation,
        protocol: text(&value.protocol),
        leader: text(&value.leader),
        current_state_timestamp: value.since_unix_ms,
        members: value.members.iter().map(member).collect(),
    };
    records::value(&kept, GROUP_VERSION)
}

fn decode_group(bytes: &[u8]) -> Result<GroupValue, RecordError> {
    let (version, rest) = records::open(bytes)?;
    let kept = GroupMetadataValue::decode(rest, version)?;
    let member = |member: MemberMetadata| MemberValue {
        member_id: member.member_id.into(),
        instance_id: member.group_instance_id.map(Into::into),
        client_id: member.client_id.into(),
        client_host: member.client_host.into(),
        rebalance_timeout_ms: member.rebalance_timeout,
        session_timeout_ms: member.session_timeout,
        subscription: member.subscription,
        assignment: member.assignment,
    };
    Ok(GroupValue {
        protocol_type: kept.protocol_type.into(),
        generation: kept.generation,
        protocol: kept.protocol.map(Into::into),
        leader: kept.leader.map(Into::into),
        since_unix_ms: kept.current_state_timestamp,
        members: kept.members.into_iter().map(member).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::MemberId;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The bytes are the ones that a 4.3.1 wrote, and say the same when read.
    #[track_caller]
    fn is_written(record: &Record, key: &str, value: Option<&str>) {
        let (key_bytes, value_bytes) = encode(record).expect("no string is too long");
        assert_eq!(
            (hex(&key_bytes).as_str(), value_bytes.as_deref().map(hex).as_deref()),
            (key, value)
        );
        assert_eq!(decode(&key_bytes, value_bytes.as_deref()), Ok(Some(record.clone())));
    }

    fn offset(group: &str, value: Option<OffsetValue>) -> Record {
        Record::Offset(
            OffsetKey {
                group: group.into(),
                topic: "t".into(),
                partition: 0,
            },
            value,
        )
    }

    fn committed(commit_unix_ms: i64) -> OffsetValue {
        let topic_id = TopicId(0x1c60_1da0_1318_4f5c_b0cd_8ac3_8508_d8db_u128.to_be_bytes());
        let metadata = Arc::from("");
        OffsetValue {
            offset: 5,
            leader_epoch: -1,
            metadata,
            commit_unix_ms,
            expire_unix_ms: None,
            topic_id,
        }
    }

    #[test]
    fn an_offset_is_written_with_the_id_of_its_topic() {
        let value = "00040000000000000005ffffffff01000001a20489eb640100101c601da013184f5cb0cd8ac38508d8db";
        let record = offset("s8", Some(committed(0x01a2_0489_eb64)));
        is_written(&record, "00010002733800017400000000", Some(value));
        is_written(&offset("s8", None), "00010002733800017400000000", None);
    }

    #[test]
    fn an_offset_that_says_when_it_expires_is_written_in_version_1() {
        let expire_unix_ms = Some(0x01a2_048b_7215);
        let expiring = OffsetValue {
            expire_unix_ms,
            topic_id: TopicId::ZERO,
            ..committed(0x01a2_0489_eb75)
        };
        let value = "000100000000000000050000000001a20489eb75000001a2048b7215";
        is_written(&offset("sr", Some(expiring)), "00010002737200017400000000", Some(value));
    }

    #[test]
    fn a_group_is_written_with_its_members() {
        let id = MemberId::from("i-700ab418-c6e4-41c0-bee1-9db882d355d9");
        let member = MemberValue {
            member_id: Arc::clone(&id),
            instance_id: Some("i".into()),
            client_id: "test".into(),
            client_host: "/127.0.0.1".into(),
            rebalance_timeout_ms: 10_000,
            session_timeout_ms: 10_000,
            subscription: Bytes::from_static(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0"),
            assignment: Bytes::from_static(b"A"),
        };
        let group = GroupValue {
            protocol_type: "consumer".into(),
            generation: 1,
            protocol: Some("range".into()),
            leader: Some(id),
            since_unix_ms: 0x01a2_0493_c008,
            members: vec![member],
        };
        let value = concat!(
            "00030008636f6e73756d657200000001000572616e67650026692d37303061623431382d633665342d343163",
            "302d626565312d396462383832643335356439000001a20493c008000000010026692d37303061623431382d",
            "633665342d343163302d626565312d396462383832643335356439000169000474657374000a2f3132372e30",
            "2e302e31000027100000271000000011000100000001000174ffffffff000000000000000141",
        );
        is_written(
            &Record::Group("gold".into(), Some(group)),
            "00020004676f6c64",
            Some(value),
        );
        is_written(&Record::Group("gold".into(), None), "00020004676f6c64", None);
    }
}
