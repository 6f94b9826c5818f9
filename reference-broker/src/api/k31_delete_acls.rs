//! DeleteAcls. v1 pattern types (KIP-290) · v2 flexible · v3 users as resources (KIP-373). There is no authorizer.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::{DeleteAclsRequest, DeleteAclsResponse};

use super::acls::{DISABLED, Numbers, unknown};
use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct DeleteAcls;

impl Api for DeleteAcls {
    type Request = DeleteAclsRequest;
    const KEY: i16 = 31;
    const NAME: &'static str = "DeleteAcls";
    const VERSIONS: RangeInclusive<i16> = 1..=3;

    fn handle(request: DeleteAclsRequest, call: &mut Call<'_>) -> Answer {
        if !request.filters.iter().all(|filter| numbers(filter).are_known()) {
            return unknown();
        }
        let refused = |_: &DeleteAclsFilter| {
            DeleteAclsFilterResult::default()
                .with_error_code(ErrorCode::SecurityDisabled.code())
                .with_error_message(Some(text(DISABLED)))
        };
        let results = request.filters.iter().map(refused).collect();
        call.reply(&DeleteAclsResponse::default().with_filter_results(results))
    }
}

fn numbers(filter: &DeleteAclsFilter) -> Numbers {
    Numbers {
        resource_type: filter.resource_type_filter,
        pattern_type: filter.pattern_type_filter,
        operation: filter.operation,
        permission: filter.permission_type,
    }
}
