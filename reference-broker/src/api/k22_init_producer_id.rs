//! InitProducerId. v2 flexible · v3 a producer may name the id and epoch that it has (KIP-360) · v4 fenced producers are
//! told PRODUCER_FENCED · v5 verification of transactions (KIP-890).

use std::ops::RangeInclusive;

use broker_core::units::{ErrorCode, Producer};
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::{Answer, Api, Call};

pub(super) struct InitProducerId;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    knows_fenced: bool,
}

impl Api for InitProducerId {
    type Request = InitProducerIdRequest;
    const KEY: i16 = 22;
    const NAME: &'static str = "InitProducerId";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: InitProducerIdRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            knows_fenced: call.version >= 4,
        };
        let response = match init(&request, call) {
            Ok(producer) => InitProducerIdResponse::default()
                .with_producer_id(ProducerId(producer.id.0))
                .with_producer_epoch(producer.epoch.0),
            Err(error) => InitProducerIdResponse::default()
                .with_error_code(told(error, semantics.knows_fenced).code())
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1),
        };
        call.reply(&response)
    }
}

fn init(request: &InitProducerIdRequest, call: &mut Call<'_>) -> Result<Producer, ErrorCode> {
    // Half an identity is none: both or neither.
    if (request.producer_id.0 < 0) != (request.producer_epoch < 0) {
        return Err(ErrorCode::InvalidRequest);
    }
    let expected = (request.producer_id.0 >= 0).then(|| Producer::new(request.producer_id.0, request.producer_epoch));
    let (longest, asked) = (
        call.node.config().transaction_max_timeout_ms,
        request.transaction_timeout_ms,
    );
    match request.transactional_id.as_deref().map(|id| &**id) {
        None => call.node.fresh_producer_id(call.now).map(|id| Producer::new(id.0, 0)),
        Some("") => Err(ErrorCode::InvalidRequest),
        Some(_) if !(1..=longest).contains(&asked) => Err(ErrorCode::InvalidTransactionTimeout),
        Some(id) => call.node.init_transactions(id, asked, expected, call.now),
    }
}

/// Old versions know a fenced producer by another name.
pub(super) fn told(error: ErrorCode, knows_fenced: bool) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if !knows_fenced => ErrorCode::InvalidProducerEpoch,
        other => other,
    }
}
