//! ListPartitionReassignments. With one broker nothing is ever on its way.

use std::ops::RangeInclusive;

use kafka_protocol::messages::{ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

use super::{Answer, Api, Call};

pub(super) struct ListPartitionReassignments;

impl Api for ListPartitionReassignments {
    type Request = ListPartitionReassignmentsRequest;
    const KEY: i16 = 46;
    const NAME: &'static str = "ListPartitionReassignments";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(_: ListPartitionReassignmentsRequest, call: &mut Call<'_>) -> Answer {
        call.reply(&ListPartitionReassignmentsResponse::default())
    }
}
