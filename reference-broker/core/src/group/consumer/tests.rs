//! Members that do whatever they like, from a seed: what must hold holds, and a replay of the records is the same group.

mod claims;
mod migration;

use super::*;
use crate::config::GroupConfig;
use crate::group::{Command, Join, Outcome, codec};
use crate::machine::{Machine, Reply, Ticket};
use crate::units::Now;

const GROUP: &str = "g";
const TIMING: Timing = Timing {
    session_timeout_ms: 45_000,
    heartbeat_interval_ms: 5_000,
    assignment_interval_ms: 0,
};

/// To topic `t`, as members of the classic protocol say it.
const SUBSCRIPTION: &[u8] = b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0";

/// A member of the classic protocol, with these ways of assigning.
fn join<'a>(member: &str, names: impl Iterator<Item = &'a str>) -> Join {
    let protocols = names.map(|name| Protocol {
        name: name.into(),
        metadata: bytes::Bytes::from_static(SUBSCRIPTION),
    });
    Join {
        group: GROUP.into(),
        member: member.into(),
        instance: None,
        protocol_type: "consumer".into(),
        protocols: protocols.collect(),
        session_timeout_ms: 6_000,
        rebalance_timeout_ms: 8_000,
        client_id: "c".into(),
        client_host: "/h".into(),
        fresh: "fresh".into(),
        ticket: Ticket(1),
        requires_known_member: false,
        skips_assignment: true,
        timing: TIMING,
    }
}

/// A coordinator, and everything that it wrote down.
struct Play {
    coordinator: Coordinator,
    written: Vec<Record>,
    now: Now,
}

impl Play {
    fn new() -> Self {
        Self {
            coordinator: Coordinator::new(GroupConfig::default()),
            written: Vec::new(),
            now: Now {
                unix_ms: 1,
                monotonic_ms: 0,
            },
        }
    }

    /// So many partitions of topics `t` and `u`.
    fn topics(&mut self, version: i64, partitions: [usize; 2]) {
        let facts = |index: usize| TopicFacts {
            id: TopicId([u8::try_from(index).unwrap() + 1; 16]),
            racks: vec![Vec::new(); partitions[index]],
        };
        let topics = [("t", 0), ("u", 1)].map(|(name, index)| (TopicName::from(name), facts(index)));
        let seen = Change::TopicsSeen(Arc::new(Topics::new(version, topics.into_iter())));
        self.coordinator.apply(&seen);
    }

    fn run(&mut self, command: Command) -> Outcome {
        self.now.monotonic_ms += 1;
        self.now.unix_ms += 1;
        let step = self.coordinator.decide(command, self.now);
        for change in &step.changes {
            if let Change::Durable(record) = change {
                self.written.push(record.clone());
            }
            self.coordinator.apply(change);
        }
        while let Some(follows) = self.coordinator.unsettled() {
            self.run(follows);
        }
        assert_eq!(self.coordinator.check(), Ok(()));
        match step.reply {
            Reply::Now(outcome) => outcome,
            Reply::Parked(_) => unreachable!("heartbeats are answered at once"),
        }
    }

    /// A restart, from the bytes.
    fn replayed(&self) -> Coordinator {
        let mut coordinator = Coordinator::new(GroupConfig::default());
        for record in &self.written {
            let (key, value) = codec::encode(record).unwrap();
            let record = codec::decode(&key, value.as_deref()).unwrap().unwrap();
            coordinator.apply(&Change::Durable(record));
        }
        coordinator
    }
}

fn beat(member: &str, epoch: i32, owned: Option<Partitions>) -> ConsumerHeartbeat {
    let joins = epoch == 0;
    ConsumerHeartbeat {
        group: GROUP.into(),
        member: member.into(),
        epoch,
        instance: None,
        rack: None,
        client_id: "c".into(),
        client_host: "/h".into(),
        rebalance_timeout_ms: joins.then_some(1_000),
        topics: joins.then(|| ["t".into(), "u".into()].into()),
        regex: None,
        classic: None,
        assignor: None,
        owned: if joins { Some(Partitions::new()) } else { owned },
        timing: TIMING,
    }
}

/// A client: its epoch, and what it was last told to own.
#[derive(Default, Clone)]
struct Client {
    epoch: i32,
    owned: Partitions,
}

#[test]
fn a_partition_has_one_owner_whatever_members_do_and_a_replay_is_the_same_group() {
    let mut play = Play::new();
    let mut clients = vec![Client::default(); 4];
    let mut seed = 7_u64;
    let mut draw = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    play.topics(0, [3, 2]);
    for step in 1..400 {
        let at = usize::try_from(draw(4)).unwrap();
        let client = &mut clients[at];
        let said = match draw(12) {
            0 => beat(&at.to_string(), -1, None),
            1 => beat(&at.to_string(), 0, None),
            2 => {
                let partitions = usize::try_from(draw(6)).unwrap() + 1;
                play.topics(step, [partitions, 2]);
                continue;
            }
            3 => beat(&at.to_string(), client.epoch, None),
            _ => beat(&at.to_string(), client.epoch, Some(client.owned.clone())),
        };
        match play.run(Command::ConsumerHeartbeat(Box::new(said))) {
            Outcome::Beaten(beaten) => {
                client.epoch = beaten.epoch.max(0);
                client.owned = beaten.assignment.unwrap_or_else(|| client.owned.clone());
            }
            _ => *client = Client::default(),
        }
        if client.epoch == 0 {
            client.owned.clear();
        }
        if step % 20 != 0 {
            continue;
        }
        let (live, replayed) = (&play.coordinator, play.replayed());
        assert_eq!(
            live.describe_consumer(&GROUP.into()),
            replayed.describe_consumer(&GROUP.into())
        );
    }
}

#[test]
fn a_member_that_is_silent_is_out_and_its_partitions_are_free() {
    let mut play = Play::new();
    play.topics(0, [2, 0]);
    play.run(Command::ConsumerHeartbeat(Box::new(beat("a", 0, None))));
    play.now.monotonic_ms += 45_001;
    let due = play.coordinator.due(play.now).unwrap();
    assert_eq!(due, Timer::Session(GROUP.into(), "a".into()));
    play.run(Command::Expire(due));
    let described = play.coordinator.describe_consumer(&GROUP.into()).unwrap();
    assert_eq!(
        (described.state, described.epoch, described.members),
        ("Empty", 3, Vec::new())
    );
    assert_eq!(play.coordinator.deadline(), None);
}

#[test]
fn an_expression_is_looked_up_after_the_answer_and_again_when_topics_come() {
    let mut play = Play::new();
    play.topics(0, [1, 0]);
    let mut said = beat("a", 0, None);
    (said.topics, said.regex) = (None, Some("[tv]".into()));
    let first = play.run(Command::ConsumerHeartbeat(Box::new(said)));
    assert!(matches!(first, Outcome::Beaten(beaten) if beaten.assignment == Some(Partitions::new())));
    let next = play.run(Command::ConsumerHeartbeat(Box::new(beat(
        "a",
        1,
        Some(Partitions::new()),
    ))));
    let expected: Partitions = [(TopicId([1; 16]), [0].into())].into();
    assert!(matches!(next, Outcome::Beaten(beaten) if beaten.assignment == Some(expected)));
}
