//! OffsetCommit. v2 the oldest served; v2–4 a retention time · v5 none (KIP-211) · v6 leader epoch (KIP-320) · v7
//! instance id · v8 flexible · v9 an unknown group is told by its own error (KIP-848) · v10 topic ids (KIP-516).

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{Commit, OffsetToCommit};
use broker_core::units::{ErrorCode, TopicId, TopicName};

use super::by_topic::{Asked, Coded, by_topic};
use super::{Answer, Api, Call};
use crate::messages::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

pub(super) struct OffsetCommit;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    tells_unknown_group: bool,
    topics_by_id: bool,
}

/// A topic as the client named it: a name or an id.
type Named = (String, [u8; 16]);

impl Api for OffsetCommit {
    type Request = OffsetCommitRequest;
    const KEY: i16 = 8;
    const NAME: &'static str = "OffsetCommit";
    const VERSIONS: RangeInclusive<i16> = 2..=10;

    fn handle(request: OffsetCommitRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            tells_unknown_group: call.version >= 9,
            topics_by_id: call.version >= 10,
        };
        let names: Vec<Option<TopicName>> = request
            .topics
            .iter()
            .map(|topic| name_of(topic, call, semantics))
            .collect();
        let topics = request.topics.iter().zip(&names);
        let offsets = topics
            .filter_map(|(topic, name)| Some((topic, name.as_ref()?)))
            .flat_map(|(topic, name)| topic.partitions.iter().map(|partition| to_commit(name, partition)));
        let results = call
            .node
            .commit_offsets(commit(&request, offsets.collect(), semantics), call.now);
        let topics = answer(&request, &names, results, call);
        call.reply(&OffsetCommitResponse {
            throttle_time_ms: 0,
            topics,
        })
    }
}

/// The results are those of the topics that have a name.
fn answer(
    request: &OffsetCommitRequest,
    names: &[Option<TopicName>],
    results: Vec<Option<ErrorCode>>,
    call: &Call<'_>,
) -> Vec<OffsetCommitResponseTopic> {
    let mut results = results.into_iter();
    let asked = request.topics.iter().zip(names).map(|(topic, name)| {
        let result = |results: &mut std::vec::IntoIter<_>| match name {
            Some(_) => results.next().flatten(),
            None => Some(ErrorCode::UnknownTopicId),
        };
        let partitions = topic
            .partitions
            .iter()
            .map(|partition| (partition.partition_index, result(&mut results)));
        Asked {
            topic: (topic.name.clone(), topic.topic_id),
            exists: name
                .as_deref()
                .is_some_and(|name| call.node.image().topic(name).is_some()),
            partitions: partitions.collect(),
        }
    });
    by_topic::<Named>(&asked.collect::<Vec<_>>())
        .into_iter()
        .map(tell)
        .collect()
}

/// The name of a topic; none where no topic has the id.
fn name_of(topic: &OffsetCommitRequestTopic, call: &Call<'_>, semantics: Semantics) -> Option<TopicName> {
    if semantics.topics_by_id {
        call.node
            .image()
            .topic_by_id(TopicId(topic.topic_id))
            .map(|topic| Arc::clone(&topic.name))
    } else {
        Some(topic.name.as_str().into())
    }
}

fn to_commit(name: &TopicName, partition: &OffsetCommitRequestPartition) -> OffsetToCommit {
    OffsetToCommit {
        topic: Arc::clone(name),
        topic_id: TopicId::ZERO,
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.as_deref().map(Arc::from),
    }
}

fn commit(request: &OffsetCommitRequest, offsets: Vec<OffsetToCommit>, semantics: Semantics) -> Commit {
    Commit {
        group: request.group_id.as_str().into(),
        member: request.member_id.as_str().into(),
        instance: request.group_instance_id.as_deref().map(Arc::from),
        generation: request.generation_id_or_member_epoch,
        retention_ms: Some(request.retention_time_ms).filter(|retention_ms| *retention_ms != -1),
        tells_unknown_group: semantics.tells_unknown_group,
        offsets,
    }
}

fn tell(((name, topic_id), partitions): (Named, Coded)) -> OffsetCommitResponseTopic {
    let partition = |(partition_index, error_code)| OffsetCommitResponsePartition {
        partition_index,
        error_code,
    };
    OffsetCommitResponseTopic {
        name,
        topic_id,
        partitions: partitions.into_iter().map(partition).collect(),
    }
}
