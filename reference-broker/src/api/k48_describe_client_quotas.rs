//! DescribeClientQuotas. v1 flexible.

use std::ops::RangeInclusive;

use broker_core::controller::Refusal;
use broker_core::controller::quotas::{NameMatch, Quotas};
use broker_core::image::QuotaEntity;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use kafka_protocol::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct DescribeClientQuotas;

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

impl Api for DescribeClientQuotas {
    type Request = DescribeClientQuotasRequest;
    const KEY: i16 = 48;
    const NAME: &'static str = "DescribeClientQuotas";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: DescribeClientQuotasRequest, call: &mut Call<'_>) -> Answer {
        let filter: Result<Vec<_>, Refusal> = request.components.iter().map(component).collect();
        let found = filter.and_then(|filter| call.node.describe_quotas(&filter, request.strict));
        let response = DescribeClientQuotasResponse::default();
        call.reply(&match found {
            Ok(found) => response.with_entries(Some(found.iter().map(entry).collect())),
            Err(refusal) => response
                .with_error_code(refusal.code.code())
                .with_error_message(refusal.message.as_deref().map(text))
                .with_entries(None),
        })
    }
}

fn component(component: &ComponentData) -> Result<(String, NameMatch), Refusal> {
    let name = match (component.match_type, &component._match) {
        (EXACT, Some(name)) => NameMatch::Exact(name.to_string()),
        (DEFAULT, None) => NameMatch::Default,
        (ANY, None) => NameMatch::Any,
        (EXACT | DEFAULT | ANY, _) => return refuse("Request specifies a match that its type contradicts"),
        _ => return refuse("Unexpected match type"),
    };
    Ok((component.entity_type.to_string(), name))
}

fn refuse<T>(why: &str) -> Result<T, Refusal> {
    Err(Refusal::new(ErrorCode::InvalidRequest, why))
}

fn entry((entity, quotas): &(QuotaEntity, Quotas)) -> EntryData {
    let part = |(ty, name): (&String, &Option<String>)| {
        EntityData::default()
            .with_entity_type(text(ty))
            .with_entity_name(name.as_deref().map(text))
    };
    let value = |(key, value): (&String, &f64)| ValueData::default().with_key(text(key)).with_value(*value);
    EntryData::default()
        .with_entity(entity.iter().map(part).collect())
        .with_values(quotas.iter().map(value).collect())
}
