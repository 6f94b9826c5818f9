//! Metadata. v0 names no broker that is not alive, and says that a replica is missing · v1 null means all topics, controller id, is_internal · v2 cluster id · v4 the client may forbid creation ·
//! v5 offline replicas · v6 a leader without the listener that was asked by is told from none · v7 leader epochs · v8 authorized operations · v9 flexible · v10 topic ids in answers (KIP-516) ·
//! v11 no cluster operations (DescribeCluster has them, KIP-700) · v12 topics may be asked for by id · v13 top-level error.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use broker_core::controller::{is_internal, validate_topic_name};
use broker_core::image::{BrokerImage, NO_LEADER, PartitionImage, TopicImage};
use broker_core::units::{ErrorCode, TopicId};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse};

use super::convert::{CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS, broker_ids, text, topic_id, topic_name, uuid};
use super::{Answer, Api, Call};

pub(super) struct Metadata;

/// What a version means.
struct Semantics {
    empty_list_is_all: bool,
    leaves_out_the_dead: bool,
    tells_offline_replicas: bool,
    tells_missing_listeners: bool,
    creation_can_be_forbidden: bool,
    answers_ids: bool,
    asks_by_id: bool,
    cluster_operations: bool,
    says_why_at_the_top: bool,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            empty_list_is_all: version == 0,
            leaves_out_the_dead: version == 0,
            tells_offline_replicas: version >= 5,
            tells_missing_listeners: version >= 6,
            creation_can_be_forbidden: version >= 4,
            answers_ids: version >= 10,
            asks_by_id: version >= 12,
            cluster_operations: (8..=10).contains(&version),
            says_why_at_the_top: version >= 13,
        }
    }
}

impl Api for Metadata {
    type Request = MetadataRequest;
    const KEY: i16 = 3;
    const NAME: &'static str = "Metadata";
    const VERSIONS: RangeInclusive<i16> = 0..=13;

    fn handle(request: MetadataRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        if let Some(error) = malformed(&request, &semantics) {
            return call.reply(&refuse_all(&request, error, &semantics));
        }
        let (topics, missing) = describe(&request, &semantics, call);
        let cluster_operations = match semantics.cluster_operations && request.include_cluster_authorized_operations {
            true => CLUSTER_OPERATIONS,
            false => NOT_ASKED,
        };
        let response = MetadataResponse::default()
            .with_brokers(brokers(call))
            .with_cluster_id(Some(text(call.node.cluster_id())))
            .with_controller_id(BrokerId(call.node.broker_id().0))
            .with_topics(topics)
            .with_cluster_authorized_operations(cluster_operations);
        let allowed = request.allow_auto_topic_creation || !semantics.creation_can_be_forbidden;
        if allowed && !missing.is_empty() && call.node.config().auto_create_topics_enable {
            // This answer still says that they are unknown; the next one will not.
            call.node.auto_create_topics(missing, call.now);
        }
        call.reply(&response)
    }
}

/// Requests that Kafka fails as a whole.
fn malformed(request: &MetadataRequest, semantics: &Semantics) -> Option<ErrorCode> {
    let topics = request.topics.as_deref().unwrap_or_default();
    if semantics.asks_by_id {
        let by_name = topics.iter().all(|topic| topic.topic_id.is_nil());
        // A null name without any id is a null pointer in Kafka.
        return (by_name && topics.iter().any(|topic| topic.name.is_none())).then_some(ErrorCode::UnknownServerError);
    }
    let wrong = topics
        .iter()
        .any(|topic| topic.name.is_none() || !topic.topic_id.is_nil());
    (semantics.answers_ids && wrong).then_some(ErrorCode::InvalidRequest)
}

fn refuse_all(request: &MetadataRequest, error: ErrorCode, semantics: &Semantics) -> MetadataResponse {
    let topics = request.topics.iter().flatten().map(|topic| {
        let refused = unknown(topic.name.as_deref().map_or("", |name| name), error, NOT_ASKED);
        if semantics.answers_ids {
            refused.with_topic_id(topic.topic_id)
        } else {
            refused
        }
    });
    let refused = MetadataResponse::default()
        .with_controller_id(BrokerId(-1))
        .with_topics(topics.collect());
    match semantics.says_why_at_the_top {
        true => refused.with_error_code(error.code()),
        false => refused,
    }
}

fn brokers(call: &Call<'_>) -> Vec<MetadataResponseBroker> {
    let live = call.node.image().brokers().filter(|broker| !broker.fenced);
    let answer = |broker: &BrokerImage| {
        let at = broker.listener(call.listener_name)?;
        let answer = MetadataResponseBroker::default()
            .with_node_id(BrokerId(broker.id.0))
            .with_host(text(&at.host))
            .with_port(i32::from(at.port))
            .with_rack(broker.rack.as_deref().map(text));
        Some(answer)
    };
    live.filter_map(answer).collect()
}

