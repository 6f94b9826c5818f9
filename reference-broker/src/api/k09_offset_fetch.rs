//! OffsetFetch. v1 the oldest served, errors on each partition · v2 null for all topics, error on top · v3 throttle
//! time · v5 leader epoch (KIP-320) · v6 flexible · v7 require stable (KIP-447) · v8 many groups (KIP-709) · v9 member
//! id and epoch, for groups of the consumer protocol alone (KIP-848) · v10 topic ids (KIP-516).

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{OffsetValue, View};
use broker_core::node::groups::OffsetQuery;
use broker_core::units::{ErrorCode, TopicId, TopicName};

use super::budget::ReplyBudget;
use super::{Answer, Api, Call};
use crate::messages::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};

pub(super) struct OffsetFetch;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    errors_on_partitions: bool,
    tells_epoch: bool,
    many_groups: bool,
    topics_by_id: bool,
    /// What the request wants: no offset that an open transaction may yet change (KIP-447).
    requires_stable: bool,
}

impl Semantics {
    fn of(version: i16, request: &OffsetFetchRequest) -> Self {
        Self {
            errors_on_partitions: version < 2,
            tells_epoch: version >= 5,
            many_groups: version >= 8,
            topics_by_id: version >= 10,
            requires_stable: request.require_stable,
        }
    }

    /// Who wants what is stable waits for the newest; who does not is told at once what is replicated.
    fn view(self) -> View {
        match self.requires_stable {
            true => View::Written,
            false => View::Replicated,
        }
    }
}

impl Api for OffsetFetch {
    type Request = OffsetFetchRequest;
    const KEY: i16 = 9;
    const NAME: &'static str = "OffsetFetch";
    const VERSIONS: RangeInclusive<i16> = 1..=10;

    fn handle(request: OffsetFetchRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version, &request);
        let mut budget = ReplyBudget::default();
        if semantics.many_groups {
            let groups = request
                .groups
                .iter()
                .map(|group| fetch(group, call, semantics, &mut budget))
                .collect();
            return call.reply(&OffsetFetchResponse {
                groups,
                ..OffsetFetchResponse::default()
            });
        }
        let group = as_group(request);
        let answer = fetch(&group, call, semantics, &mut budget);
        call.reply(&alone(&group, answer, semantics))
    }
}

/// The one group of an old request in the form of the new ones.
fn as_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        let topic = |topic: crate::messages::OffsetFetchRequestTopic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..OffsetFetchRequestTopics::default()
        };
        topics.into_iter().map(topic).collect()
    });
    OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics,
        ..OffsetFetchRequestGroup::default()
    }
}

fn fetch(
    group: &OffsetFetchRequestGroup,
    call: &mut Call<'_>,
    semantics: Semantics,
    budget: &mut ReplyBudget,
) -> OffsetFetchResponseGroup {
    let member = group.member_id.as_deref();
    let may = call
        .node
        .validate_fetch(&group.group_id, member, group.member_epoch, call.now);
    let found = may.and_then(|()| match &group.topics {
        Some(topics) => some(&group.group_id, topics, call, semantics, budget),
        None => all(&group.group_id, call, semantics, budget),
    });
    let (topics, error_code) = match found {
        Ok(topics) => (topics, 0),
        Err(error) => (Vec::new(), error.code()),
    };
    OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        topics,
        error_code,
    }
}

/// Topics that exist by their id come first; the others are told after them.
fn some(
    group: &str,
    topics: &[OffsetFetchRequestTopics],
    call: &mut Call<'_>,
    semantics: Semantics,
    budget: &mut ReplyBudget,
) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for topic in topics {
        match name_of(topic, call, semantics) {
            Some(name) => known.push(of_topic(group, topic, &name, call, semantics, budget)?),
            None => unknown.push(answer(
                topic,
                topic
                    .partition_indexes
                    .iter()
                    .map(|index| nothing(*index, Some(ErrorCode::UnknownTopicId))),
            )),
        }
    }
    known.append(&mut unknown);
    Ok(known)
}

fn name_of(topic: &OffsetFetchRequestTopics, call: &Call<'_>, semantics: Semantics) -> Option<TopicName> {
    if semantics.topics_by_id {
        call.node
            .image()
            .topic_by_id(TopicId(topic.topic_id))
            .map(|topic| Arc::clone(&topic.name))
    } else {
        Some(topic.name.as_str().into())
    }
}

