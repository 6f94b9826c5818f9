//! ListGroups. v1 throttle time · v3 flexible · v4 state, and a filter by it (KIP-518) · v5 type, and a filter by it
//! (KIP-848).

use std::collections::HashSet;
use std::ops::RangeInclusive;

use broker_core::group::Listed;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{GroupId, ListGroupsRequest, ListGroupsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Answer, Api, Call};

pub(super) struct ListGroups;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    tells_state: bool,
    tells_type: bool,
}

impl Api for ListGroups {
    type Request = ListGroupsRequest;
    const KEY: i16 = 16;
    const NAME: &'static str = "ListGroups";
    const VERSIONS: RangeInclusive<i16> = 0..=5;

    fn handle(request: ListGroupsRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            tells_state: call.version >= 4,
            tells_type: call.version >= 5,
        };
        let states: HashSet<String> = request
            .states_filter
            .iter()
            .map(|state| state.trim().to_lowercase())
            .collect();
        let has_state = |listed: &Listed| states.is_empty() || states.contains(&listed.state.to_lowercase());
        let types = &request.types_filter;
        let has_type =
            |listed: &Listed| types.is_empty() || types.iter().any(|name| name.eq_ignore_ascii_case(listed.group_type));
        let groups = call.node.list_groups();
        let shown = groups
            .into_iter()
            .filter(has_state)
            .filter(has_type)
            .map(|listed| show(&listed, semantics));
        call.reply(&ListGroupsResponse::default().with_groups(shown.collect()))
    }
}

fn show(listed: &Listed, semantics: Semantics) -> ListedGroup {
    let state = if semantics.tells_state { listed.state } else { "" };
    let group_type = if semantics.tells_type { listed.group_type } else { "" };
    ListedGroup::default()
        .with_group_id(GroupId(StrBytes::from(listed.group.to_string())))
        .with_protocol_type(StrBytes::from(listed.protocol_type.to_string()))
        .with_group_state(StrBytes::from_static_str(state))
        .with_group_type(StrBytes::from_static_str(group_type))
}