/// The topics asked for, each once, and the names among them that could be created.
fn describe(
    request: &MetadataRequest,
    semantics: &Semantics,
    call: &Call<'_>,
) -> (Vec<MetadataResponseTopic>, Vec<String>) {
    let operations = if request.include_topic_authorized_operations {
        TOPIC_OPERATIONS
    } else {
        NOT_ASKED
    };
    let image = call.node.image();
    let known = |topic: &TopicImage| known(call, topic, operations, semantics);
    let asked = match request.topics.as_deref() {
        None => return (image.topics().map(known).collect(), Vec::new()),
        Some([]) if semantics.empty_list_is_all => return (image.topics().map(known).collect(), Vec::new()),
        Some(asked) => asked,
    };
    let ids: BTreeSet<TopicId> = asked
        .iter()
        .map(|topic| topic_id(topic.topic_id))
        .filter(|id| *id != TopicId::ZERO)
        .collect();
    if !ids.is_empty() {
        let by_id = |id: TopicId| image.topic_by_id(id).map_or_else(|| unknown_id(id), known);
        return (ids.into_iter().map(by_id).collect(), Vec::new());
    }
    let names: BTreeSet<&str> = asked
        .iter()
        .filter_map(|topic| topic.name.as_deref().map(|name| &**name))
        .collect();
    let mut missing = Vec::new();
    let by_name = |name: &str| match image.topic(name) {
        Some(topic) => known(topic),
        None if validate_topic_name(name).is_err() => unknown(name, ErrorCode::InvalidTopicException, operations),
        None => {
            missing.push(name.to_owned());
            unknown(name, ErrorCode::UnknownTopicOrPartition, operations)
        }
    };
    (names.into_iter().map(by_name).collect(), missing)
}

fn known(call: &Call<'_>, topic: &TopicImage, operations: i32, semantics: &Semantics) -> MetadataResponseTopic {
    let partitions = (0..).zip(&topic.partitions);
    let partitions = partitions.map(|(index, standing)| partition(call, index, standing, semantics));
    let answer = MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(operations);
    if semantics.answers_ids {
        answer.with_topic_id(uuid(topic.id))
    } else {
        answer
    }
}

fn partition(
    call: &Call<'_>,
    index: i32,
    partition: &PartitionImage,
    semantics: &Semantics,
) -> MetadataResponsePartition {
    let (image, listener) = (call.node.image(), call.listener_name);
    let (leader, error) = match image.leader_for(partition, listener) {
        Ok(leader) => (leader, 0),
        Err(ErrorCode::ListenerNotFound) if !semantics.tells_missing_listeners => {
            (NO_LEADER, ErrorCode::LeaderNotAvailable.code())
        }
        Err(error) => (NO_LEADER, error.code()),
    };
    let answer = MetadataResponsePartition::default()
        .with_error_code(error)
        .with_partition_index(index)
        .with_leader_id(BrokerId(leader.0))
        .with_leader_epoch(partition.leader_epoch.0)
        .with_replica_nodes(broker_ids(&partition.replicas))
        .with_isr_nodes(broker_ids(&partition.isr));
    if semantics.leaves_out_the_dead {
        return without_the_dead(answer, call);
    }
    match semantics.tells_offline_replicas {
        true => answer.with_offline_replicas(broker_ids(&image.offline_replicas(partition, listener))),
        false => answer,
    }
}

fn without_the_dead(mut answer: MetadataResponsePartition, call: &Call<'_>) -> MetadataResponsePartition {
    let named = answer.replica_nodes.len() + answer.isr_nodes.len();
    let is_reached = |id: &BrokerId| {
        let id = broker_core::units::BrokerId(id.0);
        call.node.image().is_reached(id, call.listener_name)
    };
    answer.replica_nodes.retain(is_reached);
    answer.isr_nodes.retain(is_reached);
    if answer.error_code == 0 && answer.replica_nodes.len() + answer.isr_nodes.len() < named {
        answer.error_code = ErrorCode::ReplicaNotAvailable.code();
    }
    answer
}

fn unknown(name: &str, error: ErrorCode, operations: i32) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(error.code())
        .with_name(Some(topic_name(name)))
        .with_is_internal(is_internal(name))
        .with_topic_authorized_operations(operations)
}

fn unknown_id(id: TopicId) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(ErrorCode::UnknownTopicId.code())
        .with_name(None)
        .with_topic_id(uuid(id))
}
