//! CreateAcls. v1 pattern types (KIP-290) · v2 flexible · v3 users as resources (KIP-373). There is no authorizer.

use std::ops::RangeInclusive;

use broker_core::units::ErrorCode;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::{CreateAclsRequest, CreateAclsResponse};

use super::acls::{DISABLED, Numbers, unknown};
use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct CreateAcls;

impl Api for CreateAcls {
    type Request = CreateAclsRequest;
    const KEY: i16 = 30;
    const NAME: &'static str = "CreateAcls";
    const VERSIONS: RangeInclusive<i16> = 1..=3;

    fn handle(request: CreateAclsRequest, call: &mut Call<'_>) -> Answer {
        if !request.creations.iter().all(|creation| numbers(creation).are_known()) {
            return unknown();
        }
        let refused = |_: &AclCreation| {
            AclCreationResult::default()
                .with_error_code(ErrorCode::SecurityDisabled.code())
                .with_error_message(Some(text(DISABLED)))
        };
        let response = CreateAclsResponse::default().with_results(request.creations.iter().map(refused).collect());
        call.reply(&response)
    }
}

fn numbers(creation: &AclCreation) -> Numbers {
    Numbers {
        resource_type: creation.resource_type,
        pattern_type: creation.resource_pattern_type,
        operation: creation.operation,
        permission: creation.permission_type,
    }
}
