//! JoinGroup: who may come in, under which id, and whether a rebalance follows.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClassicGroup, Phase};
use crate::config::GroupConfig;
use crate::group::{
    Change, Coordinator, Decision, GroupId, InstanceId, InstanceReturned, MemberId, Outcome, Record, Settle, Soft,
    Timing,
};
use crate::machine::{Reply, Step, Ticket};
use crate::units::{ErrorCode, Now};

/// A member that has had no answer yet cannot heartbeat, and a client that gave up on its join may come back as
/// somebody else: new members are kept this long.
const NEW_MEMBER_TIMEOUT_MS: i64 = 5 * 60 * 1000;

/// Ids promised to members that never came back are forgotten after a session timeout; until then a group keeps at most
/// this many.
const MAX_AWAITED: usize = 100_000;

/// A member, or somebody who wants to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The group.
    pub group: GroupId,
    /// Its id; empty at first.
    pub member: MemberId,
    /// Its name for life, if it is static (KIP-345).
    pub instance: Option<InstanceId>,
    /// `consumer`, `connect`, …
    pub protocol_type: Arc<str>,
    /// What it can do, in order of preference. A name given twice counts twice, so that it is nobody's choice: Kafka's
    /// way.
    pub protocols: Arc<[Protocol]>,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// How long a rebalance waits for it.
    pub rebalance_timeout_ms: i32,
    /// The client's name for itself.
    pub client_id: Arc<str>,
    /// The client's address.
    pub client_host: Arc<str>,
    /// Random, for a new member's id.
    pub fresh: Arc<str>,
    /// Where the answer goes.
    pub ticket: Ticket,
    /// A dynamic member must be told its id before it comes in (v4, KIP-394).
    pub requires_known_member: bool,
    /// The client understands `SkipAssignment` (v9, KIP-814).
    pub skips_assignment: bool,
    /// What a group of the consumer protocol obeys.
    pub timing: Timing,
}

/// One way of assigning that a member knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: Arc<str>,
    /// What the member says for it: its subscription, opaque here.
    pub metadata: Bytes,
}

/// A member is in this generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its id.
    pub member: MemberId,
    /// The generation.
    pub generation: i32,
    /// The group's protocol type.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol voted for.
    pub protocol: Option<Arc<str>>,
    /// Who assigns.
    pub leader: Option<MemberId>,
    /// All members, for the leader.
    pub members: Vec<JoinedMember>,
    /// The leader need not assign: nothing changed but its id.
    pub skip_assignment: bool,
}

/// A member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member: MemberId,
    /// Its name for life.
    pub instance: Option<InstanceId>,
    /// What it said for the chosen protocol.
    pub metadata: Bytes,
}

impl Join {
    pub(in crate::group) fn refusal(&self, config: &GroupConfig) -> Option<Outcome> {
        let legal = config.min_session_timeout_ms..=config.max_session_timeout_ms;
        let error = match () {
            () if self.group.is_empty() => ErrorCode::InvalidGroupId,
            () if !legal.contains(&i64::from(self.session_timeout_ms)) => ErrorCode::InvalidSessionTimeout,
            () => return None,
        };
        Some(Outcome::JoinRefused(Arc::clone(&self.member), error))
    }
}

impl Coordinator {
    pub(in crate::group) fn decide_join(&self, join: Join, now: Now) -> Decision {
        if let Some(group) = self.groups.get(&join.group) {
            return self.decide_join_of(group, join, now);
        }
        if let Some(group) = self.consumers.get(&join.group) {
            return match group.is_empty() {
                true => self.decide_join_of_former(join, now),
                false => self.classic_joins(group, &join, now),
            };
        }
        if !join.member.is_empty() {
            return refuse(&join.member, ErrorCode::UnknownMemberId);
        }
        self.decide_join_of_nobody(join, now)
    }

