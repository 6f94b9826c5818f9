//! ApiVersions. v1 throttle time · v3 flexible, client software names checked, features (KIP-511, KIP-584) ·
//! v4 lists supported features whose minimum is 0 (KIP-1022).
//!
//! The response header is always v0. A version above the maximum is answered by [`unsupported`], in v0, without
//! reading the body.

use std::ops::RangeInclusive;

use broker_core::node::SupportedFeature;
use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{APIS, Answer, Api, Call, Entry, Malformed, Unstable, WriteBody};

pub(super) struct ApiVersions;

impl Api for ApiVersions {
    type Request = ApiVersionsRequest;
    const KEY: i16 = 18;
    const NAME: &'static str = "ApiVersions";
    const VERSIONS: RangeInclusive<i16> = 0..=4;

    fn handle(request: ApiVersionsRequest, call: &mut Call<'_>) -> Answer {
        let names_software = call.version >= 3;
        let lists_features_from_zero = call.version >= 4;
        if names_software
            && !(is_software(&request.client_software_name) && is_software(&request.client_software_version))
        {
            let refusal = ApiVersionsResponse::default().with_error_code(ResponseError::InvalidRequest.code());
            return call.reply(&refusal);
        }
        let unstable = Unstable::of(call.node.config());
        let served = APIS.iter().filter(|entry| call.listener.serves(entry.key));
        let keys = served.map(|entry| advertise(entry, unstable)).collect();
        let mut response = ApiVersionsResponse::default().with_api_keys(keys);
        if names_software {
            response = with_features(response, call, lists_features_from_zero);
        }
        call.reply(&response)
    }
}

/// Kafka's answer to a version that it does not know: v0, UNSUPPORTED_VERSION, and the one key that helps.
pub(crate) fn unsupported() -> Result<Bytes, Malformed> {
    let known: Vec<_> = APIS
        .iter()
        .filter(|entry| entry.key == ApiVersions::KEY)
        .map(|entry| advertise(entry, Unstable::Unknown))
        .collect();
    let response = ApiVersionsResponse::default()
        .with_error_code(ResponseError::UnsupportedVersion.code())
        .with_api_keys(known);
    let mut buffer = BytesMut::new();
    response.write(&mut buffer, 0)?;
    Ok(buffer.freeze())
}

fn advertise(entry: &Entry, unstable: Unstable) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(entry.key)
        .with_min_version(entry.advertised_min)
        .with_max_version(entry.last(unstable))
}

/// Letters and digits at both ends; dots and dashes between (KIP-511).
fn is_software(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.chars().all(inner) && outer(name.chars().next()) && outer(name.chars().next_back())
}

fn with_features(response: ApiVersionsResponse, call: &Call<'_>, from_zero: bool) -> ApiVersionsResponse {
    let features = call.node.features();
    let supported = |feature: &&SupportedFeature| from_zero || feature.min > 0;
    response
        .with_supported_features(
            features
                .supported
                .iter()
                .filter(supported)
                .map(|feature| {
                    SupportedFeatureKey::default()
                        .with_name(StrBytes::from_string(feature.name.to_string()))
                        .with_min_version(feature.min)
                        .with_max_version(feature.max)
                })
                .collect(),
        )
        .with_finalized_features_epoch(features.epoch)
        .with_finalized_features(
            features
                .finalized
                .iter()
                .filter(|(_, level)| *level > 0)
                .map(|(name, level)| {
                    FinalizedFeatureKey::default()
                        .with_name(StrBytes::from_string(name.to_string()))
                        .with_min_version_level(*level)
                        .with_max_version_level(*level)
                })
                .collect(),
        )
}
