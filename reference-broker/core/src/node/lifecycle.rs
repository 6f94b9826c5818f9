//! A broker's life as its controller sees it (KIP-631): it registers, shows that it is alive, is unfenced once it has caught up with
//! the metadata, and asks before it goes.
//!
//! A controller that does not know the broker any more, or knows a later life of it, makes it register again.

use super::peers::Purpose;
use super::{Identity, Node};
use crate::controller::brokers::Registration;
use crate::peer::{BrokerEpoch, BrokerHeartbeat, BrokerState, Peer, Question, Reply};
use crate::units::{Deadline, ErrorCode, Now};

/// The first pause between two tries to register; each is twice as long as the one before, up to the
/// interval of heartbeats.
const FIRST_PAUSE_MS: i64 = 100;

/// Where the broker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// The controller has not answered for it yet.
    #[default]
    Registering,
    /// It is known, and takes no part.
    Fenced,
    /// It takes part.
    Running,
    /// It wants to go, and others take over what it leads.
    Leaving,
    /// It may go.
    Left,
    /// No controller has taken it in for so long that it gives up.
    GaveUp,
}

/// What a broker remembers of its life.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    stage: Stage,
    registration: Option<Registration>,
    /// The controller's word for this life; -1 before it has said one.
    epoch: i64,
    next_at: Option<Deadline>,
    /// Until when it tries for the first time (`initial.broker.registration.timeout.ms`); none once it was taken in.
    gives_up_at: Option<Deadline>,
    pause_ms: i64,
    /// What was complained of last: it is said once.
    told: Option<String>,
}

impl Node {
    /// Begins to register. Nothing is served before the controller lets it.
    pub(crate) fn begin_life(&mut self, identity: &Identity, now: Now) {
        let registration = self.registration(identity);
        self.lifecycle = Lifecycle {
            registration: Some(registration),
            epoch: -1,
            pause_ms: FIRST_PAUSE_MS,
            gives_up_at: Some(now.plus_ms(self.config.cluster.registration_timeout_ms.max(0))),
            ..Lifecycle::default()
        };
        self.speak(now);
    }

    /// Where this broker is in its life, as far as the controller is elsewhere.
    pub fn stage(&self) -> Stage {
        match self.follows_a_controller() {
            true => self.lifecycle.stage,
            false => Stage::Running,
        }
    }

    /// Who this broker is in its present life.
    pub fn own_epoch(&self) -> BrokerEpoch {
        let broker = self.broker_id();
        let epoch = match self.follows_a_controller() {
            true => self.lifecycle.epoch,
            false => self.image().broker(broker).map_or(-1, |broker| broker.epoch),
        };
        BrokerEpoch { broker, epoch }
    }

    /// Asks the controller to let others take over. Who is no observer may go at once.
    pub fn begin_to_leave(&mut self, now: Now) {
        self.lifecycle.stage = match self.stage() {
            // A broker that nobody knows leads nothing.
            Stage::Registering | Stage::Left | Stage::GaveUp => Stage::Left,
            Stage::Fenced | Stage::Running | Stage::Leaving if self.follows_a_controller() => Stage::Leaving,
            Stage::Fenced | Stage::Running | Stage::Leaving => Stage::Left,
        };
        self.speak(now);
    }

    /// Has the controller let it go?
    pub fn has_left(&self) -> bool {
        self.lifecycle.stage == Stage::Left
    }

    /// Has it given up, and will never take part?
    pub fn has_given_up(&self) -> bool {
        self.lifecycle.stage == Stage::GaveUp
    }

    /// When the broker must be heard again.
    pub(crate) fn lifecycle_deadline(&self) -> Option<Deadline> {
        self.lifecycle
            .next_at
            .into_iter()
            .chain(self.lifecycle.gives_up_at)
            .min()
    }

    /// Lets the broker be heard.
    pub(crate) fn lifecycle_tick(&mut self, now: Now) {
        if self.lifecycle.gives_up_at.is_some_and(|at| at.is_due(now)) {
            return self.give_up_registering();
        }
        if self.lifecycle.next_at.is_some_and(|at| at.is_due(now)) {
            self.speak(now);
        }
    }

    /// More of the metadata is applied: who waits for that to be unfenced says so at once.
    pub(super) fn lifecycle_applied(&mut self, now: Now) {
        if self.lifecycle.stage == Stage::Fenced && self.knows_itself() {
            self.speak(now);
        }
    }

    pub(super) fn lifecycle_answered(&mut self, reply: Reply, now: Now) {
        match reply {
            _ if self.has_given_up() => {}
            Reply::Registered(Ok(epoch)) => self.registered(epoch, now),
            Reply::Registered(Err(error)) => {
                let id = self.broker_id();
                let why = match error {
                    ErrorCode::DuplicateBrokerRegistration => "another broker of this node.id is alive".to_owned(),
                    ErrorCode::InconsistentClusterId => format!("its cluster is not {}", self.cluster_id()),
                    error => error.to_string(),
                };
                self.tell_lifecycle(format!("the controller does not register broker {id}: {why}"));
                self.speak_after_failure(now);
            }
            Reply::Heartbeat(Ok(state)) => self.heard(state, now),
            Reply::Heartbeat(Err(ErrorCode::StaleBrokerEpoch | ErrorCode::BrokerIdNotRegistered)) => {
                self.register_again(now);
            }
            Reply::Heartbeat(Err(error)) => {
                self.tell_lifecycle(format!("the controller does not take a heartbeat: {error}"));
                self.speak_after_failure(now);
            }
            // Whoever carries questions says why.
            _ => self.speak_after_failure(now),
        }
    }

