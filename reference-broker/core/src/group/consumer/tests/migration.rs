//! Members of both protocols that do whatever they like, from a seed: the group goes from one protocol to the other and
//! back, nobody waits for ever, no timer outlives its member, and a replay of the records is the same group.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::group::{Commit, Heartbeat, Join, Leave, Leaver, OffsetToCommit, Sync, View};
use crate::machine::Ticket;
use crate::units::ErrorCode;

/// Somebody who speaks one protocol or the other.
#[derive(Default, Clone)]
struct Actor {
    member: MemberId,
    epoch: i32,
    owned: Partitions,
    instance: Option<InstanceId>,
}

struct Stage {
    play: Play,
    actors: Vec<Actor>,
    /// Whose request waits.
    parked: BTreeMap<Ticket, usize>,
    seed: u64,
    asked: u64,
    /// How often the group changed its protocol, by the one that it came to.
    upgrades: usize,
    downgrades: usize,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let mut stage = Self {
            play: Play::new(),
            actors: vec![Actor::default(); 4],
            parked: BTreeMap::new(),
            seed,
            asked: 0,
            upgrades: 0,
            downgrades: 0,
        };
        stage.play.topics(0, [3, 2]);
        stage.actors[3].instance = Some("i".into());
        stage
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    fn step(&mut self, at: usize) {
        let actor = self.actors[at].clone();
        match self.draw(16) {
            0 | 1 => self.beats(at, 0),
            2 => self.beats(at, -1),
            3 | 4 => self.beats(at, actor.epoch),
            5..=7 => self.join(at),
            8 | 9 => self.sync(at),
            10 | 11 => self.ask(at, Command::Heartbeat(heartbeat(&actor))),
            12 => self.ask(at, Command::Leave(leave(&actor))),
            13 => self.ask(at, Command::Commit(commit(&actor))),
            _ => self.wait(),
        }
    }

    fn beats(&mut self, at: usize, epoch: i32) {
        let actor = self.actors[at].clone();
        let owned = (epoch > 0).then(|| actor.owned.clone());
        let named = if epoch == 0 {
            at.to_string().into()
        } else {
            actor.member
        };
        let mut said = beat(&named, epoch, owned);
        said.instance = actor.instance;
        self.ask(at, Command::ConsumerHeartbeat(Box::new(said)));
    }

    fn join(&mut self, at: usize) {
        let actor = self.actors[at].clone();
        let names = [&["range"][..], &["rr", "range"], &["range", "sticky"]][usize::try_from(self.draw(3)).unwrap()];
        let knows_itself = self.draw(4) > 0;
        self.asked += 1;
        let member = if knows_itself { &*actor.member } else { "" };
        let join = Join {
            instance: actor.instance,
            fresh: format!("fresh-{}", self.asked).into(),
            ticket: Ticket(self.asked),
            requires_known_member: self.draw(2) == 0,
            ..join(member, names.iter().copied())
        };
        self.ask(at, Command::Join(join));
    }

    fn sync(&mut self, at: usize) {
        let actor = self.actors[at].clone();
        self.asked += 1;
        let all = self.actors.iter().map(|actor| Arc::clone(&actor.member));
        let given = bytes::Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\xff\xff\xff\xff");
        let sync = Sync {
            group: GROUP.into(),
            member: actor.member.clone(),
            instance: actor.instance,
            generation: actor.epoch,
            protocol_type: None,
            protocol: None,
            // A leader that gives a partition to two is no concern of a coordinator; here it does not.
            assignments: all.zip([given]).collect(),
            ticket: Ticket(self.asked),
        };
        self.ask(at, Command::Sync(sync));
    }

    fn ask(&mut self, at: usize, command: Command) {
        let was_consumer = self.play.coordinator.has_consumer_group(GROUP);
        let had_members = !self.play.coordinator.is_empty(GROUP);
        self.play.now.monotonic_ms += 1;
        self.play.now.unix_ms += 1;
        let replied = self.decide(command);
        match replied {
            Reply::Now(outcome) => self.told(at, outcome),
            Reply::Parked(ticket) => assert_eq!(self.parked.insert(ticket, at), None),
        }
        while let Some(follows) = self.play.coordinator.unsettled() {
            self.decide(follows);
        }
        self.check();
        let is_consumer = self.play.coordinator.has_consumer_group(GROUP);
        if had_members && !self.play.coordinator.is_empty(GROUP) {
            self.upgrades += usize::from(!was_consumer && is_consumer);
            if was_consumer && !is_consumer {
                self.downgrades += 1;
                assert_eq!(classic(&self.play.coordinator), classic(&self.play.replayed()));
            }
        }
    }

    fn decide(&mut self, command: Command) -> Reply<Outcome> {
        let step = self.play.coordinator.decide(command, self.play.now);
        for change in &step.changes {
            if let Change::Durable(record) = change {
                self.play.written.push(record.clone());
            }
            self.play.coordinator.apply(change);
        }
        for (ticket, outcome) in step.released {
            let at = self.parked.remove(&ticket).expect("a ticket that was parked");
            self.told(at, outcome);
        }
        step.reply
    }