    /// A group of the consumer protocol without members becomes a classic one.
    fn decide_join_of_former(&self, join: Join, now: Now) -> Decision {
        let mut changes = self.group_tombstones(&join.group);
        let mut step = self.decide_join_of_nobody(join, now);
        changes.append(&mut step.changes);
        Step { changes, ..step }
    }

    /// The group is made whatever becomes of the join, as in Kafka.
    fn decide_join_of_nobody(&self, join: Join, now: Now) -> Decision {
        let made = ClassicGroup {
            since_unix_ms: Some(now.unix_ms),
            ..ClassicGroup::default()
        };
        let record = Record::Group(Arc::clone(&join.group), Some(made.as_value(|_, _| Bytes::new())));
        let mut step = self.decide_join_of(&made, join, now);
        step.changes.insert(0, Change::Durable(record));
        step
    }

    fn decide_join_of(&self, group: &ClassicGroup, join: Join, now: Now) -> Decision {
        if !self.accepts(group, &join.member) {
            let removed = Change::Soft(join.group, Soft::MemberRemoved(join.member));
            return Step {
                changes: vec![removed],
                ..refuse("", ErrorCode::GroupMaxSizeReached)
            };
        }
        if !group.supports(&join.protocol_type, &join.protocols) {
            return refuse(&join.member, ErrorCode::InconsistentGroupProtocol);
        }
        if join.member.is_empty() {
            decide_new(group, join, now)
        } else if group.awaited.contains(&join.member) {
            decide_awaited(join, now)
        } else {
            decide_known(group, join)
        }
    }

    /// While a rebalance gathers members the parked joins count, so that whoever comes last is the one too many.
    fn accepts(&self, group: &ClassicGroup, member: &str) -> bool {
        match group.phase {
            Phase::Empty => true,
            Phase::Preparing { .. } => {
                group.joining < self.config.max_size
                    || group.members.get(member).is_some_and(|member| member.join.is_some())
            }
            Phase::Completing | Phase::Stable => {
                group.members.len() < self.config.max_size || group.members.contains_key(member)
            }
        }
    }
}

fn decide_new(group: &ClassicGroup, join: Join, now: Now) -> Decision {
    let prefix = join.instance.as_ref().unwrap_or(&join.client_id);
    let id: MemberId = format!("{prefix}-{}", join.fresh).into();
    if let Some(instance) = join.instance.clone() {
        return match group.instances.get(&instance).cloned() {
            Some(old) => decide_return(group, join, (instance, old, id), now),
            None => decide_in(join, id, now),
        };
    }
    if !join.requires_known_member {
        return decide_in(join, id, now);
    }
    if group.awaited.len() >= MAX_AWAITED {
        return refuse("", ErrorCode::GroupMaxSizeReached);
    }
    let deadline = now.plus_ms(i64::from(join.session_timeout_ms));
    let awaited = Change::Soft(join.group, Soft::MemberAwaited(Arc::clone(&id), deadline));
    Step {
        changes: vec![awaited],
        ..refuse(&id, ErrorCode::MemberIdRequired)
    }
}

/// A member that was told its id cannot be static; Kafka fails with an internal error.
fn decide_awaited(join: Join, now: Now) -> Decision {
    if join.instance.is_some() {
        return refuse("", ErrorCode::UnknownServerError);
    }
    let id = Arc::clone(&join.member);
    decide_in(join, id, now)
}

fn decide_in(join: Join, id: MemberId, now: Now) -> Decision {
    let (group, ticket) = (Arc::clone(&join.group), join.ticket);
    let joined = Soft::MemberJoined(Box::new(join), id, now.plus_ms(NEW_MEMBER_TIMEOUT_MS));
    park(&group, ticket, vec![joined, Soft::Unsettled(Settle::Rebalance)])
}

