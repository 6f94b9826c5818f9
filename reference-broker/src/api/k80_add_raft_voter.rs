//! AddRaftVoter. v1 may answer before the change is committed. The voters of this quorum are configured (kraft.version 0), so
//! none can be added.

use std::ops::RangeInclusive;

use broker_core::controller::Refusal;
use broker_core::units::ErrorCode;

use super::{Answer, Api, Call};
use crate::messages::{AddRaftVoterRequest, AddRaftVoterResponse, Listener};

pub(super) struct AddRaftVoter;

impl Api for AddRaftVoter {
    type Request = AddRaftVoterRequest;
    const KEY: i16 = 80;
    const NAME: &'static str = "AddRaftVoter";
    const VERSIONS: RangeInclusive<i16> = 0..=1;

    fn handle(request: AddRaftVoterRequest, call: &mut Call<'_>) -> Answer {
        let is_controllers = |listener: &Listener| listener.name == "CONTROLLER";
        let is_whole = request.voter_id >= 0
            && request.voter_directory_id != [0; 16]
            && request.listeners.iter().any(is_controllers);
        let refusal = refusal(request.cluster_id.as_deref(), is_whole, call);
        call.reply(&AddRaftVoterResponse {
            error_code: refusal.code.code(),
            error_message: refusal.message,
            ..AddRaftVoterResponse::default()
        })
    }
}

/// Why the set of voters stays as it is.
pub(super) fn refusal(cluster_id: Option<&str>, is_whole: bool, call: &Call<'_>) -> Refusal {
    let (code, why) = match cluster_id {
        Some(id) if id != call.node.cluster_id() => {
            (ErrorCode::InconsistentClusterId, "The voter belongs to another cluster")
        }
        _ if !is_whole => (
            ErrorCode::InvalidRequest,
            "A voter has an id, a directory, and an endpoint on the controllers' listener where it is added",
        ),
        _ => (
            ErrorCode::UnsupportedVersion,
            "Cluster doesn't support the voter set being changed: kraft.version is 0",
        ),
    };
    Refusal::new(code, why)
}
