//! DescribeDelegationToken. v2 flexible · v3 tells who asked for a token (KIP-373). Nobody here has proven who he is, so nobody
//! is told.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{DescribeDelegationTokenRequest, DescribeDelegationTokenResponse};

use super::{Answer, Api, Call};

pub(super) struct DescribeDelegationToken;

impl Api for DescribeDelegationToken {
    type Request = DescribeDelegationTokenRequest;
    const KEY: i16 = 41;
    const NAME: &'static str = "DescribeDelegationToken";
    const VERSIONS: RangeInclusive<i16> = 1..=3;

    fn handle(_: DescribeDelegationTokenRequest, call: &mut Call<'_>) -> Answer {
        let response = DescribeDelegationTokenResponse::default()
            .with_error_code(ErrorCode::DelegationTokenRequestNotAllowed.code());
        call.reply(&response)
    }
}
