//! How a classic group changes. Nothing here decides: a change says what happened, and when.

use std::sync::Arc;

use super::join::{Join, Protocol};
use super::{ClassicGroup, Member, Phase, nothing, subscription};
use crate::group::record::{GroupValue, MemberValue};
use crate::group::timers::{Timer, Timers};
use crate::group::{GroupId, InstanceId, MemberId, Soft};
use crate::units::Now;

impl ClassicGroup {
    /// A record of the group: at replay all that is known of it, live what has just become durable.
    pub(in crate::group) fn restore(&mut self, value: &GroupValue) {
        self.phase = if value.members.is_empty() {
            Phase::Empty
        } else {
            Phase::Stable
        };
        self.generation = value.generation;
        self.protocol_type = Some(Arc::clone(&value.protocol_type)).filter(|name| !name.is_empty());
        self.protocol = value.protocol.clone();
        self.leader = value.leader.clone();
        self.since_unix_ms = Some(value.since_unix_ms).filter(|since| *since != -1);
        let mut known = std::mem::take(&mut self.members);
        self.instances.clear();
        self.supporters.clear();
        for member in &value.members {
            let restored = restore_member(known.remove(&member.member_id), member, value.protocol.as_ref());
            self.insert(Arc::clone(&member.member_id), restored);
        }
        self.joining = self.members.values().filter(|member| member.join.is_some()).count();
        self.subscribed = self.compute_subscribed();
    }

    /// Something soft happened to the group of this name.
    pub(in crate::group) fn apply(&mut self, id: &GroupId, soft: &Soft, timers: &mut Timers) {
        match soft {
            Soft::MemberAwaited(member, deadline) => {
                self.awaited.insert(Arc::clone(member));
                timers.set(session(id, member), *deadline);
            }
            Soft::MemberJoined(join, member, deadline) => {
                self.add(join, member);
                timers.set(session(id, member), *deadline);
            }
            Soft::MemberRejoined(join, member) => self.update(join, member),
            Soft::MemberRemoved(member) => {
                self.remove(member);
                timers.cancel(&session(id, member));
            }
            Soft::InstanceReplaced(instance, old, new, at) => {
                self.replace(instance, old, new);
                timers.cancel(&session(id, old));
                self.renew(id, new, *at, timers);
            }
            Soft::RebalancePrepared(at, deadline, initial) => {
                self.prepare(id, *at, timers);
                self.phase = Phase::Preparing {
                    initial: *initial,
                    newcomers: false,
                };
                self.since_unix_ms = Some(at.unix_ms);
                timers.cancel(&Timer::Sync(Arc::clone(id)));
                timers.set(Timer::Join(Arc::clone(id)), *deadline);
            }
            Soft::JoinExtended(deadline, extension) => {
                if let (Phase::Preparing { initial, newcomers }, Some(extension)) = (&mut self.phase, extension) {
                    (*initial, *newcomers) = (Some(*extension), false);
                }
                timers.set(Timer::Join(Arc::clone(id)), *deadline);
            }
            Soft::GenerationStarted(at, leader, protocol) => self.start(id, *at, leader, protocol, timers),
            Soft::JoinAnswered(member) => self.end_join(member),
            Soft::SyncParked(member, ticket) => {
                if let Some(member) = self.members.get_mut(member) {
                    member.sync = Some(*ticket);
                }
                self.see_sync(id, member, timers);
            }
            Soft::SyncSeen(member) => self.see_sync(id, member, timers),
            Soft::AssignmentSpread(at) => self.spread(id, *at, timers),
            Soft::SessionRenewed(member, deadline) => timers.set(session(id, member), *deadline),
            Soft::ProtocolsKnown(member, protocols) => {
                if let Some(mut known) = self.take(member) {
                    known.protocols = Arc::clone(protocols);
                    self.insert(Arc::clone(member), known);
                }
            }
            Soft::Consumer(_) | Soft::Unsettled(_) | Soft::Settled => {}
        }
    }

    /// Every member has its session timeout from now: after a replay nobody is known to be alive.
    pub(in crate::group) fn watch_members(&self, id: &GroupId, at: Now, timers: &mut Timers) {
        for member in self.members.keys() {
            self.renew(id, member, at, timers);
        }
    }

    pub(in crate::group) fn cancel_timers(&self, id: &GroupId, timers: &mut Timers) {
        timers.cancel(&Timer::Join(Arc::clone(id)));
        timers.cancel(&Timer::Sync(Arc::clone(id)));
        for member in self.members.keys().chain(&self.awaited) {
            timers.cancel(&session(id, member));
        }
    }

