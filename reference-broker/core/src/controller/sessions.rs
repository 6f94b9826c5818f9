//! Whom the controller hears from: soft state, lost with the controller and built again by heartbeats.
//!
//! A broker that is not heard from for `broker.session.timeout.ms` has expired; fencing it is a decision that the next tick
//! proposes. A controller that starts gives every unfenced broker one session's time to be heard of.

use std::collections::BTreeMap;

use super::Change;
use crate::image::Image;
use crate::units::{BrokerId, Deadline, Now};

/// What is known of the brokers that are heard from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    of: BTreeMap<BrokerId, Session>,
}

/// A broker that is heard from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Which life of it.
    pub epoch: i64,
    /// Until when it counts as alive without another word.
    pub expires: Deadline,
    /// The highest metadata offset that it has applied; -1 before it has said so.
    pub metadata_offset: i64,
    /// The offset that the others must have seen before it may stop; None while it does not want to.
    pub shut_down_offset: Option<i64>,
}

/// What becomes of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// The broker was heard.
    Heard(BrokerId, Session),
    /// Nothing was heard for too long, or what was heard is of an earlier life.
    Gone(BrokerId),
}

/// A decision on a broker: records, what becomes of its session, and the answer.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct SessionStep<Answer> {
    /// To be appended, then applied.
    pub records: Vec<Change>,
    /// To be applied once the records are.
    pub changes: Vec<SessionChange>,
    /// What is answered.
    pub answer: Answer,
}

impl<Answer> SessionStep<Answer> {
    pub(super) fn answer(answer: Answer) -> Self {
        Self {
            records: Vec::new(),
            changes: Vec::new(),
            answer,
        }
    }
}

impl Sessions {
    /// As a controller begins: all that take part are taken to be alive. `own` is the broker of this very node, which needs
    /// no session.
    pub fn at_start(image: &Image, own: BrokerId, timeout_ms: i64, now: Now) -> Self {
        let others = image.brokers().filter(|broker| broker.id != own && !broker.fenced);
        let alive = |epoch| Session {
            epoch,
            expires: now.plus_ms(timeout_ms),
            metadata_offset: -1,
            shut_down_offset: None,
        };
        Self {
            of: others.map(|broker| (broker.id, alive(broker.epoch))).collect(),
        }
    }

    /// The session of a broker in that life.
    pub fn get(&self, id: BrokerId, epoch: i64) -> Option<&Session> {
        self.of.get(&id).filter(|session| session.epoch == epoch)
    }

    /// Has it been heard lately?
    pub fn is_live(&self, id: BrokerId, epoch: i64, now: Now) -> bool {
        self.get(id, epoch).is_some_and(|session| !session.expires.is_due(now))
    }

    /// When the next session expires.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.of.values().map(|session| session.expires).min()
    }

    /// The broker whose session has expired longest ago.
    pub fn expired(&self, now: Now) -> Option<BrokerId> {
        let due = self.of.iter().filter(|(_, session)| session.expires.is_due(now));
        due.min_by_key(|(_, session)| session.expires).map(|(id, _)| *id)
    }

    /// What every broker that takes part and stays has applied, at the least.
    pub(super) fn lowest_active_offset(&self, image: &Image) -> i64 {
        let active = self.of.iter().filter(|(id, session)| {
            let is_fenced = image.broker(**id).is_none_or(|broker| broker.fenced);
            !is_fenced && session.shut_down_offset.is_none()
        });
        active
            .map(|(_, session)| session.metadata_offset)
            .min()
            .unwrap_or(i64::MAX)
    }

    /// The only way it changes.
    pub fn apply(&mut self, change: &SessionChange) {
        match change {
            SessionChange::Heard(id, session) => drop(self.of.insert(*id, *session)),
            SessionChange::Gone(id) => drop(self.of.remove(id)),
        }
    }
}
