//! A consumer of each partition: it reads on from whoever takes itself for the leader.

use broker_core::fetch::{FetchCommand, Interest, Naming, PartitionKey, Reader, Served, SessionRequest, TopicKey};
use broker_core::units::{LeaderEpoch, Offset, TopicPartition};
use broker_core::{Node, Now, Reply, Store};

/// What a broker gives a consumer from there on, at once.
pub(crate) fn read(node: &mut Node, store: &dyn Store, tp: &TopicPartition, from: Offset, now: Now) -> Vec<u8> {
    let Reply::Now(outcome) = node.fetch(&asked(tp, from), now) else {
        return Vec::new();
    };
    let span = outcome.partitions.into_iter().find_map(|fetched| fetched.span);
    let Some(span) = span else { return Vec::new() };
    let mut bytes = vec![0; span.length];
    let length = store.read(&span.directory, &span.file, span.position, &mut bytes);
    bytes.truncate(length.unwrap_or(0));
    bytes
}

fn asked(tp: &TopicPartition, from: Offset) -> FetchCommand {
    let key = PartitionKey {
        topic: TopicKey::Name(tp.topic.clone()),
        partition: tp.partition,
    };
    let interest = Interest {
        served: Served::ByLeader,
        offset: from,
        max_bytes: 1 << 20,
        leader_epoch: LeaderEpoch(-1),
        last_fetched_epoch: LeaderEpoch(-1),
        log_start: Offset(-1),
        high_watermark: Interest::ANY_HIGH_WATERMARK,
    };
    FetchCommand {
        session: SessionRequest {
            id: 0,
            epoch: -1,
            fresh_id: 1,
        },
        naming: Naming::Names,
        reader: Reader::Uncommitted,
        rack: None,
        max_wait_ms: 0,
        min_bytes: 0,
        max_bytes: 1 << 20,
        partitions: vec![(key, interest)],
        forgotten: Vec::new(),
    }
}
