//! BrokerHeartbeat v2: a sign of life, what the broker wants, which of its directories failed or are cordoned (KIP-1066), and what
//! the controller thinks of it.

use broker_core::peer::{BrokerHeartbeat, BrokerState, Reply};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;

use super::wire::{Exchange, decode};
use crate::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};

const KEY: i16 = 63;
const VERSION: i16 = 2;

pub(super) fn request(heartbeat: &BrokerHeartbeat) -> Result<Exchange, String> {
    let request = BrokerHeartbeatRequest {
        broker_id: heartbeat.broker.broker.0,
        broker_epoch: heartbeat.broker.epoch,
        current_metadata_offset: heartbeat.metadata_offset,
        want_fence: heartbeat.want_fence,
        want_shut_down: heartbeat.want_shut_down,
        offline_log_dirs: heartbeat.offline_log_dirs.clone(),
        cordoned_log_dirs: Some(heartbeat.cordoned_log_dirs.clone()),
    };
    Exchange::new(KEY, VERSION, &request)
}

pub(super) fn reply(body: Bytes) -> Result<Reply, String> {
    let response: BrokerHeartbeatResponse = decode(body, VERSION)?;
    let state = BrokerState {
        is_caught_up: response.is_caught_up,
        is_fenced: response.is_fenced,
        should_shut_down: response.should_shut_down,
    };
    Ok(Reply::Heartbeat(response.error_code.err().map_or(Ok(state), Err)))
}
