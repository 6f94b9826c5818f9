//! DescribeQuorum. v1 when replicas fetched last (KIP-836) · v2 error messages, directories, where the voters listen (KIP-853).

use std::ops::RangeInclusive;

use broker_core::image::BrokerImage;
use broker_core::node::Quorum;
use broker_core::node::data::METADATA_TOPIC;
use broker_core::node::observers::ObserverState;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_quorum_request::{self, DescribeQuorumRequest};
use kafka_protocol::messages::describe_quorum_response::{Listener, Node, PartitionData, ReplicaState, TopicData};
use kafka_protocol::messages::{BrokerId, DescribeQuorumResponse};
use uuid::Uuid;

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct DescribeQuorum;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    tells_times: bool,
    tells_nodes: bool,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            tells_times: version >= 1,
            tells_nodes: version >= 2,
        }
    }
}

impl Api for DescribeQuorum {
    type Request = DescribeQuorumRequest;
    const KEY: i16 = 55;
    const NAME: &'static str = "DescribeQuorum";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: DescribeQuorumRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let quorum = call.node.quorum().filter(|_| is_metadata(&request));
        let response = match quorum {
            Some(quorum) => described(quorum, semantics, call),
            None => refused(&request, semantics),
        };
        call.reply(&response)
    }
}

/// The one partition that has a quorum, and nothing beside it.
fn is_metadata(request: &DescribeQuorumRequest) -> bool {
    match &request.topics[..] {
        [topic] if topic.topic_name.as_str() == METADATA_TOPIC => {
            matches!(&topic.partitions[..], [partition] if partition.partition_index == 0)
        }
        _ => false,
    }
}

fn described(quorum: Quorum, semantics: Semantics, call: &Call<'_>) -> DescribeQuorumResponse {
    let id = BrokerId(call.node.broker_id().0);
    let voter = ReplicaState::default()
        .with_replica_id(id)
        .with_log_end_offset(quorum.log_end.0);
    let voter = match semantics.tells_times {
        true => voter
            .with_last_fetch_timestamp(call.now.unix_ms)
            .with_last_caught_up_timestamp(call.now.unix_ms),
        false => voter,
    };
    let partition = PartitionData::default()
        .with_leader_id(id)
        .with_leader_epoch(quorum.leader_epoch.0)
        .with_high_watermark(quorum.high_watermark.0)
        .with_current_voters(vec![voter])
        .with_observers(call.node.observers().map(|each| observer(each, semantics)).collect());
    let topic = TopicData::default()
        .with_topic_name(super::convert::topic_name(METADATA_TOPIC))
        .with_partitions(vec![partition]);
    let response = DescribeQuorumResponse::default().with_topics(vec![topic]);
    match semantics.tells_nodes {
        true => response.with_nodes(nodes(call)),
        false => response,
    }
}

/// A controller in the broker's process has no listener of its own: it is found where the broker is.
fn nodes(call: &Call<'_>) -> Vec<Node> {
    let node = |id: i32, host: &str, port: u16| {
        let listener = Listener::default()
            .with_name(text("CONTROLLER"))
            .with_host(text(host))
            .with_port(port);
        Node::default()
            .with_node_id(BrokerId(id))
            .with_listeners(vec![listener])
    };
    match &call.node.config().cluster.voter {
        Some(voter) => vec![node(voter.id, &voter.host, voter.port)],
        None => {
            let found = |broker: &BrokerImage| {
                let at = broker.among_brokers()?;
                Some(node(broker.id.0, &at.host, at.port))
            };
            call.node.image().brokers().filter_map(found).collect()
        }
    }
}

fn observer(state: &ObserverState, semantics: Semantics) -> ReplicaState {
    let observer = ReplicaState::default()
        .with_replica_id(BrokerId(state.id.0))
        .with_log_end_offset(state.log_end.0);
    let observer = match semantics.tells_nodes {
        true => observer.with_replica_directory_id(Uuid::from_bytes(state.directory)),
        false => observer,
    };
    match semantics.tells_times {
        true => observer
            .with_last_fetch_timestamp(state.last_fetch_ms)
            .with_last_caught_up_timestamp(state.last_caught_up_ms),
        false => observer,
    }
}

fn refused(request: &DescribeQuorumRequest, semantics: Semantics) -> DescribeQuorumResponse {
    let partition = |partition: &describe_quorum_request::PartitionData| {
        let refused = PartitionData::default()
            .with_partition_index(partition.partition_index)
            .with_error_code(ErrorCode::UnknownTopicOrPartition.code());
        match semantics.tells_nodes {
            true => refused.with_error_message(Some(text("This server does not host this topic-partition."))),
            false => refused,
        }
    };
    let topic = |topic: &describe_quorum_request::TopicData| {
        TopicData::default()
            .with_topic_name(topic.topic_name.clone())
            .with_partitions(topic.partitions.iter().map(partition).collect())
    };
    DescribeQuorumResponse::default().with_topics(request.topics.iter().map(topic).collect())
}
