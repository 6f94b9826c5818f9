//! What brokers ask of the controller here, and what the controller does of itself: brokers register and send heartbeats,
//! leaders change who is in sync, and on time sessions expire and leaders are elected.

use super::{Change, Consequences, Node};
use crate::controller::brokers::Registration;
use crate::controller::producer_ids::BLOCK;
use crate::controller::sessions::{SessionStep, Sessions};
use crate::controller::{MAX_RECORDS_PER_REQUEST, Refusal};
use crate::log::Log;
use crate::node::data::metadata;
use crate::peer::{AlterPartitions, BrokerEpoch, BrokerHeartbeat, BrokerState, PartitionAltered};
use crate::units::{Deadline, ErrorCode, Now};

/// The most sessions that expire in one tick; the next one follows at once.
const MAX_EXPIRED: usize = 100;

impl Node {
    /// BrokerRegistration: the broker's epoch.
    ///
    /// # Errors
    /// Kafka's refusal, or the metadata log could not be written.
    pub fn register_broker(&mut self, registration: &Registration, now: Now) -> Result<i64, ErrorCode> {
        let cluster_id = self.control.meta.cluster_id.clone();
        let step = self.controller().admit_broker(registration, &cluster_id, now);
        let answer = self.commit_step(step, now)?;
        answer.map_err(|refusal| {
            let why = refusal.message.clone().unwrap_or_default();
            self.complain(format!("broker {} may not register: {why}", registration.id));
            refusal.code
        })
    }

    /// BrokerHeartbeat.
    ///
    /// # Errors
    /// STALE_BROKER_EPOCH, or the metadata log could not be written.
    pub fn broker_heartbeat(&mut self, beat: &BrokerHeartbeat, now: Now) -> Result<BrokerState, ErrorCode> {
        let step = self.controller().hear_broker(beat, now);
        self.commit_step(step, now)?.map_err(code)
    }

    /// AlterPartition.
    ///
    /// # Errors
    /// STALE_BROKER_EPOCH, or the metadata log could not be written.
    pub fn alter_partitions(&mut self, asked: &AlterPartitions, now: Now) -> Result<Vec<PartitionAltered>, ErrorCode> {
        let decided = self.controller().alter_partitions(asked);
        self.commit_all(decided.records, now)?;
        decided.answer.map_err(code)
    }

    /// AllocateProducerIds: the first id of the block and how many.
    ///
    /// # Errors
    /// STALE_BROKER_EPOCH, or the metadata log could not be written.
    pub fn allocate_producer_ids(&mut self, asker: BrokerEpoch, now: Now) -> Result<(i64, i32), ErrorCode> {
        let decided = self.controller().allocate_producer_ids_for(asker);
        let first = self.commit(decided, now)?.map_err(code)?;
        Ok((first, BLOCK as i32))
    }

    /// As the active controller begins: everyone that takes part has a session's time to be heard of.
    pub(super) fn begin_sessions(&mut self, now: Now) {
        let timeout = self.config.cluster.session_timeout_ms;
        self.control.sessions = Sessions::at_start(self.image(), self.broker_id(), timeout, now);
        self.control.watch.begin(&self.control.image);
    }

    /// When [`Self::controller_tick`] must be called at the latest.
    pub fn controller_deadline(&self) -> Option<Deadline> {
        // Nothing can be decided that cannot be written down.
        if self.log(&metadata()).is_none_or(Log::is_offline) {
            return None;
        }
        let deadlines = [
            self.control.sessions.next_deadline(),
            self.control.watch.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Fences whom nothing was heard of, and elects leaders where that is due.
    pub fn controller_tick(&mut self, now: Now) {
        for _ in 0..MAX_EXPIRED {
            let Some(step) = self.controller().expire_session(now) else {
                break;
            };
            // What cannot be written down is proposed again: the session is still there.
            if self.commit_step(step, now).is_err() {
                break;
            }
        }
        for due in self.control.watch.due(now) {
            let records = self.controller().carry_out_due(due);
            // The next check finds what is left to do.
            let _ = self.commit_all(records, now);
        }
        self.schedule_checks(now);
    }

    /// Sets the clocks for what has come to be as it should not, or has ceased to be.
    pub(super) fn schedule_checks(&mut self, now: Now) {
        if self.control.watch.is_out_of_step() {
            let intervals = self.controller().check_intervals();
            self.control.watch.schedule(intervals, now);
        }
    }

    fn commit_step<Answer>(&mut self, step: SessionStep<Answer>, now: Now) -> Result<Answer, ErrorCode> {
        self.commit_all(step.records, now)?;
        for change in &step.changes {
            self.control.sessions.apply(change);
        }
        Ok(step.answer)
    }

    /// Batch by batch, where one would be too large: each record is true by itself.
    fn commit_all(&mut self, mut records: Vec<Change>, now: Now) -> Result<(), ErrorCode> {
        let mut consequences = Consequences::default();
        let mut result = Ok(());
        while !records.is_empty() && result.is_ok() {
            let rest = records.split_off(records.len().min(MAX_RECORDS_PER_REQUEST));
            result = self.append_changes(&records, now, &mut consequences);
            records = rest;
        }
        self.carry_out(consequences, now);
        result
    }
}

fn code(refusal: Refusal) -> ErrorCode {
    refusal.code
}
