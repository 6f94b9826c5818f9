//! JoinGroup of a group of the consumer protocol: a classic member comes in as any other does, and is told its epoch as a
//! generation. Nobody leads; the coordinator assigns (KIP-848).

use std::sync::Arc;

use super::beat::{Beat, Last};
use super::downgrade::Turn;
use super::heartbeat::{Beaten, ConsumerHeartbeat, Entry, check_owner};
use super::{ClassicMember, ConsumerGroup, ConsumerSoft, Refusal, soft};
use crate::group::classic::CONSUMER;
use crate::group::{Change, Coordinator, Decision, Join, Joined, MemberId, Outcome, embedded};
use crate::machine::{Reply, Step};
use crate::units::{ErrorCode, Now};

/// Not in: the member id to answer with, and why.
type Refused = (MemberId, ErrorCode);

impl Coordinator {
    /// Somebody of the classic protocol joins a group with members.
    pub(in crate::group) fn classic_joins(&self, group: &ConsumerGroup, join: &Join, now: Now) -> Decision {
        let decided = self.classic_joined(group, join, now);
        let refuse = |(member, error)| Step::answer(Outcome::JoinRefused(member, error));
        let (changes, joined) = match decided {
            Ok(decided) => decided,
            Err(refused) => return refuse(refused),
        };
        Step {
            changes,
            reply: Reply::Now(Outcome::Joined(joined)),
            released: Vec::new(),
        }
    }

    fn classic_joined(&self, group: &ConsumerGroup, join: &Join, now: Now) -> Result<(Vec<Change>, Joined), Refused> {
        let nobody = |error| (MemberId::default(), error);
        self.admits(group, join).map_err(nobody)?;
        let is_new = join.member.is_empty();
        if is_new && join.instance.is_none() && join.requires_known_member {
            return Err((Arc::clone(&join.fresh), ErrorCode::MemberIdRequired));
        }
        let beat = self.as_beat(join).map_err(nobody)?;
        let entry = group.admit_classic(&beat, is_new).map_err(|(error, _)| nobody(error))?;
        let owner = beat
            .instance
            .as_ref()
            .and_then(|instance| group.instances.get(instance));
        let replaced = owner.filter(|owner| self.becomes_classic(group, owner));
        let step = Beat::new(self, group, &beat, entry, now);
        let turned = match replaced {
            Some(owner) => self.take_over(group, &beat, owner, step.decide_last(), now),
            None => step
                .decide()
                .map(|(changes, beaten)| (after_join(changes, join, &beaten, now), beaten.epoch)),
        };
        let (changes, epoch) = turned.map_err(|(error, _)| nobody(error))?;
        Ok((changes, welcome(&beat, epoch)))
    }

    fn admits(&self, group: &ConsumerGroup, join: &Join) -> Result<(), ErrorCode> {
        let is_full = group.members.len() >= self.config.consumer_max_size;
        let migrates = self.config.migration.upgrades() || self.config.migration.downgrades();
        match () {
            () if !migrates => Err(ErrorCode::InconsistentGroupProtocol),
            () if is_full && !group.members.contains_key(&join.member) => Err(ErrorCode::GroupMaxSizeReached),
            () if !group.supports(join) => Err(ErrorCode::InconsistentGroupProtocol),
            () => Ok(()),
        }
    }

    /// All protocols of a member say the same: the first is read.
    fn as_beat(&self, join: &Join) -> Result<ConsumerHeartbeat, ErrorCode> {
        let first = join.protocols.first().ok_or(ErrorCode::InconsistentGroupProtocol)?;
        let said = embedded::subscription(&first.metadata).map_err(|_| ErrorCode::UnknownServerError)?;
        Ok(ConsumerHeartbeat {
            group: Arc::clone(&join.group),
            member: if join.member.is_empty() {
                Arc::clone(&join.fresh)
            } else {
                Arc::clone(&join.member)
            },
            epoch: 0,
            instance: join.instance.clone(),
            client_id: Arc::clone(&join.client_id),
            client_host: Arc::clone(&join.client_host),
            rebalance_timeout_ms: Some(join.rebalance_timeout_ms).filter(|timeout_ms| *timeout_ms != -1),
            owned: Some(embedded::owned(&said, &self.topics)),
            rack: said.rack_id.map(Into::into),
            topics: Some(said.topics.into_iter().map(Into::into).collect()),
            regex: Some("".into()),
            assignor: None,
            timing: join.timing,
            classic: Some(ClassicMember {
                session_timeout_ms: join.session_timeout_ms,
                protocols: Arc::clone(&join.protocols),
            }),
        })
    }

    /// The last member of the consumer protocol comes back with the classic one, and all are classic now.
    fn take_over(
        &self,
        group: &ConsumerGroup,
        beat: &ConsumerHeartbeat,
        owner: &MemberId,
        last: Result<Last, Refusal>,
        now: Now,
    ) -> Result<(Vec<Change>, i32), Refusal> {
        let Last {
            mut changes,
            epoch,
            subscription,
            is_stale,
        } = last?;
        let turn = Turn {
            leaving: &std::collections::BTreeSet::new(),
            replaces: Some((owner, &beat.member, &subscription)),
            rebalances: is_stale,
        };
        let error = ErrorCode::InconsistentGroupProtocol;
        let turned = self.downgrade(group, &beat.group, &turn, now);
        changes.extend(turned.ok_or_else(|| (error, error.to_string()))?);
        Ok((changes, epoch))
    }
}

impl ConsumerGroup {
    /// Has it a protocol that all classic members have?
    fn supports(&self, join: &Join) -> bool {
        let supporters = |name: &str| self.supporters.get(name).copied().unwrap_or(0);
        let is_common = |name: &str| supporters(name) == self.classic_members;
        &*join.protocol_type == CONSUMER && join.protocols.iter().any(|protocol| is_common(&protocol.name))
    }

    /// A new one gets in without more ado, also in the place of its former self.
    fn admit_classic(&self, beat: &ConsumerHeartbeat, is_new: bool) -> Result<Entry<'_>, Refusal> {
        let Some(instance) = &beat.instance else {
            return Ok(self.entry(&beat.member));
        };
        match self.owner(instance) {
            Ok(owner) if is_new => Ok(self.replacement(owner)),
            Ok(owner) => {
                check_owner(beat, instance, owner)?;
                Ok(self.entry(owner))
            }
            Err(_) if is_new => Ok(self.entry(&beat.member)),
            Err(refusal) => Err(refusal),
        }
    }
}

/// It has to ask for its assignment within the time that a rebalance may take.
fn after_join(mut changes: Vec<Change>, join: &Join, beaten: &Beaten, now: Now) -> Vec<Change> {
    let member = || Arc::clone(&beaten.member);
    let due = now.plus_ms(i64::from(join.rebalance_timeout_ms));
    changes.push(soft(&join.group, ConsumerSoft::JoinOver(member())));
    changes.push(soft(&join.group, ConsumerSoft::SyncDue(member(), due)));
    changes
}

fn welcome(beat: &ConsumerHeartbeat, epoch: i32) -> Joined {
    let first = beat.classic.as_ref().and_then(|classic| classic.protocols.first());
    Joined {
        member: Arc::clone(&beat.member),
        generation: epoch,
        protocol_type: Some(CONSUMER.into()),
        protocol: first.map(|protocol| Arc::clone(&protocol.name)),
        leader: None,
        members: Vec::new(),
        skip_assignment: false,
    }
}
