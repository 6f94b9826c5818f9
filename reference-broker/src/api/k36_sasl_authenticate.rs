//! SaslAuthenticate. v1 session lifetime · v2 flexible. On a listener without SASL everybody is authenticated already.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslAuthenticateResponse};

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct SaslAuthenticate;

impl Api for SaslAuthenticate {
    type Request = SaslAuthenticateRequest;
    const KEY: i16 = 36;
    const NAME: &'static str = "SaslAuthenticate";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(_request: SaslAuthenticateRequest, call: &mut Call<'_>) -> Answer {
        let why = "SaslAuthenticate request received after successful authentication";
        let refusal = SaslAuthenticateResponse::default()
            .with_error_code(ErrorCode::IllegalSaslState.code())
            .with_error_message(Some(text(why)));
        call.reply(&refusal)
    }
}
