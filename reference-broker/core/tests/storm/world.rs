//! A controller and three brokers in one memory: a network that delays, loses and cuts, disks that tear and fill, and time that
//! passes as fast as there is something to do. The same seed gives the same story. What becomes of questions is in `links`, what
//! clients do in `traffic`.

mod links;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker_core::config::BrokerConfig;
use broker_core::controller::Intent;
use broker_core::controller::topics::NewTopic;
use broker_core::image::Listener;
use broker_core::node::{Identity, Released, Stage};
use broker_core::peer::{AskId, Asked, Peer, Question, Reply};
use broker_core::units::{TopicId, TopicPartition};
use broker_core::{Node, Now, Ticket};

use super::chance::{Chance, Digest};
use super::disk::Disk;
use super::faults;
use super::history::{History, MIN_INSYNC};
use links::{Asker, Parked};
use traffic::Pending;

pub(crate) const CONTROLLER: i32 = 100;
pub(crate) const BROKERS: [i32; 3] = [1, 2, 3];
pub(crate) const TOPIC: &str = "t";
pub(crate) const PARTITIONS: i32 = 3;
/// More calls than this without time passing, and something turns in a circle.
const MOST_AT_ONCE: usize = 5_000;

const BEGIN: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic_ms: 1_000,
};

/// What happens at a time.
enum Event {
    Question { asker: Asker, to: i32, asked: Asked },
    Reply { from: i32, asker: Asker, reply: Reply },
    Produce,
    Fault,
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) chance: Chance,
    pub(crate) history: History,
    pub(crate) disks: BTreeMap<i32, Disk>,
    pub(crate) cut: BTreeSet<(i32, i32)>,
    /// How much later a follower's questions come over a link, and the records that it gets.
    pub(crate) slow: BTreeMap<(i32, i32), i64>,
    /// Until when a paused node does nothing.
    pub(crate) paused: BTreeMap<i32, i64>,
    /// What went wrong when.
    pub(crate) struck: Vec<String>,
    /// Brokers whose disk was full at some time.
    pub(crate) has_been_full: BTreeSet<i32>,
    /// The power went at a broker that is not in sync again.
    pub(crate) has_lost: bool,
    /// `replica.lag.time.max.ms`: leaders have replicas leave sooner than the controller, or hardly ever.
    lag_time_max_ms: u64,
    /// Producers send many records at once and then rest: followers learn late what is replicated.
    is_bursty: bool,
    nodes: BTreeMap<i32, Node>,
    lives: BTreeMap<i32, u32>,
    queue: BTreeMap<(i64, u64), Event>,
    queued: u64,
    parked: BTreeMap<(i32, Ticket), Parked>,
    pending: BTreeMap<(i32, Ticket), Pending>,
    /// The last question of who is in sync that was refused, to each life of a node.
    refused: BTreeMap<(i32, u32), AskId>,
    produced: u64,
    trace: Digest,
    /// In the phase of chaos.
    pub(crate) is_chaotic: bool,
    at_once: usize,
}

