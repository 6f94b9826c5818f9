//! Generated from fixtures/schemas by `cargo run -p kafka-fixtures --example generate`. Not edited.

#![expect(missing_docs, reason = "the names are Kafka's, and Kafka documents them")]

use super::primitive::{Reader, RecordError, Tags, Writer};
use super::Message;
use bytes::Bytes;
use std::ops::RangeInclusive;

/// `OffsetCommitKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetCommitKey {
    pub group: String,
    pub topic: String,
    pub partition: i32,
}

impl Message for OffsetCommitKey {
    const NAME: &'static str = "OffsetCommitKey";
    const TYPE: i16 = 1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group)?;
        to.string(&self.topic)?;
        to.int32(self.partition);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group = from.string()?;
        let topic = from.string()?;
        let partition = from.int32()?;
        Ok(Self { group, topic, partition })
    }
}

/// `OffsetCommitValue`, versions 0-4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp: i64,
    pub expire_timestamp: i64,
    pub topic_id: [u8; 16],
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: 0,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp: 0,
            expire_timestamp: -1,
            topic_id: [0; 16],
        }
    }
}

impl Message for OffsetCommitValue {
    const NAME: &'static str = "OffsetCommitValue";
    const TYPE: i16 = 1;
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE_FROM: i16 = 4;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int64(self.offset);
        if in_version >= 3 {
            to.int32(self.leader_epoch);
        }
        to.string(&self.metadata)?;
        to.int64(self.commit_timestamp);
        if in_version == 1 {
            to.int64(self.expire_timestamp);
        }
        if in_version >= 4 {
            let mut tags = Tags::default();
            if self.topic_id != [0; 16] {
                tags.add(0, |to| { to.uuid(self.topic_id); Ok(()) })?;
            }
            to.tags(tags);
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let offset = from.int64()?;
        let leader_epoch = if in_version >= 3 { from.int32()? } else { -1 };
        let metadata = from.string()?;
        let commit_timestamp = from.int64()?;
        let expire_timestamp = if in_version == 1 { from.int64()? } else { -1 };
        let mut topic_id = [0; 16];
        if in_version >= 4 {
            from.tags(|tag, from| {
                match tag {
                    0 => topic_id = from.uuid()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { offset, leader_epoch, metadata, commit_timestamp, expire_timestamp, topic_id })
    }
}

/// `GroupMetadataKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMetadataKey {
    pub group: String,
}

impl Message for GroupMetadataKey {
    const NAME: &'static str = "GroupMetadataKey";
    const TYPE: i16 = 2;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group = from.string()?;
        Ok(Self { group })
    }
}

/// `GroupMetadataValue`, versions 0-4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    pub protocol: Option<String>,
    pub leader: Option<String>,
    pub current_state_timestamp: i64,
    pub members: Vec<MemberMetadata>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: String::new(),
            generation: 0,
            protocol: Some(String::new()),
            leader: Some(String::new()),
            current_state_timestamp: -1,
            members: Vec::new(),
        }
    }
}

impl Message for GroupMetadataValue {
    const NAME: &'static str = "GroupMetadataValue";
    const TYPE: i16 = 2;
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE_FROM: i16 = 4;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.protocol_type)?;
        to.int32(self.generation);
        to.nullable_string(self.protocol.as_deref())?;
        to.nullable_string(self.leader.as_deref())?;
        if in_version >= 2 {
            to.int64(self.current_state_timestamp);
        }
        to.array(&self.members, |to, each| each.write(to, in_version))?;
        if in_version >= 4 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let protocol_type = from.string()?;
        let generation = from.int32()?;
        let protocol = from.nullable_string()?;
        let leader = from.nullable_string()?;
        let current_state_timestamp = if in_version >= 2 { from.int64()? } else { -1 };
        let members = from.array(|from| MemberMetadata::read(from, in_version))?;
        if in_version >= 4 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { protocol_type, generation, protocol, leader, current_state_timestamp, members })
    }
}

/// `MemberMetadata` of [`GroupMetadataValue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl Default for MemberMetadata {
    fn default() -> Self {
        Self {
            member_id: String::new(),
            group_instance_id: None,
            client_id: String::new(),
            client_host: String::new(),
            rebalance_timeout: -1,
            session_timeout: 0,
            subscription: Bytes::new(),
            assignment: Bytes::new(),
        }
    }
}

impl MemberMetadata {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.member_id)?;
        if in_version >= 3 {
            to.nullable_string(self.group_instance_id.as_deref())?;
        }
        to.string(&self.client_id)?;
        to.string(&self.client_host)?;
        if in_version >= 1 {
            to.int32(self.rebalance_timeout);
        }
        to.int32(self.session_timeout);
        to.bytes(&self.subscription);
        to.bytes(&self.assignment);
        if in_version >= 4 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let member_id = from.string()?;
        let group_instance_id = if in_version >= 3 { from.nullable_string()? } else { None };
        let client_id = from.string()?;
        let client_host = from.string()?;
        let rebalance_timeout = if in_version >= 1 { from.int32()? } else { -1 };
        let session_timeout = from.int32()?;
        let subscription = from.bytes()?;
        let assignment = from.bytes()?;
        if in_version >= 4 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { member_id, group_instance_id, client_id, client_host, rebalance_timeout, session_timeout, subscription, assignment })
    }
}

/// `ConsumerGroupMetadataKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupMetadataKey {
    pub group_id: String,
}

impl Message for ConsumerGroupMetadataKey {
    const NAME: &'static str = "ConsumerGroupMetadataKey";
    const TYPE: i16 = 3;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        Ok(Self { group_id })
    }
}

/// `ConsumerGroupMetadataValue`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

impl Message for ConsumerGroupMetadataValue {
    const NAME: &'static str = "ConsumerGroupMetadataValue";
    const TYPE: i16 = 3;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.epoch);
        let mut tags = Tags::default();
        if self.metadata_hash != 0 {
            tags.add(0, |to| { to.int64(self.metadata_hash); Ok(()) })?;
        }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let epoch = from.int32()?;
        let mut metadata_hash = 0;
        from.tags(|tag, from| {
            match tag {
                0 => metadata_hash = from.int64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { epoch, metadata_hash })
    }
}

/// `ConsumerGroupMemberMetadataKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupMemberMetadataKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ConsumerGroupMemberMetadataKey {
    const NAME: &'static str = "ConsumerGroupMemberMetadataKey";
    const TYPE: i16 = 5;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        to.string(&self.member_id)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        let member_id = from.string()?;
        Ok(Self { group_id, member_id })
    }
}

/// `ConsumerGroupMemberMetadataValue`, versions 0-0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub subscribed_topic_names: Vec<String>,
    pub subscribed_topic_regex: Option<String>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Some(String::new()),
            rack_id: Some(String::new()),
            client_id: String::new(),
            client_host: String::new(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: Some(String::new()),
            rebalance_timeout_ms: -1,
            server_assignor: Some(String::new()),
            classic_member_metadata: Some(ClassicMemberMetadata::default()),
        }
    }
}

impl Message for ConsumerGroupMemberMetadataValue {
    const NAME: &'static str = "ConsumerGroupMemberMetadataValue";
    const TYPE: i16 = 5;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.nullable_string(self.instance_id.as_deref())?;
        to.nullable_string(self.rack_id.as_deref())?;
        to.string(&self.client_id)?;
        to.string(&self.client_host)?;
        to.array(&self.subscribed_topic_names, |to, each| to.string(each))?;
        to.nullable_string(self.subscribed_topic_regex.as_deref())?;
        to.int32(self.rebalance_timeout_ms);
        to.nullable_string(self.server_assignor.as_deref())?;
        let mut tags = Tags::default();
        if self.classic_member_metadata != Some(ClassicMemberMetadata::default()) {
            tags.add(0, |to| to.nullable_tagged(self.classic_member_metadata.as_ref(), |to, each| each.write(to, in_version)))?;
        }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let instance_id = from.nullable_string()?;
        let rack_id = from.nullable_string()?;
        let client_id = from.string()?;
        let client_host = from.string()?;
        let subscribed_topic_names = from.array(Reader::string)?;
        let subscribed_topic_regex = from.nullable_string()?;
        let rebalance_timeout_ms = from.int32()?;
        let server_assignor = from.nullable_string()?;
        let mut classic_member_metadata = Some(ClassicMemberMetadata::default());
        from.tags(|tag, from| {
            match tag {
                0 => classic_member_metadata = from.nullable_tagged(|from| ClassicMemberMetadata::read(from, in_version))?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { instance_id, rack_id, client_id, client_host, subscribed_topic_names, subscribed_topic_regex, rebalance_timeout_ms, server_assignor, classic_member_metadata })
    }
}

/// `ClassicMemberMetadata` of [`ConsumerGroupMemberMetadataValue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ClassicProtocol>,
}

