//! BrokerRegistration v4: a broker tells the controller who and where it is, and learns its epoch.

use broker_core::controller::brokers::Registration;
use broker_core::image::{self, FeatureRange};
use broker_core::peer::Reply;
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::broker_registration_request::{Feature, Listener};
use kafka_protocol::messages::{BrokerId, BrokerRegistrationRequest, BrokerRegistrationResponse};
use uuid::Uuid;

use super::wire::{Exchange, decode};
use crate::api::convert::text;

const KEY: i16 = 62;
const VERSION: i16 = 4;

pub(super) fn request(registration: &Registration) -> Result<Exchange, String> {
    let request = BrokerRegistrationRequest::default()
        .with_broker_id(BrokerId(registration.id.0))
        .with_cluster_id(text(&registration.cluster_id))
        .with_incarnation_id(Uuid::from_bytes(registration.incarnation))
        .with_listeners(registration.listeners.iter().map(listener).collect())
        .with_features(registration.features.iter().map(feature).collect())
        .with_rack(registration.rack.as_deref().map(text))
        .with_log_dirs(registration.log_dirs.iter().map(|dir| Uuid::from_bytes(*dir)).collect())
        .with_previous_broker_epoch(registration.previous_epoch);
    Exchange::new(KEY, VERSION, &request)
}

fn listener(listener: &image::Listener) -> Listener {
    Listener::default()
        .with_name(text(&listener.name))
        .with_host(text(&listener.host))
        .with_port(listener.port)
        .with_security_protocol(listener.security_protocol)
}

fn feature(feature: &FeatureRange) -> Feature {
    Feature::default()
        .with_name(text(&feature.name))
        .with_min_supported_version(feature.min)
        .with_max_supported_version(feature.max)
}

pub(super) fn reply(body: Bytes) -> Result<Reply, String> {
    let response: BrokerRegistrationResponse = decode(body, VERSION)?;
    let registered = response.error_code.err().map_or(Ok(response.broker_epoch), Err);
    Ok(Reply::Registered(registered))
}
