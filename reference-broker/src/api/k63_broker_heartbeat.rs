//! BrokerHeartbeat, a broker's sign of life to the controller. v1 failed log directories (KIP-858) · v2 cordoned ones
//! (KIP-1066); null leaves them as they are.

use std::ops::RangeInclusive;

use broker_core::peer::{self, BrokerEpoch};
use broker_core::units::BrokerId;

use super::{Answer, Api, Call};
use crate::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};

pub(super) struct BrokerHeartbeat;

impl Api for BrokerHeartbeat {
    type Request = BrokerHeartbeatRequest;
    const KEY: i16 = 63;
    const NAME: &'static str = "BrokerHeartbeat";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: BrokerHeartbeatRequest, call: &mut Call<'_>) -> Answer {
        let broker = BrokerId(request.broker_id);
        let cordoned = request.cordoned_log_dirs.unwrap_or_else(|| {
            let known = call.node.image().broker(broker);
            known.map(|broker| broker.cordoned_log_dirs.clone()).unwrap_or_default()
        });
        let heartbeat = peer::BrokerHeartbeat {
            broker: BrokerEpoch {
                broker,
                epoch: request.broker_epoch,
            },
            metadata_offset: request.current_metadata_offset,
            want_fence: request.want_fence,
            want_shut_down: request.want_shut_down,
            offline_log_dirs: request.offline_log_dirs,
            cordoned_log_dirs: cordoned,
        };
        let response = match call.node.broker_heartbeat(&heartbeat, call.now) {
            Ok(state) => BrokerHeartbeatResponse {
                is_caught_up: state.is_caught_up,
                is_fenced: state.is_fenced,
                should_shut_down: state.should_shut_down,
                ..Default::default()
            },
            Err(code) => BrokerHeartbeatResponse {
                error_code: code.code(),
                ..Default::default()
            },
        };
        call.reply(&response)
    }
}
