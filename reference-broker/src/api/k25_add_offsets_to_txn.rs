//! AddOffsetsToTxn. v1 throttle time · v2 fenced producers are told PRODUCER_FENCED · v3 flexible · v4 TRANSACTION_ABORTABLE
//! (KIP-890).

use std::ops::RangeInclusive;

use broker_core::units::Producer;
use kafka_protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::k22_init_producer_id::told;
use super::{Answer, Api, Call};

pub(super) struct AddOffsetsToTxn;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    knows_fenced: bool,
}

impl Api for AddOffsetsToTxn {
    type Request = AddOffsetsToTxnRequest;
    const KEY: i16 = 25;
    const NAME: &'static str = "AddOffsetsToTxn";
    const VERSIONS: RangeInclusive<i16> = 0..=4;

    fn handle(request: AddOffsetsToTxnRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            knows_fenced: call.version >= 2,
        };
        let producer = Producer::new(request.producer_id.0, request.producer_epoch);
        let added = call
            .node
            .add_offsets(&request.transactional_id, producer, &request.group_id, call.now);
        let code = added
            .err()
            .map_or(0, |error| told(error, semantics.knows_fenced).code());
        call.reply(&AddOffsetsToTxnResponse::default().with_error_code(code))
    }
}
