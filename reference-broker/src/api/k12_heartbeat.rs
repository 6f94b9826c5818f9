//! Heartbeat. v1 throttle time · v3 instance ids (KIP-345) · v4 flexible.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{self, Outcome};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::{Answer, Api, Call};

pub(super) struct Heartbeat;

impl Api for Heartbeat {
    type Request = HeartbeatRequest;
    const KEY: i16 = 12;
    const NAME: &'static str = "Heartbeat";
    const VERSIONS: RangeInclusive<i16> = 0..=4;

    fn handle(request: HeartbeatRequest, call: &mut Call<'_>) -> Answer {
        let heartbeat = group::Heartbeat {
            group: Arc::from(&**request.group_id),
            member: Arc::from(&*request.member_id),
            instance: request.group_instance_id.as_deref().map(Arc::from),
            generation: request.generation_id,
        };
        let error_code = match call.node.heartbeat(heartbeat, call.now) {
            Outcome::Done => 0,
            Outcome::Refused(error) => error.code(),
            _ => ErrorCode::UnknownServerError.code(),
        };
        call.reply(&HeartbeatResponse::default().with_error_code(error_code))
    }
}