/// A static member comes back without its id: it gets a new one, and whoever still uses the old one is fenced.
fn decide_return(group: &ClassicGroup, mut join: Join, ids: (InstanceId, MemberId, MemberId), now: Now) -> Decision {
    let (instance, old, new) = ids;
    let (id, ticket) = (Arc::clone(&join.group), join.ticket);
    let follows = InstanceReturned {
        member: Arc::clone(&new),
        leader_before: group.leader.clone(),
        skips_assignment: join.skips_assignment,
    };
    let fenced = group.members.get(&old).map(|member| {
        let join = member.join.map(|ticket| {
            (
                ticket,
                Outcome::JoinRefused(Arc::clone(&old), ErrorCode::FencedInstanceId),
            )
        });
        let sync = member
            .sync
            .map(|ticket| (ticket, Outcome::Refused(ErrorCode::FencedInstanceId)));
        join.into_iter().chain(sync).collect()
    });
    join.member = Arc::clone(&new);
    let softs = vec![
        Soft::InstanceReplaced(instance, old, Arc::clone(&new), now),
        Soft::MemberRejoined(Box::new(join), new),
        Soft::Unsettled(Settle::InstanceReturned(follows)),
    ];
    Step {
        released: fenced.unwrap_or_default(),
        ..park(&id, ticket, softs)
    }
}

fn decide_known(group: &ClassicGroup, join: Join) -> Decision {
    if let Err(error) = group.validate(&join.member, join.instance.as_deref()) {
        return refuse(&join.member, error);
    }
    let is_same = group
        .members
        .get(&join.member)
        .is_some_and(|member| member.protocols == join.protocols);
    match group.phase {
        Phase::Empty => refuse(&join.member, ErrorCode::UnknownMemberId),
        Phase::Completing if is_same => Step::answer(Outcome::Joined(group.joined(&join.member))),
        // A leader joins again to have everyone assigned anew.
        Phase::Stable if is_same && !group.is_leader(&join.member) => {
            Step::answer(Outcome::Joined(group.joined(&join.member)))
        }
        Phase::Preparing { .. } | Phase::Completing | Phase::Stable => decide_again(group, join),
    }
}

/// Kafka never answers a parked join that another join of the same member displaces. Nobody can tell: the client has
/// hung up. Here it is told to try again.
fn decide_again(group: &ClassicGroup, join: Join) -> Decision {
    let (id, member, ticket) = (Arc::clone(&join.group), Arc::clone(&join.member), join.ticket);
    let displaced = group.members.get(&member).and_then(|member| member.join);
    let released = displaced
        .map(|ticket| {
            (
                ticket,
                Outcome::JoinRefused(Arc::clone(&member), ErrorCode::RebalanceInProgress),
            )
        })
        .into_iter()
        .collect();
    let softs = vec![
        Soft::MemberRejoined(Box::new(join), member),
        Soft::Unsettled(Settle::Rebalance),
    ];
    Step {
        released,
        ..park(&id, ticket, softs)
    }
}

impl ClassicGroup {
    /// The present generation as a member is told of it.
    pub(super) fn joined(&self, member: &MemberId) -> Joined {
        Joined {
            member: Arc::clone(member),
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: if self.is_leader(member) {
                self.joined_members(self.protocol.as_deref().unwrap_or_default())
            } else {
                Vec::new()
            },
            skip_assignment: false,
        }
    }

    pub(super) fn joined_members(&self, protocol: &str) -> Vec<JoinedMember> {
        let joined = |(id, member): (&MemberId, &super::Member)| JoinedMember {
            member: Arc::clone(id),
            instance: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.iter().map(joined).collect()
    }
}

fn refuse(member: &str, error: ErrorCode) -> Decision {
    Step::answer(Outcome::JoinRefused(member.into(), error))
}

fn park(group: &GroupId, ticket: Ticket, softs: Vec<Soft>) -> Decision {
    let changes = softs
        .into_iter()
        .map(|soft| Change::Soft(Arc::clone(group), soft))
        .collect();
    Step {
        changes,
        reply: Reply::Parked(ticket),
        released: Vec::new(),
    }
}
