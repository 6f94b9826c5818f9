//! IncrementalAlterConfigs. v1 flexible; nothing else changed.

use std::ops::RangeInclusive;

use broker_core::controller::configs::{Alteration, Op, Operation, Unnamed};
use broker_core::controller::{Intent, Refusal};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::convert::{error, text};
use super::{Answer, Api, Call};

pub(super) struct IncrementalAlterConfigs;

impl Api for IncrementalAlterConfigs {
    type Request = IncrementalAlterConfigsRequest;
    const KEY: i16 = 44;
    const NAME: &'static str = "IncrementalAlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: IncrementalAlterConfigsRequest, call: &mut Call<'_>) -> Answer {
        let intent = if request.validate_only {
            Intent::Validate
        } else {
            Intent::Commit
        };
        let alterations: Vec<Alteration> = request.resources.iter().map(alteration).collect();
        let altered = match call.node.alter_configs(alterations, Unnamed::Keep, intent, call.now) {
            Ok(altered) => altered,
            Err(code) => request
                .resources
                .iter()
                .map(|each| (name(each), Err(Refusal { code, message: None })))
                .collect(),
        };
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

fn name(resource: &AlterConfigsResource) -> (i8, String) {
    (resource.resource_type, resource.resource_name.to_string())
}

fn alteration(resource: &AlterConfigsResource) -> Alteration {
    let operation = |config: &AlterableConfig| {
        Some(Operation {
            name: config.name.to_string(),
            op: Op::from_number(config.config_operation)?,
            value: config.value.as_ref().map(ToString::to_string),
        })
    };
    let (kind, name) = name(resource);
    Alteration {
        kind,
        name,
        operations: resource.configs.iter().map(operation).collect(),
    }
}
