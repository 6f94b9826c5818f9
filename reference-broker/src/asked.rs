//! A request that was carried out and whose answer waits: kept so that it can be refused after all.

use broker_core::node::groups::as_coordinator_error;
use broker_core::units::ErrorCode;
use bytes::Bytes;

use crate::broker::{Job, Outgoing, Piece};
use crate::faults;

/// Who asks for offsets that are stable.
const OFFSET_FETCH: i16 = 9;

/// OffsetCommit, OffsetFetch, JoinGroup, Heartbeat, LeaveGroup, SyncGroup, InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn,
/// TxnOffsetCommit, DeleteGroups, OffsetDelete, ConsumerGroupHeartbeat. Produce and WriteTxnMarkers wait by themselves.
const OF_COORDINATORS: &[i16] = &[8, OFFSET_FETCH, 11, 12, 13, 14, 22, 24, 25, 26, 28, 42, 47, 68];

/// What was asked.
pub(crate) struct Asked {
    key: i16,
    version: i16,
    body: Bytes,
}

impl Asked {
    pub(crate) fn of(job: &Job) -> Self {
        Self {
            key: job.entry.key,
            version: job.version,
            body: job.body.clone(),
        }
    }

    /// May a coordinator write for it?
    pub(crate) fn is_of_a_coordinator(&self) -> bool {
        OF_COORDINATORS.contains(&self.key)
    }

    /// What its coordinator wrote before is not replicated for this reason: an answer that says nothing but that.
    pub(crate) fn refused(&self, why: ErrorCode) -> Outgoing {
        let error = match (self.key, as_coordinator_error(why)) {
            (OFFSET_FETCH, ErrorCode::CoordinatorNotAvailable) => ErrorCode::NotCoordinator,
            (_, error) => error,
        };
        match faults::refusal(self.key, self.version, &self.body, error.code()) {
            Ok(Some(body)) => Outgoing::Body(vec![Piece::Bytes(body)]),
            Ok(None) => Outgoing::Nothing,
            Err(why) => Outgoing::Close(why),
        }
    }
}