impl ClassicMemberMetadata {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.session_timeout_ms);
        to.array(&self.supported_protocols, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let session_timeout_ms = from.int32()?;
        let supported_protocols = from.array(|from| ClassicProtocol::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { session_timeout_ms, supported_protocols })
    }
}

/// `ClassicProtocol` of [`ConsumerGroupMemberMetadataValue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicProtocol {
    pub name: String,
    pub metadata: Bytes,
}

impl ClassicProtocol {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.bytes(&self.metadata);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let metadata = from.bytes()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, metadata })
    }
}

/// `ConsumerGroupTargetAssignmentMetadataKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    pub group_id: String,
}

impl Message for ConsumerGroupTargetAssignmentMetadataKey {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMetadataKey";
    const TYPE: i16 = 6;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        Ok(Self { group_id })
    }
}

/// `ConsumerGroupTargetAssignmentMetadataValue`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    pub assignment_timestamp: i64,
}

impl Message for ConsumerGroupTargetAssignmentMetadataValue {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMetadataValue";
    const TYPE: i16 = 6;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.assignment_epoch);
        let mut tags = Tags::default();
        if self.assignment_timestamp != 0 {
            tags.add(0, |to| { to.int64(self.assignment_timestamp); Ok(()) })?;
        }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let assignment_epoch = from.int32()?;
        let mut assignment_timestamp = 0;
        from.tags(|tag, from| {
            match tag {
                0 => assignment_timestamp = from.int64()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { assignment_epoch, assignment_timestamp })
    }
}

/// `ConsumerGroupTargetAssignmentMemberKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ConsumerGroupTargetAssignmentMemberKey {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMemberKey";
    const TYPE: i16 = 7;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        to.string(&self.member_id)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        let member_id = from.string()?;
        Ok(Self { group_id, member_id })
    }
}

/// `ConsumerGroupTargetAssignmentMemberValue`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<ConsumerGroupTargetAssignmentMemberValueTopicPartition>,
}

impl Message for ConsumerGroupTargetAssignmentMemberValue {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMemberValue";
    const TYPE: i16 = 7;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.array(&self.topic_partitions, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let topic_partitions = from.array(|from| ConsumerGroupTargetAssignmentMemberValueTopicPartition::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { topic_partitions })
    }
}

/// `TopicPartition` of [`ConsumerGroupTargetAssignmentMemberValue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupTargetAssignmentMemberValueTopicPartition {
    pub topic_id: [u8; 16],
    pub partitions: Vec<i32>,
}

impl ConsumerGroupTargetAssignmentMemberValueTopicPartition {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.uuid(self.topic_id);
        to.array(&self.partitions, |to, each| { to.int32(*each); Ok(()) })?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let topic_id = from.uuid()?;
        let partitions = from.array(Reader::int32)?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { topic_id, partitions })
    }
}

/// `ConsumerGroupCurrentMemberAssignmentKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupCurrentMemberAssignmentKey {
    pub group_id: String,
    pub member_id: String,
}

impl Message for ConsumerGroupCurrentMemberAssignmentKey {
    const NAME: &'static str = "ConsumerGroupCurrentMemberAssignmentKey";
    const TYPE: i16 = 8;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        to.string(&self.member_id)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        let member_id = from.string()?;
        Ok(Self { group_id, member_id })
    }
}

/// `ConsumerGroupCurrentMemberAssignmentValue`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<TopicPartitions>,
    pub partitions_pending_revocation: Vec<TopicPartitions>,
}

impl Message for ConsumerGroupCurrentMemberAssignmentValue {
    const NAME: &'static str = "ConsumerGroupCurrentMemberAssignmentValue";
    const TYPE: i16 = 8;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.member_epoch);
        to.int32(self.previous_member_epoch);
        to.int8(self.state);
        to.array(&self.assigned_partitions, |to, each| each.write(to, in_version))?;
        to.array(&self.partitions_pending_revocation, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let member_epoch = from.int32()?;
        let previous_member_epoch = from.int32()?;
        let state = from.int8()?;
        let assigned_partitions = from.array(|from| TopicPartitions::read(from, in_version))?;
        let partitions_pending_revocation = from.array(|from| TopicPartitions::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { member_epoch, previous_member_epoch, state, assigned_partitions, partitions_pending_revocation })
    }
}

/// `TopicPartitions` of [`ConsumerGroupCurrentMemberAssignmentValue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitions {
    pub topic_id: [u8; 16],
    pub partitions: Vec<i32>,
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Default for TopicPartitions {
    fn default() -> Self {
        Self {
            topic_id: [0; 16],
            partitions: Vec::new(),
            assignment_epochs: Some(Vec::new()),
        }
    }
}

impl TopicPartitions {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.uuid(self.topic_id);
        to.array(&self.partitions, |to, each| { to.int32(*each); Ok(()) })?;
        let mut tags = Tags::default();
        if self.assignment_epochs.as_ref().is_none_or(|held| !held.is_empty()) {
            tags.add(0, |to| to.nullable_array(self.assignment_epochs.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
        }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let topic_id = from.uuid()?;
        let partitions = from.array(Reader::int32)?;
        let mut assignment_epochs = Some(Vec::new());
        from.tags(|tag, from| {
            match tag {
                0 => assignment_epochs = from.nullable_array(Reader::int32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { topic_id, partitions, assignment_epochs })
    }
}

/// `ConsumerGroupRegularExpressionKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupRegularExpressionKey {
    pub group_id: String,
    pub regular_expression: String,
}

impl Message for ConsumerGroupRegularExpressionKey {
    const NAME: &'static str = "ConsumerGroupRegularExpressionKey";
    const TYPE: i16 = 16;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        to.string(&self.regular_expression)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        let regular_expression = from.string()?;
        Ok(Self { group_id, regular_expression })
    }
}

/// `ConsumerGroupRegularExpressionValue`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupRegularExpressionValue {
    pub topics: Vec<String>,
    pub version: i64,
    pub timestamp: i64,
}

impl Message for ConsumerGroupRegularExpressionValue {
    const NAME: &'static str = "ConsumerGroupRegularExpressionValue";
    const TYPE: i16 = 16;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.array(&self.topics, |to, each| to.string(each))?;
        to.int64(self.version);
        to.int64(self.timestamp);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let topics = from.array(Reader::string)?;
        let version = from.int64()?;
        let timestamp = from.int64()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { topics, version, timestamp })
    }
}

/// `TransactionLogKey`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionLogKey {
    pub transactional_id: String,
}

impl Message for TransactionLogKey {
    const NAME: &'static str = "TransactionLogKey";
    const TYPE: i16 = 0;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.transactional_id)?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let transactional_id = from.string()?;
        Ok(Self { transactional_id })
    }
}

/// `TransactionLogValue`, versions 0-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    pub previous_producer_id: i64,
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: 0,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: 0,
            next_producer_epoch: -1,
            transaction_timeout_ms: 0,
            transaction_status: 0,
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: 0,
            transaction_start_timestamp_ms: 0,
            client_transaction_version: 0,
        }
    }
}

