//! IncrementalAlterConfigs. v1 flexible; nothing else changed.

use std::ops::RangeInclusive;

use broker_core::controller::configs::{Alteration, Op, Operation, Unnamed};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::alter::alter;
use super::convert::{error, text};
use super::{Answer, Api, Call};

pub(super) struct IncrementalAlterConfigs;

impl Api for IncrementalAlterConfigs {
    type Request = IncrementalAlterConfigsRequest;
    const KEY: i16 = 44;
    const NAME: &'static str = "IncrementalAlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: IncrementalAlterConfigsRequest, call: &mut Call<'_>) -> Answer {
        let alterations = request.resources.iter().map(alteration).collect();
        let altered = alter(alterations, Unnamed::Keep, request.validate_only, call);
        let responses = altered.iter().map(|((kind, name), result)| {
            let (code, message) = error(result);
            AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(*kind)
                .with_resource_name(text(name))
        });
        let response = IncrementalAlterConfigsResponse::default().with_responses(responses.collect());
        call.reply(&response)
    }
}

fn alteration(resource: &AlterConfigsResource) -> Alteration {
    let operation = |config: &AlterableConfig| {
        Some(Operation {
            name: config.name.to_string(),
            op: Op::from_number(config.config_operation)?,
            value: config.value.as_ref().map(ToString::to_string),
        })
    };
    Alteration {
        kind: resource.resource_type,
        name: resource.resource_name.to_string(),
        operations: resource.configs.iter().map(operation).collect(),
    }
}
