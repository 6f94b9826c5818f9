//! CreateDelegationToken. v2 flexible · v3 for somebody else (KIP-373). Nobody here has proven who he is, so nobody gets one.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{CreateDelegationTokenRequest, CreateDelegationTokenResponse};

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct CreateDelegationToken;

impl Api for CreateDelegationToken {
    type Request = CreateDelegationTokenRequest;
    const KEY: i16 = 38;
    const NAME: &'static str = "CreateDelegationToken";
    const VERSIONS: RangeInclusive<i16> = 1..=3;

    fn handle(_: CreateDelegationTokenRequest, call: &mut Call<'_>) -> Answer {
        let response = CreateDelegationTokenResponse::default()
            .with_error_code(ErrorCode::DelegationTokenRequestNotAllowed.code())
            .with_principal_type(text("User"))
            .with_principal_name(text("ANONYMOUS"))
            .with_issue_timestamp_ms(-1)
            .with_expiry_timestamp_ms(-1)
            .with_max_timestamp_ms(-1);
        let names_requester = call.version >= 3;
        call.reply(&match names_requester {
            true => response
                .with_token_requester_principal_type(text("User"))
                .with_token_requester_principal_name(text("ANONYMOUS")),
            false => response,
        })
    }
}
