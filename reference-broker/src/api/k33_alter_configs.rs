//! AlterConfigs, which replaces all overrides of a resource; IncrementalAlterConfigs took its place. v2 flexible.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::controller::configs::{Alteration, Op, Operation, Unnamed};
use broker_core::controller::{Intent, Refusal};
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::convert::{error, text};
use super::{Answer, Api, Call};

pub(super) struct AlterConfigs;

impl Api for AlterConfigs {
    type Request = AlterConfigsRequest;
    const KEY: i16 = 33;
    const NAME: &'static str = "AlterConfigs";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: AlterConfigsRequest, call: &mut Call<'_>) -> Answer {
        let mut seen = HashSet::new();
        if !request
            .resources
            .iter()
            .all(|resource| seen.insert((resource.resource_type, &resource.resource_name)))
        {
            return Answer::Close("a resource comes twice in AlterConfigs; Kafka closes here too".into());
        }
        let intent = if request.validate_only {
            Intent::Validate
        } else {
            Intent::Commit
        };
        let alterations: Vec<Alteration> = request.resources.iter().map(alteration).collect();
        let altered = match call.node.alter_configs(alterations, Unnamed::Reset, intent, call.now) {
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
        let response = AlterConfigsResponse::default().with_responses(responses.collect());
        call.reply(&response)
    }
}

fn name(resource: &AlterConfigsResource) -> (i8, String) {
    (resource.resource_type, resource.resource_name.to_string())
}

fn alteration(resource: &AlterConfigsResource) -> Alteration {
    let operations = resource.configs.iter().map(|config| Operation {
        name: config.name.to_string(),
        op: Op::Set,
        value: config.value.as_ref().map(ToString::to_string),
    });
    let (kind, name) = name(resource);
    Alteration {
        kind,
        name,
        operations: Some(operations.collect()),
    }
}
