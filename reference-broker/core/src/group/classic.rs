//! A classic group: members, their generation, and the phase that they are in. This file has the state and what can be
//! read off it; `state` changes it, the files beside it decide.
//!
//! Only what [`GroupValue`] holds survives a restart. Tickets, awaited members and deadlines do not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::hash::hash_map_bucket;
use super::record::{GroupValue, MemberValue};
use super::{InitialDelay, InstanceId, MemberId, Outcome, nothing};
use crate::machine::Ticket;
use crate::units::{ErrorCode, TopicName};

mod converted;
mod expire;
mod heartbeat;
mod join;
mod leave;
mod rebalance;
mod state;
mod subscription;
mod sync;

pub use heartbeat::Heartbeat;
pub use join::{Join, Joined, JoinedMember, Protocol};
pub use leave::{Leave, Leaver};
pub use sync::{Sync, Synced};

/// The protocol type of consumers, whose subscriptions the coordinator can read.
pub(super) const CONSUMER: &str = "consumer";

/// One group.
#[derive(Debug, Default)]
pub(super) struct ClassicGroup {
    phase: Phase,
    generation: i32,
    protocol_type: Option<Arc<str>>,
    protocol: Option<Arc<str>>,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    instances: HashMap<InstanceId, MemberId>,
    /// Ids handed out with MEMBER_ID_REQUIRED that have not come back yet.
    awaited: BTreeSet<MemberId>,
    /// Members of this generation that have not asked for their assignment yet.
    unsynced: BTreeSet<MemberId>,
    /// How many members know a protocol.
    supporters: HashMap<Arc<str>, usize>,
    /// How many members have a parked join.
    joining: usize,
    /// The topics of all subscriptions; `None` where they cannot be read.
    subscribed: Option<BTreeSet<TopicName>>,
    /// When the phase began.
    since_unix_ms: Option<i64>,
}

/// Kafka's states of a classic group; Dead is absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// No members. A join leads to Preparing.
    #[default]
    Empty,
    /// Joins are parked until all members have joined or the time is over. Leads to Completing, or to Empty.
    Preparing {
        /// The first rebalance of an empty group waits to see who else comes.
        initial: Option<InitialDelay>,
        /// Somebody came while it waited.
        newcomers: bool,
    },
    /// Syncs are parked until the leader's. Leads to Stable, or back to Preparing.
    Completing,
    /// Everyone has an assignment. Leads to Preparing.
    Stable,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Preparing { .. } => "PreparingRebalance",
            Self::Completing => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// One member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) instance_id: Option<InstanceId>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    pub(super) protocols: Arc<[Protocol]>,
    pub(super) assignment: Bytes,
    pub(super) join: Option<Ticket>,
    pub(super) sync: Option<Ticket>,
    /// It has not had its first answer, so it cannot heartbeat: a parked join does not keep it alive for ever.
    pub(super) is_new: bool,
}

impl Member {
    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let known = self.protocols.iter().find(|known| &*known.name == protocol);
        known.map(|known| known.metadata.clone()).unwrap_or_default()
    }

    /// A parked request counts as a sign of life, but not the first one.
    fn is_alive_by_waiting(&self) -> bool {
        !self.is_new && (self.join.is_some() || self.sync.is_some())
    }

    /// The first protocol of its own order of preference that is a candidate.
    fn vote(protocols: &[Protocol], is_candidate: impl Fn(&str) -> bool) -> Option<&Arc<str>> {
        protocols
            .iter()
            .map(|protocol| &protocol.name)
            .find(|name| is_candidate(name))
    }
}

impl ClassicGroup {
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn size(&self) -> usize {
        self.members.len()
    }

    pub(super) fn generation(&self) -> i32 {
        self.generation
    }

    pub(super) fn protocol_type(&self) -> Option<&Arc<str>> {
        self.protocol_type.as_ref()
    }

    pub(super) fn protocol(&self) -> Option<&Arc<str>> {
        self.protocol.as_ref()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&MemberId, &Member)> {
        self.members.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.phase == Phase::Empty
    }

    pub(super) fn is_preparing(&self) -> bool {
        matches!(self.phase, Phase::Preparing { .. })
    }

    pub(super) fn since_unix_ms(&self) -> Option<i64> {
        self.since_unix_ms
    }

    /// Consumers, as opposed to Connect's workers and whatever else speaks the classic protocol.
    pub(super) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    pub(super) fn knows_subscriptions(&self) -> bool {
        self.subscribed.is_some()
    }