impl Message for TransactionLogValue {
    const NAME: &'static str = "TransactionLogValue";
    const TYPE: i16 = 0;
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE_FROM: i16 = 1;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int64(self.producer_id);
        to.int16(self.producer_epoch);
        to.int32(self.transaction_timeout_ms);
        to.int8(self.transaction_status);
        to.nullable_array(self.transaction_partitions.as_deref(), |to, each| each.write(to, in_version))?;
        to.int64(self.transaction_last_update_timestamp_ms);
        to.int64(self.transaction_start_timestamp_ms);
        if in_version >= 1 {
            let mut tags = Tags::default();
            if self.previous_producer_id != -1 {
                tags.add(0, |to| { to.int64(self.previous_producer_id); Ok(()) })?;
            }
            if self.next_producer_id != -1 {
                tags.add(1, |to| { to.int64(self.next_producer_id); Ok(()) })?;
            }
            if self.client_transaction_version != 0 {
                tags.add(2, |to| { to.int16(self.client_transaction_version); Ok(()) })?;
            }
            if self.next_producer_epoch != -1 {
                tags.add(3, |to| { to.int16(self.next_producer_epoch); Ok(()) })?;
            }
            to.tags(tags);
        } else if self.previous_producer_id != -1 {
            return Err(RecordError::Absent { field: "TransactionLogValue.PreviousProducerId" });
        } else if self.next_producer_id != -1 {
            return Err(RecordError::Absent { field: "TransactionLogValue.NextProducerId" });
        } else if self.next_producer_epoch != -1 {
            return Err(RecordError::Absent { field: "TransactionLogValue.NextProducerEpoch" });
        } else if self.client_transaction_version != 0 {
            return Err(RecordError::Absent { field: "TransactionLogValue.ClientTransactionVersion" });
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let producer_id = from.int64()?;
        let mut previous_producer_id = -1;
        let mut next_producer_id = -1;
        let producer_epoch = from.int16()?;
        let mut next_producer_epoch = -1;
        let transaction_timeout_ms = from.int32()?;
        let transaction_status = from.int8()?;
        let transaction_partitions = from.nullable_array(|from| PartitionsSchema::read(from, in_version))?;
        let transaction_last_update_timestamp_ms = from.int64()?;
        let transaction_start_timestamp_ms = from.int64()?;
        let mut client_transaction_version = 0;
        if in_version >= 1 {
            from.tags(|tag, from| {
                match tag {
                    0 => previous_producer_id = from.int64()?,
                    1 => next_producer_id = from.int64()?,
                    3 => next_producer_epoch = from.int16()?,
                    2 => client_transaction_version = from.int16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(Self { producer_id, previous_producer_id, next_producer_id, producer_epoch, next_producer_epoch, transaction_timeout_ms, transaction_status, transaction_partitions, transaction_last_update_timestamp_ms, transaction_start_timestamp_ms, client_transaction_version })
    }
}

/// `PartitionsSchema` of [`TransactionLogValue`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionsSchema {
    pub topic: String,
    pub partition_ids: Vec<i32>,
}

impl PartitionsSchema {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.topic)?;
        to.array(&self.partition_ids, |to, each| { to.int32(*each); Ok(()) })?;
        if in_version >= 1 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let topic = from.string()?;
        let partition_ids = from.array(Reader::int32)?;
        if in_version >= 1 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { topic, partition_ids })
    }
}

/// `ConsumerProtocolSubscription`, versions 0-3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<String>,
    pub user_data: Option<Bytes>,
    pub owned_partitions: Vec<ConsumerProtocolSubscriptionTopicPartition>,
    pub generation_id: i32,
    pub rack_id: Option<String>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }
}

impl Message for ConsumerProtocolSubscription {
    const NAME: &'static str = "ConsumerProtocolSubscription";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.array(&self.topics, |to, each| to.string(each))?;
        to.nullable_bytes(self.user_data.as_deref());
        if in_version >= 1 {
            to.array(&self.owned_partitions, |to, each| each.write(to, in_version))?;
        }
        if in_version >= 2 {
            to.int32(self.generation_id);
        }
        if in_version >= 3 {
            to.nullable_string(self.rack_id.as_deref())?;
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let topics = from.array(Reader::string)?;
        let user_data = from.nullable_bytes()?;
        let owned_partitions = if in_version >= 1 { from.array(|from| ConsumerProtocolSubscriptionTopicPartition::read(from, in_version))? } else { Vec::new() };
        let generation_id = if in_version >= 2 { from.int32()? } else { -1 };
        let rack_id = if in_version >= 3 { from.nullable_string()? } else { None };
        Ok(Self { topics, user_data, owned_partitions, generation_id, rack_id })
    }
}

/// `TopicPartition` of [`ConsumerProtocolSubscription`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerProtocolSubscriptionTopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl ConsumerProtocolSubscriptionTopicPartition {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 1 {
            to.string(&self.topic)?;
        } else if !self.topic.is_empty() {
            return Err(RecordError::Absent { field: "ConsumerProtocolSubscription.Topic" });
        }
        if in_version >= 1 {
            to.array(&self.partitions, |to, each| { to.int32(*each); Ok(()) })?;
        } else if !self.partitions.is_empty() {
            return Err(RecordError::Absent { field: "ConsumerProtocolSubscription.Partitions" });
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let topic = if in_version >= 1 { from.string()? } else { String::new() };
        let partitions = if in_version >= 1 { from.array(Reader::int32)? } else { Vec::new() };
        Ok(Self { topic, partitions })
    }
}

/// `ConsumerProtocolAssignment`, versions 0-3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerProtocolAssignment {
    pub assigned_partitions: Vec<ConsumerProtocolAssignmentTopicPartition>,
    pub user_data: Option<Bytes>,
}

impl Message for ConsumerProtocolAssignment {
    const NAME: &'static str = "ConsumerProtocolAssignment";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.array(&self.assigned_partitions, |to, each| each.write(to, in_version))?;
        to.nullable_bytes(self.user_data.as_deref());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let assigned_partitions = from.array(|from| ConsumerProtocolAssignmentTopicPartition::read(from, in_version))?;
        let user_data = from.nullable_bytes()?;
        Ok(Self { assigned_partitions, user_data })
    }
}

/// `TopicPartition` of [`ConsumerProtocolAssignment`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerProtocolAssignmentTopicPartition {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl ConsumerProtocolAssignmentTopicPartition {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.topic)?;
        to.array(&self.partitions, |to, each| { to.int32(*each); Ok(()) })?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let topic = from.string()?;
        let partitions = from.array(Reader::int32)?;
        Ok(Self { topic, partitions })
    }
}

/// `ProducerSnapshot`, versions 1-1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerSnapshot {
    pub crc: u32,
    pub producer_entries: Vec<ProducerEntry>,
}

impl Message for ProducerSnapshot {
    const NAME: &'static str = "ProducerSnapshot";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 1..=1;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.uint32(self.crc);
        to.array(&self.producer_entries, |to, each| each.write(to, in_version))?;
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let crc = from.uint32()?;
        let producer_entries = from.array(|from| ProducerEntry::read(from, in_version))?;
        Ok(Self { crc, producer_entries })
    }
}

/// `ProducerEntry` of [`ProducerSnapshot`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerEntry {
    pub producer_id: i64,
    pub epoch: i16,
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
    pub coordinator_epoch: i32,
    pub current_txn_first_offset: i64,
}

impl ProducerEntry {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int64(self.producer_id);
        to.int16(self.epoch);
        to.int32(self.last_sequence);
        to.int64(self.last_offset);
        to.int32(self.offset_delta);
        to.int64(self.timestamp);
        to.int32(self.coordinator_epoch);
        to.int64(self.current_txn_first_offset);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let producer_id = from.int64()?;
        let epoch = from.int16()?;
        let last_sequence = from.int32()?;
        let last_offset = from.int64()?;
        let offset_delta = from.int32()?;
        let timestamp = from.int64()?;
        let coordinator_epoch = from.int32()?;
        let current_txn_first_offset = from.int64()?;
        Ok(Self { producer_id, epoch, last_sequence, last_offset, offset_delta, timestamp, coordinator_epoch, current_txn_first_offset })
    }
}

/// `ControlRecordTypeSchema`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlRecordTypeSchema {
    pub r#type: i16,
}

impl Message for ControlRecordTypeSchema {
    const NAME: &'static str = "ControlRecordTypeSchema";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int16(self.r#type);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let r#type = from.int16()?;
        Ok(Self { r#type })
    }
}

/// `EndTxnMarker`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndTxnMarker {
    pub coordinator_epoch: i32,
}

impl Message for EndTxnMarker {
    const NAME: &'static str = "EndTxnMarker";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = i16::MAX;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.coordinator_epoch);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let coordinator_epoch = from.int32()?;
        Ok(Self { coordinator_epoch })
    }
}

/// `LeaderChangeMessage`, versions 0-1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderChangeMessage {
    pub version: i16,
    pub leader_id: i32,
    pub voters: Vec<LeaderChangeMessageVoter>,
    pub granting_voters: Vec<LeaderChangeMessageVoter>,
}

