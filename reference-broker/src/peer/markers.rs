//! WriteTxnMarkers v2: the markers of one transaction, which version its rules are of with them (KIP-1228).

use std::collections::{BTreeMap, BTreeSet};

use broker_core::log::producers::TransactionResult;
use broker_core::node::transactions::Marked;
use broker_core::peer::Reply;
use broker_core::txn::Version;
use broker_core::units::TopicPartition;
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;

use super::wire::{Exchange, decode};
use crate::messages::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest, WriteTxnMarkersResponse};

const KEY: i16 = 27;
const VERSION: i16 = 2;

pub(super) fn request(marked: &Marked, partitions: &[TopicPartition]) -> Result<Exchange, String> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for tp in partitions {
        topics.entry(&tp.topic).or_default().push(tp.partition);
    }
    let topic = |(name, partition_indexes): (&str, Vec<i32>)| WritableTxnMarkerTopic {
        name: name.to_owned(),
        partition_indexes,
    };
    let marker = WritableTxnMarker {
        producer_id: marked.producer.id.0,
        producer_epoch: marked.producer.epoch.0,
        transaction_result: marked.result == TransactionResult::Commit,
        topics: topics.into_iter().map(topic).collect(),
        coordinator_epoch: marked.coordinator_epoch,
        transaction_version: match marked.version {
            Version::First => 1,
            Version::Second => 2,
        },
    };
    Exchange::new(KEY, VERSION, &WriteTxnMarkersRequest { markers: vec![marker] })
}

pub(super) fn reply(body: Bytes, partitions: &[TopicPartition]) -> Result<Reply, String> {
    let response: WriteTxnMarkersResponse = decode(body, VERSION)?;
    let mut asked: BTreeSet<&TopicPartition> = partitions.iter().collect();
    let mut written = Vec::with_capacity(asked.len());
    for topic in response.markers.into_iter().flat_map(|marker| marker.topics) {
        for partition in topic.partitions {
            let tp = TopicPartition::new(topic.name.as_str(), partition.partition_index);
            if !asked.remove(&tp) {
                return Err(format!("it answers {tp}, which was not asked for"));
            }
            let result = partition.error_code.err().map_or(Ok(()), Err);
            written.push((tp, result));
        }
    }
    Ok(Reply::MarkersWritten(written))
}
