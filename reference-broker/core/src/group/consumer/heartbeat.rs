//! ConsumerGroupHeartbeat: who may, as whom, and in which epoch.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::beat::Beat;
use super::upgrade::Found;
use super::{AWAY, ClassicMember, ConsumerGroup, Current, Member, Partitions, Refusal, Subscription, durable};
use super::{ConsumerRecord, assign, reconcile, regex};
use crate::config::GroupConfig;
use crate::group::{Change, Coordinator, Decision, GroupId, InstanceId, MemberId, Outcome};
use crate::machine::{Reply, Step};
use crate::mutant::{self, Mutant};
use crate::units::{ErrorCode, Now, TopicName};

/// A member reports, and asks what it should have. What it leaves out is as before.
#[derive(Debug, Clone)]
pub struct ConsumerHeartbeat {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// Its epoch; 0 joins, -1 leaves, -2 goes away for a while.
    pub epoch: i32,
    /// Its name for life.
    pub instance: Option<InstanceId>,
    /// Its rack.
    pub rack: Option<Arc<str>>,
    /// The client's name for itself.
    pub client_id: Arc<str>,
    /// The client's address.
    pub client_host: Arc<str>,
    /// How long it may take to give up partitions.
    pub rebalance_timeout_ms: Option<i32>,
    /// The topics that it names.
    pub topics: Option<BTreeSet<TopicName>>,
    /// The topics that it describes; an empty text takes an expression back.
    pub regex: Option<Arc<str>>,
    /// The assignor that it would have.
    pub assignor: Option<Arc<str>>,
    /// What it owns.
    pub owned: Option<Partitions>,
    /// What the group obeys.
    pub timing: Timing,
    /// What it says in a JoinGroup, if it speaks the classic protocol.
    pub classic: Option<ClassicMember>,
}

/// What a group obeys: its own configs within the broker's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// `consumer.session.timeout.ms`
    pub session_timeout_ms: i32,
    /// `consumer.heartbeat.interval.ms`
    pub heartbeat_interval_ms: i32,
    /// `consumer.assignment.interval.ms`
    pub assignment_interval_ms: i32,
}

/// The answer to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beaten {
    /// Its id.
    pub member: MemberId,
    /// The epoch that it is in now.
    pub epoch: i32,
    /// When it should report again; 0 to who left.
    pub heartbeat_interval_ms: i32,
    /// What it should own; `None` where nothing is new.
    pub assignment: Option<Partitions>,
}

/// The member that a heartbeat is about, as it was.
pub(super) struct Entry<'a> {
    pub(super) before: Cow<'a, Member>,
    /// The member whose name for life it takes over.
    pub(super) replaces: Option<MemberId>,
}

impl ConsumerHeartbeat {
    /// What is wrong with the request itself.
    pub(crate) fn refusal(&self, config: &GroupConfig) -> Option<Refusal> {
        let invalid = |why: &str| Some((ErrorCode::InvalidRequest, why.to_owned()));
        let is_empty = |text: &Option<Arc<str>>| text.as_deref().is_some_and(str::is_empty);
        if self.group.is_empty() {
            return invalid("GroupId can't be empty.");
        }
        if is_empty(&self.instance) {
            return invalid("InstanceId can't be empty.");
        }
        if is_empty(&self.rack) {
            return invalid("RackId can't be empty.");
        }
        let wrong = match self.epoch {
            0 => self.refusal_to_join(),
            AWAY if self.instance.is_none() => Some("InstanceId can't be null."),
            ..AWAY => Some("MemberEpoch is invalid."),
            _ => None,
        };
        if let Some(why) = wrong {
            return invalid(why);
        }
        let known: Vec<_> = config
            .consumer_assignors
            .iter()
            .map(|assignor| assignor.name())
            .collect();
        let assignor = self.assignor.as_deref();
        let unsupported = assignor.filter(|name| !known.contains(name))?;
        let known = known.join(", ");
        let why = format!("ServerAssignor {unsupported} is not supported. Supported assignors: {known}.");
        Some((ErrorCode::UnsupportedAssignor, why))
    }

