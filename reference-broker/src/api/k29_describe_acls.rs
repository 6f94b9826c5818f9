//! DescribeAcls. v1 pattern types (KIP-290) · v2 flexible · v3 users as resources (KIP-373). There is no authorizer.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};

use super::acls::{DISABLED, Numbers, unknown};
use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct DescribeAcls;

impl Api for DescribeAcls {
    type Request = DescribeAclsRequest;
    const KEY: i16 = 29;
    const NAME: &'static str = "DescribeAcls";
    const VERSIONS: RangeInclusive<i16> = 1..=3;

    fn handle(request: DescribeAclsRequest, call: &mut Call<'_>) -> Answer {
        let numbers = Numbers {
            resource_type: request.resource_type_filter,
            pattern_type: request.pattern_type_filter,
            operation: request.operation,
            permission: request.permission_type,
        };
        if !numbers.are_known() {
            return unknown();
        }
        let response = DescribeAclsResponse::default()
            .with_error_code(ErrorCode::SecurityDisabled.code())
            .with_error_message(Some(text(DISABLED)));
        call.reply(&response)
    }
}
