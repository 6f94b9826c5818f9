//! ExpireDelegationToken. v2 flexible. Nobody here has proven who he is, so nobody has one.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{ExpireDelegationTokenRequest, ExpireDelegationTokenResponse};

use super::{Answer, Api, Call};

pub(super) struct ExpireDelegationToken;

impl Api for ExpireDelegationToken {
    type Request = ExpireDelegationTokenRequest;
    const KEY: i16 = 40;
    const NAME: &'static str = "ExpireDelegationToken";
    const VERSIONS: RangeInclusive<i16> = 1..=2;

    fn handle(_: ExpireDelegationTokenRequest, call: &mut Call<'_>) -> Answer {
        let response = ExpireDelegationTokenResponse::default()
            .with_error_code(ErrorCode::DelegationTokenRequestNotAllowed.code())
            .with_expiry_timestamp_ms(-1);
        call.reply(&response)
    }
}
