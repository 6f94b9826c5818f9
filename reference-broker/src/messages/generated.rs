//! Generated from fixtures/schemas by `cargo run -p kafka-fixtures --example generate`. Not edited.

use broker_core::records::primitive::{Reader, RecordError, Tags, Writer};
use broker_core::records::Message;
use std::ops::RangeInclusive;

/// `InitProducerIdRequest`, versions 0-6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitProducerIdRequest {
    pub(crate) transactional_id: Option<String>,
    pub(crate) transaction_timeout_ms: i32,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) enable2_pc: bool,
    pub(crate) keep_prepared_txn: bool,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Some(String::new()),
            transaction_timeout_ms: 0,
            producer_id: -1,
            producer_epoch: -1,
            enable2_pc: false,
            keep_prepared_txn: false,
        }
    }
}

impl Message for InitProducerIdRequest {
    const NAME: &'static str = "InitProducerIdRequest";
    const TYPE: i16 = 22;
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    const FLEXIBLE_FROM: i16 = 2;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.nullable_string(self.transactional_id.as_deref())?;
        to.int32(self.transaction_timeout_ms);
        if in_version >= 3 {
            to.int64(self.producer_id);
        } else if self.producer_id != -1 {
            return Err(RecordError::Absent { field: "InitProducerIdRequest.ProducerId" });
        }
        if in_version >= 3 {
            to.int16(self.producer_epoch);
        } else if self.producer_epoch != -1 {
            return Err(RecordError::Absent { field: "InitProducerIdRequest.ProducerEpoch" });
        }
        if in_version >= 6 {
            to.bool(self.enable2_pc);
        } else if self.enable2_pc {
            return Err(RecordError::Absent { field: "InitProducerIdRequest.Enable2Pc" });
        }
        if in_version >= 6 {
            to.bool(self.keep_prepared_txn);
        } else if self.keep_prepared_txn {
            return Err(RecordError::Absent { field: "InitProducerIdRequest.KeepPreparedTxn" });
        }
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let transactional_id = from.nullable_string()?;
        let transaction_timeout_ms = from.int32()?;
        let producer_id = if in_version >= 3 { from.int64()? } else { -1 };
        let producer_epoch = if in_version >= 3 { from.int16()? } else { -1 };
        let enable2_pc = if in_version >= 6 { from.bool()? } else { false };
        let keep_prepared_txn = if in_version >= 6 { from.bool()? } else { false };
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { transactional_id, transaction_timeout_ms, producer_id, producer_epoch, enable2_pc, keep_prepared_txn })
    }
}

/// `InitProducerIdResponse`, versions 0-6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitProducerIdResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) error_code: i16,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) ongoing_txn_producer_id: i64,
    pub(crate) ongoing_txn_producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            producer_id: -1,
            producer_epoch: 0,
            ongoing_txn_producer_id: -1,
            ongoing_txn_producer_epoch: -1,
        }
    }
}

impl Message for InitProducerIdResponse {
    const NAME: &'static str = "InitProducerIdResponse";
    const TYPE: i16 = 22;
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    const FLEXIBLE_FROM: i16 = 2;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.throttle_time_ms);
        to.int16(self.error_code);
        to.int64(self.producer_id);
        to.int16(self.producer_epoch);
        if in_version >= 6 {
            to.int64(self.ongoing_txn_producer_id);
        } else if self.ongoing_txn_producer_id != -1 {
            return Err(RecordError::Absent { field: "InitProducerIdResponse.OngoingTxnProducerId" });
        }
        if in_version >= 6 {
            to.int16(self.ongoing_txn_producer_epoch);
        } else if self.ongoing_txn_producer_epoch != -1 {
            return Err(RecordError::Absent { field: "InitProducerIdResponse.OngoingTxnProducerEpoch" });
        }
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = from.int32()?;
        let error_code = from.int16()?;
        let producer_id = from.int64()?;
        let producer_epoch = from.int16()?;
        let ongoing_txn_producer_id = if in_version >= 6 { from.int64()? } else { -1 };
        let ongoing_txn_producer_epoch = if in_version >= 6 { from.int16()? } else { -1 };
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { throttle_time_ms, error_code, producer_id, producer_epoch, ongoing_txn_producer_id, ongoing_txn_producer_epoch })
    }
}

/// `ListOffsetsRequest`, versions 1-11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListOffsetsRequest {
    pub(crate) replica_id: i32,
    pub(crate) isolation_level: i8,
    pub(crate) topics: Vec<ListOffsetsTopic>,
    pub(crate) timeout_ms: i32,
}

impl Message for ListOffsetsRequest {
    const NAME: &'static str = "ListOffsetsRequest";
    const TYPE: i16 = 2;
    const VERSIONS: RangeInclusive<i16> = 1..=11;
    const FLEXIBLE_FROM: i16 = 6;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.replica_id);
        if in_version >= 2 {
            to.int8(self.isolation_level);
        } else if self.isolation_level != 0 {
            return Err(RecordError::Absent { field: "ListOffsetsRequest.IsolationLevel" });
        }
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        if in_version >= 10 {
            to.int32(self.timeout_ms);
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let replica_id = from.int32()?;
        let isolation_level = if in_version >= 2 { from.int8()? } else { 0 };
        let topics = from.array(|from| ListOffsetsTopic::read(from, in_version))?;
        let timeout_ms = if in_version >= 10 { from.int32()? } else { 0 };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { replica_id, isolation_level, topics, timeout_ms })
    }
}