impl Message for LeaderChangeMessage {
    const NAME: &'static str = "LeaderChangeMessage";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int16(self.version);
        to.int32(self.leader_id);
        to.array(&self.voters, |to, each| each.write(to, in_version))?;
        to.array(&self.granting_voters, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let version = from.int16()?;
        let leader_id = from.int32()?;
        let voters = from.array(|from| LeaderChangeMessageVoter::read(from, in_version))?;
        let granting_voters = from.array(|from| LeaderChangeMessageVoter::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { version, leader_id, voters, granting_voters })
    }
}

/// `Voter` of [`LeaderChangeMessage`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderChangeMessageVoter {
    pub voter_id: i32,
    pub voter_directory_id: [u8; 16],
}

impl LeaderChangeMessageVoter {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.voter_id);
        if in_version >= 1 {
            to.uuid(self.voter_directory_id);
        } else if self.voter_directory_id != [0; 16] {
            return Err(RecordError::Absent { field: "LeaderChangeMessage.VoterDirectoryId" });
        }
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let voter_id = from.int32()?;
        let voter_directory_id = if in_version >= 1 { from.uuid()? } else { [0; 16] };
        from.tags(|_, _| Ok(false))?;
        Ok(Self { voter_id, voter_directory_id })
    }
}

/// `SnapshotHeaderRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotHeaderRecord {
    pub version: i16,
    pub last_contained_log_timestamp: i64,
}

impl Message for SnapshotHeaderRecord {
    const NAME: &'static str = "SnapshotHeaderRecord";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int16(self.version);
        to.int64(self.last_contained_log_timestamp);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let version = from.int16()?;
        let last_contained_log_timestamp = from.int64()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { version, last_contained_log_timestamp })
    }
}

/// `SnapshotFooterRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotFooterRecord {
    pub version: i16,
}

impl Message for SnapshotFooterRecord {
    const NAME: &'static str = "SnapshotFooterRecord";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int16(self.version);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let version = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { version })
    }
}

/// `KRaftVersionRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KRaftVersionRecord {
    pub version: i16,
    pub k_raft_version: i16,
}

impl Message for KRaftVersionRecord {
    const NAME: &'static str = "KRaftVersionRecord";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int16(self.version);
        to.int16(self.k_raft_version);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let version = from.int16()?;
        let k_raft_version = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { version, k_raft_version })
    }
}

/// `VotersRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VotersRecord {
    pub version: i16,
    pub voters: Vec<VotersRecordVoter>,
}

impl Message for VotersRecord {
    const NAME: &'static str = "VotersRecord";
    const TYPE: i16 = -1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int16(self.version);
        to.array(&self.voters, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let version = from.int16()?;
        let voters = from.array(|from| VotersRecordVoter::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { version, voters })
    }
}

/// `Voter` of [`VotersRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VotersRecordVoter {
    pub voter_id: i32,
    pub voter_directory_id: [u8; 16],
    pub endpoints: Vec<Endpoint>,
    pub k_raft_version_feature: KRaftVersionFeature,
}

impl VotersRecordVoter {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.voter_id);
        to.uuid(self.voter_directory_id);
        to.array(&self.endpoints, |to, each| each.write(to, in_version))?;
        self.k_raft_version_feature.write(to, in_version)?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let voter_id = from.int32()?;
        let voter_directory_id = from.uuid()?;
        let endpoints = from.array(|from| Endpoint::read(from, in_version))?;
        let k_raft_version_feature = KRaftVersionFeature::read(from, in_version)?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { voter_id, voter_directory_id, endpoints, k_raft_version_feature })
    }
}

/// `Endpoint` of [`VotersRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
}

impl Endpoint {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.string(&self.host)?;
        to.uint16(self.port);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let host = from.string()?;
        let port = from.uint16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, host, port })
    }
}

/// `KRaftVersionFeature` of [`VotersRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KRaftVersionFeature {
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl KRaftVersionFeature {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int16(self.min_supported_version);
        to.int16(self.max_supported_version);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let min_supported_version = from.int16()?;
        let max_supported_version = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { min_supported_version, max_supported_version })
    }
}

/// `RegisterBrokerRecord`, versions 0-4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBrokerRecord {
    pub broker_id: i32,
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: [u8; 16],
    pub broker_epoch: i64,
    pub end_points: Vec<BrokerEndpoint>,
    pub features: Vec<BrokerFeature>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<[u8; 16]>,
    pub cordoned_log_dirs: Option<Vec<[u8; 16]>>,
}

impl Default for RegisterBrokerRecord {
    fn default() -> Self {
        Self {
            broker_id: 0,
            is_migrating_zk_broker: false,
            incarnation_id: [0; 16],
            broker_epoch: 0,
            end_points: Vec::new(),
            features: Vec::new(),
            rack: Some(String::new()),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

impl Message for RegisterBrokerRecord {
    const NAME: &'static str = "RegisterBrokerRecord";
    const TYPE: i16 = 0;
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.broker_id);
        if in_version >= 2 {
            to.bool(self.is_migrating_zk_broker);
        } else if self.is_migrating_zk_broker {
            return Err(RecordError::Absent { field: "RegisterBrokerRecord.IsMigratingZkBroker" });
        }
        to.uuid(self.incarnation_id);
        to.int64(self.broker_epoch);
        to.array(&self.end_points, |to, each| each.write(to, in_version))?;
        to.array(&self.features, |to, each| each.write(to, in_version))?;
        to.nullable_string(self.rack.as_deref())?;
        to.bool(self.fenced);
        if in_version >= 1 {
            to.bool(self.in_controlled_shutdown);
        } else if self.in_controlled_shutdown {
            return Err(RecordError::Absent { field: "RegisterBrokerRecord.InControlledShutdown" });
        }
        let mut tags = Tags::default();
        if in_version >= 3 {
            if !self.log_dirs.is_empty() {
                tags.add(0, |to| to.array(&self.log_dirs, |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if !self.log_dirs.is_empty() {
                    return Err(RecordError::Absent { field: "RegisterBrokerRecord.LogDirs" });
                }
        if in_version >= 4 {
            if self.cordoned_log_dirs.is_some() {
                tags.add(1, |to| to.nullable_array(self.cordoned_log_dirs.as_deref(), |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if self.cordoned_log_dirs.is_some() {
                    return Err(RecordError::Absent { field: "RegisterBrokerRecord.CordonedLogDirs" });
                }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let broker_id = from.int32()?;
        let is_migrating_zk_broker = if in_version >= 2 { from.bool()? } else { false };
        let incarnation_id = from.uuid()?;
        let broker_epoch = from.int64()?;
        let end_points = from.array(|from| BrokerEndpoint::read(from, in_version))?;
        let features = from.array(|from| BrokerFeature::read(from, in_version))?;
        let rack = from.nullable_string()?;
        let fenced = from.bool()?;
        let in_controlled_shutdown = if in_version >= 1 { from.bool()? } else { false };
        let mut log_dirs = Vec::new();
        let mut cordoned_log_dirs = None;
        from.tags(|tag, from| {
            match tag {
                0 if in_version >= 3 => log_dirs = from.array(Reader::uuid)?,
                1 if in_version >= 4 => cordoned_log_dirs = from.nullable_array(Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { broker_id, is_migrating_zk_broker, incarnation_id, broker_epoch, end_points, features, rack, fenced, in_controlled_shutdown, log_dirs, cordoned_log_dirs })
    }
}

/// `BrokerEndpoint` of [`RegisterBrokerRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

impl BrokerEndpoint {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.string(&self.host)?;
        to.uint16(self.port);
        to.int16(self.security_protocol);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let host = from.string()?;
        let port = from.uint16()?;
        let security_protocol = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, host, port, security_protocol })
    }
}

/// `BrokerFeature` of [`RegisterBrokerRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerFeature {
    pub name: String,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl BrokerFeature {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.int16(self.min_supported_version);
        to.int16(self.max_supported_version);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let min_supported_version = from.int16()?;
        let max_supported_version = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, min_supported_version, max_supported_version })
    }
}

/// `UnregisterBrokerRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnregisterBrokerRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Message for UnregisterBrokerRecord {
    const NAME: &'static str = "UnregisterBrokerRecord";
    const TYPE: i16 = 1;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.broker_id);
        to.int64(self.broker_epoch);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let broker_id = from.int32()?;
        let broker_epoch = from.int64()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { broker_id, broker_epoch })
    }
}

/// `TopicRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRecord {
    pub name: String,
    pub topic_id: [u8; 16],
}

impl Message for TopicRecord {
    const NAME: &'static str = "TopicRecord";
    const TYPE: i16 = 2;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.uuid(self.topic_id);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let topic_id = from.uuid()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, topic_id })
    }
}

