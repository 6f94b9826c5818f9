//! AllocateProducerIds v0: the next block of producer ids for one broker.

use broker_core::peer::{BrokerEpoch, Reply};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse, BrokerId};

use super::wire::{Exchange, decode};

const KEY: i16 = 67;
const VERSION: i16 = 0;

pub(super) fn request(asker: BrokerEpoch) -> Result<Exchange, String> {
    let request = AllocateProducerIdsRequest::default()
        .with_broker_id(BrokerId(asker.broker.0))
        .with_broker_epoch(asker.epoch);
    Exchange::new(KEY, VERSION, &request)
}

pub(super) fn reply(body: Bytes) -> Result<Reply, String> {
    let response: AllocateProducerIdsResponse = decode(body, VERSION)?;
    let block = (response.producer_id_start.0, response.producer_id_len);
    match response.error_code.err() {
        Some(error) => Ok(Reply::ProducerIds(Err(error))),
        None if block.0 < 0 || block.1 <= 0 => Err(format!("{} producer ids from {} on are none", block.1, block.0)),
        None => Ok(Reply::ProducerIds(Ok(block))),
    }
}
