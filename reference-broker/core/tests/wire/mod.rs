//! What stands in for the network between nodes: a replica's question is asked of a node as its listener would ask it.

use broker_core::fetch::{
    FetchCommand, FetchOutcome, Fetched, Interest, Naming, PartitionKey, Reader, Served, SessionRequest, TopicKey,
};
use broker_core::log::Log;
use broker_core::node::observers::{METADATA_ID, MetadataFetch};
use broker_core::peer::{AskBounds, Bound, ReplicaFetch, ReplicaFetched, Reply};
use broker_core::units::{ErrorCode, TopicPartition};
use broker_core::{Node, Now, Store};

/// A replica's fetch; it may wait.
pub(crate) fn fetch(node: &mut Node, wanted: &ReplicaFetch, now: Now) -> broker_core::Reply<FetchOutcome> {
    let partitions = asked_of(wanted);
    if partitions.iter().any(|(key, _)| key.topic == TopicKey::Id(METADATA_ID)) {
        let fetch = MetadataFetch {
            replica: wanted.replica.broker,
            cluster_id: None,
            directory: wanted.partitions[0].directory,
            max_wait_ms: wanted.max_wait_ms,
            high_watermark: wanted.partitions[0].high_watermark,
            partitions,
        };
        return node.fetch_metadata_log(fetch, now);
    }
    let command = FetchCommand {
        session: SessionRequest {
            id: 0,
            epoch: -1,
            fresh_id: 1,
        },
        naming: Naming::Ids,
        reader: Reader::Replica(wanted.replica),
        rack: None,
        max_wait_ms: wanted.max_wait_ms,
        min_bytes: wanted.min_bytes,
        max_bytes: wanted.max_bytes,
        partitions,
        forgotten: Vec::new(),
    };
    node.fetch(&command, now)
}

/// The answer to it, with the bytes.
pub(crate) fn fetched(outcome: FetchOutcome, wanted: &ReplicaFetch, store: &dyn Store) -> Reply {
    if let Some(error) = outcome.error {
        return Reply::Fetched(Err(error));
    }
    let answers = outcome.partitions.into_iter().filter_map(|fetched| {
        let wanted = wanted.partitions.iter().find(|wanted| {
            fetched.key.topic == TopicKey::Id(wanted.topic_id) && fetched.key.partition == wanted.tp.partition
        })?;
        Some(of_partition(fetched, wanted.tp.clone(), store))
    });
    Reply::Fetched(Ok(answers.collect()))
}

/// Where logs begin or end, as ListOffsets tells a replica.
pub(crate) fn bounds(node: &Node, wanted: &AskBounds) -> Reply {
    let bound = |log: &Log| match wanted.bound {
        Bound::Start => log.log_start(),
        Bound::End => log.log_end(),
    };
    let partitions = wanted.partitions.iter();
    let told = partitions.map(|(tp, epoch)| (tp.clone(), node.led_log(tp, *epoch).map(bound)));
    Reply::Bounds(told.collect())
}

fn asked_of(wanted: &ReplicaFetch) -> Vec<(PartitionKey, Interest)> {
    let partitions = wanted.partitions.iter().map(|wanted| {
        let key = PartitionKey {
            topic: TopicKey::Id(wanted.topic_id),
            partition: wanted.tp.partition,
        };
        let interest = Interest {
            served: Served::ByLeader,
            offset: wanted.offset,
            max_bytes: wanted.max_bytes,
            leader_epoch: wanted.leader_epoch,
            last_fetched_epoch: wanted.last_fetched_epoch,
            log_start: wanted.log_start,
            high_watermark: wanted.high_watermark,
        };
        (key, interest)
    });
    partitions.collect()
}

fn of_partition(fetched: Fetched, tp: TopicPartition, store: &dyn Store) -> ReplicaFetched {
    let (mut records, mut error) = (Vec::new(), fetched.error);
    if let Some(span) = &fetched.span {
        records = vec![0; span.length];
        if store
            .read(&span.directory, &span.file, span.position, &mut records)
            .is_err()
        {
            (records, error) = (Vec::new(), Some(ErrorCode::KafkaStorageError));
        }
    }
    ReplicaFetched {
        tp,
        error,
        high_watermark: fetched.high_watermark,
        log_start: fetched.log_start,
        diverging: fetched.diverging,
        snapshot: None,
        leader: fetched.leader,
        records: records.into(),
    }
}