    fn told(&mut self, at: usize, outcome: Outcome) {
        let actor = &mut self.actors[at];
        match outcome {
            Outcome::Beaten(beaten) => {
                (actor.member, actor.epoch) = (beaten.member, beaten.epoch.max(0));
                actor.owned = beaten.assignment.unwrap_or_else(|| std::mem::take(&mut actor.owned));
            }
            Outcome::Joined(joined) => (actor.member, actor.epoch) = (joined.member, joined.generation),
            Outcome::JoinRefused(member, ErrorCode::MemberIdRequired) => actor.member = member,
            Outcome::RefusedWith(..) => (actor.epoch, actor.owned) = (0, Partitions::new()),
            _ => {}
        }
    }

    fn wait(&mut self) {
        let ms = i64::try_from(self.draw(4_000)).unwrap();
        self.play.now.monotonic_ms += ms;
        self.play.now.unix_ms += ms;
        while let Some(due) = self.play.coordinator.due(self.play.now) {
            self.decide(Command::Expire(due));
            while let Some(follows) = self.play.coordinator.unsettled() {
                self.decide(follows);
            }
            self.check();
        }
    }

    fn check(&self) {
        let coordinator = &self.play.coordinator;
        assert_eq!(coordinator.check(), Ok(()));
        let classic = coordinator.groups.get(GROUP);
        let consumers = coordinator.consumers.get(GROUP);
        assert!(classic.is_none() || consumers.is_none(), "a group is of one kind");
        let members: BTreeSet<&MemberId> = match (classic, consumers) {
            // Who waits for an answer is known to be alive.
            (Some(group), _) => group
                .members()
                .filter(|(_, member)| member.join.is_none() && member.sync.is_none())
                .map(|(id, _)| id)
                .collect(),
            (_, Some(group)) => group.members.keys().collect(),
            (None, None) => BTreeSet::new(),
        };
        for timer in coordinator.timers.names() {
            let (Timer::Revocation(_, of) | Timer::MemberJoin(_, of) | Timer::MemberSync(_, of)) = timer else {
                continue;
            };
            assert!(
                consumers.is_some() && members.contains(of),
                "{timer:?} outlives its member"
            );
        }
        for member in members {
            let session = Timer::Session(GROUP.into(), Arc::clone(member));
            assert!(coordinator.timers.is_set(&session), "{member} is watched");
        }
    }

    fn is_replayed_alike(&self) {
        let (live, replayed) = (&self.play.coordinator, self.play.replayed());
        assert_eq!(
            live.has_consumer_group(GROUP),
            replayed.has_consumer_group(GROUP),
            "the group is of the same kind"
        );
        if live.has_consumer_group(GROUP) {
            let described = replayed.describe_consumer(&GROUP.into());
            assert_eq!(live.describe_consumer(&GROUP.into()), described);
        }
        // Between two generations a classic group has members that no record tells of.
        if live
            .describe(GROUP)
            .is_some_and(|described| described.state == "Stable")
        {
            assert_eq!(live.describe(GROUP), replayed.describe(GROUP));
            assert_eq!(classic(live), classic(&replayed));
        }
        let offsets = |of: &Coordinator| {
            of.all_committed(GROUP, View::Replicated)
                .map(|(.., value)| value.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(offsets(live), offsets(&replayed));
    }
}

/// Generation, protocol, and of each member its name for life and what it was given.
type Classic = (
    i32,
    Option<Arc<str>>,
    BTreeMap<MemberId, (Option<InstanceId>, bytes::Bytes)>,
);

/// What the records have to tell of a classic group.
fn classic(of: &Coordinator) -> Option<Classic> {
    let group = of.groups.get(GROUP)?;
    let members = group
        .members()
        .map(|(id, member)| (Arc::clone(id), (member.instance_id.clone(), member.assignment.clone())));
    Some((group.generation(), group.protocol().cloned(), members.collect()))
}

fn heartbeat(actor: &Actor) -> Heartbeat {
    Heartbeat {
        group: GROUP.into(),
        member: Arc::clone(&actor.member),
        instance: actor.instance.clone(),
        generation: actor.epoch,
    }
}

fn leave(actor: &Actor) -> Leave {
    Leave {
        group: GROUP.into(),
        members: vec![Leaver {
            member: Arc::clone(&actor.member),
            instance: actor.instance.clone(),
        }],
    }
}

fn commit(actor: &Actor) -> Commit {
    Commit {
        group: GROUP.into(),
        member: Arc::clone(&actor.member),
        instance: actor.instance.clone(),
        generation: actor.epoch,
        retention_ms: None,
        tells_unknown_group: true,
        offsets: vec![OffsetToCommit {
            topic: "t".into(),
            topic_id: TopicId([1; 16]),
            partition: 0,
            offset: i64::from(actor.epoch),
            leader_epoch: -1,
            metadata: None,
        }],
    }
}

#[test]
fn groups_migrate_whatever_members_do_and_a_replay_is_the_same_group() {
    let (mut upgrades, mut downgrades) = (0, 0);
    for seed in 0..8 {
        let mut stage = Stage::new(seed);
        for step in 1..400 {
            let at = usize::try_from(stage.draw(4)).unwrap();
            stage.step(at);
            if step % 50 == 0 {
                stage.is_replayed_alike();
            }
        }
        // Whoever still waits is answered once all deadlines are over.
        for _ in 0..200 {
            stage.wait();
        }
        assert_eq!(stage.parked.len(), 0, "seed {seed}");
        upgrades += stage.upgrades;
        downgrades += stage.downgrades;
    }
    assert!(upgrades > 10 && downgrades > 10, "{upgrades} up, {downgrades} down");
}
