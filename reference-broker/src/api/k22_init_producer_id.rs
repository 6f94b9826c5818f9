//! InitProducerId. v2 flexible · v3 a producer may name the id and epoch that it has (KIP-360) · v4 fenced producers are
//! told PRODUCER_FENCED · v5 verification of transactions (KIP-890) · v6, not stable yet, two-phase commit (KIP-939).

use std::ops::RangeInclusive;

use broker_core::config::BrokerConfig;
use broker_core::units::{ErrorCode, Producer};

use super::{Answer, Api, Call};
use crate::messages::{InitProducerIdRequest, InitProducerIdResponse};

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
    const UNSTABLE: Option<i16> = Some(6);

    fn handle(request: InitProducerIdRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            knows_fenced: call.version >= 4,
        };
        let response = match init(&request, call) {
            Ok(producer) => InitProducerIdResponse {
                producer_id: producer.id.0,
                producer_epoch: producer.epoch.0,
                ..Default::default()
            },
            Err(error) => InitProducerIdResponse {
                error_code: told(error, semantics.knows_fenced).code(),
                producer_epoch: -1,
                ..Default::default()
            },
        };
        call.reply(&response)
    }
}

fn init(request: &InitProducerIdRequest, call: &mut Call<'_>) -> Result<Producer, ErrorCode> {
    // Half an identity is none: both or neither.
    if (request.producer_id < 0) != (request.producer_epoch < 0) {
        return Err(ErrorCode::InvalidRequest);
    }
    let expected = (request.producer_id >= 0).then(|| Producer::new(request.producer_id, request.producer_epoch));
    match request.transactional_id.as_deref() {
        None => call.node.fresh_producer_id(call.now).map(|id| Producer::new(id.0, 0)),
        Some("") => Err(ErrorCode::InvalidRequest),
        Some(id) => {
            let timeout_ms = timeout(request, call.node.config())?;
            call.node.init_transactions(id, timeout_ms, expected, call.now)
        }
    }
}

/// How long a transaction may stay open. One that is committed in two phases is never aborted for its age (KIP-939).
fn timeout(request: &InitProducerIdRequest, config: &BrokerConfig) -> Result<i32, ErrorCode> {
    let asked = request.transaction_timeout_ms;
    if request.enable2_pc && !config.transaction_two_phase_commit_enable {
        Err(ErrorCode::TransactionalIdAuthorizationFailed)
    } else if request.keep_prepared_txn {
        Err(ErrorCode::UnsupportedVersion)
    } else if request.enable2_pc {
        Ok(i32::MAX)
    } else if (1..=config.transaction_max_timeout_ms).contains(&asked) {
        Ok(asked)
    } else {
        Err(ErrorCode::InvalidTransactionTimeout)
    }
}

/// Old versions know a fenced producer by another name.
pub(super) fn told(error: ErrorCode, knows_fenced: bool) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if !knows_fenced => ErrorCode::InvalidProducerEpoch,
        other => other,
    }
}
