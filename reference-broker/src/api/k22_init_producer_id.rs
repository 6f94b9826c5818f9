//! InitProducerId. v2 flexible · v3 a producer may name the id and epoch that it has (KIP-360) · v4 fenced producers are
//! told PRODUCER_FENCED · v5 verification of transactions (KIP-890).
//!
//! Producers that are only idempotent are served in full. There is no transaction coordinator yet: with a transactional id
//! the request is checked as Kafka checks it, then answered COORDINATOR_NOT_AVAILABLE, as by a Kafka that cannot reach one.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::{Answer, Api, Call};

pub(super) struct InitProducerId;

impl Api for InitProducerId {
    type Request = InitProducerIdRequest;
    const KEY: i16 = 22;
    const NAME: &'static str = "InitProducerId";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: InitProducerIdRequest, call: &mut Call<'_>) -> Answer {
        let response = match producer_id(&request, call) {
            Ok(id) => InitProducerIdResponse::default()
                .with_producer_id(ProducerId(id))
                .with_producer_epoch(0),
            Err(error) => InitProducerIdResponse::default()
                .with_error_code(error.code())
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1),
        };
        call.reply(&response)
    }
}

fn producer_id(request: &InitProducerIdRequest, call: &mut Call<'_>) -> Result<i64, ErrorCode> {
    // Half an identity is none: both or neither.
    if (request.producer_id.0 < 0) != (request.producer_epoch < 0) {
        return Err(ErrorCode::InvalidRequest);
    }
    let longest = call.node.config().transaction_max_timeout_ms;
    match request.transactional_id.as_deref().map(|id| &**id) {
        None => call.node.fresh_producer_id(call.now).map(|id| id.0),
        Some("") => Err(ErrorCode::InvalidRequest),
        Some(_) if !(1..=longest).contains(&request.transaction_timeout_ms) => {
            Err(ErrorCode::InvalidTransactionTimeout)
        }
        Some(_) => Err(ErrorCode::CoordinatorNotAvailable),
    }
}
