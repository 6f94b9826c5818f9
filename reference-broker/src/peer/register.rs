//! BrokerRegistration v4: a broker tells the controller who and where it is, and learns its epoch.

use broker_core::controller::brokers::Registration;
use broker_core::controller::features::FEATURES;
use broker_core::peer::Reply;
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::broker_registration_request::{Feature, Listener};
use kafka_protocol::messages::{BrokerId, BrokerRegistrationRequest, BrokerRegistrationResponse};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::wire::{Exchange, decode};

const KEY: i16 = 62;
const VERSION: i16 = 4;

pub(super) fn request(registration: &Registration, cluster_id: &str) -> Result<Exchange, String> {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let listener = Listener::default()
        .with_name(text("PLAINTEXT"))
        .with_host(text(&registration.host))
        .with_port(registration.port);
    let feature = |(name, min, max, _): &(&'static str, i16, i16, i16)| {
        Feature::default()
            .with_name(StrBytes::from_static_str(name))
            .with_min_supported_version(*min)
            .with_max_supported_version(*max)
    };
    let request = BrokerRegistrationRequest::default()
        .with_broker_id(BrokerId(registration.id.0))
        .with_cluster_id(text(cluster_id))
        .with_incarnation_id(Uuid::from_bytes(registration.incarnation))
        .with_listeners(vec![listener])
        .with_features(FEATURES.iter().map(feature).collect())
        .with_rack(registration.rack.as_deref().map(text))
        .with_log_dirs(vec![Uuid::from_bytes(registration.log_dir)]);
    Exchange::new(KEY, VERSION, &request)
}

pub(super) fn reply(body: Bytes) -> Result<Reply, String> {
    let response: BrokerRegistrationResponse = decode(body, VERSION)?;
    let registered = response.error_code.err().map_or(Ok(response.broker_epoch), Err);
    Ok(Reply::Registered(registered))
}
