//! AlterConfigs, which replaces all overrides of a resource; IncrementalAlterConfigs took its place. v2 flexible.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::controller::configs::{Alteration, Op, Operation, Unnamed};
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::alter::alter;
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
        let alterations = request.resources.iter().map(alteration).collect();
        let altered = alter(alterations, Unnamed::Reset, request.validate_only, call);
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

fn alteration(resource: &AlterConfigsResource) -> Alteration {
    let operations = resource.configs.iter().map(|config| Operation {
        name: config.name.to_string(),
        op: Op::Set,
        value: config.value.as_ref().map(ToString::to_string),
    });
    Alteration {
        kind: resource.resource_type,
        name: resource.resource_name.to_string(),
        operations: Some(operations.collect()),
    }
}