/// `PartitionRecord`, versions 0-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRecord {
    pub partition_id: i32,
    pub topic_id: [u8; 16],
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub leader: i32,
    pub leader_recovery_state: i8,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub directories: Vec<[u8; 16]>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Default for PartitionRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: [0; 16],
            replicas: Vec::new(),
            isr: Vec::new(),
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            leader: -1,
            leader_recovery_state: 0,
            leader_epoch: -1,
            partition_epoch: -1,
            directories: Vec::new(),
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }
}

impl Message for PartitionRecord {
    const NAME: &'static str = "PartitionRecord";
    const TYPE: i16 = 3;
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_id);
        to.uuid(self.topic_id);
        to.array(&self.replicas, |to, each| { to.int32(*each); Ok(()) })?;
        to.array(&self.isr, |to, each| { to.int32(*each); Ok(()) })?;
        to.array(&self.removing_replicas, |to, each| { to.int32(*each); Ok(()) })?;
        to.array(&self.adding_replicas, |to, each| { to.int32(*each); Ok(()) })?;
        to.int32(self.leader);
        to.int32(self.leader_epoch);
        to.int32(self.partition_epoch);
        if in_version >= 1 {
            to.array(&self.directories, |to, each| { to.uuid(*each); Ok(()) })?;
        } else if !self.directories.is_empty() {
            return Err(RecordError::Absent { field: "PartitionRecord.Directories" });
        }
        let mut tags = Tags::default();
        if self.leader_recovery_state != 0 {
            tags.add(0, |to| { to.int8(self.leader_recovery_state); Ok(()) })?;
        }
        if in_version >= 2 {
            if self.eligible_leader_replicas.is_some() {
                tags.add(1, |to| to.nullable_array(self.eligible_leader_replicas.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
            }
        } else if self.eligible_leader_replicas.is_some() {
                    return Err(RecordError::Absent { field: "PartitionRecord.EligibleLeaderReplicas" });
                }
        if in_version >= 2 {
            if self.last_known_elr.is_some() {
                tags.add(2, |to| to.nullable_array(self.last_known_elr.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
            }
        } else if self.last_known_elr.is_some() {
                    return Err(RecordError::Absent { field: "PartitionRecord.LastKnownElr" });
                }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_id = from.int32()?;
        let topic_id = from.uuid()?;
        let replicas = from.array(Reader::int32)?;
        let isr = from.array(Reader::int32)?;
        let removing_replicas = from.array(Reader::int32)?;
        let adding_replicas = from.array(Reader::int32)?;
        let leader = from.int32()?;
        let mut leader_recovery_state = 0;
        let leader_epoch = from.int32()?;
        let partition_epoch = from.int32()?;
        let directories = if in_version >= 1 { from.array(Reader::uuid)? } else { Vec::new() };
        let mut eligible_leader_replicas = None;
        let mut last_known_elr = None;
        from.tags(|tag, from| {
            match tag {
                0 => leader_recovery_state = from.int8()?,
                1 if in_version >= 2 => eligible_leader_replicas = from.nullable_array(Reader::int32)?,
                2 if in_version >= 2 => last_known_elr = from.nullable_array(Reader::int32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { partition_id, topic_id, replicas, isr, removing_replicas, adding_replicas, leader, leader_recovery_state, leader_epoch, partition_epoch, directories, eligible_leader_replicas, last_known_elr })
    }
}

/// `ConfigRecord`, versions 0-0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRecord {
    pub resource_type: i8,
    pub resource_name: String,
    pub name: String,
    pub value: Option<String>,
}

impl Default for ConfigRecord {
    fn default() -> Self {
        Self {
            resource_type: 0,
            resource_name: String::new(),
            name: String::new(),
            value: Some(String::new()),
        }
    }
}

impl Message for ConfigRecord {
    const NAME: &'static str = "ConfigRecord";
    const TYPE: i16 = 4;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int8(self.resource_type);
        to.string(&self.resource_name)?;
        to.string(&self.name)?;
        to.nullable_string(self.value.as_deref())?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let resource_type = from.int8()?;
        let resource_name = from.string()?;
        let name = from.string()?;
        let value = from.nullable_string()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { resource_type, resource_name, name, value })
    }
}

/// `PartitionChangeRecord`, versions 0-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionChangeRecord {
    pub partition_id: i32,
    pub topic_id: [u8; 16],
    pub isr: Option<Vec<i32>>,
    pub leader: i32,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub leader_recovery_state: i8,
    pub directories: Option<Vec<[u8; 16]>>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Default for PartitionChangeRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: [0; 16],
            isr: None,
            leader: -2,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: -1,
            directories: None,
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }
}

impl Message for PartitionChangeRecord {
    const NAME: &'static str = "PartitionChangeRecord";
    const TYPE: i16 = 5;
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_id);
        to.uuid(self.topic_id);
        let mut tags = Tags::default();
        if self.isr.is_some() {
            tags.add(0, |to| to.nullable_array(self.isr.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
        }
        if self.leader != -2 {
            tags.add(1, |to| { to.int32(self.leader); Ok(()) })?;
        }
        if self.replicas.is_some() {
            tags.add(2, |to| to.nullable_array(self.replicas.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
        }
        if self.removing_replicas.is_some() {
            tags.add(3, |to| to.nullable_array(self.removing_replicas.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
        }
        if self.adding_replicas.is_some() {
            tags.add(4, |to| to.nullable_array(self.adding_replicas.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
        }
        if self.leader_recovery_state != -1 {
            tags.add(5, |to| { to.int8(self.leader_recovery_state); Ok(()) })?;
        }
        if in_version >= 2 {
            if self.eligible_leader_replicas.is_some() {
                tags.add(6, |to| to.nullable_array(self.eligible_leader_replicas.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
            }
        } else if self.eligible_leader_replicas.is_some() {
                    return Err(RecordError::Absent { field: "PartitionChangeRecord.EligibleLeaderReplicas" });
                }
        if in_version >= 2 {
            if self.last_known_elr.is_some() {
                tags.add(7, |to| to.nullable_array(self.last_known_elr.as_deref(), |to, each| { to.int32(*each); Ok(()) }))?;
            }
        } else if self.last_known_elr.is_some() {
                    return Err(RecordError::Absent { field: "PartitionChangeRecord.LastKnownElr" });
                }
        if in_version >= 1 {
            if self.directories.is_some() {
                tags.add(8, |to| to.nullable_array(self.directories.as_deref(), |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if self.directories.is_some() {
                    return Err(RecordError::Absent { field: "PartitionChangeRecord.Directories" });
                }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_id = from.int32()?;
        let topic_id = from.uuid()?;
        let mut isr = None;
        let mut leader = -2;
        let mut replicas = None;
        let mut removing_replicas = None;
        let mut adding_replicas = None;
        let mut leader_recovery_state = -1;
        let mut directories = None;
        let mut eligible_leader_replicas = None;
        let mut last_known_elr = None;
        from.tags(|tag, from| {
            match tag {
                0 => isr = from.nullable_array(Reader::int32)?,
                1 => leader = from.int32()?,
                2 => replicas = from.nullable_array(Reader::int32)?,
                3 => removing_replicas = from.nullable_array(Reader::int32)?,
                4 => adding_replicas = from.nullable_array(Reader::int32)?,
                5 => leader_recovery_state = from.int8()?,
                8 if in_version >= 1 => directories = from.nullable_array(Reader::uuid)?,
                6 if in_version >= 2 => eligible_leader_replicas = from.nullable_array(Reader::int32)?,
                7 if in_version >= 2 => last_known_elr = from.nullable_array(Reader::int32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { partition_id, topic_id, isr, leader, replicas, removing_replicas, adding_replicas, leader_recovery_state, directories, eligible_leader_replicas, last_known_elr })
    }
}

/// `FenceBrokerRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FenceBrokerRecord {
    pub id: i32,
    pub epoch: i64,
}

impl Message for FenceBrokerRecord {
    const NAME: &'static str = "FenceBrokerRecord";
    const TYPE: i16 = 7;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.id);
        to.int64(self.epoch);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let id = from.int32()?;
        let epoch = from.int64()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { id, epoch })
    }
}

/// `UnfenceBrokerRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnfenceBrokerRecord {
    pub id: i32,
    pub epoch: i64,
}

impl Message for UnfenceBrokerRecord {
    const NAME: &'static str = "UnfenceBrokerRecord";
    const TYPE: i16 = 8;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.id);
        to.int64(self.epoch);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let id = from.int32()?;
        let epoch = from.int64()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { id, epoch })
    }
}

/// `RemoveTopicRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    pub topic_id: [u8; 16],
}

impl Message for RemoveTopicRecord {
    const NAME: &'static str = "RemoveTopicRecord";
    const TYPE: i16 = 9;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.uuid(self.topic_id);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let topic_id = from.uuid()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { topic_id })
    }
}

/// `DelegationTokenRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationTokenRecord {
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    pub issue_timestamp: i64,
    pub max_timestamp: i64,
    pub expiration_timestamp: i64,
    pub token_id: String,
}

impl Message for DelegationTokenRecord {
    const NAME: &'static str = "DelegationTokenRecord";
    const TYPE: i16 = 10;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.owner)?;
        to.string(&self.requester)?;
        to.array(&self.renewers, |to, each| to.string(each))?;
        to.int64(self.issue_timestamp);
        to.int64(self.max_timestamp);
        to.int64(self.expiration_timestamp);
        to.string(&self.token_id)?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let owner = from.string()?;
        let requester = from.string()?;
        let renewers = from.array(Reader::string)?;
        let issue_timestamp = from.int64()?;
        let max_timestamp = from.int64()?;
        let expiration_timestamp = from.int64()?;
        let token_id = from.string()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { owner, requester, renewers, issue_timestamp, max_timestamp, expiration_timestamp, token_id })
    }
}