/// `ListOffsetsTopic` of [`ListOffsetsRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListOffsetsTopic {
    pub(crate) name: String,
    pub(crate) partitions: Vec<ListOffsetsPartition>,
}

impl ListOffsetsTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let partitions = from.array(|from| ListOffsetsPartition::read(from, in_version))?;
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, partitions })
    }
}

/// `ListOffsetsPartition` of [`ListOffsetsRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListOffsetsPartition {
    pub(crate) partition_index: i32,
    pub(crate) current_leader_epoch: i32,
    pub(crate) timestamp: i64,
}

impl Default for ListOffsetsPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            current_leader_epoch: -1,
            timestamp: 0,
        }
    }
}

impl ListOffsetsPartition {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_index);
        if in_version >= 4 {
            to.int32(self.current_leader_epoch);
        }
        to.int64(self.timestamp);
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = from.int32()?;
        let current_leader_epoch = if in_version >= 4 { from.int32()? } else { -1 };
        let timestamp = from.int64()?;
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, current_leader_epoch, timestamp })
    }
}

/// `ListOffsetsResponse`, versions 1-11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListOffsetsResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) topics: Vec<ListOffsetsTopicResponse>,
}

impl Message for ListOffsetsResponse {
    const NAME: &'static str = "ListOffsetsResponse";
    const TYPE: i16 = 2;
    const VERSIONS: RangeInclusive<i16> = 1..=11;
    const FLEXIBLE_FROM: i16 = 6;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 2 {
            to.int32(self.throttle_time_ms);
        }
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = if in_version >= 2 { from.int32()? } else { 0 };
        let topics = from.array(|from| ListOffsetsTopicResponse::read(from, in_version))?;
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { throttle_time_ms, topics })
    }
}

/// `ListOffsetsTopicResponse` of [`ListOffsetsResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListOffsetsTopicResponse {
    pub(crate) name: String,
    pub(crate) partitions: Vec<ListOffsetsPartitionResponse>,
}

impl ListOffsetsTopicResponse {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let partitions = from.array(|from| ListOffsetsPartitionResponse::read(from, in_version))?;
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, partitions })
    }
}

/// `ListOffsetsPartitionResponse` of [`ListOffsetsResponse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListOffsetsPartitionResponse {
    pub(crate) partition_index: i32,
    pub(crate) error_code: i16,
    pub(crate) timestamp: i64,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: 0,
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
        }
    }
}

impl ListOffsetsPartitionResponse {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_index);
        to.int16(self.error_code);
        to.int64(self.timestamp);
        to.int64(self.offset);
        if in_version >= 4 {
            to.int32(self.leader_epoch);
        } else if self.leader_epoch != -1 {
            return Err(RecordError::Absent { field: "ListOffsetsResponse.LeaderEpoch" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = from.int32()?;
        let error_code = from.int16()?;
        let timestamp = from.int64()?;
        let offset = from.int64()?;
        let leader_epoch = if in_version >= 4 { from.int32()? } else { -1 };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, error_code, timestamp, offset, leader_epoch })
    }
}

/// `OffsetCommitRequest`, versions 2-10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetCommitRequest {
    pub(crate) group_id: String,
    pub(crate) generation_id_or_member_epoch: i32,
    pub(crate) member_id: String,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) retention_time_ms: i64,
    pub(crate) topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
        }
    }
}

impl Message for OffsetCommitRequest {
    const NAME: &'static str = "OffsetCommitRequest";
    const TYPE: i16 = 8;
    const VERSIONS: RangeInclusive<i16> = 2..=10;
    const FLEXIBLE_FROM: i16 = 8;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.group_id)?;
        to.int32(self.generation_id_or_member_epoch);
        to.string(&self.member_id)?;
        if in_version >= 7 {
            to.nullable_string(self.group_instance_id.as_deref())?;
        } else if self.group_instance_id.is_some() {
            return Err(RecordError::Absent { field: "OffsetCommitRequest.GroupInstanceId" });
        }
        if in_version <= 4 {
            to.int64(self.retention_time_ms);
        }
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        if in_version >= 8 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let group_id = from.string()?;
        let generation_id_or_member_epoch = from.int32()?;
        let member_id = from.string()?;
        let group_instance_id = if in_version >= 7 { from.nullable_string()? } else { None };
        let retention_time_ms = if in_version <= 4 { from.int64()? } else { -1 };
        let topics = from.array(|from| OffsetCommitRequestTopic::read(from, in_version))?;
        if in_version >= 8 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { group_id, generation_id_or_member_epoch, member_id, group_instance_id, retention_time_ms, topics })
    }
}

/// `OffsetCommitRequestTopic` of [`OffsetCommitRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetCommitRequestTopic {
    pub(crate) name: String,
    pub(crate) topic_id: [u8; 16],
    pub(crate) partitions: Vec<OffsetCommitRequestPartition>,
}

