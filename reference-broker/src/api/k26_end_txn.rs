//! EndTxn. v1 throttle time · v2 fenced producers are told PRODUCER_FENCED · v3 flexible · v4 TRANSACTION_ABORTABLE
//! (KIP-890) · v5 transactions of version 2: the producer is told its next epoch.

use std::ops::RangeInclusive;

use broker_core::log::producers::TransactionResult;
use broker_core::txn::{Producer, Version};
use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse, ProducerId};

use super::k22_init_producer_id::told;
use super::{Answer, Api, Call};

pub(super) struct EndTxn;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    knows_fenced: bool,
    protocol: Version,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            knows_fenced: version >= 2,
            protocol: if version >= 5 { Version::Second } else { Version::First },
        }
    }
}

impl Api for EndTxn {
    type Request = EndTxnRequest;
    const KEY: i16 = 26;
    const NAME: &'static str = "EndTxn";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: EndTxnRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let result = TransactionResult::of(request.committed);
        let producer = Producer::new(request.producer_id.0, request.producer_epoch);
        let ended = call.node.end_transaction(
            &request.transactional_id,
            producer,
            result,
            semantics.protocol,
            call.now,
        );
        let response = EndTxnResponse::default()
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        call.reply(&match (ended, semantics.protocol) {
            (Ok(next), Version::Second) => response
                .with_producer_id(ProducerId(next.id.0))
                .with_producer_epoch(next.epoch.0),
            (Ok(_), Version::First) => response,
            (Err(error), _) => response.with_error_code(told(error, semantics.knows_fenced).code()),
        })
    }
}
