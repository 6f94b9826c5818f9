//! A controller and three brokers in one memory: a network that delays, loses and cuts, disks that tear and fill, and time that
//! passes as fast as there is something to do. The same seed gives the same story.

use std::collections::{BTreeMap, BTreeSet};

use broker_core::config::BrokerConfig;
use broker_core::controller::Intent;
use broker_core::controller::topics::NewTopic;
use broker_core::fetch::FetchOutcome;
use broker_core::log::build::Batch;
use broker_core::log::walk::Walked;

use broker_core::node::{Identity, Released, Stage};
use broker_core::peer::{AskId, Asked, Peer, Question, ReplicaFetch, Reply};
use broker_core::units::{ErrorCode, Offset, TopicId, TopicPartition};
use broker_core::{Node, Now, Ticket};
use bytes::Bytes;

use super::chance::{Chance, Digest};
use super::disk::Disk;
use super::history::{Acknowledged, History, MIN_INSYNC};
use super::network::{Fate, TIMEOUT_MS, fate};
use super::{faults, reader, serve::serve};
use crate::wire;

pub(crate) const CONTROLLER: i32 = 100;
pub(crate) const BROKERS: [i32; 3] = [1, 2, 3];
pub(crate) const TOPIC: &str = "t";
pub(crate) const PARTITIONS: i32 = 3;
/// More calls than this without time passing, and something turns in a circle.
const MOST_AT_ONCE: usize = 5_000;

/// What happens at a time.
enum Event {
    Question {
        from: i32,
        life: u32,
        to: i32,
        asked: Asked,
    },
    Reply {
        from: i32,
        to: i32,
        life: u32,
        id: AskId,
        reply: Reply,
    },
    Produce,
    Fault,
}

/// A follower's fetch that its leader lets wait.
struct Parked {
    from: i32,
    life: u32,
    id: AskId,
    wanted: ReplicaFetch,
}

/// A batch whose producer has not been told yet.
struct Pending {
    tp: TopicPartition,
    batch: Acknowledged,
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
            now: Now {
                unix_ms: 1_700_000_000_000,
                monotonic_ms: 1_000,
            },
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
            host: "localhost".into(),
            port: 9092,
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
        for key in waiting {
            if let Some(Parked { from, life, id, .. }) = self.parked.remove(&key) {
                self.reply(node, (from, life, id), Reply::Unreachable("it died".into()), 5);
            }
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
        match self.at_once > MOST_AT_ONCE {
            true => Err(format!(
                "something turns in a circle: much happens and no time passes; at {} are due {:?}",
                self.now.monotonic_ms,
                self.nodes
                    .iter()
                    .map(|(id, node)| (*id, node.next_deadline()))
                    .collect::<Vec<_>>()
            )),
            false => Ok(()),
        }
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
        let ids: Vec<i32> = self.nodes.keys().copied().collect();
        for id in ids
            .into_iter()
            .filter(|id| !self.paused.contains_key(id))
            .collect::<Vec<_>>()
        {
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
            Event::Question { from, life, to, asked } => self.asked(from, life, to, asked),
            Event::Reply {
                from,
                to,
                life,
                id,
                reply,
            } => self.told(from, to, life, id, reply),
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

    fn asked(&mut self, from: i32, life: u32, to: i32, asked: Asked) -> Result<(), String> {
        if let Some(until) = self.paused.get(&to).copied() {
            let later = until - self.now.monotonic_ms;
            self.schedule(later, Event::Question { from, life, to, asked });
            return Ok(());
        }
        self.note(b"ask", to, asked.id.0);
        let is_cut = self.cut.contains(&(from.min(to), from.max(to)));
        let fate = fate(&mut self.chance, &asked.question, is_cut, self.is_chaotic);
        if let Fate::Lost | Fate::Late(_) = fate {
            self.reply(
                to,
                (from, life, asked.id),
                Reply::Unreachable("lost".into()),
                TIMEOUT_MS,
            );
        }
        match fate {
            Fate::Lost => return Ok(()),
            Fate::Late(late) => {
                self.schedule(late, Event::Question { from, life, to, asked });
                return Ok(());
            }
            Fate::Heard | Fate::Slow(_) | Fate::AnswerLost => {}
        }
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&to) else {
            self.reply(to, (from, life, asked.id), Reply::Unreachable("dead".into()), 5);
            return Ok(());
        };
        let reply = match &asked.question {
            Question::Fetch(wanted) => match wire::fetch(node, wanted, now) {
                broker_core::Reply::Now(outcome) => Some(wire::fetched(outcome, wanted, &self.disks[&to])),
                broker_core::Reply::Parked(ticket) => {
                    let wanted = wanted.clone();
                    let id = asked.id;
                    self.parked.insert((to, ticket), Parked { from, life, id, wanted });
                    None
                }
            },
            question => Some(serve(node, question, now)),
        };
        if let Some(reply) = reply {
            let (reply, delay) = match fate {
                Fate::AnswerLost => (Reply::Unreachable("its answer was lost".into()), TIMEOUT_MS),
                Fate::Slow(more) => (reply, more + self.delay()),
                Fate::Heard | Fate::Lost | Fate::Late(_) => {
                    let slow = self.slowness(to, from, matches!(reply, Reply::Fetched(_)));
                    (reply, slow + self.delay())
                }
            };
            self.reply(to, (from, life, asked.id), reply, delay);
        }
        self.after(to)
    }

    fn told(&mut self, from: i32, to: i32, life: u32, id: AskId, reply: Reply) -> Result<(), String> {
        if let Some(until) = self.paused.get(&to).copied() {
            let later = until - self.now.monotonic_ms;
            self.reply(from, (to, life, id), reply, later);
            return Ok(());
        }
        let now = self.now;
        let is_same = self.lives.get(&to) == Some(&life);
        if let Some(node) = self.nodes.get_mut(&to).filter(|_| is_same) {
            node.answered(id, reply, now);
            self.note(b"told", to, id.0);
            return self.after(to);
        }
        Ok(())
    }

    /// Somebody sends a record to a broker that takes itself for the leader.
    fn produce(&mut self) -> Result<(), String> {
        if !self.is_chaotic {
            return Ok(());
        }
        let next = match self.is_bursty {
            true if self.chance.percent(90) => self.chance.below(10),
            true => 300 + self.chance.below(1_500),
            false => 5 + self.chance.below(60),
        };
        self.schedule(next as i64, Event::Produce);
        let partition = self.chance.below(PARTITIONS as u64) as i32;
        let tp = TopicPartition::new(TOPIC, partition);
        let acks_all = self.chance.percent(75);
        let leads = |node: &Node| node.role(&tp).is_some_and(|role| role.leader().is_some());
        let leaders: Vec<i32> = self
            .nodes
            .iter()
            .filter(|(_, node)| leads(node))
            .map(|(id, _)| *id)
            .collect();
        let leaders: Vec<i32> = leaders.into_iter().filter(|id| !self.paused.contains_key(id)).collect();
        if let Some(leader) = self.chance.pick(&leaders) {
            self.consume(leader, &tp)?;
        }
        match self.chance.pick(&leaders) {
            Some(leader) => self.produce_to(leader, tp, acks_all).map(drop),
            None => Ok(()),
        }
    }

    fn consume(&mut self, id: i32, tp: &TopicPartition) -> Result<(), String> {
        let (from, now) = (self.history.to_read(tp), self.now);
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(());
        };
        let bytes = reader::read(node, &self.disks[&id], tp, from, now);
        self.history.was_read(tp, &bytes)
    }