impl OffsetCommitRequestTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version <= 9 {
            to.string(&self.name)?;
        }
        if in_version >= 10 {
            to.uuid(self.topic_id);
        }
        to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        if in_version >= 8 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = if in_version <= 9 { from.string()? } else { String::new() };
        let topic_id = if in_version >= 10 { from.uuid()? } else { [0; 16] };
        let partitions = from.array(|from| OffsetCommitRequestPartition::read(from, in_version))?;
        if in_version >= 8 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, topic_id, partitions })
    }
}

/// `OffsetCommitRequestPartition` of [`OffsetCommitRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetCommitRequestPartition {
    pub(crate) partition_index: i32,
    pub(crate) committed_offset: i64,
    pub(crate) committed_leader_epoch: i32,
    pub(crate) committed_metadata: Option<String>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: Some(String::new()),
        }
    }
}

impl OffsetCommitRequestPartition {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_index);
        to.int64(self.committed_offset);
        if in_version >= 6 {
            to.int32(self.committed_leader_epoch);
        }
        to.nullable_string(self.committed_metadata.as_deref())?;
        if in_version >= 8 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = from.int32()?;
        let committed_offset = from.int64()?;
        let committed_leader_epoch = if in_version >= 6 { from.int32()? } else { -1 };
        let committed_metadata = from.nullable_string()?;
        if in_version >= 8 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, committed_metadata })
    }
}

/// `OffsetCommitResponse`, versions 2-10.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetCommitResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) topics: Vec<OffsetCommitResponseTopic>,
}

impl Message for OffsetCommitResponse {
    const NAME: &'static str = "OffsetCommitResponse";
    const TYPE: i16 = 8;
    const VERSIONS: RangeInclusive<i16> = 2..=10;
    const FLEXIBLE_FROM: i16 = 8;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 3 {
            to.int32(self.throttle_time_ms);
        }
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        if in_version >= 8 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = if in_version >= 3 { from.int32()? } else { 0 };
        let topics = from.array(|from| OffsetCommitResponseTopic::read(from, in_version))?;
        if in_version >= 8 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { throttle_time_ms, topics })
    }
}

/// `OffsetCommitResponseTopic` of [`OffsetCommitResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetCommitResponseTopic {
    pub(crate) name: String,
    pub(crate) topic_id: [u8; 16],
    pub(crate) partitions: Vec<OffsetCommitResponsePartition>,
}

impl OffsetCommitResponseTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version <= 9 {
            to.string(&self.name)?;
        }
        if in_version >= 10 {
            to.uuid(self.topic_id);
        }
        to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        if in_version >= 8 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = if in_version <= 9 { from.string()? } else { String::new() };
        let topic_id = if in_version >= 10 { from.uuid()? } else { [0; 16] };
        let partitions = from.array(|from| OffsetCommitResponsePartition::read(from, in_version))?;
        if in_version >= 8 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, topic_id, partitions })
    }
}

/// `OffsetCommitResponsePartition` of [`OffsetCommitResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetCommitResponsePartition {
    pub(crate) partition_index: i32,
    pub(crate) error_code: i16,
}

impl OffsetCommitResponsePartition {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_index);
        to.int16(self.error_code);
        if in_version >= 8 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = from.int32()?;
        let error_code = from.int16()?;
        if in_version >= 8 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, error_code })
    }
}

/// `OffsetFetchRequest`, versions 1-10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetFetchRequest {
    pub(crate) group_id: String,
    pub(crate) topics: Option<Vec<OffsetFetchRequestTopic>>,
    pub(crate) groups: Vec<OffsetFetchRequestGroup>,
    pub(crate) require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            topics: Some(Vec::new()),
            groups: Vec::new(),
            require_stable: false,
        }
    }
}

impl Message for OffsetFetchRequest {
    const NAME: &'static str = "OffsetFetchRequest";
    const TYPE: i16 = 9;
    const VERSIONS: RangeInclusive<i16> = 1..=10;
    const FLEXIBLE_FROM: i16 = 6;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version <= 7 {
            to.string(&self.group_id)?;
        } else if !self.group_id.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.GroupId" });
        }
        if in_version <= 7 {
            if in_version < 2 && self.topics.is_none() {
                return Err(RecordError::Null { field: "OffsetFetchRequest.Topics" });
            }
            to.nullable_array(self.topics.as_deref(), |to, each| each.write(to, in_version))?;
        } else if self.topics.as_ref().is_none_or(|held| !held.is_empty()) {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.Topics" });
        }
        if in_version >= 8 {
            to.array(&self.groups, |to, each| each.write(to, in_version))?;
        } else if !self.groups.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.Groups" });
        }
        if in_version >= 7 {
            to.bool(self.require_stable);
        } else if self.require_stable {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.RequireStable" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let group_id = if in_version <= 7 { from.string()? } else { String::new() };
        let topics = if in_version <= 7 { if in_version >= 2 { from.nullable_array(|from| OffsetFetchRequestTopic::read(from, in_version))? } else { Some(from.array(|from| OffsetFetchRequestTopic::read(from, in_version))?) } } else { Some(Vec::new()) };
        let groups = if in_version >= 8 { from.array(|from| OffsetFetchRequestGroup::read(from, in_version))? } else { Vec::new() };
        let require_stable = if in_version >= 7 { from.bool()? } else { false };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { group_id, topics, groups, require_stable })
    }
}

