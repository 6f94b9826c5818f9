//! ConsumerGroupDescribe (KIP-848). v1 tells which members speak the classic protocol.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::group::{ConsumerDescribed, ConsumerMember, Partitions};
use broker_core::units::{ErrorCode, TopicId};
use kafka_protocol::messages::consumer_group_describe_response::{Assignment, DescribedGroup, Member, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId};

use super::budget::ReplyBudget;
use super::convert::{NOT_ASKED, text, topic_name, uuid};
use super::{Answer, Api, Call};

pub(super) struct ConsumerGroupDescribe;

/// Every operation on a group, one bit each: without an authorizer everything is allowed.
const ALL_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    tells_member_type: bool,
    operations: i32,
}

impl Api for ConsumerGroupDescribe {
    type Request = ConsumerGroupDescribeRequest;
    const KEY: i16 = 69;
    const NAME: &'static str = "ConsumerGroupDescribe";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: ConsumerGroupDescribeRequest, call: &mut Call<'_>) -> Answer {
        let operations = match request.include_authorized_operations {
            true => ALL_OPERATIONS,
            false => NOT_ASKED,
        };
        let semantics = Semantics {
            tells_member_type: call.version >= 1,
            operations,
        };
        let mut budget = ReplyBudget::default();
        let groups = request
            .group_ids
            .into_iter()
            .map(|id| describe(id, call, semantics, &mut budget))
            .collect();
        call.reply(&ConsumerGroupDescribeResponse::default().with_groups(groups))
    }
}

fn describe(id: GroupId, call: &mut Call<'_>, semantics: Semantics, budget: &mut ReplyBudget) -> DescribedGroup {
    let refused = |error: ErrorCode, why: &str| {
        DescribedGroup::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(why)).filter(|why| !why.is_empty()))
    };
    if !call.node.serves_consumer_protocol() {
        return refused(ErrorCode::UnsupportedVersion, "").with_group_id(id);
    }
    if id.is_empty() {
        return refused(ErrorCode::InvalidGroupId, "").with_group_id(id);
    }
    let found = call.node.describe_consumer_group(&Arc::from(&**id), call.now);
    let found = found.and_then(|group| {
        budget
            .take(size(&group))
            .map(|()| group)
            .map_err(|error| (error, String::new()))
    });
    let described = match found {
        Ok(group) => fill(group, call, semantics),
        Err((error, why)) => refused(error, &why),
    };
    described.with_group_id(id)
}

fn size(group: &ConsumerDescribed) -> usize {
    let partitions = |partitions: &Partitions| partitions.values().map(|held| 64 + 4 * held.len()).sum::<usize>();
    let member = |member: &ConsumerMember| 256 + partitions(&member.assigned) + partitions(&member.target);
    64 + group.members.iter().map(member).sum::<usize>()
}

fn fill(group: ConsumerDescribed, call: &Call<'_>, semantics: Semantics) -> DescribedGroup {
    let members = group
        .members
        .into_iter()
        .map(|member| describe_member(member, call, semantics));
    DescribedGroup::default()
        .with_group_state(text(group.state))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.assignment_epoch)
        .with_assignor_name(text(group.assignor))
        .with_members(members.collect())
        .with_authorized_operations(semantics.operations)
}

fn describe_member(member: ConsumerMember, call: &Call<'_>, semantics: Semantics) -> Member {
    let of = member.subscription;
    let described = Member::default()
        .with_member_id(text(&member.member))
        .with_instance_id(of.instance.as_deref().map(text))
        .with_rack_id(of.rack.as_deref().map(text))
        .with_member_epoch(member.epoch)
        .with_client_id(text(&of.client_id))
        .with_client_host(text(&of.client_host))
        .with_subscribed_topic_names(of.topics.iter().map(|name| topic_name(name)).collect())
        .with_subscribed_topic_regex(of.regex.as_deref().map(text))
        .with_assignment(assignment(member.assigned, call))
        .with_target_assignment(assignment(member.target, call));
    match (semantics.tells_member_type, of.classic) {
        (false, _) => described,
        (true, None) => described.with_member_type(CONSUMER_MEMBER),
        (true, Some(_)) => described.with_member_type(CLASSIC_MEMBER),
    }
}

/// Topics that are gone are left out.
fn assignment(partitions: Partitions, call: &Call<'_>) -> Assignment {
    let topic = |(id, partitions): (TopicId, BTreeSet<i32>)| {
        let name = &call.node.image().topic_by_id(id)?.name;
        Some(
            TopicPartitions::default()
                .with_topic_id(uuid(id))
                .with_topic_name(topic_name(name))
                .with_partitions(partitions.into_iter().collect()),
        )
    };
    Assignment::default().with_topic_partitions(partitions.into_iter().filter_map(topic).collect())
}
