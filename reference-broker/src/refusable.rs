//! A request that was carried out and whose answer waits: kept so that it can be refused after all.

use broker_core::node::groups::as_coordinator_error;
use broker_core::units::ErrorCode;
use bytes::Bytes;

use crate::broker::{Job, Outgoing, Piece};
use crate::faults;

/// Who asks for offsets that are stable.
const OFFSET_FETCH: i16 = 9;

/// Its answer waits for the disk and the replicas by itself, but not for what enlists its partition in a transaction.
const PRODUCE: i16 = 0;

/// Produce, OffsetCommit, OffsetFetch, JoinGroup, Heartbeat, LeaveGroup, SyncGroup, InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn,
/// EndTxn, TxnOffsetCommit, DeleteGroups, OffsetDelete, ConsumerGroupHeartbeat: a coordinator may write for them.
const OF_COORDINATORS: &[i16] = &[PRODUCE, 8, OFFSET_FETCH, 11, 12, 13, 14, 22, 24, 25, 26, 28, 42, 47, 68];

/// What was asked.
pub(crate) struct Refusable {
    key: i16,
    version: i16,
    body: Bytes,
}

impl Refusable {
    /// None where no coordinator writes for it: then it is never refused after all.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        OF_COORDINATORS.contains(&job.entry.key).then(|| Self {
            key: job.entry.key,
            version: job.version,
            body: job.body.clone(),
        })
    }

    /// The same for one that is parked: what Produce waits for then is more than that, and its records need not be held.
    pub(crate) fn of_parked(job: &Job) -> Option<Self> {
        Self::of(job).filter(|refusable| refusable.key != PRODUCE)
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
