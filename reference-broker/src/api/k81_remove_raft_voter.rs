//! RemoveRaftVoter. The voters of this quorum are configured (kraft.version 0), so none can be removed.

use std::ops::RangeInclusive;

use kafka_protocol::messages::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};

use super::convert::text;
use super::k80_add_raft_voter::refusal;
use super::{Answer, Api, Call};

pub(super) struct RemoveRaftVoter;

impl Api for RemoveRaftVoter {
    type Request = RemoveRaftVoterRequest;
    const KEY: i16 = 81;
    const NAME: &'static str = "RemoveRaftVoter";
    const VERSIONS: RangeInclusive<i16> = 0..=0;

    fn handle(request: RemoveRaftVoterRequest, call: &mut Call<'_>) -> Answer {
        let is_whole = request.voter_id >= 0 && !request.voter_directory_id.is_nil();
        let refusal = refusal(request.cluster_id.as_deref(), is_whole, call);
        let response = RemoveRaftVoterResponse::default()
            .with_error_code(refusal.code.code())
            .with_error_message(refusal.message.as_deref().map(text));
        call.reply(&response)
    }
}
