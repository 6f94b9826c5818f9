//! DescribeConfigs. v1 synonyms and sources · v3 types and documentation · v4 flexible.
//!
//! Documentation is a sentence of ours: type, default and accepted values. Kafka's is its own prose.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::config::describe::Entry;
use broker_core::config::layers::Synonym;
use broker_core::config::table;
use broker_core::controller::Refusal;
use broker_core::image::ResourceKind;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct DescribeConfigs;

/// What every resource is told when one of them is of no known type.
const MALFORMED: &str = "This most likely occurs because of a request being malformed by the client library or the message was \
                         sent to an incompatible broker. See the broker logs for more details.";

/// How many configs one request may make us look up: those of all topics of a large cluster. A resource is named in five
/// bytes and answered in thousands; Kafka has no limit here and can be hurt.
const MAX_DESCRIBED: usize = 250_000;

impl Api for DescribeConfigs {
    type Request = DescribeConfigsRequest;
    const KEY: i16 = 32;
    const NAME: &'static str = "DescribeConfigs";
    const VERSIONS: RangeInclusive<i16> = 1..=4;

    fn handle(request: DescribeConfigsRequest, call: &mut Call<'_>) -> Answer {
        let kinds: Option<Vec<ResourceKind>> = request
            .resources
            .iter()
            .map(|resource| ResourceKind::from_number(resource.resource_type))
            .collect();
        let malformed = || Refusal {
            code: ErrorCode::InvalidRequest,
            message: Some(MALFORMED.into()),
        };
        let mut described = 0;
        let results = request.resources.iter().enumerate().map(|(index, resource)| {
            let entries = match &kinds {
                Some(_) if described >= MAX_DESCRIBED => Err(too_many()),
                Some(kinds) => call.node.describe_configs(kinds[index], &resource.resource_name),
                None => Err(malformed()),
            };
            described += entries.as_ref().map_or(0, Vec::len);
            answer(resource, entries, &request, call.version)
        });
        let response = DescribeConfigsResponse::default().with_results(results.collect());
        call.reply(&response)
    }
}

fn too_many() -> Refusal {
    let message = Some("too many configs for one request".into());
    Refusal {
        code: ErrorCode::InvalidRequest,
        message,
    }
}

fn answer(
    resource: &DescribeConfigsResource,
    entries: Result<Vec<Entry>, Refusal>,
    request: &DescribeConfigsRequest,
    version: i16,
) -> DescribeConfigsResult {
    let answer = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name.clone());
    match entries {
        Ok(entries) => {
            let keys: HashSet<&str> = resource.configuration_keys.iter().flatten().map(|key| &**key).collect();
            let wanted = entries
                .iter()
                .filter(|entry| keys.is_empty() || keys.contains(entry.name.as_str()));
            let configs = wanted.map(|entry| {
                let answer = config(entry, request.include_synonyms);
                match version >= 3 {
                    true => answer
                        .with_config_type(entry.ty.map_or(0, |ty| ty as i8))
                        .with_documentation(documentation(
                            resource.resource_type,
                            entry,
                            request.include_documentation,
                        )),
                    false => answer,
                }
            });
            answer
                .with_error_message(Some(text("")))
                .with_configs(configs.collect())
        }
        Err(refusal) => answer
            .with_error_code(refusal.code.code())
            .with_error_message(refusal.message.as_deref().map(text)),
    }
}

fn config(entry: &Entry, include_synonyms: bool) -> DescribeConfigsResourceResult {
    let synonyms: Vec<_> = entry
        .synonyms
        .iter()
        .filter(|_| include_synonyms)
        .map(synonym)
        .collect();
    DescribeConfigsResourceResult::default()
        .with_name(text(&entry.name))
        .with_value(entry.value.as_deref().map(text))
        .with_read_only(entry.read_only)
        .with_config_source(entry.source as i8)
        .with_is_sensitive(entry.sensitive)
        .with_synonyms(synonyms)
}

/// Loggers have none, and it is not null, whoever asks.
fn documentation(kind: i8, entry: &Entry, asked: bool) -> Option<StrBytes> {
    let catalogue = match ResourceKind::from_number(kind)? {
        ResourceKind::BrokerLogger => return Some(text("")),
        ResourceKind::Topic => table::topic(),
        ResourceKind::Broker => table::broker(),
        ResourceKind::ClientMetrics => table::client_metrics(),
        ResourceKind::Group => table::group(),
    };
    asked.then(|| catalogue.get(&entry.name).map(|key| text(&key.documentation())))?
}

fn synonym(synonym: &Synonym) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(text(&synonym.name))
        .with_value(synonym.value.as_deref().map(text))
        .with_source(synonym.source as i8)
}