    fn add(&mut self, join: &Join, id: &MemberId) {
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(&join.protocol_type));
        }
        if let Phase::Preparing {
            initial: Some(_),
            newcomers,
        } = &mut self.phase
        {
            *newcomers = true;
        }
        self.awaited.remove(id);
        self.leader.get_or_insert_with(|| Arc::clone(id));
        self.joining += 1;
        let member = Member {
            instance_id: join.instance.clone(),
            client_id: Arc::clone(&join.client_id),
            client_host: Arc::clone(&join.client_host),
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            session_timeout_ms: join.session_timeout_ms,
            protocols: Arc::clone(&join.protocols),
            assignment: nothing(),
            join: Some(join.ticket),
            sync: None,
            is_new: true,
        };
        self.insert(Arc::clone(id), member);
    }

    pub(super) fn insert(&mut self, id: MemberId, member: Member) {
        if let Some(instance) = &member.instance_id {
            self.instances.insert(Arc::clone(instance), Arc::clone(&id));
        }
        for protocol in &*member.protocols {
            *self.supporters.entry(Arc::clone(&protocol.name)).or_default() += 1;
        }
        self.members.insert(id, member);
    }

    fn update(&mut self, join: &Join, id: &MemberId) {
        let Some(mut member) = self.take(id) else { return };
        self.joining += usize::from(member.join.is_none());
        member.protocols = Arc::clone(&join.protocols);
        member.rebalance_timeout_ms = join.rebalance_timeout_ms;
        member.session_timeout_ms = join.session_timeout_ms;
        member.join = Some(join.ticket);
        self.insert(Arc::clone(id), member);
    }

    /// Takes a member out of all books but the leader's and the tickets'.
    fn take(&mut self, id: &MemberId) -> Option<Member> {
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance_id {
            self.instances.remove(instance);
        }
        for protocol in &*member.protocols {
            if let Some(count) = self.supporters.get_mut(&protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.supporters.remove(&protocol.name);
                }
            }
        }
        Some(member)
    }

    fn remove(&mut self, id: &MemberId) {
        if let Some(member) = self.take(id) {
            self.joining -= usize::from(member.join.is_some());
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.awaited.remove(id);
        self.unsynced.remove(id);
    }

    /// The new id takes over all that the old one was, but for its parked requests: those were fenced.
    fn replace(&mut self, instance: &InstanceId, old: &MemberId, new: &MemberId) {
        let Some(mut member) = self.take(old) else { return };
        self.joining -= usize::from(member.join.take().is_some());
        member.sync = None;
        member.is_new = false;
        member.instance_id = Some(Arc::clone(instance));
        self.insert(Arc::clone(new), member);
        if self.is_leader(old) {
            self.leader = Some(Arc::clone(new));
        }
    }

    /// Who waited for an assignment has been told to join again.
    fn prepare(&mut self, id: &GroupId, at: Now, timers: &mut Timers) {
        let was_completing = self.phase == Phase::Completing;
        self.unsynced.clear();
        for (member_id, member) in &mut self.members {
            if was_completing {
                member.assignment = nothing();
            }
            if member.sync.take().is_some() {
                timers.set(session(id, member_id), at.plus_ms(i64::from(member.session_timeout_ms)));
            }
        }
    }

    fn start(&mut self, id: &GroupId, at: Now, leader: &MemberId, protocol: &Arc<str>, timers: &mut Timers) {
        self.phase = Phase::Completing;
        self.since_unix_ms = Some(at.unix_ms);
        self.generation = self.generation.wrapping_add(1);
        self.leader = Some(Arc::clone(leader));
        self.protocol = Some(Arc::clone(protocol));
        self.subscribed = self.compute_subscribed();
        self.unsynced = self.members.keys().cloned().collect();
        self.joining = 0;
        for member in self.members.values_mut() {
            (member.join, member.is_new) = (None, false);
        }
        self.watch_members(id, at, timers);
        timers.cancel(&Timer::Join(Arc::clone(id)));
        timers.set(Timer::Sync(Arc::clone(id)), at.plus_ms(self.rebalance_timeout_ms()));
    }

    fn end_join(&mut self, id: &MemberId) {
        if let Some(member) = self.members.get_mut(id) {
            self.joining -= usize::from(member.join.take().is_some());
        }
    }

    fn see_sync(&mut self, id: &GroupId, member: &MemberId, timers: &mut Timers) {
        self.unsynced.remove(member);
        if self.unsynced.is_empty() {
            timers.cancel(&Timer::Sync(Arc::clone(id)));
        }
    }

    fn spread(&mut self, id: &GroupId, at: Now, timers: &mut Timers) {
        self.since_unix_ms = Some(at.unix_ms);
        for (member_id, member) in &mut self.members {
            if member.sync.take().is_some() {
                timers.set(session(id, member_id), at.plus_ms(i64::from(member.session_timeout_ms)));
            }
        }
    }

    fn renew(&self, id: &GroupId, member_id: &MemberId, at: Now, timers: &mut Timers) {
        if let Some(member) = self.members.get(member_id) {
            timers.set(session(id, member_id), at.plus_ms(i64::from(member.session_timeout_ms)));
        }
    }

    /// Known for consumers whose chosen protocol all members describe in the consumer protocol's own words.
    fn compute_subscribed(&self) -> Option<std::collections::BTreeSet<crate::units::TopicName>> {
        if !self.is_of_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(std::collections::BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut all = std::collections::BTreeSet::new();
        for member in self.members.values() {
            all.extend(subscription::topics(&member.metadata(protocol))?);
        }
        Some(all)
    }
}

fn session(group: &GroupId, member: &MemberId) -> Timer {
    Timer::Session(Arc::clone(group), Arc::clone(member))
}

/// A member known already keeps what the record does not tell: its other protocols and its parked request.
fn restore_member(known: Option<Member>, value: &MemberValue, protocol: Option<&Arc<str>>) -> Member {
    let chosen = Protocol {
        name: protocol.cloned().unwrap_or_default(),
        metadata: value.subscription.clone(),
    };
    let known = known.filter(|member| member.protocols.contains(&chosen));
    let (protocols, join, sync, is_new) = known.map_or_else(
        || (Arc::from([chosen]), None, None, false),
        |member| (member.protocols, member.join, member.sync, member.is_new),
    );
    let rebalance_timeout_ms = if value.rebalance_timeout_ms == -1 {
        value.session_timeout_ms
    } else {
        value.rebalance_timeout_ms
    };
    Member {
        instance_id: value.instance_id.clone(),
        client_id: Arc::clone(&value.client_id),
        client_host: Arc::clone(&value.client_host),
        rebalance_timeout_ms,
        session_timeout_ms: value.session_timeout_ms,
        protocols,
        assignment: value.assignment.clone(),
        join,
        sync,
        is_new,
    }
}
