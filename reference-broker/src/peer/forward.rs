//! Envelope v0 (KIP-590): a request that changes metadata goes to the controller as it came, with who sent it and from where, and
//! its answer comes back as the controller gave it.

use broker_core::image::ResourceKind;
use broker_core::units::BrokerId;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_fixtures::schema::response_header_version;
use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};
use kafka_protocol::messages::{
    AlterConfigsRequest, EnvelopeRequest, EnvelopeResponse, IncrementalAlterConfigsRequest,
};
use kafka_protocol::protocol::Decodable;

use super::wire::{Exchange, decode, put_header};
use crate::broker::{Job, Outgoing, Piece};

const ALTER_CONFIGS: i16 = 33;
const INCREMENTAL_ALTER_CONFIGS: i16 = 44;
const KEY: i16 = 58;
const VERSION: i16 = 0;
/// The correlation id inside: the connection outside has its own.
const INSIDE: i32 = 0;

/// What brokers send on: whatever changes the cluster, and what only its controller knows.
const FORWARDED: &[i16] = &[
    19, 20, 30, 31, 33, 37, 38, 39, 40, 43, 44, 45, 46, 49, 51, 55, 57, 64, 80, 81,
];

/// May this come in an envelope?
pub(crate) fn is_forwardable(key: i16) -> bool {
    FORWARDED.binary_search(&key).is_ok()
}

/// Is this request the controller's to answer, and not this broker's?
pub(crate) fn is_forwarded(job: &Job, own: BrokerId) -> bool {
    is_forwardable(job.entry.key) && !alters_only_here(job, own)
}

/// Loggers are each broker's own, and what is asked of another broker is refused by the one that is asked.
fn alters_only_here(job: &Job, own: BrokerId) -> bool {
    let is_here = |kind: i8, name: &str| match ResourceKind::from_number(kind) {
        Some(ResourceKind::BrokerLogger) => true,
        Some(ResourceKind::Broker) => !name.is_empty() && name != own.to_string(),
        _ => false,
    };
    let mut body = job.body.clone();
    match job.entry.key {
        ALTER_CONFIGS => AlterConfigsRequest::decode(&mut body, job.version).is_ok_and(|request| {
            let mut resources = request.resources.iter();
            resources.any(|resource| is_here(resource.resource_type, &resource.resource_name))
        }),
        INCREMENTAL_ALTER_CONFIGS => {
            IncrementalAlterConfigsRequest::decode(&mut body, job.version).is_ok_and(|request| {
                let mut resources = request.resources.iter();
                resources.any(|resource| is_here(resource.resource_type, &resource.resource_name))
            })
        }
        _ => false,
    }
}

/// The request in its envelope.
pub(super) fn request(job: &Job) -> Result<Exchange, String> {
    let host = job.client_host.trim_start_matches('/').parse::<std::net::IpAddr>();
    let host = match host {
        Ok(std::net::IpAddr::V4(ip)) => Bytes::copy_from_slice(&ip.octets()),
        Ok(std::net::IpAddr::V6(ip)) => Bytes::copy_from_slice(&ip.octets()),
        Err(_) => Bytes::new(),
    };
    let request = EnvelopeRequest::default()
        .with_request_data(inside(job))
        .with_request_principal(Some(anonymous()))
        .with_client_host_address(host);
    Exchange::new(KEY, VERSION, &request)
}

fn inside(job: &Job) -> Bytes {
    let mut bytes = BytesMut::new();
    put_header(&mut bytes, (job.entry.key, job.version), INSIDE, &job.client_id);
    bytes.put_slice(&job.body);
    bytes.freeze()
}

/// DefaultPrincipalData v0 of the one user that there is: `User`, `ANONYMOUS`, not by a token.
fn anonymous() -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    for text in ["User", "ANONYMOUS"] {
        bytes.put_u8(text.len() as u8 + 1);
        bytes.put_slice(text.as_bytes());
    }
    bytes.put_slice(&[0, 0]);
    bytes.freeze()
}

/// Is the answer from a controller that is none any more? Then another may be.
pub(super) fn is_misdirected(body: &Bytes) -> bool {
    let response: Result<EnvelopeResponse, _> = decode(body.clone(), VERSION);
    let error = response.ok().and_then(|response| response.error_code.err());
    error == Some(ResponseError::NotController)
}

/// What the client gets.
pub(super) fn answer(body: Bytes, key: i16, version: i16) -> Result<Outgoing, String> {
    let response: EnvelopeResponse = decode(body, VERSION)?;
    if let Some(error) = response.error_code.err() {
        return Ok(Outgoing::Close(format!(
            "the controller refuses a forwarded request: {error}"
        )));
    }
    let mut inside = response.response_data.unwrap_or_default();
    let correlates = inside.try_get_i32() == Ok(INSIDE);
    let headed = response_header_version(key, version) < 1 || inside.try_get_u8() == Ok(0);
    if correlates && headed {
        Ok(Outgoing::Body(vec![Piece::Bytes(inside)]))
    } else {
        Err("the answer inside has another header".into())
    }
}
