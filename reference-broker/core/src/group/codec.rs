//! Records of the offsets topic to bytes and back, in the versions that Kafka 4.3.1 writes: an offset as v4, or as v1
//! where the commit itself said when it expires; a group as v3.

use std::sync::Arc;

use bytes::Bytes;

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
        _ => None,
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
