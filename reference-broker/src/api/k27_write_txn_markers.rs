//! WriteTxnMarkers. v1 the oldest served, flexible · v2 the version of the transaction, which says what epoch a marker may
//! have (KIP-1228).

use std::ops::RangeInclusive;

use broker_core::log::producers::TransactionResult;
use broker_core::node::transactions::Marked;
use broker_core::txn::Version;
use broker_core::units::{Producer, TopicPartition};

use super::{Answer, Api, Call};
use crate::messages::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopic,
    WritableTxnMarkerTopicResult, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

pub(super) struct WriteTxnMarkers;

impl Api for WriteTxnMarkers {
    type Request = WriteTxnMarkersRequest;
    const KEY: i16 = 27;
    const NAME: &'static str = "WriteTxnMarkers";
    const VERSIONS: RangeInclusive<i16> = 1..=2;

    fn handle(request: WriteTxnMarkersRequest, call: &mut Call<'_>) -> Answer {
        let markers = request.markers.iter().map(|marker| write(marker, call)).collect();
        call.reply(&WriteTxnMarkersResponse { markers })
    }
}

fn write(asked: &WritableTxnMarker, call: &mut Call<'_>) -> WritableTxnMarkerResult {
    let marked = Marked {
        producer: Producer::new(asked.producer_id, asked.producer_epoch),
        result: TransactionResult::of(asked.transaction_result),
        coordinator_epoch: asked.coordinator_epoch,
        version: if asked.transaction_version >= 2 {
            Version::Second
        } else {
            Version::First
        },
    };
    let topics = asked.topics.iter().map(|topic| of_topic(topic, marked, call)).collect();
    WritableTxnMarkerResult {
        producer_id: asked.producer_id,
        topics,
    }
}

fn of_topic(topic: &WritableTxnMarkerTopic, marked: Marked, call: &mut Call<'_>) -> WritableTxnMarkerTopicResult {
    let partition = |partition_index: &i32| {
        let tp = TopicPartition::new(topic.name.as_str(), *partition_index);
        let written = call.node.write_marker(&tp, marked, call.now);
        WritableTxnMarkerPartitionResult {
            partition_index: *partition_index,
            error_code: written.err().map_or(0, |error| error.code()),
        }
    };
    WritableTxnMarkerTopicResult {
        name: topic.name.clone(),
        partitions: topic.partition_indexes.iter().map(partition).collect(),
    }
}
