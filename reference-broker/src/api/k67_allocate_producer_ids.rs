//! AllocateProducerIds: a broker asks the controller for the next block of producer ids.

use std::ops::RangeInclusive;

use broker_core::peer::BrokerEpoch;
use broker_core::units::BrokerId;
use kafka_protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse, ProducerId};

use super::{Answer, Api, Call};

pub(super) struct AllocateProducerIds;

impl Api for AllocateProducerIds {
    type Request = AllocateProducerIdsRequest;
    const KEY: i16 = 67;
    const NAME: &'static str = "AllocateProducerIds";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: AllocateProducerIdsRequest, call: &mut Call<'_>) -> Answer {
        let asker = BrokerEpoch {
            broker: BrokerId(request.broker_id.0),
            epoch: request.broker_epoch,
        };
        let response = match call.node.allocate_producer_ids(asker, call.now) {
            Ok((first, count)) => AllocateProducerIdsResponse::default()
                .with_producer_id_start(ProducerId(first))
                .with_producer_id_len(count),
            Err(code) => AllocateProducerIdsResponse::default().with_error_code(code.code()),
        };
        call.reply(&response)
    }
}