/// `OffsetFetchRequestTopic` of [`OffsetFetchRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetFetchRequestTopic {
    pub(crate) name: String,
    pub(crate) partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version <= 7 {
            to.string(&self.name)?;
        } else if !self.name.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.Name" });
        }
        if in_version <= 7 {
            to.array(&self.partition_indexes, |to, each| { to.int32(*each); Ok(()) })?;
        } else if !self.partition_indexes.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.PartitionIndexes" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = if in_version <= 7 { from.string()? } else { String::new() };
        let partition_indexes = if in_version <= 7 { from.array(Reader::int32)? } else { Vec::new() };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, partition_indexes })
    }
}

/// `OffsetFetchRequestGroup` of [`OffsetFetchRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetFetchRequestGroup {
    pub(crate) group_id: String,
    pub(crate) member_id: Option<String>,
    pub(crate) member_epoch: i32,
    pub(crate) topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> Self {
        Self {
            group_id: String::new(),
            member_id: None,
            member_epoch: -1,
            topics: Some(Vec::new()),
        }
    }
}

impl OffsetFetchRequestGroup {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 8 {
            to.string(&self.group_id)?;
        } else if !self.group_id.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.GroupId" });
        }
        if in_version >= 9 {
            to.nullable_string(self.member_id.as_deref())?;
        }
        if in_version >= 9 {
            to.int32(self.member_epoch);
        }
        if in_version >= 8 {
            to.nullable_array(self.topics.as_deref(), |to, each| each.write(to, in_version))?;
        } else if self.topics.as_ref().is_none_or(|held| !held.is_empty()) {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.Topics" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let group_id = if in_version >= 8 { from.string()? } else { String::new() };
        let member_id = if in_version >= 9 { from.nullable_string()? } else { None };
        let member_epoch = if in_version >= 9 { from.int32()? } else { -1 };
        let topics = if in_version >= 8 { from.nullable_array(|from| OffsetFetchRequestTopics::read(from, in_version))? } else { Some(Vec::new()) };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { group_id, member_id, member_epoch, topics })
    }
}

/// `OffsetFetchRequestTopics` of [`OffsetFetchRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetFetchRequestTopics {
    pub(crate) name: String,
    pub(crate) topic_id: [u8; 16],
    pub(crate) partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopics {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if (8..=9).contains(&in_version) {
            to.string(&self.name)?;
        }
        if in_version >= 10 {
            to.uuid(self.topic_id);
        }
        if in_version >= 8 {
            to.array(&self.partition_indexes, |to, each| { to.int32(*each); Ok(()) })?;
        } else if !self.partition_indexes.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchRequest.PartitionIndexes" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = if (8..=9).contains(&in_version) { from.string()? } else { String::new() };
        let topic_id = if in_version >= 10 { from.uuid()? } else { [0; 16] };
        let partition_indexes = if in_version >= 8 { from.array(Reader::int32)? } else { Vec::new() };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, topic_id, partition_indexes })
    }
}

/// `OffsetFetchResponse`, versions 1-10.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetFetchResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) topics: Vec<OffsetFetchResponseTopic>,
    pub(crate) error_code: i16,
    pub(crate) groups: Vec<OffsetFetchResponseGroup>,
}

impl Message for OffsetFetchResponse {
    const NAME: &'static str = "OffsetFetchResponse";
    const TYPE: i16 = 9;
    const VERSIONS: RangeInclusive<i16> = 1..=10;
    const FLEXIBLE_FROM: i16 = 6;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 3 {
            to.int32(self.throttle_time_ms);
        }
        if in_version <= 7 {
            to.array(&self.topics, |to, each| each.write(to, in_version))?;
        } else if !self.topics.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Topics" });
        }
        if (2..=7).contains(&in_version) {
            to.int16(self.error_code);
        }
        if in_version >= 8 {
            to.array(&self.groups, |to, each| each.write(to, in_version))?;
        } else if !self.groups.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Groups" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = if in_version >= 3 { from.int32()? } else { 0 };
        let topics = if in_version <= 7 { from.array(|from| OffsetFetchResponseTopic::read(from, in_version))? } else { Vec::new() };
        let error_code = if (2..=7).contains(&in_version) { from.int16()? } else { 0 };
        let groups = if in_version >= 8 { from.array(|from| OffsetFetchResponseGroup::read(from, in_version))? } else { Vec::new() };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { throttle_time_ms, topics, error_code, groups })
    }
}

/// `OffsetFetchResponseTopic` of [`OffsetFetchResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetFetchResponseTopic {
    pub(crate) name: String,
    pub(crate) partitions: Vec<OffsetFetchResponsePartition>,
}

impl OffsetFetchResponseTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version <= 7 {
            to.string(&self.name)?;
        } else if !self.name.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Name" });
        }
        if in_version <= 7 {
            to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        } else if !self.partitions.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Partitions" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = if in_version <= 7 { from.string()? } else { String::new() };
        let partitions = if in_version <= 7 { from.array(|from| OffsetFetchResponsePartition::read(from, in_version))? } else { Vec::new() };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, partitions })
    }
}

