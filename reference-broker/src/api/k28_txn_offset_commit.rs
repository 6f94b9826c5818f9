//! TxnOffsetCommit. v1 throttle time · v2 leader epoch (KIP-320), and coordinators that load say so · v3 flexible, and the
//! member whose offsets they are (KIP-447) · v4 TRANSACTION_ABORTABLE (KIP-890) · v5 brings the group into the transaction.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{Commit, OffsetToCommit, TxnCommit};
use broker_core::node::transactions::Enlistment;
use broker_core::units::{ErrorCode, Producer, TopicId, TopicName};
use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestTopic;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::by_topic::{Asked, Coded, by_topic};
use super::convert::topic_name;
use super::{Answer, Api, Call};

pub(super) struct TxnOffsetCommit;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    enlistment: Enlistment,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            enlistment: match version {
                ..=3 => Enlistment::Refused,
                4 => Enlistment::Abortable,
                5.. => Enlistment::Implicit,
            },
        }
    }
}

impl Api for TxnOffsetCommit {
    type Request = TxnOffsetCommitRequest;
    const KEY: i16 = 28;
    const NAME: &'static str = "TxnOffsetCommit";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: TxnOffsetCommitRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let (id, asked) = (&request.transactional_id, commit(&request));
        let asks = call.node.ask_coordinator_of_offsets(id, &asked, semantics.enlistment);
        if let Some(ticket) = asks {
            return Answer::Again(ticket);
        }
        let results = call
            .node
            .commit_offsets_in_transaction(id, asked, semantics.enlistment, call.now);
        let topics = answer(&request, results, call);
        call.reply(&TxnOffsetCommitResponse::default().with_topics(topics))
    }
}

fn commit(request: &TxnOffsetCommitRequest) -> TxnCommit {
    let commit = Commit {
        group: Arc::from(&**request.group_id),
        member: Arc::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(Arc::from),
        generation: request.generation_id,
        retention_ms: None,
        tells_unknown_group: true,
        offsets: request.topics.iter().flat_map(offsets).collect(),
    };
    TxnCommit {
        commit,
        producer: Producer::new(request.producer_id.0, request.producer_epoch),
    }
}

fn offsets(topic: &TxnOffsetCommitRequestTopic) -> impl Iterator<Item = OffsetToCommit> {
    let name = TopicName::from(&**topic.name);
    topic.partitions.iter().map(move |partition| OffsetToCommit {
        topic: Arc::clone(&name),
        topic_id: TopicId::ZERO,
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.as_deref().map(Arc::from),
    })
}

fn answer(
    request: &TxnOffsetCommitRequest,
    results: Vec<Option<ErrorCode>>,
    call: &Call<'_>,
) -> Vec<TxnOffsetCommitResponseTopic> {
    let mut results = results.into_iter();
    let asked = request.topics.iter().map(|topic| Asked {
        topic: topic.name.to_string(),
        exists: call.node.image().topic(&topic.name).is_some(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| (partition.partition_index, results.next().flatten()))
            .collect(),
    });
    by_topic::<String>(&asked.collect::<Vec<_>>())
        .into_iter()
        .map(tell)
        .collect()
}

fn tell((name, partitions): (String, Coded)) -> TxnOffsetCommitResponseTopic {
    let partition = |(index, code)| {
        TxnOffsetCommitResponsePartition::default()
            .with_partition_index(index)
            .with_error_code(code)
    };
    TxnOffsetCommitResponseTopic::default()
        .with_name(topic_name(&name))
        .with_partitions(partitions.into_iter().map(partition).collect())
}