    /// What is wrong may be the wrong cluster, or another broker of this id: to try for ever would hide it.
    fn give_up_registering(&mut self) {
        let (id, within) = (self.broker_id(), self.config.cluster.registration_timeout_ms);
        self.complain(format!(
            "broker {id} gives up: no controller has registered it within {within} ms (initial.broker.registration.timeout.ms)"
        ));
        self.lifecycle.stage = Stage::GaveUp;
        (self.lifecycle.next_at, self.lifecycle.gives_up_at) = (None, None);
    }

    fn registered(&mut self, epoch: i64, now: Now) {
        self.lifecycle.gives_up_at = None;
        self.lifecycle.epoch = epoch;
        self.lifecycle.pause_ms = FIRST_PAUSE_MS;
        self.lifecycle.told = None;
        if self.lifecycle.stage == Stage::Registering {
            self.lifecycle.stage = Stage::Fenced;
        }
        match self.knows_itself() {
            true => self.speak(now),
            // It is not unfenced before: then it speaks at once.
            false => self.speak_later(now),
        }
    }

    fn heard(&mut self, state: BrokerState, now: Now) {
        self.lifecycle.pause_ms = FIRST_PAUSE_MS;
        self.lifecycle.told = None;
        self.lifecycle.stage = match self.lifecycle.stage {
            Stage::Leaving if state.should_shut_down => Stage::Left,
            Stage::Leaving => Stage::Leaving,
            Stage::Left => Stage::Left,
            Stage::GaveUp => Stage::GaveUp,
            Stage::Registering | Stage::Fenced | Stage::Running if state.is_fenced => Stage::Fenced,
            Stage::Registering | Stage::Fenced | Stage::Running => Stage::Running,
        };
        match self.lifecycle.stage {
            Stage::Left | Stage::GaveUp => self.lifecycle.next_at = None,
            // Others are taking over: that is quicker than a heartbeat's interval.
            Stage::Leaving => self.lifecycle.next_at = Some(now.plus_ms(FIRST_PAUSE_MS)),
            Stage::Registering | Stage::Fenced | Stage::Running => self.speak_later(now),
        }
    }

    /// The controller knows no such life of this broker.
    fn register_again(&mut self, now: Now) {
        self.lifecycle.epoch = -1;
        match self.lifecycle.stage {
            // Then it leads nothing.
            Stage::Leaving | Stage::Left => self.lifecycle.stage = Stage::Left,
            Stage::GaveUp => {}
            Stage::Registering | Stage::Fenced | Stage::Running => {
                self.lifecycle.stage = Stage::Registering;
                self.speak(now);
            }
        }
    }

    /// Registers, or sends a heartbeat, unless an answer is still to come.
    fn speak(&mut self, now: Now) {
        self.lifecycle.next_at = None;
        if self.is_asking(&Purpose::Lifecycle) {
            return self.speak_later(now);
        }
        let question = match self.lifecycle.stage {
            Stage::Registering => self.lifecycle.registration.clone().map(Question::Register),
            Stage::Fenced | Stage::Running | Stage::Leaving => Some(Question::Heartbeat(self.beat())),
            Stage::Left | Stage::GaveUp => None,
        };
        if let Some(question) = question {
            self.ask(Peer::Controller, question, Purpose::Lifecycle);
        }
    }

    fn speak_later(&mut self, now: Now) {
        self.lifecycle.next_at = Some(now.plus_ms(self.config.cluster.heartbeat_interval_ms.max(1)));
    }

    fn speak_after_failure(&mut self, now: Now) {
        let pause = self.lifecycle.pause_ms;
        self.lifecycle.next_at = Some(now.plus_ms(pause));
        self.lifecycle.pause_ms = (2 * pause).min(self.config.cluster.heartbeat_interval_ms.max(FIRST_PAUSE_MS));
    }

    fn beat(&self) -> BrokerHeartbeat {
        BrokerHeartbeat {
            broker: self.own_epoch(),
            metadata_offset: self.image().next_offset() - 1,
            // Who runs does not stop for a snapshot.
            want_fence: self.lifecycle.stage != Stage::Running && !self.is_caught_up(),
            want_shut_down: self.lifecycle.stage == Stage::Leaving,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: self.cordoned_dirs(),
        }
    }

    /// Do the metadata that are applied have the registration of this life?
    pub(super) fn is_known_in_this_life(&self) -> bool {
        let known = self.image().broker(self.broker_id()).map(|broker| broker.incarnation);
        let here = self.lifecycle.registration.as_ref().map(|here| here.incarnation);
        known.is_some() && known == here
    }

    /// Has it applied its own registration?
    fn knows_itself(&self) -> bool {
        self.is_caught_up() && self.image().next_offset() > self.lifecycle.epoch
    }

    fn tell_lifecycle(&mut self, why: String) {
        if self.lifecycle.told.as_ref() != Some(&why) {
            self.complain(why.clone());
            self.lifecycle.told = Some(why);
        }
    }
}

#[cfg(test)]
mod tests;
