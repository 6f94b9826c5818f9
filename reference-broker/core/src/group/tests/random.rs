//! Random commands: whatever clients send, the books stay right, nobody waits for ever, and what is durable is what a
//! restart finds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::play::Play;
use crate::config::GroupConfig;
use crate::group::*;
use crate::machine::{Machine, Reply, Ticket};
use crate::units::{Offset, TopicId};

/// A command before it is known which members there are: numbers choose among those.
#[derive(Debug, Clone)]
enum Deed {
    Join {
        group: u8,
        member: u8,
        instance: Option<u8>,
        protocols: u8,
        known: bool,
        rebalance_ms: i32,
    },
    Sync {
        group: u8,
        member: u8,
        generation: i32,
    },
    Beat {
        group: u8,
        member: u8,
        generation: i32,
    },
    Leave {
        group: u8,
        members: Vec<u8>,
    },
    Commit {
        group: u8,
        member: u8,
        generation: i32,
        partition: i32,
    },
    DeleteOffsets {
        group: u8,
    },
    Delete {
        group: u8,
    },
    DropTopic,
    Wait {
        ms: i64,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    // Group, member and generation, as nearly every deed needs them.
    let whose = (0..2_u8, 0..8_u8, -1..2_i32);
    let instance = proptest::option::weighted(0.4, 0..2_u8);
    let join = (whose.clone(), instance, 1..16_u8, any::<bool>(), 1..20_000_i32);
    let join = join.prop_map(
        |((group, member, _), instance, protocols, known, rebalance_ms)| Deed::Join {
            group,
            member,
            instance,
            protocols,
            known,
            rebalance_ms,
        },
    );
    let leave = (0..2_u8, proptest::collection::vec(0..8_u8, 1..3));
    let commit = (whose.clone(), 0..3_i32);
    prop_oneof![
        8 => join,
        6 => whose.clone().prop_map(|(group, member, generation)| Deed::Sync { group, member, generation }),
        3 => whose.prop_map(|(group, member, generation)| Deed::Beat { group, member, generation }),
        2 => leave.prop_map(|(group, members)| Deed::Leave { group, members }),
        2 => commit.prop_map(|((group, member, generation), partition)| Deed::Commit {
            group,
            member,
            generation,
            partition,
        }),
        1 => (0..2_u8).prop_map(|group| Deed::DeleteOffsets { group }),
        1 => (0..2_u8).prop_map(|group| Deed::Delete { group }),
        1 => Just(Deed::DropTopic),
        4 => (0..8_000_i64).prop_map(|ms| Deed::Wait { ms }),
    ]
}

/// Everyone who was ever told an id, and every ticket that is out.
#[derive(Default)]
struct Clients {
    ids: HashMap<GroupId, Vec<MemberId>>,
    parked: HashSet<Ticket>,
    generations: HashMap<GroupId, i32>,
    asked: u64,
}

struct World {
    play: Play,
    clients: Clients,
}

impl World {
    fn new() -> Self {
        let config = GroupConfig {
            max_size: 5,
            offsets_retention_minutes: 1,
            offsets_retention_check_interval_ms: 20_000,
            ..GroupConfig::default()
        };
        Self {
            play: Play::new(config),
            clients: Clients::default(),
        }
    }

    fn member(&self, group: &GroupId, number: u8) -> MemberId {
        let ids = self.clients.ids.get(group).map(Vec::as_slice).unwrap_or_default();
        ids.iter().rev().nth(usize::from(number)).cloned().unwrap_or_default()
    }

    /// Relative to the present one: most requests should get somewhere.
    fn generation(&self, group: &GroupId, offset: i32) -> i32 {
        let present = self
            .play
            .coordinator
            .groups
            .get(group)
            .map_or(0, |group| group.generation());
        if offset == 1 { present } else { present + offset }
    }

    fn run(&mut self, command: Command) {
        let reply = self.step(command);
        match reply {
            Reply::Now(outcome) => self.hear(&outcome),
            Reply::Parked(ticket) => assert!(self.clients.parked.insert(ticket)),
        }
        while let Some(follows) = self.play.coordinator.unsettled() {
            self.step(follows);
        }
        self.check();
    }

    fn step(&mut self, command: Command) -> Reply<Outcome> {
        let step = self.play.coordinator.decide(command, self.play.now);
        for change in &step.changes {
            if let Change::Durable(record) = change {
                self.play.log.push(record.clone());
            }
            self.play.coordinator.apply(change);
        }
        if let Reply::Parked(ticket) = step.reply {
            assert!(!self.clients.parked.contains(&ticket));
        }
        for (ticket, outcome) in &step.released {
            assert!(
                self.clients.parked.remove(ticket),
                "{ticket:?} was not parked: {outcome:?}"
            );
            self.hear(outcome);
        }
        step.reply
    }

    fn hear(&mut self, outcome: &Outcome) {
        if let Outcome::Joined(joined) = outcome {
            assert!(joined.members.is_empty() || joined.leader.as_ref() == Some(&joined.member));
        }
    }