/// `UserScramCredentialRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserScramCredentialRecord {
    pub name: String,
    pub mechanism: i8,
    pub salt: Bytes,
    pub stored_key: Bytes,
    pub server_key: Bytes,
    pub iterations: i32,
}

impl Message for UserScramCredentialRecord {
    const NAME: &'static str = "UserScramCredentialRecord";
    const TYPE: i16 = 11;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.int8(self.mechanism);
        to.bytes(&self.salt);
        to.bytes(&self.stored_key);
        to.bytes(&self.server_key);
        to.int32(self.iterations);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let mechanism = from.int8()?;
        let salt = from.bytes()?;
        let stored_key = from.bytes()?;
        let server_key = from.bytes()?;
        let iterations = from.int32()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, mechanism, salt, stored_key, server_key, iterations })
    }
}

/// `FeatureLevelRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    pub name: String,
    pub feature_level: i16,
}

impl Message for FeatureLevelRecord {
    const NAME: &'static str = "FeatureLevelRecord";
    const TYPE: i16 = 12;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.int16(self.feature_level);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let feature_level = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, feature_level })
    }
}

/// `ClientQuotaRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientQuotaRecord {
    pub entity: Vec<EntityData>,
    pub key: String,
    pub value: f64,
    pub remove: bool,
}

impl Message for ClientQuotaRecord {
    const NAME: &'static str = "ClientQuotaRecord";
    const TYPE: i16 = 14;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.array(&self.entity, |to, each| each.write(to, in_version))?;
        to.string(&self.key)?;
        to.float64(self.value);
        to.bool(self.remove);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let entity = from.array(|from| EntityData::read(from, in_version))?;
        let key = from.string()?;
        let value = from.float64()?;
        let remove = from.bool()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { entity, key, value, remove })
    }
}

/// `EntityData` of [`ClientQuotaRecord`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityData {
    pub entity_type: String,
    pub entity_name: Option<String>,
}

impl Default for EntityData {
    fn default() -> Self {
        Self {
            entity_type: String::new(),
            entity_name: Some(String::new()),
        }
    }
}

impl EntityData {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.entity_type)?;
        to.nullable_string(self.entity_name.as_deref())?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let entity_type = from.string()?;
        let entity_name = from.nullable_string()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { entity_type, entity_name })
    }
}

/// `ProducerIdsRecord`, versions 0-0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub next_producer_id: i64,
}

impl Default for ProducerIdsRecord {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            next_producer_id: 0,
        }
    }
}

impl Message for ProducerIdsRecord {
    const NAME: &'static str = "ProducerIdsRecord";
    const TYPE: i16 = 15;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.broker_id);
        to.int64(self.broker_epoch);
        to.int64(self.next_producer_id);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let broker_id = from.int32()?;
        let broker_epoch = from.int64()?;
        let next_producer_id = from.int64()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { broker_id, broker_epoch, next_producer_id })
    }
}

/// `BrokerRegistrationChangeRecord`, versions 0-3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerRegistrationChangeRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub fenced: i8,
    pub in_controlled_shutdown: i8,
    pub log_dirs: Vec<[u8; 16]>,
    pub cordoned_log_dirs: Option<Vec<[u8; 16]>>,
}

impl Message for BrokerRegistrationChangeRecord {
    const NAME: &'static str = "BrokerRegistrationChangeRecord";
    const TYPE: i16 = 17;
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.broker_id);
        to.int64(self.broker_epoch);
        let mut tags = Tags::default();
        if self.fenced != 0 {
            tags.add(0, |to| { to.int8(self.fenced); Ok(()) })?;
        }
        if in_version >= 1 {
            if self.in_controlled_shutdown != 0 {
                tags.add(1, |to| { to.int8(self.in_controlled_shutdown); Ok(()) })?;
            }
        } else if self.in_controlled_shutdown != 0 {
                    return Err(RecordError::Absent { field: "BrokerRegistrationChangeRecord.InControlledShutdown" });
                }
        if in_version >= 2 {
            if !self.log_dirs.is_empty() {
                tags.add(2, |to| to.array(&self.log_dirs, |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if !self.log_dirs.is_empty() {
                    return Err(RecordError::Absent { field: "BrokerRegistrationChangeRecord.LogDirs" });
                }
        if in_version >= 3 {
            if self.cordoned_log_dirs.is_some() {
                tags.add(3, |to| to.nullable_array(self.cordoned_log_dirs.as_deref(), |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if self.cordoned_log_dirs.is_some() {
                    return Err(RecordError::Absent { field: "BrokerRegistrationChangeRecord.CordonedLogDirs" });
                }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let broker_id = from.int32()?;
        let broker_epoch = from.int64()?;
        let mut fenced = 0;
        let mut in_controlled_shutdown = 0;
        let mut log_dirs = Vec::new();
        let mut cordoned_log_dirs = None;
        from.tags(|tag, from| {
            match tag {
                0 => fenced = from.int8()?,
                1 if in_version >= 1 => in_controlled_shutdown = from.int8()?,
                2 if in_version >= 2 => log_dirs = from.array(Reader::uuid)?,
                3 if in_version >= 3 => cordoned_log_dirs = from.nullable_array(Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { broker_id, broker_epoch, fenced, in_controlled_shutdown, log_dirs, cordoned_log_dirs })
    }
}

/// `AccessControlEntryRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessControlEntryRecord {
    pub id: [u8; 16],
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
}

impl Message for AccessControlEntryRecord {
    const NAME: &'static str = "AccessControlEntryRecord";
    const TYPE: i16 = 18;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.uuid(self.id);
        to.int8(self.resource_type);
        to.string(&self.resource_name)?;
        to.int8(self.pattern_type);
        to.string(&self.principal)?;
        to.string(&self.host)?;
        to.int8(self.operation);
        to.int8(self.permission_type);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let id = from.uuid()?;
        let resource_type = from.int8()?;
        let resource_name = from.string()?;
        let pattern_type = from.int8()?;
        let principal = from.string()?;
        let host = from.string()?;
        let operation = from.int8()?;
        let permission_type = from.int8()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { id, resource_type, resource_name, pattern_type, principal, host, operation, permission_type })
    }
}

/// `RemoveAccessControlEntryRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveAccessControlEntryRecord {
    pub id: [u8; 16],
}

impl Message for RemoveAccessControlEntryRecord {
    const NAME: &'static str = "RemoveAccessControlEntryRecord";
    const TYPE: i16 = 19;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.uuid(self.id);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let id = from.uuid()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { id })
    }
}

/// `NoOpRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoOpRecord {}

impl Message for NoOpRecord {
    const NAME: &'static str = "NoOpRecord";
    const TYPE: i16 = 20;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        from.tags(|_, _| Ok(false))?;
        Ok(Self {})
    }
}

/// `ZkMigrationStateRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZkMigrationStateRecord {
    pub zk_migration_state: i8,
}

impl Message for ZkMigrationStateRecord {
    const NAME: &'static str = "ZkMigrationStateRecord";
    const TYPE: i16 = 21;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int8(self.zk_migration_state);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let zk_migration_state = from.int8()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { zk_migration_state })
    }
}

/// `RemoveUserScramCredentialRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveUserScramCredentialRecord {
    pub name: String,
    pub mechanism: i8,
}

impl Message for RemoveUserScramCredentialRecord {
    const NAME: &'static str = "RemoveUserScramCredentialRecord";
    const TYPE: i16 = 22;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.int8(self.mechanism);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let mechanism = from.int8()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, mechanism })
    }
}

/// `BeginTransactionRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BeginTransactionRecord {
    pub name: Option<String>,
}

impl Message for BeginTransactionRecord {
    const NAME: &'static str = "BeginTransactionRecord";
    const TYPE: i16 = 23;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        let mut tags = Tags::default();
        if self.name.is_some() {
            tags.add(0, |to| to.nullable_string(self.name.as_deref()))?;
        }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let mut name = None;
        from.tags(|tag, from| {
            match tag {
                0 => name = from.nullable_string()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { name })
    }
}

/// `EndTransactionRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndTransactionRecord {}

impl Message for EndTransactionRecord {
    const NAME: &'static str = "EndTransactionRecord";
    const TYPE: i16 = 24;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        from.tags(|_, _| Ok(false))?;
        Ok(Self {})
    }
}

/// `AbortTransactionRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbortTransactionRecord {
    pub reason: Option<String>,
}

impl Message for AbortTransactionRecord {
    const NAME: &'static str = "AbortTransactionRecord";
    const TYPE: i16 = 25;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        let mut tags = Tags::default();
        if self.reason.is_some() {
            tags.add(0, |to| to.nullable_string(self.reason.as_deref()))?;
        }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let mut reason = None;
        from.tags(|tag, from| {
            match tag {
                0 => reason = from.nullable_string()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { reason })
    }
}

/// `RemoveDelegationTokenRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoveDelegationTokenRecord {
    pub token_id: String,
}

impl Message for RemoveDelegationTokenRecord {
    const NAME: &'static str = "RemoveDelegationTokenRecord";
    const TYPE: i16 = 26;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.token_id)?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let token_id = from.string()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { token_id })
    }
}

/// `RegisterControllerRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterControllerRecord {
    pub controller_id: i32,
    pub incarnation_id: [u8; 16],
    pub zk_migration_ready: bool,
    pub end_points: Vec<ControllerEndpoint>,
    pub features: Vec<ControllerFeature>,
}

impl Message for RegisterControllerRecord {
    const NAME: &'static str = "RegisterControllerRecord";
    const TYPE: i16 = 27;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.controller_id);
        to.uuid(self.incarnation_id);
        to.bool(self.zk_migration_ready);
        to.array(&self.end_points, |to, each| each.write(to, in_version))?;
        to.array(&self.features, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let controller_id = from.int32()?;
        let incarnation_id = from.uuid()?;
        let zk_migration_ready = from.bool()?;
        let end_points = from.array(|from| ControllerEndpoint::read(from, in_version))?;
        let features = from.array(|from| ControllerFeature::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { controller_id, incarnation_id, zk_migration_ready, end_points, features })
    }
}

/// `ControllerEndpoint` of [`RegisterControllerRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

impl ControllerEndpoint {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.string(&self.host)?;
        to.uint16(self.port);
        to.int16(self.security_protocol);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let host = from.string()?;
        let port = from.uint16()?;
        let security_protocol = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, host, port, security_protocol })
    }
}

/// `ControllerFeature` of [`RegisterControllerRecord`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerFeature {
    pub name: String,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

impl ControllerFeature {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.int16(self.min_supported_version);
        to.int16(self.max_supported_version);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let min_supported_version = from.int16()?;
        let max_supported_version = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, min_supported_version, max_supported_version })
    }
}

/// `ClearElrRecord`, versions 0-0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClearElrRecord {
    pub topic_name: String,
}

impl Message for ClearElrRecord {
    const NAME: &'static str = "ClearElrRecord";
    const TYPE: i16 = 28;
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.topic_name)?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let topic_name = from.string()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { topic_name })
    }
}

/// Any record of the metadata log.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataRecord {
    RegisterBroker(RegisterBrokerRecord),
    UnregisterBroker(UnregisterBrokerRecord),
    Topic(TopicRecord),
    Partition(PartitionRecord),
    Config(ConfigRecord),
    PartitionChange(PartitionChangeRecord),
    FenceBroker(FenceBrokerRecord),
    UnfenceBroker(UnfenceBrokerRecord),
    RemoveTopic(RemoveTopicRecord),
    DelegationToken(DelegationTokenRecord),
    UserScramCredential(UserScramCredentialRecord),
    FeatureLevel(FeatureLevelRecord),
    ClientQuota(ClientQuotaRecord),
    ProducerIds(ProducerIdsRecord),
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    AccessControlEntry(AccessControlEntryRecord),
    RemoveAccessControlEntry(RemoveAccessControlEntryRecord),
    NoOp(NoOpRecord),
    ZkMigrationState(ZkMigrationStateRecord),
    RemoveUserScramCredential(RemoveUserScramCredentialRecord),
    BeginTransaction(BeginTransactionRecord),
    EndTransaction(EndTransactionRecord),
    AbortTransaction(AbortTransactionRecord),
    RemoveDelegationToken(RemoveDelegationTokenRecord),
    RegisterController(RegisterControllerRecord),
    ClearElr(ClearElrRecord),
}

impl MetadataRecord {
    /// Its bytes in the metadata log: frame version, record type, version, record.
    pub fn encode(&self, version: i16) -> Result<Bytes, RecordError> {
        match self {
            Self::RegisterBroker(record) => super::framed(record, version),
            Self::UnregisterBroker(record) => super::framed(record, version),
            Self::Topic(record) => super::framed(record, version),
            Self::Partition(record) => super::framed(record, version),
            Self::Config(record) => super::framed(record, version),
            Self::PartitionChange(record) => super::framed(record, version),
            Self::FenceBroker(record) => super::framed(record, version),
            Self::UnfenceBroker(record) => super::framed(record, version),
            Self::RemoveTopic(record) => super::framed(record, version),
            Self::DelegationToken(record) => super::framed(record, version),
            Self::UserScramCredential(record) => super::framed(record, version),
            Self::FeatureLevel(record) => super::framed(record, version),
            Self::ClientQuota(record) => super::framed(record, version),
            Self::ProducerIds(record) => super::framed(record, version),
            Self::BrokerRegistrationChange(record) => super::framed(record, version),
            Self::AccessControlEntry(record) => super::framed(record, version),
            Self::RemoveAccessControlEntry(record) => super::framed(record, version),
            Self::NoOp(record) => super::framed(record, version),
            Self::ZkMigrationState(record) => super::framed(record, version),
            Self::RemoveUserScramCredential(record) => super::framed(record, version),
            Self::BeginTransaction(record) => super::framed(record, version),
            Self::EndTransaction(record) => super::framed(record, version),
            Self::AbortTransaction(record) => super::framed(record, version),
            Self::RemoveDelegationToken(record) => super::framed(record, version),
            Self::RegisterController(record) => super::framed(record, version),
            Self::ClearElr(record) => super::framed(record, version),
        }
    }

