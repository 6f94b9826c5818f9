//! Heartbeats: what a broker wants to be, what it is, and what becomes of it.
//!
//! Fenced → unfenced once it has applied its own registration; unfenced → fenced or stopped when it wants that; unfenced →
//! shutting down while it leads anything, and from there to stopped when it leads nothing and the others have seen why.

use super::sessions::{Session, SessionChange, SessionStep};
use super::{Change, Controller, Refusal};
use crate::image::BrokerImage;
use crate::peer::{BrokerEpoch, BrokerHeartbeat, BrokerState};
use crate::units::{BrokerId, ErrorCode, Now};

/// Where a broker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It takes no part.
    Fenced,
    /// It takes part.
    Unfenced,
    /// It takes part until it may stop.
    ShuttingDown,
    /// It may stop, and takes no part any more.
    Stopped,
}

impl Controller<'_> {
    /// BrokerHeartbeat.
    pub fn hear_broker(&self, beat: &BrokerHeartbeat, now: Now) -> SessionStep<Result<BrokerState, Refusal>> {
        let broker = match self.broker_in(beat.broker) {
            Ok(broker) => broker,
            Err(refusal) => return SessionStep::answer(Err(refusal)),
        };
        let (before, after) = (self.standing(broker), self.next_standing(broker, beat));
        let mut records = self.moved(broker.id, before, after);
        records.extend(self.lose_directories(broker.id, &beat.offline_log_dirs));
        records.extend(self.cordon(broker.id, &beat.cordoned_log_dirs));
        let session = Session {
            epoch: broker.epoch,
            expires: now.plus_ms(self.config.cluster.session_timeout_ms),
            metadata_offset: beat.metadata_offset,
            shut_down_offset: self.shut_down_offset(broker, after, records.len()),
        };
        SessionStep {
            records,
            changes: vec![SessionChange::Heard(broker.id, session)],
            answer: Ok(BrokerState {
                is_caught_up: beat.metadata_offset >= broker.registered_at,
                is_fenced: matches!(after, Standing::Fenced | Standing::Stopped),
                should_shut_down: after == Standing::Stopped,
            }),
        }
    }

    /// Fences one broker whose session has expired: one at a time, so that the next one sees what became of the first.
    pub fn expire_session(&self, now: Now) -> Option<SessionStep<BrokerId>> {
        let id = self.sessions.expired(now)?;
        let broker = self.image.broker(id);
        let expired = broker.is_some_and(|broker| self.sessions.get(id, broker.epoch).is_some());
        Some(SessionStep {
            records: if expired { self.fence_broker(id) } else { Vec::new() },
            changes: vec![SessionChange::Gone(id)],
            answer: id,
        })
    }

    /// The broker in that very life, or STALE_BROKER_EPOCH.
    pub(super) fn broker_in(&self, asker: BrokerEpoch) -> Result<&BrokerImage, Refusal> {
        let BrokerEpoch { broker: id, epoch } = asker;
        let refuse = |why: String| Err(Refusal::new(ErrorCode::StaleBrokerEpoch, why));
        match self.image.broker(id) {
            Some(broker) if broker.epoch == epoch => Ok(broker),
            Some(broker) => refuse(format!(
                "Expected broker epoch {}, but got broker epoch {epoch}",
                broker.epoch
            )),
            None => refuse(format!("No broker registration found for broker id {id}")),
        }
    }

    fn standing(&self, broker: &BrokerImage) -> Standing {
        let session = self.sessions.get(broker.id, broker.epoch);
        match session.and_then(|session| session.shut_down_offset) {
            Some(_) => Standing::ShuttingDown,
            None if broker.fenced => Standing::Fenced,
            None => Standing::Unfenced,
        }
    }

    fn next_standing(&self, broker: &BrokerImage, beat: &BrokerHeartbeat) -> Standing {
        let shut_down_offset = self.sessions.get(broker.id, broker.epoch);
        let shut_down_offset = shut_down_offset.and_then(|session| session.shut_down_offset);
        match (self.standing(broker), beat.want_fence, beat.want_shut_down) {
            (Standing::Fenced, _, true) => Standing::Stopped,
            (Standing::Fenced, false, false) if beat.metadata_offset >= broker.registered_at => Standing::Unfenced,
            (Standing::Fenced, ..) => Standing::Fenced,
            (Standing::Unfenced, true, true) => Standing::Stopped,
            (Standing::Unfenced, true, false) => Standing::Fenced,
            (Standing::Unfenced, false, true) if self.leads_any(broker.id) => Standing::ShuttingDown,
            (Standing::Unfenced, false, true) => Standing::Stopped,
            (Standing::Unfenced, false, false) => Standing::Unfenced,
            (Standing::ShuttingDown, ..) if self.leads_any(broker.id) => Standing::ShuttingDown,
            (Standing::ShuttingDown, ..) if !self.have_seen(shut_down_offset) => Standing::ShuttingDown,
            (Standing::ShuttingDown | Standing::Stopped, ..) => Standing::Stopped,
        }
    }

    fn have_seen(&self, offset: Option<i64>) -> bool {
        offset.is_none_or(|offset| offset <= self.sessions.lowest_active_offset(self.image))
    }

    fn moved(&self, id: BrokerId, before: Standing, after: Standing) -> Vec<Change> {
        match after {
            _ if before == after => Vec::new(),
            Standing::Fenced | Standing::Stopped => self.fence_broker(id),
            Standing::Unfenced => self.unfence_broker(id),
            Standing::ShuttingDown => self.shut_down_broker(id),
        }
    }

    /// Set when the shutdown begins: the offset of what told of it.
    fn shut_down_offset(&self, broker: &BrokerImage, after: Standing, records: usize) -> Option<i64> {
        let known = self.sessions.get(broker.id, broker.epoch);
        let begins = self.image.next_offset() + records as i64 - 1;
        match after {
            Standing::ShuttingDown => known.and_then(|session| session.shut_down_offset).or(Some(begins)),
            Standing::Fenced | Standing::Unfenced | Standing::Stopped => None,
        }
    }
}