    fn refusal_to_join(&self) -> Option<&'static str> {
        if self.rebalance_timeout_ms.is_none() {
            Some("RebalanceTimeoutMs must be provided in first request.")
        } else if self.owned.as_ref().is_none_or(|owned| !owned.is_empty()) {
            Some("TopicPartitions must be empty when (re-)joining.")
        } else if self.topics.is_none() && self.regex.is_none() {
            Some("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
        } else {
            None
        }
    }

    pub(super) fn joins(&self) -> bool {
        self.epoch == 0
    }

    /// A request that says everything is answered with everything.
    pub(super) fn is_full(&self) -> bool {
        self.rebalance_timeout_ms.is_some() && (self.topics.is_some() || self.regex.is_some()) && self.owned.is_some()
    }

    /// The member's subscription, with what the request says.
    pub(super) fn update(&self, before: &Subscription) -> Subscription {
        let or = |new: &Option<Arc<str>>, old: &Option<Arc<str>>| new.clone().or_else(|| old.clone());
        Subscription {
            instance: or(&self.instance, &before.instance),
            rack: or(&self.rack, &before.rack),
            client_id: Arc::clone(&self.client_id),
            client_host: Arc::clone(&self.client_host),
            topics: self.topics.clone().unwrap_or_else(|| before.topics.clone()),
            regex: or(&self.regex, &before.regex),
            rebalance_timeout_ms: self.rebalance_timeout_ms.unwrap_or(before.rebalance_timeout_ms),
            assignor: or(&self.assignor, &before.assignor),
            classic: self.classic.clone(),
        }
    }
}

impl Coordinator {
    pub(in crate::group) fn decide_consumer_heartbeat(&self, beat: &ConsumerHeartbeat, now: Now) -> Decision {
        let decided = if beat.epoch < 0 {
            self.consumer_leaves(beat, now)
        } else {
            self.consumer_beats(beat, now)
        };
        decided.unwrap_or_else(|(error, why)| Step::answer(Outcome::RefusedWith(error, why)))
    }

    fn consumer_beats(&self, beat: &ConsumerHeartbeat, now: Now) -> Result<Decision, Refusal> {
        let found = match self.consumers.contains_key(&beat.group) || !beat.joins() {
            true => Found::default(),
            false => self.become_consumer(&beat.group, now)?,
        };
        let Found {
            group: new,
            mut changes,
            released,
        } = found;
        let group = match beat.joins() {
            true => self.consumers.get(&beat.group).unwrap_or(&new),
            false => self.consumer_group(&beat.group)?,
        };
        if group.members.len() >= self.config.consumer_max_size && !group.members.contains_key(&beat.member) {
            let why = format!(
                "The consumer group has reached its maximum capacity of {} members.",
                self.config.consumer_max_size
            );
            return Err((ErrorCode::GroupMaxSizeReached, why));
        }
        let entry = group.admit(beat)?;
        if let Some(expression) = beat.regex.as_deref().filter(|expression| !expression.is_empty())
            && !group.has_regex(expression)
        {
            regex::check(expression)?;
        }
        let step = Beat::new(self, group, beat, entry, now);
        let (more, beaten) = step.decide()?;
        changes.extend(more);
        Ok(Step {
            changes,
            reply: Reply::Now(Outcome::Beaten(beaten)),
            released,
        })
    }

    /// The group of that name, if it is one of the consumer protocol.
    pub(super) fn consumer_group(&self, id: &GroupId) -> Result<&ConsumerGroup, Refusal> {
        let why = match self.groups.contains_key(id) {
            true => format!("Group {id} is not a consumer group."),
            false => format!("Group {id} not found."),
        };
        self.consumers.get(id).ok_or((ErrorCode::GroupIdNotFound, why))
    }
}

impl ConsumerGroup {
    /// The member that has this name for life.
    pub(super) fn owner(&self, instance: &InstanceId) -> Result<&MemberId, Refusal> {
        let unknown = || {
            let why = format!("Instance id {instance} is unknown.");
            (ErrorCode::UnknownMemberId, why)
        };
        self.instances.get(instance).ok_or_else(unknown)
    }

    fn has_regex(&self, expression: &str) -> bool {
        self.members
            .values()
            .any(|member| member.subscription.regex.as_deref() == Some(expression))
    }