    fn check(&mut self) {
        assert_eq!(self.play.coordinator.check(), Ok(()));
        let mut parked = HashSet::new();
        for (id, group) in &self.play.coordinator.groups {
            for (member_id, member) in group.members() {
                let ids = self.clients.ids.entry(Arc::clone(id)).or_default();
                if !ids.contains(member_id) {
                    ids.push(Arc::clone(member_id));
                }
                for ticket in member.join.iter().chain(&member.sync) {
                    assert!(parked.insert(*ticket), "a ticket is parked once");
                }
                let watched = self
                    .play
                    .coordinator
                    .timers
                    .is_set(&Timer::Session(Arc::clone(id), Arc::clone(member_id)));
                assert!(
                    watched || (!member.is_new && (member.join.is_some() || member.sync.is_some())),
                    "{member_id} is watched or waits"
                );
            }
            let waits = |timer: fn(GroupId) -> Timer| self.play.coordinator.timers.is_set(&timer(Arc::clone(id)));
            assert!(!group.is_preparing() || waits(Timer::Join), "a rebalance ends by time");
            let has_sync = group.members().any(|(_, member)| member.sync.is_some());
            assert!(!has_sync || waits(Timer::Sync), "a sync ends by time");
            let before = self.clients.generations.insert(Arc::clone(id), group.generation());
            assert!(
                before.is_none_or(|before| before <= group.generation()),
                "a generation never goes back"
            );
        }
        self.clients
            .generations
            .retain(|id, _| self.play.coordinator.groups.contains_key(id));
        assert_eq!(
            parked, self.clients.parked,
            "every ticket that is out is parked somewhere"
        );
    }

    fn do_deed(&mut self, deed: &Deed) {
        self.clients.asked += 1;
        let ticket = Ticket(self.clients.asked);
        let name = |group: u8| -> GroupId { format!("g{group}").into() };
        match deed {
            Deed::Join {
                group,
                member,
                instance,
                protocols,
                known,
                rebalance_ms,
            } => {
                let group = name(*group);
                let member = self.member(&group, *member);
                let join = self.as_join(group, member, *instance, *protocols, (*known, *rebalance_ms), ticket);
                self.run(Command::Join(join));
            }
            Deed::Sync {
                group,
                member,
                generation,
            } => {
                let group = name(*group);
                let (member, generation) = (self.member(&group, *member), self.generation(&group, *generation));
                let assignments = vec![(Arc::clone(&member), Bytes::from_static(b"x"))];
                let sync = Sync {
                    group,
                    member,
                    instance: None,
                    generation,
                    protocol_type: None,
                    protocol: None,
                    assignments,
                    ticket,
                };
                self.run(Command::Sync(sync));
            }
            Deed::Beat {
                group,
                member,
                generation,
            } => {
                let group = name(*group);
                let (member, generation) = (self.member(&group, *member), self.generation(&group, *generation));
                self.run(Command::Heartbeat(Heartbeat {
                    group,
                    member,
                    instance: None,
                    generation,
                }));
            }
            Deed::Leave { group, members } => {
                let group = name(*group);
                let leaver = |number: &u8| Leaver {
                    member: self.member(&group, *number),
                    instance: Some("i0".into()).filter(|_| *number == 0),
                };
                let members = members.iter().map(leaver).collect();
                self.run(Command::Leave(Leave { group, members }));
            }
            Deed::Commit {
                group,
                member,
                generation,
                partition,
            } => {
                let group = name(*group);
                let (member, generation) = (self.member(&group, *member), self.generation(&group, *generation));
                let offset = OffsetToCommit {
                    topic: "t".into(),
                    topic_id: TopicId::ZERO,
                    partition: *partition,
                    offset: self.play.now.unix_ms,
                    leader_epoch: -1,
                    metadata: None,
                };
                self.run(Command::Commit(Commit {
                    group,
                    member,
                    instance: None,
                    generation,
                    retention_ms: None,
                    tells_unknown_group: true,
                    offsets: vec![offset],
                }));
            }
            Deed::DeleteOffsets { group } => self.run(Command::DeleteOffsets(name(*group), vec![("t".into(), 0)])),
            Deed::Delete { group } => self.run(Command::DeleteGroup(name(*group))),
            Deed::DropTopic => self.run(Command::TopicDeleted("t".into(), TopicId::ZERO)),
            Deed::Wait { ms } => self.wait(*ms),
        }
    }

    fn as_join(
        &self,
        group: GroupId,
        member: MemberId,
        instance: Option<u8>,
        protocols: u8,
        (known, rebalance_ms): (bool, i32),
        ticket: Ticket,
    ) -> Join {
        let names = ["range", "rr", "sticky", "range"]
            .iter()
            .enumerate()
            .filter(|(index, _)| protocols & (1 << index) != 0);
        Join {
            group,
            member,
            instance: instance.map(|number| format!("i{number}").into()),
            protocol_type: "consumer".into(),
            protocols: names
                .map(|(_, name)| Protocol {
                    name: (*name).into(),
                    metadata: Bytes::new(),
                })
                .collect(),
            session_timeout_ms: 6_000,
            rebalance_timeout_ms: rebalance_ms,
            client_id: "c".into(),
            client_host: "/h".into(),
            fresh: ticket.0.to_string().into(),
            ticket,
            requires_known_member: known,
            skips_assignment: known,
            timing: Timing::default(),
        }
    }