fn of_topic(
    group: &str,
    topic: &OffsetFetchRequestTopics,
    name: &TopicName,
    call: &mut Call<'_>,
    semantics: Semantics,
    budget: &mut ReplyBudget,
) -> Result<OffsetFetchResponseTopics, ErrorCode> {
    let topic_id = TopicId(topic.topic_id);
    let query = |index: &i32| OffsetQuery {
        topic: Arc::clone(name),
        topic_id,
        partition: *index,
    };
    let queries: Vec<OffsetQuery> = topic.partition_indexes.iter().map(query).collect();
    let values = call.node.committed(group, &queries, semantics.view(), call.now)?;
    let unstable = if semantics.requires_stable {
        call.node.unstable(group, &queries, call.now)?
    } else {
        vec![false; queries.len()]
    };
    values.iter().flatten().try_for_each(|value| budget.take(size(value)))?;
    let partitions = topic.partition_indexes.iter().zip(values).zip(unstable);
    Ok(answer(
        topic,
        partitions.map(|((index, value), unstable)| match value {
            _ if unstable => nothing(*index, Some(ErrorCode::UnstableOffsetCommit)),
            Some(value) => committed(*index, &value, semantics),
            None => nothing(*index, None),
        }),
    ))
}

fn all(
    group: &str,
    call: &mut Call<'_>,
    semantics: Semantics,
    budget: &mut ReplyBudget,
) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
    let mut topics: Vec<(TopicName, OffsetFetchResponseTopics)> = Vec::new();
    for (name, partition, value) in call.node.all_committed(group, semantics.view(), call.now)? {
        budget.take(size(&value))?;
        if topics.last().is_none_or(|(last, _)| *last != name) {
            let Some(topic) = named(&name, call, semantics) else {
                continue;
            };
            topics.push((Arc::clone(&name), topic));
        }
        let query = OffsetQuery {
            topic: Arc::clone(&name),
            topic_id: TopicId::ZERO,
            partition,
        };
        let unstable = semantics.requires_stable && call.node.unstable(group, &[query], call.now)? == [true];
        if let Some((_, topic)) = topics.last_mut() {
            topic.partitions.push(if unstable {
                nothing(partition, Some(ErrorCode::UnstableOffsetCommit))
            } else {
                committed(partition, &value, semantics)
            });
        }
    }
    Ok(topics.into_iter().map(|(_, topic)| topic).collect())
}

/// A topic in the form that the version names topics in; none where it has no id any more.
fn named(name: &TopicName, call: &Call<'_>, semantics: Semantics) -> Option<OffsetFetchResponseTopics> {
    let topic = OffsetFetchResponseTopics::default();
    if semantics.topics_by_id {
        let id = call.node.image().topic(name)?.id;
        return Some(OffsetFetchResponseTopics {
            topic_id: id.0,
            ..topic
        });
    }
    Some(OffsetFetchResponseTopics {
        name: name.to_string(),
        ..topic
    })
}

fn answer(
    topic: &OffsetFetchRequestTopics,
    partitions: impl Iterator<Item = OffsetFetchResponsePartitions>,
) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

fn size(value: &OffsetValue) -> usize {
    32 + value.metadata.len()
}

fn committed(partition_index: i32, value: &OffsetValue, semantics: Semantics) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: value.offset,
        committed_leader_epoch: if semantics.tells_epoch { value.leader_epoch } else { -1 },
        metadata: Some(value.metadata.to_string()),
        error_code: 0,
    }
}

fn nothing(partition_index: i32, error: Option<ErrorCode>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: error.map_or(0, |error| error.code()),
    }
}

/// The answer about one group, where the version has room for no more.
fn alone(
    asked: &OffsetFetchRequestGroup,
    answer: OffsetFetchResponseGroup,
    semantics: Semantics,
) -> OffsetFetchResponse {
    let topics = match (answer.error_code, semantics.errors_on_partitions) {
        (0, _) | (_, false) => answer.topics.into_iter().map(old_topic).collect(),
        (error_code, true) => refused_topics(asked, error_code),
    };
    let error_code = if semantics.errors_on_partitions {
        0
    } else {
        answer.error_code
    };
    OffsetFetchResponse {
        topics,
        error_code,
        ..OffsetFetchResponse::default()
    }
}

fn refused_topics(asked: &OffsetFetchRequestGroup, error_code: i16) -> Vec<OffsetFetchResponseTopic> {
    let refused = |topic: &OffsetFetchRequestTopics| {
        let partitions = topic.partition_indexes.iter().map(|index| nothing(*index, None));
        let mut topic = old_topic(answer(topic, partitions));
        topic
            .partitions
            .iter_mut()
            .for_each(|partition| partition.error_code = error_code);
        topic
    };
    asked.topics.iter().flatten().map(refused).collect()
}

fn old_topic(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    }
}
