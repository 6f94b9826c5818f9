//! DeleteGroups. v1 throttle time · v2 flexible. A group named twice is deleted and answered once.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use super::{Answer, Api, Call};

pub(super) struct DeleteGroups;

impl Api for DeleteGroups {
    type Request = DeleteGroupsRequest;
    const KEY: i16 = 42;
    const NAME: &'static str = "DeleteGroups";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: DeleteGroupsRequest, call: &mut Call<'_>) -> Answer {
        let mut seen = HashSet::new();
        let names = request
            .groups_names
            .into_iter()
            .filter(|name| seen.insert(name.clone()));
        let results = names.map(|name| {
            let deleted = call.node.delete_group(&Arc::from(&**name), call.now);
            DeletableGroupResult::default()
                .with_error_code(deleted.err().map_or(0, |error| error.code()))
                .with_group_id(name)
        });
        let response = DeleteGroupsResponse::default().with_results(results.collect());
        call.reply(&response)
    }
}
