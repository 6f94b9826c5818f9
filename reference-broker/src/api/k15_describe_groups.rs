//! DescribeGroups. v1 throttle time · v3 authorized operations (KIP-430) · v4 instance ids · v5 flexible · v6 an
//! unknown group is an error with a message (KIP-1043), before it was a dead group without one.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{Described, DescribedMember};
use broker_core::units::ErrorCode;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId};
use kafka_protocol::protocol::StrBytes;

use super::budget::ReplyBudget;
use super::{Answer, Api, Call};

pub(super) struct DescribeGroups;

/// READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS: all that there is to be done with a group.
const ALL_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
const NOT_ASKED: i32 = i32::MIN;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    unknown_is_error: bool,
    operations: i32,
}

impl Api for DescribeGroups {
    type Request = DescribeGroupsRequest;
    const KEY: i16 = 15;
    const NAME: &'static str = "DescribeGroups";
    const VERSIONS: RangeInclusive<i16> = 0..=6;

    fn handle(request: DescribeGroupsRequest, call: &mut Call<'_>) -> Answer {
        let operations = if request.include_authorized_operations {
            ALL_OPERATIONS
        } else {
            NOT_ASKED
        };
        let semantics = Semantics {
            unknown_is_error: call.version >= 6,
            operations,
        };
        let mut budget = ReplyBudget::default();
        let groups = request.groups.into_iter().map(|id| {
            let found = call.node.describe_group(&id, call.now);
            let found = found.and_then(|group| budget.take(size(group.as_ref())).map(|()| group));
            describe(id, found, semantics)
        });
        let response = DescribeGroupsResponse::default().with_groups(groups.collect());
        call.reply(&response)
    }
}

fn size(group: Option<&Described>) -> usize {
    let members = group.map(|group| group.members.as_slice()).unwrap_or_default();
    let member = |member: &DescribedMember| 64 + member.member.len() + member.metadata.len() + member.assignment.len();
    64 + members.iter().map(member).sum::<usize>()
}

fn describe(id: GroupId, found: Result<Option<Described>, ErrorCode>, semantics: Semantics) -> DescribedGroup {
    let group = DescribedGroup::default().with_authorized_operations(NOT_ASKED);
    match found {
        Ok(Some(described)) => fill(group, described)
            .with_authorized_operations(semantics.operations)
            .with_group_id(id),
        Ok(None) if semantics.unknown_is_error => group
            .with_error_code(ErrorCode::GroupIdNotFound.code())
            .with_error_message(Some(format!("Group {} not found.", &**id).into()))
            .with_group_state(StrBytes::from_static_str("Dead"))
            .with_group_id(id),
        Ok(None) => group
            .with_authorized_operations(semantics.operations)
            .with_group_state(StrBytes::from_static_str("Dead"))
            .with_group_id(id),
        Err(error) => group.with_error_code(error.code()).with_group_id(id),
    }
}

fn fill(group: DescribedGroup, described: Described) -> DescribedGroup {
    group
        .with_group_state(StrBytes::from_static_str(described.state))
        .with_protocol_type(text(&described.protocol_type))
        .with_protocol_data(text(&described.protocol))
        .with_members(described.members.into_iter().map(describe_member).collect())
}

fn describe_member(member: DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .with_member_id(text(&member.member))
        .with_group_instance_id(member.instance.as_ref().map(text))
        .with_client_id(text(&member.client_id))
        .with_client_host(text(&member.client_host))
        .with_member_metadata(member.metadata)
        .with_member_assignment(member.assignment)
}

fn text(text: &Arc<str>) -> StrBytes {
    StrBytes::from(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_encodes_at_every_version() {
        let member = DescribedMember {
            member: "a".into(),
            instance: Some("i".into()),
            client_id: "c".into(),
            client_host: "/h".into(),
            metadata: bytes::Bytes::from_static(b"m"),
            assignment: bytes::Bytes::from_static(b"a"),
        };
        let stable = Described {
            state: "Stable",
            protocol_type: "consumer".into(),
            protocol: "range".into(),
            members: vec![member],
        };
        for version in DescribeGroups::VERSIONS {
            let operations = if version >= 3 { ALL_OPERATIONS } else { NOT_ASKED };
            let semantics = Semantics {
                unknown_is_error: version >= 6,
                operations,
            };
            for found in [Ok(Some(stable.clone())), Ok(None), Err(ErrorCode::NotCoordinator)] {
                let response = DescribeGroupsResponse::default();
                let response = response.with_groups(vec![describe(GroupId::default(), found, semantics)]);
                assert!(
                    matches!(Answer::reply(&response, version), Answer::Reply(_)),
                    "v{version}"
                );
            }
        }
    }
}
