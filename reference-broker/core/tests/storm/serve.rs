//! Questions other than a replica's: they are answered at once.

use broker_core::peer::{Question, Reply};
use broker_core::units::TopicPartition;
use broker_core::{Node, Now};

use crate::wire;

/// Asks a node as its listener would.
pub(crate) fn serve(node: &mut Node, question: &Question, now: Now) -> Reply {
    match question {
        Question::Register(registration) => Reply::Registered(node.register_broker(registration, now)),
        Question::Heartbeat(beat) => Reply::Heartbeat(node.broker_heartbeat(beat, now)),
        Question::AlterPartitions(asked) => Reply::PartitionsAltered(node.alter_partitions(asked, now)),
        Question::AllocateProducerIds(asker) => Reply::ProducerIds(node.allocate_producer_ids(*asker, now)),
        Question::Bounds(wanted) => wire::bounds(node, wanted),
        Question::WriteMarkers(marked, partitions) => {
            let write = |tp: &TopicPartition| (tp.clone(), node.write_marker(tp, *marked, now));
            Reply::MarkersWritten(partitions.iter().map(write).collect())
        }
        _ => Reply::Unreachable("nobody here serves that".into()),
    }
}
