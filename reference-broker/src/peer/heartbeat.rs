//! BrokerHeartbeat v1: a sign of life, what the broker wants, and what the controller thinks of it. Version 2 tells of cordoned
//! directories too (KIP-1066); `kafka-protocol` lacks it.

use broker_core::peer::{BrokerHeartbeat, BrokerState, Reply};
use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerId};
use uuid::Uuid;

use super::wire::{Exchange, decode};

const KEY: i16 = 63;
const VERSION: i16 = 1;

pub(super) fn request(heartbeat: &BrokerHeartbeat) -> Result<Exchange, String> {
    let offline = heartbeat.offline_log_dirs.iter().map(|dir| Uuid::from_bytes(*dir));
    let request = BrokerHeartbeatRequest::default()
        .with_broker_id(BrokerId(heartbeat.broker.broker.0))
        .with_broker_epoch(heartbeat.broker.epoch)
        .with_current_metadata_offset(heartbeat.metadata_offset)
        .with_want_fence(heartbeat.want_fence)
        .with_want_shut_down(heartbeat.want_shut_down)
        .with_offline_log_dirs(offline.collect());
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
