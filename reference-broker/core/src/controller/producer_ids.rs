//! Producer ids are handed out to brokers in blocks, so that no two brokers ever give the same one.

use super::{Controller, Decided, Refusal, plain};
use crate::mutant::{self, Mutant};
use crate::peer::BrokerEpoch;
use crate::records::ProducerIdsRecord;
use crate::units::{BrokerId, ErrorCode};

/// How many ids a block has, as in Kafka.
pub const BLOCK: i64 = 1_000;

impl Controller<'_> {
    /// AllocateProducerIds: the first id of a new block for a broker in one of its lives.
    pub fn allocate_producer_ids_for(&self, asker: BrokerEpoch) -> Decided<Result<i64, Refusal>> {
        let refused = match self.broker_in(asker) {
            Err(refusal) => refusal,
            Ok(_) if self.image.next_producer_id() > i64::MAX - BLOCK => Refusal::silent(ErrorCode::UnknownServerError),
            Ok(_) => {
                let Decided { records, answer } = self.allocate_producer_ids(asker.broker);
                return Decided {
                    records,
                    answer: Ok(answer),
                };
            }
        };
        Decided::answer(Err(refused))
    }

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
