//! WriteTxnMarkers. v1 the oldest served, flexible · v2 the version of the transaction, which says what epoch a marker may
//! have (KIP-1228).

use std::ops::RangeInclusive;

use broker_core::Reply;
use broker_core::log::producers::TransactionResult;
use broker_core::node::Released;
use broker_core::node::transactions::Marked;
use broker_core::txn::Version;
use broker_core::units::{ErrorCode, Offset, Producer, TopicPartition};

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
        let mut written = Vec::new();
        let markers = request.markers.iter();
        let markers: Vec<_> = markers.map(|marker| write(marker, &mut written, call)).collect();
        let version = call.version;
        match call.node.await_replicas(written, TIMEOUT_MS, call.now) {
            Reply::Now(results) => answer(markers, results, version),
            Reply::Parked(ticket) => Answer::Parked(
                ticket,
                Box::new(move |released| match released {
                    Released::Produce(results) => answer(markers, results, version),
                    other => Answer::Close(format!("a WriteTxnMarkers was released as {other:?}")),
                }),
            ),
        }
    }
}

/// `request.timeout.ms`: so long the replicas in sync may take to have the markers.
const TIMEOUT_MS: i32 = 30_000;

/// Those that were written, in order, with what became of them since.
fn answer(mut markers: Vec<WritableTxnMarkerResult>, results: Vec<Result<(), ErrorCode>>, version: i16) -> Answer {
    let topics = markers.iter_mut().flat_map(|marker| &mut marker.topics);
    let partitions = topics.flat_map(|topic| &mut topic.partitions);
    let written = partitions.filter(|partition| partition.error_code == 0);
    for (partition, result) in written.zip(results) {
        partition.error_code = result.err().map_or(0, |error| error.code());
    }
    Answer::reply(&WriteTxnMarkersResponse { markers }, version)
}

/// The offset behind what was written, by partition.
type Written = Vec<(TopicPartition, Offset)>;

fn write(asked: &WritableTxnMarker, all: &mut Written, call: &mut Call<'_>) -> WritableTxnMarkerResult {
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
    let topics = asked
        .topics
        .iter()
        .map(|topic| of_topic(topic, marked, all, call))
        .collect();
    WritableTxnMarkerResult {
        producer_id: asked.producer_id,
        topics,
    }
}

fn of_topic(
    topic: &WritableTxnMarkerTopic,
    marked: Marked,
    all: &mut Written,
    call: &mut Call<'_>,
) -> WritableTxnMarkerTopicResult {
    let partition = |partition_index: &i32| {
        let tp = TopicPartition::new(topic.name.as_str(), *partition_index);
        let written = call.node.write_marker(&tp, marked, call.now);
        if let (Ok(()), Some(log)) = (written, call.node.log(&tp)) {
            all.push((tp.clone(), log.log_end()));
        }
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