    /// As whom may it report?
    fn admit(&self, beat: &ConsumerHeartbeat) -> Result<Entry<'_>, Refusal> {
        if let Some(instance) = &beat.instance {
            match self.owner(instance) {
                Ok(owner) => return self.admit_instance(beat, instance, owner),
                Err(_) if beat.joins() => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if !beat.joins() {
            self.member(&beat.group, &beat.member)?;
        }
        let entry = self.entry(&beat.member);
        validate_epoch(&entry.before.current, beat)?;
        Ok(entry)
    }

    /// A member as it is, or as one that is not yet.
    pub(super) fn entry(&self, member: &MemberId) -> Entry<'_> {
        let known = self.members.get(member).map(Cow::Borrowed);
        Entry {
            before: known.unwrap_or_else(|| Cow::Owned(Member::new())),
            replaces: None,
        }
    }

    /// A member as who takes its place finds it: its share is kept, its epoch begins anew.
    pub(super) fn replacement(&self, owner: &MemberId) -> Entry<'_> {
        let mut entry = self.entry(owner);
        let current = &mut entry.before.to_mut().current;
        (current.epoch, current.previous_epoch) = (0, 0);
        entry.replaces = Some(Arc::clone(owner));
        entry
    }

    /// The name for life is known: its owner reports, or someone takes over from an owner who is away.
    fn admit_instance(
        &self,
        beat: &ConsumerHeartbeat,
        instance: &InstanceId,
        owner: &MemberId,
    ) -> Result<Entry<'_>, Refusal> {
        let member = self.member(&beat.group, owner)?;
        if beat.joins() {
            if member.current.epoch != AWAY && member.subscription.classic.is_none() {
                let why = format!(
                    "Static member {} with instance id {instance} cannot join the group because the instance id is owned by {owner} member.",
                    beat.member
                );
                return Err((ErrorCode::UnreleasedInstanceId, why));
            }
            return Ok(self.replacement(owner));
        }
        check_owner(beat, instance, owner)?;
        validate_epoch(&member.current, beat)?;
        Ok(self.entry(owner))
    }

    /// The records by which a static member takes over from its former self.
    pub(super) fn replace(&self, group: &GroupId, old: &MemberId, new: &MemberId, member: &Member) -> Vec<Change> {
        let target = self.target_of(old);
        let records = [
            ConsumerRecord::Current(Arc::clone(old), None),
            ConsumerRecord::Target(Arc::clone(old), None),
            ConsumerRecord::Member(Arc::clone(old), None),
            ConsumerRecord::Member(Arc::clone(new), Some(member.subscription.clone())),
            ConsumerRecord::Target(Arc::clone(new), Some(target)),
            ConsumerRecord::Current(Arc::clone(new), Some(member.current.clone())),
        ];
        records.into_iter().map(|record| durable(group, record)).collect()
    }
}

impl Member {
    fn new() -> Self {
        Self {
            subscription: Subscription {
                regex: Some("".into()),
                rebalance_timeout_ms: -1,
                ..Subscription::default()
            },
            current: Current::default(),
        }
    }
}

pub(super) fn check_owner(beat: &ConsumerHeartbeat, instance: &InstanceId, owner: &MemberId) -> Result<(), Refusal> {
    if *owner == beat.member {
        return Ok(());
    }
    let why = format!(
        "Static member {} with instance id {instance} was fenced by member {owner}.",
        beat.member
    );
    Err((ErrorCode::FencedInstanceId, why))
}

/// A member may lag an epoch behind if an answer was lost, and has no more than it was given then.
fn validate_epoch(current: &Current, beat: &ConsumerHeartbeat) -> Result<(), Refusal> {
    let than = if beat.epoch > current.epoch {
        "greater"
    } else {
        "smaller"
    };
    let has_no_more = || {
        let mut owned = beat.owned.iter().flat_map(assign::pairs);
        beat.owned.is_some() && owned.all(|(topic, partition)| reconcile::contains(&current.assigned, topic, partition))
    };
    let lags = beat.epoch < current.epoch && beat.epoch == current.previous_epoch && has_no_more();
    if beat.joins() || beat.epoch == current.epoch || lags || mutant::on(Mutant::StaleMemberEpochAccepted) {
        return Ok(());
    }
    let why = format!(
        "The consumer group member has a {than} member epoch ({}) than the one known by the group coordinator ({}). The \
         member must abandon all its partitions and rejoin.",
        beat.epoch, current.epoch
    );
    Err((ErrorCode::FencedMemberEpoch, why))
}
