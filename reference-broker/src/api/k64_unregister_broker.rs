//! UnregisterBroker.

use std::ops::RangeInclusive;

use broker_core::units::BrokerId;
use kafka_protocol::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use super::convert::error;
use super::{Answer, Api, Call};

pub(super) struct UnregisterBroker;

impl Api for UnregisterBroker {
    type Request = UnregisterBrokerRequest;
    const KEY: i16 = 64;
    const NAME: &'static str = "UnregisterBroker";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: UnregisterBrokerRequest, call: &mut Call<'_>) -> Answer {
        let result = call.node.unregister_broker(BrokerId(request.broker_id.0), call.now);
        let (code, message) = error(&result);
        let response = UnregisterBrokerResponse::default()
            .with_error_code(code)
            .with_error_message(message);
        call.reply(&response)
    }
}