impl World {
    /// All up, and a topic of three replicas, two of which must be in sync.
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let all = || BROKERS.into_iter().chain([CONTROLLER]);
        let mut chance = Chance::of(seed);
        let lag_time_max_ms = [1_500, 4_000, 30_000][chance.below(3) as usize];
        let is_bursty = chance.percent(50);
        let mut world = Self {
            now: BEGIN,
            chance,
            lag_time_max_ms,
            is_bursty,
            history: History::default(),
            disks: all().map(|id| (id, Disk::default())).collect(),
            cut: BTreeSet::new(),
            slow: BTreeMap::new(),
            paused: BTreeMap::new(),
            struck: Vec::new(),
            has_been_full: BTreeSet::new(),
            has_lost: false,
            nodes: BTreeMap::new(),
            lives: all().map(|id| (id, 0)).collect(),
            queue: BTreeMap::new(),
            queued: 0,
            parked: BTreeMap::new(),
            pending: BTreeMap::new(),
            refused: BTreeMap::new(),
            produced: 0,
            trace: Digest::default(),
            is_chaotic: false,
            at_once: 0,
        };
        world.start(CONTROLLER)?;
        for id in BROKERS {
            world.start(id)?;
        }
        world.run(10_000)?;
        world.create_topic()?;
        world.run(3_000)?;
        Ok(world)
    }

    fn create_topic(&mut self) -> Result<(), String> {
        let topic = NewTopic {
            name: TOPIC.into(),
            id: TopicId([9; 16]),
            partitions: PARTITIONS,
            replication_factor: 3,
            assignments: Vec::new(),
            configs: vec![("min.insync.replicas".into(), Some(MIN_INSYNC.to_string()))],
        };
        let now = self.now;
        let controller = self.nodes.get_mut(&CONTROLLER).ok_or("no controller")?;
        let created = controller.create_topics(vec![topic], Intent::Commit, now);
        let created = created.map_err(|error| error.to_string())?;
        created[0].1.as_ref().map_err(|refusal| format!("{refusal:?}"))?;
        self.after(CONTROLLER)
    }

    pub(crate) fn start(&mut self, id: i32) -> Result<(), String> {
        let life = self.lives.get_mut(&id).ok_or("no such node")?;
        *life += 1;
        let roles = if id == CONTROLLER { "controller" } else { "broker" };
        let properties = [
            ("node.id", id.to_string()),
            ("process.roles", roles.to_owned()),
            ("replica.fetch.wait.max.ms", (self.lag_time_max_ms / 3).to_string()),
            ("replica.lag.time.max.ms", self.lag_time_max_ms.to_string()),
            ("controller.quorum.voters", format!("{CONTROLLER}@localhost:9093")),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value));
        let mut incarnation_id = [0; 16];
        incarnation_id[..4].copy_from_slice(&id.to_be_bytes());
        incarnation_id[4..8].copy_from_slice(&life.to_be_bytes());
        let identity = Identity {
            listeners: vec![Listener::plaintext("PLAINTEXT", "localhost", 9092)],
            cluster_id: [1; 16],
            directory_id: [id as u8; 16],
            incarnation_id,
        };
        let config = BrokerConfig::from_properties(&properties).map_err(|error| error.to_string())?;
        let opened = Node::open(Box::new(self.disks[&id].clone()), config, identity, self.now);
        let node = opened.map_err(|error| format!("node {id} does not come up: {error}"))?;
        self.nodes.insert(id, node);
        self.history.restarted(id);
        self.after(id)
    }

    /// As by kill -9.
    pub(crate) fn kill(&mut self, node: i32) {
        self.nodes.remove(&node);
        self.paused.remove(&node);
        let waiting: Vec<_> = self.parked.keys().filter(|(at, _)| *at == node).copied().collect();
        for parked in waiting
            .iter()
            .filter_map(|key| self.parked.remove(key))
            .collect::<Vec<_>>()
        {
            self.reply(node, parked.asker, Reply::Unreachable("it died".into()), 5);
        }
        self.pending.retain(|(at, _), _| *at != node);
        for event in self.queue.values_mut() {
            if let Event::Reply { from, reply, .. } = event
                && *from == node
            {
                *reply = Reply::Unreachable("it died".into());
            }
        }
    }

    pub(crate) fn is_up(&self, id: i32) -> bool {
        self.nodes.contains_key(&id)
    }

    pub(crate) fn node(&self, id: i32) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub(crate) fn partitions() -> impl Iterator<Item = TopicPartition> {
        (0..PARTITIONS).map(|partition| TopicPartition::new(TOPIC, partition))
    }

    /// How long it has been there, by its own clock.
    pub(crate) fn simulated(&self) -> Duration {
        let ms = self.now.monotonic_ms - BEGIN.monotonic_ms;
        Duration::from_millis(ms.try_into().unwrap_or(0))
    }

    /// What happened so far, and what is on every disk: equal for equal seeds.
    pub(crate) fn digest(&self) -> Digest {
        let mut digest = self.trace;
        for (id, node) in &self.nodes {
            for log in Self::partitions().filter_map(|tp| node.log(&tp)) {
                digest.add(&id.to_be_bytes());
                digest.add(&log.log_end().0.to_be_bytes());
                digest.add(&log.high_watermark().0.to_be_bytes());
            }
        }
        digest
    }

    /// From now on records are sent and things go wrong.
    pub(crate) fn begin_chaos(&mut self) {
        self.is_chaotic = true;
        self.schedule(10, Event::Produce);
        self.schedule(500, Event::Fault);
    }

    /// Lets so much time pass. What is found names what went wrong before.
    pub(crate) fn run(&mut self, ms: i64) -> Result<(), String> {
        let run = self.run_on(ms);
        run.map_err(|what| self.with_story(&what))
    }

    pub(crate) fn with_story(&self, what: &str) -> String {
        let (at, struck, lately) = (self.now.monotonic_ms, self.struck.join(", "), self.history.lately());
        format!("{what}, at {at} after {struck}{lately}")
    }

    fn run_on(&mut self, ms: i64) -> Result<(), String> {
        let end = self.now.monotonic_ms + ms;
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.pass_to(at)?;
            self.step()?;
        }
        self.pass_to(end)
    }

    fn pass_to(&mut self, at: i64) -> Result<(), String> {
        let passed = (at - self.now.monotonic_ms).max(0);
        self.at_once = if passed > 0 { 0 } else { self.at_once + 1 };
        self.now.monotonic_ms += passed;
        self.now.unix_ms += passed;
        if self.at_once <= MOST_AT_ONCE {
            return Ok(());
        }
        let due = self
            .nodes
            .iter()
            .map(|(id, node)| (*id, node.next_deadline()))
            .collect::<Vec<_>>();
        Err(format!(
            "something turns in a circle: much happens and no time passes; due are {due:?}"
        ))
    }

    fn next_at(&self) -> Option<i64> {
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        let due = self.nodes.iter().filter_map(|(id, node)| {
            let at = node.next_deadline()?.0;
            Some(at.max(self.paused.get(id).copied().unwrap_or(i64::MIN)))
        });
        due.chain(queued).min().map(|at| at.max(self.now.monotonic_ms))
    }

    fn step(&mut self) -> Result<(), String> {
        let now = self.now.monotonic_ms;
        self.paused.retain(|_, until| *until > now);
        if let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= now) {
            let event = entry.remove();
            return self.happen(event);
        }
        let awake: Vec<i32> = self
            .nodes
            .keys()
            .filter(|id| !self.paused.contains_key(id))
            .copied()
            .collect();
        for id in awake {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            if node.next_deadline().is_some_and(|deadline| deadline.is_due(self.now)) {
                node.tick(self.now);
                self.note(b"tick", id, 0);
                self.after(id)?;
            }
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Question { asker, to, asked } => self.asked(asker, to, asked),
            Event::Reply { from, asker, reply } => self.told(from, asker, reply),
            Event::Produce => self.produce(),
            Event::Fault => {
                if self.is_chaotic {
                    faults::strike(self)?;
                    let pause = 200 + self.chance.below(2_500) as i64;
                    self.schedule(pause, Event::Fault);
                }
                Ok(())
            }
        }
    }

    /// A node has done something: what it asks goes out, who waited is answered, and everything still holds.
    fn after(&mut self, id: i32) -> Result<(), String> {
        if self.node(id).is_some_and(Node::has_given_up) {
            return self.ended(id);
        }
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(());
        };
        let (asked, released) = (node.take_asked(), node.take_released());
        drop(node.take_complaints());
        let life = self.lives[&id];
        for asked in asked {
            let to = match asked.peer {
                Peer::Controller => CONTROLLER,
                Peer::Broker(broker) => broker.0,
            };
            let asker = Asker {
                node: id,
                life,
                id: asked.id,
            };
            let delay = self.delay(id, to, matches!(asked.question, Question::Fetch(_)));
            self.schedule(delay, Event::Question { asker, to, asked });
        }
        for (ticket, released) in released {
            self.release(id, ticket, released)?;
        }
        if id == CONTROLLER {
            return self.history.look_at_metadata(self.nodes[&id].image());
        }
        self.history.look_at_node(id, &self.nodes[&id], &self.disks[&id])
    }

    /// A process ended by itself, as no controller had taken it in for too long. While it heals somebody starts it again.
    fn ended(&mut self, id: i32) -> Result<(), String> {
        self.kill(id);
        if self.is_chaotic {
            return Ok(());
        }
        self.disks[&id].fill(false);
        self.start(id)
    }

    fn release(&mut self, id: i32, ticket: Ticket, released: Released) -> Result<(), String> {
        match released {
            Released::Fetch(outcome) => self.release_fetch(id, ticket, outcome),
            Released::Produce(results) => {
                if let Some(Pending { tp, batch }) = self.pending.remove(&(id, ticket)) {
                    return self.answered(&tp, batch, &results);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn schedule(&mut self, delay: i64, event: Event) {
        self.queued += 1;
        self.queue
            .insert((self.now.monotonic_ms + delay.max(0), self.queued), event);
    }

    fn note(&mut self, what: &[u8], node: i32, number: u64) {
        self.trace.add(what);
        self.trace.add(&node.to_be_bytes());
        self.trace.add(&number.to_be_bytes());
        self.trace.add(&self.now.monotonic_ms.to_be_bytes());
    }

    /// Does every broker take part?
    pub(crate) fn all_run(&self) -> bool {
        BROKERS
            .iter()
            .all(|id| self.nodes.get(id).is_some_and(|node| node.stage() == Stage::Running))
    }
}