    /// From the bytes of the metadata log, with the version it was written in.
    pub fn decode(bytes: &[u8]) -> Result<(Self, i16), RecordError> {
        let (record_type, version, rest) = super::unframed(bytes)?;
        let record = match record_type {
            RegisterBrokerRecord::TYPE => Self::RegisterBroker(super::whole(rest, version)?),
            UnregisterBrokerRecord::TYPE => Self::UnregisterBroker(super::whole(rest, version)?),
            TopicRecord::TYPE => Self::Topic(super::whole(rest, version)?),
            PartitionRecord::TYPE => Self::Partition(super::whole(rest, version)?),
            ConfigRecord::TYPE => Self::Config(super::whole(rest, version)?),
            PartitionChangeRecord::TYPE => Self::PartitionChange(super::whole(rest, version)?),
            FenceBrokerRecord::TYPE => Self::FenceBroker(super::whole(rest, version)?),
            UnfenceBrokerRecord::TYPE => Self::UnfenceBroker(super::whole(rest, version)?),
            RemoveTopicRecord::TYPE => Self::RemoveTopic(super::whole(rest, version)?),
            DelegationTokenRecord::TYPE => Self::DelegationToken(super::whole(rest, version)?),
            UserScramCredentialRecord::TYPE => Self::UserScramCredential(super::whole(rest, version)?),
            FeatureLevelRecord::TYPE => Self::FeatureLevel(super::whole(rest, version)?),
            ClientQuotaRecord::TYPE => Self::ClientQuota(super::whole(rest, version)?),
            ProducerIdsRecord::TYPE => Self::ProducerIds(super::whole(rest, version)?),
            BrokerRegistrationChangeRecord::TYPE => Self::BrokerRegistrationChange(super::whole(rest, version)?),
            AccessControlEntryRecord::TYPE => Self::AccessControlEntry(super::whole(rest, version)?),
            RemoveAccessControlEntryRecord::TYPE => Self::RemoveAccessControlEntry(super::whole(rest, version)?),
            NoOpRecord::TYPE => Self::NoOp(super::whole(rest, version)?),
            ZkMigrationStateRecord::TYPE => Self::ZkMigrationState(super::whole(rest, version)?),
            RemoveUserScramCredentialRecord::TYPE => Self::RemoveUserScramCredential(super::whole(rest, version)?),
            BeginTransactionRecord::TYPE => Self::BeginTransaction(super::whole(rest, version)?),
            EndTransactionRecord::TYPE => Self::EndTransaction(super::whole(rest, version)?),
            AbortTransactionRecord::TYPE => Self::AbortTransaction(super::whole(rest, version)?),
            RemoveDelegationTokenRecord::TYPE => Self::RemoveDelegationToken(super::whole(rest, version)?),
            RegisterControllerRecord::TYPE => Self::RegisterController(super::whole(rest, version)?),
            ClearElrRecord::TYPE => Self::ClearElr(super::whole(rest, version)?),
            other => return Err(RecordError::Type(other)),
        };
        Ok((record, version))
    }

    /// The highest version of this record that Kafka 4.3.1 has.
    pub fn latest_version(&self) -> i16 {
        match self {
            Self::RegisterBroker(_) => 4,
            Self::UnregisterBroker(_) => 0,
            Self::Topic(_) => 0,
            Self::Partition(_) => 2,
            Self::Config(_) => 0,
            Self::PartitionChange(_) => 2,
            Self::FenceBroker(_) => 0,
            Self::UnfenceBroker(_) => 0,
            Self::RemoveTopic(_) => 0,
            Self::DelegationToken(_) => 0,
            Self::UserScramCredential(_) => 0,
            Self::FeatureLevel(_) => 0,
            Self::ClientQuota(_) => 0,
            Self::ProducerIds(_) => 0,
            Self::BrokerRegistrationChange(_) => 3,
            Self::AccessControlEntry(_) => 0,
            Self::RemoveAccessControlEntry(_) => 0,
            Self::NoOp(_) => 0,
            Self::ZkMigrationState(_) => 0,
            Self::RemoveUserScramCredential(_) => 0,
            Self::BeginTransaction(_) => 0,
            Self::EndTransaction(_) => 0,
            Self::AbortTransaction(_) => 0,
            Self::RemoveDelegationToken(_) => 0,
            Self::RegisterController(_) => 0,
            Self::ClearElr(_) => 0,
        }
    }
}

impl From<RegisterBrokerRecord> for MetadataRecord {
    fn from(record: RegisterBrokerRecord) -> Self {
        Self::RegisterBroker(record)
    }
}

impl From<UnregisterBrokerRecord> for MetadataRecord {
    fn from(record: UnregisterBrokerRecord) -> Self {
        Self::UnregisterBroker(record)
    }
}

impl From<TopicRecord> for MetadataRecord {
    fn from(record: TopicRecord) -> Self {
        Self::Topic(record)
    }
}

impl From<PartitionRecord> for MetadataRecord {
    fn from(record: PartitionRecord) -> Self {
        Self::Partition(record)
    }
}

impl From<ConfigRecord> for MetadataRecord {
    fn from(record: ConfigRecord) -> Self {
        Self::Config(record)
    }
}

impl From<PartitionChangeRecord> for MetadataRecord {
    fn from(record: PartitionChangeRecord) -> Self {
        Self::PartitionChange(record)
    }
}

impl From<FenceBrokerRecord> for MetadataRecord {
    fn from(record: FenceBrokerRecord) -> Self {
        Self::FenceBroker(record)
    }
}

impl From<UnfenceBrokerRecord> for MetadataRecord {
    fn from(record: UnfenceBrokerRecord) -> Self {
        Self::UnfenceBroker(record)
    }
}

impl From<RemoveTopicRecord> for MetadataRecord {
    fn from(record: RemoveTopicRecord) -> Self {
        Self::RemoveTopic(record)
    }
}

impl From<DelegationTokenRecord> for MetadataRecord {
    fn from(record: DelegationTokenRecord) -> Self {
        Self::DelegationToken(record)
    }
}

impl From<UserScramCredentialRecord> for MetadataRecord {
    fn from(record: UserScramCredentialRecord) -> Self {
        Self::UserScramCredential(record)
    }
}

impl From<FeatureLevelRecord> for MetadataRecord {
    fn from(record: FeatureLevelRecord) -> Self {
        Self::FeatureLevel(record)
    }
}

impl From<ClientQuotaRecord> for MetadataRecord {
    fn from(record: ClientQuotaRecord) -> Self {
        Self::ClientQuota(record)
    }
}

impl From<ProducerIdsRecord> for MetadataRecord {
    fn from(record: ProducerIdsRecord) -> Self {
        Self::ProducerIds(record)
    }
}

impl From<BrokerRegistrationChangeRecord> for MetadataRecord {
    fn from(record: BrokerRegistrationChangeRecord) -> Self {
        Self::BrokerRegistrationChange(record)
    }
}

impl From<AccessControlEntryRecord> for MetadataRecord {
    fn from(record: AccessControlEntryRecord) -> Self {
        Self::AccessControlEntry(record)
    }
}

impl From<RemoveAccessControlEntryRecord> for MetadataRecord {
    fn from(record: RemoveAccessControlEntryRecord) -> Self {
        Self::RemoveAccessControlEntry(record)
    }
}

impl From<NoOpRecord> for MetadataRecord {
    fn from(record: NoOpRecord) -> Self {
        Self::NoOp(record)
    }
}

impl From<ZkMigrationStateRecord> for MetadataRecord {
    fn from(record: ZkMigrationStateRecord) -> Self {
        Self::ZkMigrationState(record)
    }
}

impl From<RemoveUserScramCredentialRecord> for MetadataRecord {
    fn from(record: RemoveUserScramCredentialRecord) -> Self {
        Self::RemoveUserScramCredential(record)
    }
}

impl From<BeginTransactionRecord> for MetadataRecord {
    fn from(record: BeginTransactionRecord) -> Self {
        Self::BeginTransaction(record)
    }
}

impl From<EndTransactionRecord> for MetadataRecord {
    fn from(record: EndTransactionRecord) -> Self {
        Self::EndTransaction(record)
    }
}

impl From<AbortTransactionRecord> for MetadataRecord {
    fn from(record: AbortTransactionRecord) -> Self {
        Self::AbortTransaction(record)
    }
}

impl From<RemoveDelegationTokenRecord> for MetadataRecord {
    fn from(record: RemoveDelegationTokenRecord) -> Self {
        Self::RemoveDelegationToken(record)
    }
}

impl From<RegisterControllerRecord> for MetadataRecord {
    fn from(record: RegisterControllerRecord) -> Self {
        Self::RegisterController(record)
    }
}

impl From<ClearElrRecord> for MetadataRecord {
    fn from(record: ClearElrRecord) -> Self {
        Self::ClearElr(record)
    }
}
