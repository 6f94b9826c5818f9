//! AlterClientQuotas. v1 flexible.

use std::ops::RangeInclusive;

use broker_core::controller::quotas::{QuotaAlteration, QuotaOp, QuotasAltered};
use broker_core::controller::{Intent, Refusal};
use broker_core::image::QuotaEntity;
use broker_core::units::ErrorCode;
use kafka_protocol::messages::alter_client_quotas_request::{self, OpData};
use kafka_protocol::messages::alter_client_quotas_response::{EntityData, EntryData};
use kafka_protocol::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse};

use super::convert::{error, text};
use super::{Answer, Api, Call};

pub(super) struct AlterClientQuotas;

impl Api for AlterClientQuotas {
    type Request = AlterClientQuotasRequest;
    const KEY: i16 = 49;
    const NAME: &'static str = "AlterClientQuotas";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: AlterClientQuotasRequest, call: &mut Call<'_>) -> Answer {
        let intent = Intent::of(request.validate_only);
        let alterations: Vec<QuotaAlteration> = request.entries.iter().map(wanted).collect();
        let entities: Vec<QuotaEntity> = alterations.iter().map(|each| each.entity.clone()).collect();
        let refuse = |code: ErrorCode| {
            let refused = |entity| (entity, Err(Refusal::silent(code)));
            entities.into_iter().map(refused).collect()
        };
        let altered: QuotasAltered = call
            .node
            .alter_quotas(alterations, intent, call.now)
            .unwrap_or_else(refuse);
        let response = AlterClientQuotasResponse::default().with_entries(altered.iter().map(answer).collect());
        call.reply(&response)
    }
}

/// A type that comes twice counts as it comes last, as in Kafka.
fn wanted(entry: &alter_client_quotas_request::EntryData) -> QuotaAlteration {
    let part = |part: &alter_client_quotas_request::EntityData| {
        let name = part.entity_name.as_ref().map(ToString::to_string);
        (part.entity_type.to_string(), name)
    };
    let op = |op: &OpData| QuotaOp {
        key: op.key.to_string(),
        value: (!op.remove).then_some(op.value),
    };
    QuotaAlteration {
        entity: entry.entity.iter().map(part).collect(),
        ops: entry.ops.iter().map(op).collect(),
    }
}

fn answer((entity, result): &(QuotaEntity, Result<(), Refusal>)) -> EntryData {
    let (code, message) = error(result);
    let part = |(ty, name): (&String, &Option<String>)| {
        EntityData::default()
            .with_entity_type(text(ty))
            .with_entity_name(name.as_deref().map(text))
    };
    EntryData::default()
        .with_error_code(code)
        .with_error_message(message)
        .with_entity(entity.iter().map(part).collect())
}