    /// True where it was taken.
    pub(crate) fn produce_to(&mut self, id: i32, tp: TopicPartition, acks_all: bool) -> Result<bool, String> {
        self.produced += 1;
        let now = self.now;
        let value = Bytes::from(format!("{}", self.produced));
        let bytes = Batch::of(&[(None, Some(value))], now.unix_ms).to_bytes();
        let crc = u32::from_be_bytes([bytes[17], bytes[18], bytes[19], bytes[20]]);
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(false);
        };
        if node.may_take(&tp, acks_all).is_err() {
            return Ok(false);
        }
        let Ok(appended) = node.produce(&tp, Walked::new(&bytes, 1 << 20), now) else {
            self.after(id)?;
            return Ok(false);
        };
        let base = appended.base_offset;
        let epoch = node.log(&tp).and_then(|log| log.epochs().at(base)).unwrap_or_default();
        let batch = Acknowledged { base, crc, epoch };
        if acks_all {
            let end = Offset(appended.last_offset.0 + 1);
            match node.await_replicas(vec![(tp.clone(), end)], 5_000, now) {
                broker_core::Reply::Now(results) => self.answered(&tp, batch, &results)?,
                broker_core::Reply::Parked(ticket) => drop(self.pending.insert((id, ticket), Pending { tp, batch })),
            }
        }
        self.note(b"produced", id, base.0 as u64);
        self.after(id)?;
        Ok(true)
    }

    fn answered(
        &mut self,
        tp: &TopicPartition,
        batch: Acknowledged,
        results: &[Result<(), ErrorCode>],
    ) -> Result<(), String> {
        if !results.iter().all(Result::is_ok) {
            return Ok(());
        }
        self.history.acknowledge(tp, batch);
        match self.has_lost {
            true => Ok(()),
            false => self.history.enough_have(tp, batch),
        }
    }

    /// A node has done something: what it asks goes out, who waited is answered, and everything still holds.
    fn after(&mut self, id: i32) -> Result<(), String> {
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
            let is_fetch = matches!(asked.question, Question::Fetch(_));
            let delay = self.slowness(id, to, is_fetch) + self.delay();
            let from = id;
            self.schedule(delay, Event::Question { from, life, to, asked });
        }
        for (ticket, released) in released {
            self.release(id, ticket, released)?;
        }
        if id == CONTROLLER {
            return self.history.look_at_metadata(self.nodes[&id].image());
        }
        self.history.look_at_node(id, &self.nodes[&id], &self.disks[&id])
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

    fn release_fetch(&mut self, id: i32, ticket: Ticket, outcome: FetchOutcome) {
        if let Some(parked) = self.parked.remove(&(id, ticket)) {
            let reply = wire::fetched(outcome, &parked.wanted, &self.disks[&id]);
            let is_cut = self.cut.contains(&(id.min(parked.from), id.max(parked.from)));
            let (reply, delay) = match is_cut {
                true => (Reply::Unreachable("its answer was lost".into()), TIMEOUT_MS),
                false => {
                    let slow = self.slowness(id, parked.from, true);
                    (reply, slow + self.delay())
                }
            };
            self.reply(id, (parked.from, parked.life, parked.id), reply, delay);
        }
    }

    fn reply(&mut self, from: i32, (to, life, id): (i32, u32, AskId), reply: Reply, delay: i64) {
        let reply = Event::Reply {
            from,
            to,
            life,
            id,
            reply,
        };
        self.schedule(delay, reply);
    }

    /// How much longer it takes to fetch over a slow link.
    fn slowness(&self, from: i32, to: i32, is_fetch: bool) -> i64 {
        let slow = self.slow.get(&(from.min(to), from.max(to)));
        slow.filter(|_| is_fetch).copied().unwrap_or(0)
    }

    fn delay(&mut self) -> i64 {
        let is_slow = self.is_chaotic && self.chance.percent(2);
        let most = if is_slow { 300 } else { 5 };
        1 + self.chance.below(most) as i64
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
