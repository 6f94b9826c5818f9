//! LeaveGroup. v0–2 one member, its error on top · v1 throttle time · v3 many members, by instance id too (KIP-345) ·
//! v4 flexible · v5 reason (KIP-800).

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{Leave, Leaver, Outcome};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::{Answer, Api, Call};

pub(super) struct LeaveGroup;

impl Api for LeaveGroup {
    type Request = LeaveGroupRequest;
    const KEY: i16 = 13;
    const NAME: &'static str = "LeaveGroup";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: LeaveGroupRequest, call: &mut Call<'_>) -> Answer {
        let many_members = call.version >= 3;
        let members = if many_members {
            request.members
        } else {
            vec![MemberIdentity::default().with_member_id(request.member_id.clone())]
        };
        let leave = Leave {
            group: Arc::from(&**request.group_id),
            members: members.iter().map(leaver).collect(),
        };
        let response = match call.node.leave_group(leave, call.now) {
            Outcome::Left(results) if many_members => {
                let told = members
                    .into_iter()
                    .zip(results)
                    .map(|(member, result)| tell(member, result));
                LeaveGroupResponse::default().with_members(told.collect())
            }
            Outcome::Left(results) => {
                LeaveGroupResponse::default().with_error_code(results.first().map_or(0, |result| code(*result)))
            }
            Outcome::Refused(error) => LeaveGroupResponse::default().with_error_code(error.code()),
            _ => LeaveGroupResponse::default().with_error_code(ErrorCode::UnknownServerError.code()),
        };
        call.reply(&response)
    }
}

fn leaver(member: &MemberIdentity) -> Leaver {
    Leaver {
        member: Arc::from(&*member.member_id),
        instance: member.group_instance_id.as_deref().map(Arc::from),
    }
}

fn tell(member: MemberIdentity, result: Option<ErrorCode>) -> MemberResponse {
    MemberResponse::default()
        .with_member_id(member.member_id)
        .with_group_instance_id(member.group_instance_id)
        .with_error_code(code(result))
}

fn code(result: Option<ErrorCode>) -> i16 {
    result.map_or(0, |error| error.code())
}