/// `OffsetFetchResponsePartition` of [`OffsetFetchResponse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetFetchResponsePartition {
    pub(crate) partition_index: i32,
    pub(crate) committed_offset: i64,
    pub(crate) committed_leader_epoch: i32,
    pub(crate) metadata: Option<String>,
    pub(crate) error_code: i16,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: 0,
        }
    }
}

impl OffsetFetchResponsePartition {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version <= 7 {
            to.int32(self.partition_index);
        } else if self.partition_index != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.PartitionIndex" });
        }
        if in_version <= 7 {
            to.int64(self.committed_offset);
        } else if self.committed_offset != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.CommittedOffset" });
        }
        if (5..=7).contains(&in_version) {
            to.int32(self.committed_leader_epoch);
        }
        if in_version <= 7 {
            to.nullable_string(self.metadata.as_deref())?;
        } else if self.metadata.as_ref().is_none_or(|held| !held.is_empty()) {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Metadata" });
        }
        if in_version <= 7 {
            to.int16(self.error_code);
        } else if self.error_code != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.ErrorCode" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = if in_version <= 7 { from.int32()? } else { 0 };
        let committed_offset = if in_version <= 7 { from.int64()? } else { 0 };
        let committed_leader_epoch = if (5..=7).contains(&in_version) { from.int32()? } else { -1 };
        let metadata = if in_version <= 7 { from.nullable_string()? } else { Some(String::new()) };
        let error_code = if in_version <= 7 { from.int16()? } else { 0 };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, metadata, error_code })
    }
}

/// `OffsetFetchResponseGroup` of [`OffsetFetchResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetFetchResponseGroup {
    pub(crate) group_id: String,
    pub(crate) topics: Vec<OffsetFetchResponseTopics>,
    pub(crate) error_code: i16,
}

impl OffsetFetchResponseGroup {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 8 {
            to.string(&self.group_id)?;
        } else if !self.group_id.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.GroupId" });
        }
        if in_version >= 8 {
            to.array(&self.topics, |to, each| each.write(to, in_version))?;
        } else if !self.topics.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Topics" });
        }
        if in_version >= 8 {
            to.int16(self.error_code);
        } else if self.error_code != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.ErrorCode" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let group_id = if in_version >= 8 { from.string()? } else { String::new() };
        let topics = if in_version >= 8 { from.array(|from| OffsetFetchResponseTopics::read(from, in_version))? } else { Vec::new() };
        let error_code = if in_version >= 8 { from.int16()? } else { 0 };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { group_id, topics, error_code })
    }
}

/// `OffsetFetchResponseTopics` of [`OffsetFetchResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OffsetFetchResponseTopics {
    pub(crate) name: String,
    pub(crate) topic_id: [u8; 16],
    pub(crate) partitions: Vec<OffsetFetchResponsePartitions>,
}

impl OffsetFetchResponseTopics {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if (8..=9).contains(&in_version) {
            to.string(&self.name)?;
        }
        if in_version >= 10 {
            to.uuid(self.topic_id);
        }
        if in_version >= 8 {
            to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        } else if !self.partitions.is_empty() {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Partitions" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = if (8..=9).contains(&in_version) { from.string()? } else { String::new() };
        let topic_id = if in_version >= 10 { from.uuid()? } else { [0; 16] };
        let partitions = if in_version >= 8 { from.array(|from| OffsetFetchResponsePartitions::read(from, in_version))? } else { Vec::new() };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, topic_id, partitions })
    }
}

/// `OffsetFetchResponsePartitions` of [`OffsetFetchResponse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetFetchResponsePartitions {
    pub(crate) partition_index: i32,
    pub(crate) committed_offset: i64,
    pub(crate) committed_leader_epoch: i32,
    pub(crate) metadata: Option<String>,
    pub(crate) error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code: 0,
        }
    }
}

impl OffsetFetchResponsePartitions {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        if in_version >= 8 {
            to.int32(self.partition_index);
        } else if self.partition_index != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.PartitionIndex" });
        }
        if in_version >= 8 {
            to.int64(self.committed_offset);
        } else if self.committed_offset != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.CommittedOffset" });
        }
        if in_version >= 8 {
            to.int32(self.committed_leader_epoch);
        }
        if in_version >= 8 {
            to.nullable_string(self.metadata.as_deref())?;
        } else if self.metadata.as_ref().is_none_or(|held| !held.is_empty()) {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.Metadata" });
        }
        if in_version >= 8 {
            to.int16(self.error_code);
        } else if self.error_code != 0 {
            return Err(RecordError::Absent { field: "OffsetFetchResponse.ErrorCode" });
        }
        if in_version >= 6 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = if in_version >= 8 { from.int32()? } else { 0 };
        let committed_offset = if in_version >= 8 { from.int64()? } else { 0 };
        let committed_leader_epoch = if in_version >= 8 { from.int32()? } else { -1 };
        let metadata = if in_version >= 8 { from.nullable_string()? } else { Some(String::new()) };
        let error_code = if in_version >= 8 { from.int16()? } else { 0 };
        if in_version >= 6 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, committed_offset, committed_leader_epoch, metadata, error_code })
    }
}

