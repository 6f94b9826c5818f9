//! RenewDelegationToken. v2 flexible. Nobody here has proven who he is, so nobody has one.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{RenewDelegationTokenRequest, RenewDelegationTokenResponse};

use super::{Answer, Api, Call};

pub(super) struct RenewDelegationToken;

impl Api for RenewDelegationToken {
    type Request = RenewDelegationTokenRequest;
    const KEY: i16 = 39;
    const NAME: &'static str = "RenewDelegationToken";
    const VERSIONS: RangeInclusive<i16> = 1..=2;

    fn handle(_: RenewDelegationTokenRequest, call: &mut Call<'_>) -> Answer {
        let response = RenewDelegationTokenResponse::default()
            .with_error_code(ErrorCode::DelegationTokenRequestNotAllowed.code())
            .with_expiry_timestamp_ms(-1);
        call.reply(&response)
    }
}
