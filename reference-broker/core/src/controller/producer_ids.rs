//! Producer ids are handed out to brokers in blocks, so that no two brokers ever give the same one.

use super::{Controller, Decided, plain};
use crate::mutant::{self, Mutant};
use crate::records::ProducerIdsRecord;
use crate::units::BrokerId;

/// How many ids a block has, as in Kafka.
pub const BLOCK: i64 = 1_000;

impl Controller<'_> {
    /// The first id of a new block for that broker.
    pub fn allocate_producer_ids(&self, broker: BrokerId) -> Decided<i64> {
        let first = self.image.next_producer_id();
        let broker_epoch = self.image.broker(broker).map_or(-1, |broker| broker.epoch);
        let end = if mutant::on(Mutant::ProducerIdsReused) {
            first
        } else {
            first + BLOCK
        };
        let record = ProducerIdsRecord {
            broker_id: broker.0,
            broker_epoch,
            next_producer_id: end,
        };
        Decided {
            records: vec![plain(record)],
            answer: first,
        }
    }
}