/// `DescribeLogDirsRequest`, versions 1-5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DescribeLogDirsRequest {
    pub(crate) topics: Option<Vec<DescribableLogDirTopic>>,
}

impl Default for DescribeLogDirsRequest {
    fn default() -> Self {
        Self {
            topics: Some(Vec::new()),
        }
    }
}

impl Message for DescribeLogDirsRequest {
    const NAME: &'static str = "DescribeLogDirsRequest";
    const TYPE: i16 = 35;
    const VERSIONS: RangeInclusive<i16> = 1..=5;
    const FLEXIBLE_FROM: i16 = 2;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.nullable_array(self.topics.as_deref(), |to, each| each.write(to, in_version))?;
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let topics = from.nullable_array(|from| DescribableLogDirTopic::read(from, in_version))?;
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { topics })
    }
}

/// `DescribableLogDirTopic` of [`DescribeLogDirsRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DescribableLogDirTopic {
    pub(crate) topic: String,
    pub(crate) partitions: Vec<i32>,
}

impl DescribableLogDirTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.topic)?;
        to.array(&self.partitions, |to, each| { to.int32(*each); Ok(()) })?;
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let topic = from.string()?;
        let partitions = from.array(Reader::int32)?;
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { topic, partitions })
    }
}

/// `DescribeLogDirsResponse`, versions 1-5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DescribeLogDirsResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) error_code: i16,
    pub(crate) results: Vec<DescribeLogDirsResult>,
}

impl Message for DescribeLogDirsResponse {
    const NAME: &'static str = "DescribeLogDirsResponse";
    const TYPE: i16 = 35;
    const VERSIONS: RangeInclusive<i16> = 1..=5;
    const FLEXIBLE_FROM: i16 = 2;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.throttle_time_ms);
        if in_version >= 3 {
            to.int16(self.error_code);
        }
        to.array(&self.results, |to, each| each.write(to, in_version))?;
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = from.int32()?;
        let error_code = if in_version >= 3 { from.int16()? } else { 0 };
        let results = from.array(|from| DescribeLogDirsResult::read(from, in_version))?;
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { throttle_time_ms, error_code, results })
    }
}

/// `DescribeLogDirsResult` of [`DescribeLogDirsResponse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DescribeLogDirsResult {
    pub(crate) error_code: i16,
    pub(crate) log_dir: String,
    pub(crate) topics: Vec<DescribeLogDirsTopic>,
    pub(crate) total_bytes: i64,
    pub(crate) usable_bytes: i64,
    pub(crate) is_cordoned: bool,
}

impl Default for DescribeLogDirsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            log_dir: String::new(),
            topics: Vec::new(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: false,
        }
    }
}

impl DescribeLogDirsResult {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int16(self.error_code);
        to.string(&self.log_dir)?;
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        if in_version >= 4 {
            to.int64(self.total_bytes);
        }
        if in_version >= 4 {
            to.int64(self.usable_bytes);
        }
        if in_version >= 5 {
            to.bool(self.is_cordoned);
        }
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let error_code = from.int16()?;
        let log_dir = from.string()?;
        let topics = from.array(|from| DescribeLogDirsTopic::read(from, in_version))?;
        let total_bytes = if in_version >= 4 { from.int64()? } else { -1 };
        let usable_bytes = if in_version >= 4 { from.int64()? } else { -1 };
        let is_cordoned = if in_version >= 5 { from.bool()? } else { false };
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { error_code, log_dir, topics, total_bytes, usable_bytes, is_cordoned })
    }
}

/// `DescribeLogDirsTopic` of [`DescribeLogDirsResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DescribeLogDirsTopic {
    pub(crate) name: String,
    pub(crate) partitions: Vec<DescribeLogDirsPartition>,
}

impl DescribeLogDirsTopic {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let partitions = from.array(|from| DescribeLogDirsPartition::read(from, in_version))?;
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { name, partitions })
    }
}

/// `DescribeLogDirsPartition` of [`DescribeLogDirsResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DescribeLogDirsPartition {
    pub(crate) partition_index: i32,
    pub(crate) partition_size: i64,
    pub(crate) offset_lag: i64,
    pub(crate) is_future_key: bool,
}

impl DescribeLogDirsPartition {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_index);
        to.int64(self.partition_size);
        to.int64(self.offset_lag);
        to.bool(self.is_future_key);
        if in_version >= 2 {
            to.tags(Tags::default());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let partition_index = from.int32()?;
        let partition_size = from.int64()?;
        let offset_lag = from.int64()?;
        let is_future_key = from.bool()?;
        if in_version >= 2 {
            from.tags(|_, _| Ok(false))?;
        }
        Ok(Self { partition_index, partition_size, offset_lag, is_future_key })
    }
}

/// `AddRaftVoterRequest`, versions 0-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddRaftVoterRequest {
    pub(crate) cluster_id: Option<String>,
    pub(crate) timeout_ms: i32,
    pub(crate) voter_id: i32,
    pub(crate) voter_directory_id: [u8; 16],
    pub(crate) listeners: Vec<Listener>,
    pub(crate) ack_when_committed: bool,
}