    fn wait(&mut self, ms: i64) {
        let end = self.play.now.monotonic_ms + ms;
        while let Some(due) = self
            .play
            .coordinator
            .deadline()
            .map(|deadline| deadline.0)
            .filter(|due| *due <= end)
        {
            self.play
                .pass(due.max(self.play.now.monotonic_ms) - self.play.now.monotonic_ms);
            if let Some(timer) = self.play.coordinator.due(self.play.now) {
                self.run(Command::Expire(timer));
            }
        }
        self.play.pass(end - self.play.now.monotonic_ms);
    }

    fn offsets(&self) -> Vec<String> {
        let groups = ["g0", "g1"];
        groups
            .iter()
            .flat_map(|group| {
                self.play
                    .coordinator
                    .all_committed(group, View::Written)
                    .map(|offset| format!("{group} {offset:?}"))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn groups(&self) -> Vec<(Listed, Option<Described>, i32)> {
        let coordinator = &self.play.coordinator;
        coordinator
            .list()
            .map(|listed| {
                let generation = coordinator
                    .groups
                    .get(&listed.group)
                    .map_or(0, |group| group.generation());
                (listed.clone(), coordinator.describe(&listed.group), generation)
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_books_stay_right_and_nobody_waits_for_ever(deeds in proptest::collection::vec(deed(), 1..120)) {
        let mut world = World::new();
        for deed in &deeds {
            world.do_deed(deed);
        }
        // New members are held for five minutes at most, everyone else for a session or a rebalance.
        world.wait(3 * 5 * 60_000);
        prop_assert!(world.clients.parked.is_empty());
        prop_assert!(world.play.coordinator.groups.values().all(|group| group.is_empty()));
    }

    #[test]
    fn a_restart_finds_what_was_durable(deeds in proptest::collection::vec(deed(), 1..120)) {
        let mut world = World::new();
        for deed in &deeds {
            world.do_deed(deed);
        }
        let offsets = world.offsets();
        let is_settled = |group: &Listed| ["Empty", "Stable"].contains(&group.state);
        let settled: Vec<_> = world.groups().into_iter().filter(|(group, ..)| is_settled(group)).collect();
        world.play.restart();
        world.clients.parked.clear();
        world.clients.generations.clear();
        prop_assert_eq!(offsets, world.offsets());
        let found = world.groups();
        for group in settled {
            prop_assert!(found.contains(&group), "{group:?} is not among {found:?}");
        }
        world.check();
    }
}

fn key(group: u8, partition: i32) -> OffsetKey {
    OffsetKey {
        group: format!("g-{group}").into(),
        topic: "t".into(),
        partition,
    }
}

fn value(offset: i64) -> OffsetValue {
    OffsetValue {
        offset,
        leader_epoch: -1,
        metadata: "".into(),
        commit_unix_ms: 0,
        expire_unix_ms: None,
        topic_id: TopicId::ZERO,
    }
}

/// One by one, and all at once.
fn read(coordinator: &Coordinator, view: View) -> Vec<(u8, i32, i64)> {
    let groups = 0..2_u8;
    let of_group = |group: u8| {
        let name = key(group, 0).group;
        let one_by_one = (0..3).filter_map(|partition| {
            let value = coordinator.committed(&name, "t", TopicId::ZERO, partition, view)?;
            Some((group, partition, value.offset))
        });
        let one_by_one: Vec<_> = one_by_one.collect();
        let all = coordinator.all_committed(&name, view);
        let all: Vec<_> = all
            .map(|(_, partition, value)| (group, partition, value.offset))
            .collect();
        assert_eq!(one_by_one, all);
        all
    };
    groups.flat_map(of_group).collect()
}

proptest! {
    #[test]
    fn what_is_shown_of_a_log_that_replicas_lack_is_what_they_have(
        writes in proptest::collection::vec((0..2_u8, 0..3_i32, proptest::option::weighted(0.8, 0..100_i64), 0..3_i64), 1..40),
    ) {
        let mut live = Coordinator::new(GroupConfig::default());
        let (mut log, mut replicated) = (Vec::new(), 0);
        for (group, partition, offset, more) in writes {
            let change = Change::Durable(Record::Offset(key(group, partition), offset.map(value)));
            log.push(change.clone());
            let end = i64::try_from(log.len()).expect("a short log");
            live.written(Offset(end), Offset(replicated));
            live.apply(&change);
            replicated = end.min(replicated + more);
            live.replicated(Offset(replicated));
            for (view, end) in [(View::Replicated, replicated), (View::Written, end)] {
                let mut replica = Coordinator::new(GroupConfig::default());
                let has = log.iter().take(usize::try_from(end).expect("not negative"));
                has.for_each(|change| replica.apply(change));
                prop_assert_eq!(read(&live, view), read(&replica, View::Written));
            }
        }
    }
}
