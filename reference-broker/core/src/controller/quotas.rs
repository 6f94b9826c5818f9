//! Client quotas (KIP-546): whose they are, what may be limited, and by which records. They are kept and told; nothing is
//! throttled by them yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use super::{Change, Controller, Decided, Intent, Refusal, plain};
use crate::image::QuotaEntity;
use crate::records::{ClientQuotaRecord, EntityData};
use crate::units::ErrorCode;

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// A limit that is to be set or, without a value, taken away.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaOp {
    /// What is limited.
    pub key: String,
    /// To how much.
    pub value: Option<f64>,
}

/// The limits of one entity that are to change.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaAlteration {
    /// Whose.
    pub entity: QuotaEntity,
    /// What.
    pub ops: Vec<QuotaOp>,
}

/// What became of each entity, in order of the request.
pub type QuotasAltered = Vec<(QuotaEntity, Result<(), Refusal>)>;

/// Which names of a type of entity are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameMatch {
    /// This one.
    Exact(String),
    /// The default of all.
    Default,
    /// Any name, and the default.
    Any,
}

/// Limits by key.
pub type Quotas = BTreeMap<String, f64>;

impl Controller<'_> {
    /// AlterClientQuotas: each entity stands or falls alone.
    pub fn alter_quotas(&self, alterations: Vec<QuotaAlteration>, intent: Intent) -> Decided<QuotasAltered> {
        let mut times: HashMap<QuotaEntity, usize> = HashMap::new();
        for alteration in &alterations {
            *times.entry(alteration.entity.clone()).or_default() += 1;
        }
        let (mut records, mut answer) = (Vec::new(), Vec::new());
        for QuotaAlteration { entity, ops } in alterations {
            let result = match times.remove(&entity) {
                Some(1) => self.alter_quota(&entity, &ops),
                Some(_) => refuse("Duplicate entity in the request"),
                // The first of the repeated ones spoke for all.
                None => continue,
            };
            answer.push((entity, result.map(|made| records.extend(made))));
        }
        Decided { records, answer }.if_meant(intent)
    }

    fn alter_quota(&self, entity: &QuotaEntity, ops: &[QuotaOp]) -> Result<Vec<Change>, Refusal> {
        validate_entity(entity)?;
        let mut seen = HashSet::new();
        if !ops.iter().all(|op| seen.insert(op.key.as_str())) {
            return refuse("Duplicate quota key in the request");
        }
        for op in ops {
            if let Some(value) = op.value {
                validate_value(entity, &op.key, value)?;
            }
        }
        let present = self.image.quotas_of(entity);
        let changes =
            |op: &&QuotaOp| present.and_then(|quotas| quotas.get(&op.key)).copied() != op.value.map(f64::to_bits);
        Ok(ops.iter().filter(changes).map(|op| record(entity, op)).collect())
    }

    /// DescribeClientQuotas. Strictly, an entity has no other parts than those asked for.
    ///
    /// # Errors
    /// Parts that contradict each other, or that there are not.
    pub fn describe_quotas(
        &self,
        filter: &[(String, NameMatch)],
        is_strict: bool,
    ) -> Result<Vec<(QuotaEntity, Quotas)>, Refusal> {
        let mut wanted: BTreeMap<&str, &NameMatch> = BTreeMap::new();
        for (ty, name) in filter {
            validate_filter_type(ty)?;
            if wanted.insert(ty, name).is_some() {
                return refuse(&format!("Entity type {ty} cannot appear more than once in the filter"));
            }
        }
        if wanted.contains_key(IP) && wanted.len() > 1 {
            return refuse(
                "Invalid entity filter component combination, IP filter component should not be used with user or clientId filter component.",
            );
        }
        let fits = |entity: &QuotaEntity| {
            let each = wanted
                .iter()
                .all(|(ty, name)| entity.get(*ty).is_some_and(|part| name.fits(part)));
            each && !(is_strict && entity.len() != wanted.len())
        };
        let shown = |(entity, quotas): (&QuotaEntity, &BTreeMap<String, u64>)| {
            let values = quotas.iter().map(|(key, bits)| (key.clone(), f64::from_bits(*bits)));
            (entity.clone(), values.collect())
        };
        Ok(self
            .image
            .quotas()
            .filter(|(entity, _)| fits(entity))
            .map(shown)
            .collect())
    }
}

impl NameMatch {
    fn fits(&self, name: &Option<String>) -> bool {
        match self {
            Self::Exact(wanted) => name.as_ref() == Some(wanted),
            Self::Default => name.is_none(),
            Self::Any => true,
        }
    }
}

fn refuse<T>(why: &str) -> Result<T, Refusal> {
    Err(Refusal::new(ErrorCode::InvalidRequest, why))
}

fn validate_filter_type(ty: &str) -> Result<(), Refusal> {
    match ty {
        USER | CLIENT_ID | IP => Ok(()),
        "" => refuse("Unexpected empty filter component entity type"),
        other => Err(Refusal::new(
            ErrorCode::UnsupportedVersion,
            format!("Custom entity type '{other}' not supported"),
        )),
    }
}

fn validate_entity(entity: &QuotaEntity) -> Result<(), Refusal> {
    if entity.is_empty() {
        return refuse("Invalid empty client quota entity");
    }
    for (ty, name) in entity {
        match (ty.as_str(), name.as_deref()) {
            (USER | CLIENT_ID | IP, Some("")) => return refuse(&format!("Empty {ty} not supported")),
            (IP, Some(name)) if !is_address(name) => {
                return refuse(&format!("{name} is not a valid IP or resolvable host."));
            }
            (USER | CLIENT_ID | IP, _) => {}
            (other, _) => return refuse(&format!("Unhandled client quota entity type: {other}")),
        }
    }
    match entity.contains_key(IP) && entity.len() > 1 {
        true => refuse("Invalid quota entity combination, IP entity should not be combined with user or client-id"),
        false => Ok(()),
    }
}

/// Kafka asks its resolver; this broker knows one name.
fn is_address(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok()
}

fn validate_value(entity: &QuotaEntity, key: &str, value: f64) -> Result<(), Refusal> {
    let is_whole = (value - value.trunc()).abs() <= 1e-6;
    let largest = match (entity.contains_key(IP), key) {
        (true, "connection_creation_rate") => Some(f64::from(i32::MAX)),
        (false, "producer_byte_rate" | "consumer_byte_rate") => Some(i64::MAX as f64),
        (false, "request_percentage" | "controller_mutation_rate") => None,
        _ => return refuse(&format!("Invalid configuration key {key}")),
    };
    match largest {
        _ if value.is_nan() || value <= 0.0 => refuse(&format!("Quota {key} must be greater than 0")),
        Some(largest) if !is_whole || value > largest => refuse(&format!("{key} must be a whole number in its range")),
        _ => Ok(()),
    }
}

fn record(entity: &QuotaEntity, op: &QuotaOp) -> Change {
    let part = |(ty, name): (&String, &Option<String>)| EntityData {
        entity_type: ty.clone(),
        entity_name: name.clone(),
    };
    plain(ClientQuotaRecord {
        entity: entity.iter().map(part).collect(),
        key: op.key.clone(),
        value: op.value.unwrap_or(0.0),
        remove: op.value.is_none(),
    })
}