impl Default for AddRaftVoterRequest {
    fn default() -> Self {
        Self {
            cluster_id: Some(String::new()),
            timeout_ms: 0,
            voter_id: 0,
            voter_directory_id: [0; 16],
            listeners: Vec::new(),
            ack_when_committed: true,
        }
    }
}

impl Message for AddRaftVoterRequest {
    const NAME: &'static str = "AddRaftVoterRequest";
    const TYPE: i16 = 80;
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.nullable_string(self.cluster_id.as_deref())?;
        to.int32(self.timeout_ms);
        to.int32(self.voter_id);
        to.uuid(self.voter_directory_id);
        to.array(&self.listeners, |to, each| each.write(to, in_version))?;
        if in_version >= 1 {
            to.bool(self.ack_when_committed);
        } else if !self.ack_when_committed {
            return Err(RecordError::Absent { field: "AddRaftVoterRequest.AckWhenCommitted" });
        }
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let cluster_id = from.nullable_string()?;
        let timeout_ms = from.int32()?;
        let voter_id = from.int32()?;
        let voter_directory_id = from.uuid()?;
        let listeners = from.array(|from| Listener::read(from, in_version))?;
        let ack_when_committed = if in_version >= 1 { from.bool()? } else { true };
        from.tags(|_, _| Ok(false))?;
        Ok(Self { cluster_id, timeout_ms, voter_id, voter_directory_id, listeners, ack_when_committed })
    }
}

/// `Listener` of [`AddRaftVoterRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Listener {
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

/// `AddRaftVoterResponse`, versions 0-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddRaftVoterResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) error_code: i16,
    pub(crate) error_message: Option<String>,
}

impl Default for AddRaftVoterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            error_message: Some(String::new()),
        }
    }
}

impl Message for AddRaftVoterResponse {
    const NAME: &'static str = "AddRaftVoterResponse";
    const TYPE: i16 = 80;
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.throttle_time_ms);
        to.int16(self.error_code);
        to.nullable_string(self.error_message.as_deref())?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = from.int32()?;
        let error_code = from.int16()?;
        let error_message = from.nullable_string()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { throttle_time_ms, error_code, error_message })
    }
}

/// `WriteTxnMarkersRequest`, versions 1-2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteTxnMarkersRequest {
    pub(crate) markers: Vec<WritableTxnMarker>,
}

impl Message for WriteTxnMarkersRequest {
    const NAME: &'static str = "WriteTxnMarkersRequest";
    const TYPE: i16 = 27;
    const VERSIONS: RangeInclusive<i16> = 1..=2;
    const FLEXIBLE_FROM: i16 = 1;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.array(&self.markers, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let markers = from.array(|from| WritableTxnMarker::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { markers })
    }
}

/// `WritableTxnMarker` of [`WriteTxnMarkersRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WritableTxnMarker {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) transaction_result: bool,
    pub(crate) topics: Vec<WritableTxnMarkerTopic>,
    pub(crate) coordinator_epoch: i32,
    pub(crate) transaction_version: i8,
}

impl WritableTxnMarker {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int64(self.producer_id);
        to.int16(self.producer_epoch);
        to.bool(self.transaction_result);
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        to.int32(self.coordinator_epoch);
        if in_version >= 2 {
            to.int8(self.transaction_version);
        }
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let producer_id = from.int64()?;
        let producer_epoch = from.int16()?;
        let transaction_result = from.bool()?;
        let topics = from.array(|from| WritableTxnMarkerTopic::read(from, in_version))?;
        let coordinator_epoch = from.int32()?;
        let transaction_version = if in_version >= 2 { from.int8()? } else { 0 };
        from.tags(|_, _| Ok(false))?;
        Ok(Self { producer_id, producer_epoch, transaction_result, topics, coordinator_epoch, transaction_version })
    }
}

/// `WritableTxnMarkerTopic` of [`WriteTxnMarkersRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WritableTxnMarkerTopic {
    pub(crate) name: String,
    pub(crate) partition_indexes: Vec<i32>,
}

impl WritableTxnMarkerTopic {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.array(&self.partition_indexes, |to, each| { to.int32(*each); Ok(()) })?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let partition_indexes = from.array(Reader::int32)?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, partition_indexes })
    }
}

/// `WriteTxnMarkersResponse`, versions 1-2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteTxnMarkersResponse {
    pub(crate) markers: Vec<WritableTxnMarkerResult>,
}

impl Message for WriteTxnMarkersResponse {
    const NAME: &'static str = "WriteTxnMarkersResponse";
    const TYPE: i16 = 27;
    const VERSIONS: RangeInclusive<i16> = 1..=2;
    const FLEXIBLE_FROM: i16 = 1;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.array(&self.markers, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let markers = from.array(|from| WritableTxnMarkerResult::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { markers })
    }
}

/// `WritableTxnMarkerResult` of [`WriteTxnMarkersResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WritableTxnMarkerResult {
    pub(crate) producer_id: i64,
    pub(crate) topics: Vec<WritableTxnMarkerTopicResult>,
}

impl WritableTxnMarkerResult {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int64(self.producer_id);
        to.array(&self.topics, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let producer_id = from.int64()?;
        let topics = from.array(|from| WritableTxnMarkerTopicResult::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { producer_id, topics })
    }
}

