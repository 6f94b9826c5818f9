//! SaslHandshake. v1 the tokens come in SaslAuthenticate. On a listener without SASL there is nothing to shake hands about.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{SaslHandshakeRequest, SaslHandshakeResponse};

use super::{Answer, Api, Call};

pub(super) struct SaslHandshake;

impl Api for SaslHandshake {
    type Request = SaslHandshakeRequest;
    const KEY: i16 = 17;
    const NAME: &'static str = "SaslHandshake";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(_request: SaslHandshakeRequest, call: &mut Call<'_>) -> Answer {
        call.reply(&SaslHandshakeResponse::default().with_error_code(ErrorCode::IllegalSaslState.code()))
    }
}