    /// Where the subscriptions cannot be read, a group of consumers is taken to be subscribed to everything.
    pub(super) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.subscribed
            .as_ref()
            .map_or(self.is_of_consumers(), |topics| topics.contains(topic))
    }

    fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    fn all_joined(&self) -> bool {
        self.joining == self.members.len() && self.awaited.is_empty()
    }

    /// The slowest member decides how long a rebalance waits.
    fn rebalance_timeout_ms(&self) -> i64 {
        self.members
            .values()
            .map(|member| i64::from(member.rebalance_timeout_ms))
            .max()
            .unwrap_or(0)
            .max(0)
    }

    /// Could a member with this protocol type and these protocols be one of this group?
    fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let known_to_all = |name: &str| self.supporters.get(name).copied().unwrap_or(0) == self.members.len();
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| known_to_all(&protocol.name))
    }

    /// Is it a member, and the one that its instance id belongs to (KIP-345)?
    pub(super) fn validate(&self, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            let owner = self.instances.get(instance).ok_or(ErrorCode::UnknownMemberId)?;
            if &**owner != member {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        if self.members.contains_key(member) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// The majority's choice among the protocols that all know. A tie falls as it does in Kafka: to the name that comes
    /// first when a Java `HashMap` of the votes is walked.
    fn select_protocol(&self) -> Option<Arc<str>> {
        let is_candidate = |name: &str| self.supporters.get(name).copied().unwrap_or(0) == self.members.len();
        let mut votes: HashMap<&Arc<str>, usize> = HashMap::new();
        for member in self.members.values() {
            if let Some(choice) = Member::vote(&member.protocols, is_candidate) {
                *votes.entry(choice).or_default() += 1;
            }
        }
        let entries = votes.len();
        let ranked = votes.into_iter().max_by_key(|(name, count)| {
            (
                *count,
                std::cmp::Reverse((hash_map_bucket(name, entries), Arc::clone(name))),
            )
        });
        ranked.map(|(name, _)| Arc::clone(name))
    }

    /// Every parked request with the answer that sends its client to another coordinator.
    pub(super) fn abandon(&self) -> Vec<(Ticket, Outcome)> {
        let parked = |(id, member): (&MemberId, &Member)| {
            let join = member
                .join
                .map(|ticket| (ticket, Outcome::JoinRefused(Arc::clone(id), ErrorCode::NotCoordinator)));
            let sync = member
                .sync
                .map(|ticket| (ticket, Outcome::Refused(ErrorCode::NotCoordinator)));
            join.into_iter().chain(sync)
        };
        self.members.iter().flat_map(parked).collect()
    }

    /// The record of the group as it now stands, with these assignments.
    pub(super) fn as_value(&self, assignment_of: impl Fn(&MemberId, &Member) -> Bytes) -> GroupValue {
        GroupValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            since_unix_ms: self.since_unix_ms.unwrap_or(-1),
            members: self
                .members
                .iter()
                .map(|(id, member)| self.as_member(id, member, assignment_of(id, member)))
                .collect(),
        }
    }

    fn as_member(&self, id: &MemberId, member: &Member, assignment: Bytes) -> MemberValue {
        MemberValue {
            member_id: Arc::clone(id),
            instance_id: member.instance_id.clone(),
            client_id: Arc::clone(&member.client_id),
            client_host: Arc::clone(&member.client_host),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(self.protocol.as_deref().unwrap_or_default()),
            assignment,
        }
    }

    /// What must hold between two commands.
    pub(super) fn check(&self) -> Result<(), String> {
        let claim = |holds: bool, what: &str| {
            if holds {
                Ok(())
            } else {
                Err(format!("{what}: {self:?}"))
            }
        };
        let all = |holds: &dyn Fn(&Member) -> bool| self.members.values().all(holds);
        claim(
            self.leader
                .as_ref()
                .is_none_or(|leader| self.members.contains_key(leader)),
            "the leader is a member",
        )?;
        claim(
            self.leader.is_some() != self.members.is_empty(),
            "members have a leader",
        )?;
        claim(
            self.joining == self.members.values().filter(|member| member.join.is_some()).count(),
            "joins are counted",
        )?;
        claim(
            all(&|member| member.join.is_none() || member.sync.is_none()),
            "a member has at most one ticket",
        )?;
        claim(
            self.is_preparing() || self.joining == 0,
            "joins are parked in PreparingRebalance alone",
        )?;
        claim(
            self.phase == Phase::Completing || all(&|member| member.sync.is_none()),
            "syncs are parked in CompletingRebalance alone",
        )?;
        claim(
            !self.is_empty() || self.members.is_empty(),
            "an empty group has no members",
        )?;
        claim(
            self.is_empty() || self.is_preparing() || !self.members.is_empty(),
            "a generation has members",
        )?;
        claim(
            self.instances.iter().all(|(instance, id)| {
                self.members
                    .get(id)
                    .is_some_and(|member| member.instance_id.as_ref() == Some(instance))
            }),
            "instance ids point at their members",
        )
    }
}