/// `WritableTxnMarkerTopicResult` of [`WriteTxnMarkersResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WritableTxnMarkerTopicResult {
    pub(crate) name: String,
    pub(crate) partitions: Vec<WritableTxnMarkerPartitionResult>,
}

impl WritableTxnMarkerTopicResult {
    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.string(&self.name)?;
        to.array(&self.partitions, |to, each| each.write(to, in_version))?;
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let name = from.string()?;
        let partitions = from.array(|from| WritableTxnMarkerPartitionResult::read(from, in_version))?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { name, partitions })
    }
}

/// `WritableTxnMarkerPartitionResult` of [`WriteTxnMarkersResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WritableTxnMarkerPartitionResult {
    pub(crate) partition_index: i32,
    pub(crate) error_code: i16,
}

impl WritableTxnMarkerPartitionResult {
    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.partition_index);
        to.int16(self.error_code);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let partition_index = from.int32()?;
        let error_code = from.int16()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { partition_index, error_code })
    }
}

/// `BrokerHeartbeatRequest`, versions 0-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerHeartbeatRequest {
    pub(crate) broker_id: i32,
    pub(crate) broker_epoch: i64,
    pub(crate) current_metadata_offset: i64,
    pub(crate) want_fence: bool,
    pub(crate) want_shut_down: bool,
    pub(crate) offline_log_dirs: Vec<[u8; 16]>,
    pub(crate) cordoned_log_dirs: Option<Vec<[u8; 16]>>,
}

impl Default for BrokerHeartbeatRequest {
    fn default() -> Self {
        Self {
            broker_id: 0,
            broker_epoch: -1,
            current_metadata_offset: 0,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

impl Message for BrokerHeartbeatRequest {
    const NAME: &'static str = "BrokerHeartbeatRequest";
    const TYPE: i16 = 63;
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, in_version: i16) -> Result<(), RecordError> {
        to.int32(self.broker_id);
        to.int64(self.broker_epoch);
        to.int64(self.current_metadata_offset);
        to.bool(self.want_fence);
        to.bool(self.want_shut_down);
        let mut tags = Tags::default();
        if in_version >= 1 {
            if !self.offline_log_dirs.is_empty() {
                tags.add(0, |to| to.array(&self.offline_log_dirs, |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if !self.offline_log_dirs.is_empty() {
                    return Err(RecordError::Absent { field: "BrokerHeartbeatRequest.OfflineLogDirs" });
                }
        if in_version >= 2 {
            if self.cordoned_log_dirs.is_some() {
                tags.add(1, |to| to.nullable_array(self.cordoned_log_dirs.as_deref(), |to, each| { to.uuid(*each); Ok(()) }))?;
            }
        } else if self.cordoned_log_dirs.is_some() {
                    return Err(RecordError::Absent { field: "BrokerHeartbeatRequest.CordonedLogDirs" });
                }
        to.tags(tags);
        Ok(())
    }

    fn read(from: &mut Reader<'_>, in_version: i16) -> Result<Self, RecordError> {
        let broker_id = from.int32()?;
        let broker_epoch = from.int64()?;
        let current_metadata_offset = from.int64()?;
        let want_fence = from.bool()?;
        let want_shut_down = from.bool()?;
        let mut offline_log_dirs = Vec::new();
        let mut cordoned_log_dirs = None;
        from.tags(|tag, from| {
            match tag {
                0 if in_version >= 1 => offline_log_dirs = from.array(Reader::uuid)?,
                1 if in_version >= 2 => cordoned_log_dirs = from.nullable_array(Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { broker_id, broker_epoch, current_metadata_offset, want_fence, want_shut_down, offline_log_dirs, cordoned_log_dirs })
    }
}

/// `BrokerHeartbeatResponse`, versions 0-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokerHeartbeatResponse {
    pub(crate) throttle_time_ms: i32,
    pub(crate) error_code: i16,
    pub(crate) is_caught_up: bool,
    pub(crate) is_fenced: bool,
    pub(crate) should_shut_down: bool,
}

impl Default for BrokerHeartbeatResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: 0,
            is_caught_up: false,
            is_fenced: true,
            should_shut_down: false,
        }
    }
}

impl Message for BrokerHeartbeatResponse {
    const NAME: &'static str = "BrokerHeartbeatResponse";
    const TYPE: i16 = 63;
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE_FROM: i16 = 0;

    fn write(&self, to: &mut Writer, _in_version: i16) -> Result<(), RecordError> {
        to.int32(self.throttle_time_ms);
        to.int16(self.error_code);
        to.bool(self.is_caught_up);
        to.bool(self.is_fenced);
        to.bool(self.should_shut_down);
        to.tags(Tags::default());
        Ok(())
    }

    fn read(from: &mut Reader<'_>, _in_version: i16) -> Result<Self, RecordError> {
        let throttle_time_ms = from.int32()?;
        let error_code = from.int16()?;
        let is_caught_up = from.bool()?;
        let is_fenced = from.bool()?;
        let should_shut_down = from.bool()?;
        from.tags(|_, _| Ok(false))?;
        Ok(Self { throttle_time_ms, error_code, is_caught_up, is_fenced, should_shut_down })
    }
}
