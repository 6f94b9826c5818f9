//! Records of consumer groups to bytes and back, as Kafka 4.3.1 writes them: each has version 0 alone.

use std::sync::Arc;

use bytes::Bytes;

use super::record::{
    ClassicMember, ConsumerRecord, Current, GroupEpoch, Held, MemberState, Partitions, Resolved, Subscription,
    TargetEpoch,
};
use crate::group::{GroupId, Protocol};
use crate::records::{
    self, ClassicMemberMetadata, ClassicProtocol, ConsumerGroupCurrentMemberAssignmentKey as CurrentKey,
    ConsumerGroupCurrentMemberAssignmentValue as CurrentValue, ConsumerGroupMemberMetadataKey as MemberKey,
    ConsumerGroupMemberMetadataValue as MemberValue, ConsumerGroupMetadataKey as EpochKey,
    ConsumerGroupMetadataValue as EpochValue, ConsumerGroupRegularExpressionKey as RegexKey,
    ConsumerGroupRegularExpressionValue as RegexValue, ConsumerGroupTargetAssignmentMemberKey as TargetKey,
    ConsumerGroupTargetAssignmentMemberValue as TargetValue,
    ConsumerGroupTargetAssignmentMemberValueTopicPartition as TargetPartitions,
    ConsumerGroupTargetAssignmentMetadataKey as TargetEpochKey,
    ConsumerGroupTargetAssignmentMetadataValue as TargetEpochValue, Message, RecordError, TopicPartitions, Writer,
};
use crate::units::TopicId;

/// The record type of ConsumerGroupPartitionMetadata, whose key is the group as well.
const FORMER_TOPICS: i16 = 4;

type KeyValue = (Bytes, Option<Bytes>);

/// The key and the value of a record; no value is a tombstone.
pub(in crate::group) fn encode(group: &GroupId, record: &ConsumerRecord) -> Result<KeyValue, RecordError> {
    let group_id = group.to_string();
    let of = |member_id: &Arc<str>| (group_id.clone(), member_id.to_string());
    Ok(match record {
        ConsumerRecord::FormerTopics => {
            let mut key = Writer::new(false);
            key.string(&group_id)?;
            let key = [&FORMER_TOPICS.to_be_bytes(), &*key.finish()].concat();
            (key.into(), None)
        }
        ConsumerRecord::Epoch(value) => pair(&EpochKey { group_id }, value.as_ref().map(epoch_value))?,
        ConsumerRecord::Member(id, value) => {
            let (group_id, member_id) = of(id);
            pair(&MemberKey { group_id, member_id }, value.as_ref().map(member_value))?
        }
        ConsumerRecord::TargetEpoch(value) => {
            pair(&TargetEpochKey { group_id }, value.as_ref().map(target_epoch_value))?
        }
        ConsumerRecord::Target(id, value) => {
            let (group_id, member_id) = of(id);
            pair(&TargetKey { group_id, member_id }, value.as_ref().map(target_value))?
        }
        ConsumerRecord::Current(id, value) => {
            let (group_id, member_id) = of(id);
            pair(&CurrentKey { group_id, member_id }, value.as_ref().map(current_value))?
        }
        ConsumerRecord::Regex(regex, value) => {
            let (group_id, regular_expression) = of(regex);
            let key = RegexKey {
                group_id,
                regular_expression,
            };
            pair(&key, value.as_ref().map(regex_value))?
        }
    })
}

