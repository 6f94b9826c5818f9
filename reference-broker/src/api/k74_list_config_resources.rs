//! ListConfigResources. v0 client metrics subscriptions only (as ListClientMetricsResources) · v1 the types asked for, all
//! if none (KIP-1142).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use broker_core::image::ResourceKind;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use kafka_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct ListConfigResources;

const ALL: [ResourceKind; 5] = [
    ResourceKind::Topic,
    ResourceKind::Broker,
    ResourceKind::BrokerLogger,
    ResourceKind::ClientMetrics,
    ResourceKind::Group,
];

impl Api for ListConfigResources {
    type Request = ListConfigResourcesRequest;
    const KEY: i16 = 74;
    const NAME: &'static str = "ListConfigResources";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: ListConfigResourcesRequest, call: &mut Call<'_>) -> Answer {
        let chooses_types = call.version >= 1;
        let distinct: BTreeSet<i8> = request.resource_types.iter().copied().collect();
        let asked: Option<Vec<ResourceKind>> = match (chooses_types, distinct.is_empty()) {
            (false, _) => Some(vec![ResourceKind::ClientMetrics]),
            (true, true) => Some(ALL.to_vec()),
            (true, false) => distinct.into_iter().map(ResourceKind::from_number).collect(),
        };
        let response = match asked {
            Some(kinds) => {
                let resources = kinds
                    .into_iter()
                    .flat_map(|kind| names(kind, call).into_iter().map(move |name| (kind, name)));
                let answer = |(kind, name): (ResourceKind, String)| {
                    let resource = ConfigResource::default().with_resource_name(text(&name));
                    if chooses_types {
                        resource.with_resource_type(kind as i8)
                    } else {
                        resource
                    }
                };
                ListConfigResourcesResponse::default().with_config_resources(resources.map(answer).collect())
            }
            None => ListConfigResourcesResponse::default().with_error_code(ErrorCode::UnsupportedVersion.code()),
        };
        call.reply(&response)
    }
}

/// Topics and brokers are there with or without overrides; of groups and subscriptions only those that have some.
fn names(kind: ResourceKind, call: &Call<'_>) -> Vec<String> {
    let image = call.node.image();
    match kind {
        ResourceKind::Topic => image.topics().map(|topic| topic.name.to_string()).collect(),
        ResourceKind::Broker | ResourceKind::BrokerLogger => {
            image.brokers().map(|broker| broker.id.to_string()).collect()
        }
        ResourceKind::ClientMetrics | ResourceKind::Group => image.configured(kind).map(str::to_owned).collect(),
    }
}
