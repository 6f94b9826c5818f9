//! BrokerRegistration, which a broker asks of the controller. v1 was ZooKeeper's migration · v2 log directories (KIP-858) ·
//! v3 the epoch in which the broker stopped in order (KIP-966) · v4 features whose lowest level is 0 (KIP-1022).

use std::ops::RangeInclusive;

use broker_core::controller::brokers::Registration;
use broker_core::image::{self, FeatureRange};
use broker_core::units::{BrokerId, ErrorCode};
use kafka_protocol::messages::broker_registration_request::{Feature, Listener};
use kafka_protocol::messages::{BrokerRegistrationRequest, BrokerRegistrationResponse};

use super::{Answer, Api, Call};

pub(super) struct BrokerRegistration;

impl Api for BrokerRegistration {
    type Request = BrokerRegistrationRequest;
    const KEY: i16 = 62;
    const NAME: &'static str = "BrokerRegistration";
    const VERSIONS: RangeInclusive<i16> = 0..=4;

    fn handle(request: BrokerRegistrationRequest, call: &mut Call<'_>) -> Answer {
        let result = match request.is_migrating_zk_broker {
            // "Controller does not support registering ZK brokers."
            true => Err(ErrorCode::BrokerIdNotRegistered),
            false => call.node.register_broker(&registration(&request), call.now),
        };
        let response = match result {
            Ok(epoch) => BrokerRegistrationResponse::default().with_broker_epoch(epoch),
            Err(code) => BrokerRegistrationResponse::default().with_error_code(code.code()),
        };
        call.reply(&response)
    }
}

fn registration(request: &BrokerRegistrationRequest) -> Registration {
    Registration {
        id: BrokerId(request.broker_id.0),
        incarnation: request.incarnation_id.into_bytes(),
        cluster_id: request.cluster_id.to_string(),
        listeners: request.listeners.iter().map(listener).collect(),
        features: request.features.iter().map(feature).collect(),
        rack: request.rack.as_ref().map(ToString::to_string),
        log_dirs: request.log_dirs.iter().map(|dir| dir.into_bytes()).collect(),
        previous_epoch: request.previous_broker_epoch,
    }
}

fn listener(listener: &Listener) -> image::Listener {
    image::Listener {
        name: listener.name.to_string(),
        host: listener.host.to_string(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    }
}

fn feature(feature: &Feature) -> FeatureRange {
    FeatureRange {
        name: feature.name.to_string(),
        min: feature.min_supported_version,
        max: feature.max_supported_version,
    }
}