/// What a record says; `None` where it is no record of a consumer group.
pub(in crate::group) fn decode(
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<Option<(GroupId, ConsumerRecord)>, RecordError> {
    let (record_type, rest) = records::open(key)?;
    let (group, record) = match record_type {
        EpochKey::TYPE => (
            EpochKey::decode(rest, 0)?.group_id,
            ConsumerRecord::Epoch(read(value, as_epoch)?),
        ),
        MemberKey::TYPE => {
            let key = MemberKey::decode(rest, 0)?;
            (
                key.group_id,
                ConsumerRecord::Member(key.member_id.into(), read(value, as_subscription)?),
            )
        }
        TargetEpochKey::TYPE => (
            TargetEpochKey::decode(rest, 0)?.group_id,
            ConsumerRecord::TargetEpoch(read(value, as_target_epoch)?),
        ),
        TargetKey::TYPE => {
            let key = TargetKey::decode(rest, 0)?;
            (
                key.group_id,
                ConsumerRecord::Target(key.member_id.into(), read(value, as_target)?),
            )
        }
        CurrentKey::TYPE => {
            let key = CurrentKey::decode(rest, 0)?;
            (
                key.group_id,
                ConsumerRecord::Current(key.member_id.into(), read(value, as_current)?),
            )
        }
        RegexKey::TYPE => {
            let key = RegexKey::decode(rest, 0)?;
            (
                key.group_id,
                ConsumerRecord::Regex(key.regular_expression.into(), read(value, as_resolved)?),
            )
        }
        FORMER_TOPICS => (EpochKey::decode(rest, 0)?.group_id, ConsumerRecord::FormerTopics),
        _ => return Ok(None),
    };
    Ok(Some((group.into(), record)))
}

fn pair<K: Message, V: Message>(key: &K, value: Option<V>) -> Result<KeyValue, RecordError> {
    Ok((
        records::key(key)?,
        value.map(|value| records::value(&value, 0)).transpose()?,
    ))
}

fn read<V: Message, T>(value: Option<&[u8]>, into: impl Fn(V) -> T) -> Result<Option<T>, RecordError> {
    let decoded = value.map(|bytes| {
        let (version, rest) = records::open(bytes)?;
        V::decode(rest, version).map(&into)
    });
    decoded.transpose()
}

fn epoch_value(value: &GroupEpoch) -> EpochValue {
    EpochValue {
        epoch: value.epoch,
        metadata_hash: value.metadata_hash,
    }
}

fn as_epoch(value: EpochValue) -> GroupEpoch {
    GroupEpoch {
        epoch: value.epoch,
        metadata_hash: value.metadata_hash,
    }
}

fn target_epoch_value(value: &TargetEpoch) -> TargetEpochValue {
    TargetEpochValue {
        assignment_epoch: value.epoch,
        assignment_timestamp: value.unix_ms,
    }
}

fn as_target_epoch(value: TargetEpochValue) -> TargetEpoch {
    TargetEpoch {
        epoch: value.assignment_epoch,
        unix_ms: value.assignment_timestamp,
    }
}

fn member_value(value: &Subscription) -> MemberValue {
    let text = |text: &Option<Arc<str>>| text.as_ref().map(ToString::to_string);
    let classic = |classic: &ClassicMember| ClassicMemberMetadata {
        session_timeout_ms: classic.session_timeout_ms,
        supported_protocols: classic.protocols.iter().map(classic_protocol).collect(),
    };
    MemberValue {
        instance_id: text(&value.instance),
        rack_id: text(&value.rack),
        client_id: value.client_id.to_string(),
        client_host: value.client_host.to_string(),
        subscribed_topic_names: value.topics.iter().map(ToString::to_string).collect(),
        subscribed_topic_regex: text(&value.regex),
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        server_assignor: text(&value.assignor),
        classic_member_metadata: value.classic.as_ref().map(classic),
    }
}

fn classic_protocol(protocol: &Protocol) -> ClassicProtocol {
    ClassicProtocol {
        name: protocol.name.to_string(),
        metadata: protocol.metadata.clone(),
    }
}

fn as_subscription(value: MemberValue) -> Subscription {
    let protocol = |protocol: ClassicProtocol| Protocol {
        name: protocol.name.into(),
        metadata: protocol.metadata,
    };
    let classic = |classic: ClassicMemberMetadata| ClassicMember {
        session_timeout_ms: classic.session_timeout_ms,
        protocols: classic.supported_protocols.into_iter().map(protocol).collect(),
    };
    Subscription {
        instance: value.instance_id.map(Into::into),
        rack: value.rack_id.map(Into::into),
        client_id: value.client_id.into(),
        client_host: value.client_host.into(),
        topics: value.subscribed_topic_names.into_iter().map(Into::into).collect(),
        regex: value.subscribed_topic_regex.map(Into::into),
        rebalance_timeout_ms: value.rebalance_timeout_ms,
        assignor: value.server_assignor.map(Into::into),
        classic: value.classic_member_metadata.map(classic),
    }
}

fn target_value(value: &Partitions) -> TargetValue {
    let topic = |(id, partitions): (&TopicId, &std::collections::BTreeSet<i32>)| TargetPartitions {
        topic_id: id.0,
        partitions: partitions.iter().copied().collect(),
    };
    TargetValue {
        topic_partitions: value.iter().map(topic).collect(),
    }
}

fn as_target(value: TargetValue) -> Partitions {
    let topic = |topic: TargetPartitions| (TopicId(topic.topic_id), topic.partitions.into_iter().collect());
    value.topic_partitions.into_iter().map(topic).collect()
}

fn current_value(value: &Current) -> CurrentValue {
    CurrentValue {
        member_epoch: value.epoch,
        previous_member_epoch: value.previous_epoch,
        state: match value.state {
            MemberState::Stable => 0,
            MemberState::UnrevokedPartitions => 1,
            MemberState::UnreleasedPartitions => 2,
            MemberState::Unknown => 127,
        },
        assigned_partitions: held_value(&value.assigned),
        partitions_pending_revocation: held_value(&value.revoking),
    }
}

fn as_current(value: CurrentValue) -> Current {
    let epoch = value.member_epoch;
    Current {
        epoch,
        previous_epoch: value.previous_member_epoch,
        state: match value.state {
            0 => MemberState::Stable,
            1 => MemberState::UnrevokedPartitions,
            2 => MemberState::UnreleasedPartitions,
            _ => MemberState::Unknown,
        },
        assigned: as_held(value.assigned_partitions, epoch),
        revoking: as_held(value.partitions_pending_revocation, epoch),
    }
}

fn held_value(held: &Held) -> Vec<TopicPartitions> {
    let topic = |(id, partitions): (&TopicId, &std::collections::BTreeMap<i32, i32>)| TopicPartitions {
        topic_id: id.0,
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: Some(partitions.values().copied().collect()),
    };
    held.iter().map(topic).collect()
}

/// A record of a Kafka before 4.3 has no epochs of partitions: the member's counts for all.
fn as_held(topics: Vec<TopicPartitions>, member_epoch: i32) -> Held {
    let topic = |topic: TopicPartitions| {
        let epochs = topic.assignment_epochs.unwrap_or_default();
        let epoch = |at: usize| epochs.get(at).copied().unwrap_or(member_epoch);
        let partitions = topic.partitions.into_iter().enumerate();
        (
            TopicId(topic.topic_id),
            partitions.map(|(at, partition)| (partition, epoch(at))).collect(),
        )
    };
    topics.into_iter().map(topic).collect()
}

fn regex_value(value: &Resolved) -> RegexValue {
    RegexValue {
        topics: value.topics.iter().map(ToString::to_string).collect(),
        version: value.version,
        timestamp: value.unix_ms,
    }
}

fn as_resolved(value: RegexValue) -> Resolved {
    Resolved {
        topics: value.topics.into_iter().map(Into::into).collect(),
        version: value.version,
        unix_ms: value.timestamp,
    }
}
