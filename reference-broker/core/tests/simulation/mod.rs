//! A few brokers in one memory, whose questions are served by each other directly. The controller is a node too; what it decides
//! about its only topic is decided here.
//! Time passes when a test says so; whoever is cut off or dead reaches nobody.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use broker_core::Store;
use broker_core::config::BrokerConfig;
use broker_core::image::Listener;
use broker_core::log::Log;
use broker_core::log::append::Refusal;
use broker_core::log::build::Batch;
use broker_core::log::walk::Walked;
use broker_core::node::{Identity, Released};
use broker_core::peer::{
    AlterPartition, Asked, BrokerEpoch, BrokerState, PartitionAltered, PartitionState, Peer, Question, ReplicaFetch,
    ReplicaFetched, Reply,
};
use broker_core::records::{
    BrokerEndpoint, ConfigRecord, MetadataRecord, PartitionRecord, RegisterBrokerRecord, TopicRecord,
};
use broker_core::store::memory::SharedStore as Shared;
use broker_core::units::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicId, TopicPartition};
use broker_core::{Node, Now, Ticket};
use bytes::Bytes;

use crate::wire;

/// Of every life: the controller here tells them apart by their epochs.
const INCARNATION: [u8; 16] = [3; 16];
const TOPIC: TopicId = TopicId([9; 16]);
/// The controller, among those that may be cut off from each other.
pub(crate) const CONTROLLER: i32 = 0;

/// Brokers 1, 2, 3 with one partition on all of them.
pub(crate) struct Cluster {
    pub(crate) now: Now,
    pub(crate) tp: TopicPartition,
    pub(crate) partition: PartitionState,
    pub(crate) cut: BTreeSet<(i32, i32)>,
    nodes: BTreeMap<i32, Node>,
    stores: BTreeMap<i32, Shared>,
    epochs: BTreeMap<i32, i64>,
    /// What producers were told.
    pub(crate) released: BTreeMap<(i32, Ticket), Vec<Result<(), ErrorCode>>>,
    min_insync: usize,
}

/// What became of a Produce.
pub(crate) enum Sent {
    Answered(Result<(), ErrorCode>),
    /// At that broker.
    Waits(i32, Ticket),
}

impl Cluster {
    pub(crate) fn new(min_insync: usize) -> Self {
        let ids = [1, 2, 3];
        let mut cluster = Self {
            now: Now {
                unix_ms: 1_700_000_000_000,
                monotonic_ms: 1_000,
            },
            tp: TopicPartition::new("t", 0),
            partition: PartitionState {
                leader: BrokerId(1),
                leader_epoch: LeaderEpoch(0),
                partition_epoch: 0,
                isr: ids.map(BrokerId).to_vec(),
                leader_recovery_state: 0,
            },
            cut: BTreeSet::new(),
            nodes: BTreeMap::new(),
            stores: [CONTROLLER, 1, 2, 3]
                .iter()
                .map(|id| (*id, Shared::default()))
                .collect(),
            epochs: BTreeMap::new(),
            released: BTreeMap::new(),
            min_insync,
        };
        cluster.start(CONTROLLER);
        let topic = cluster.topic();
        cluster.commit(&topic);
        ids.iter().for_each(|id| cluster.start(*id));
        cluster.rounds(6);
        cluster
    }

    pub(crate) fn start(&mut self, id: i32) {
        let roles = if id == CONTROLLER { "controller" } else { "broker" };
        let properties = [
            ("node.id", id.to_string()),
            ("process.roles", roles.to_owned()),
            ("controller.quorum.voters", "0@localhost:9093".to_owned()),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value));
        let identity = Identity {
            listeners: vec![Listener::plaintext("PLAINTEXT", "localhost", 9092)],
            cluster_id: [1; 16],
            directory_id: [id as u8; 16],
            incarnation_id: INCARNATION,
        };
        let store = Box::new(self.stores[&id].clone());
        let config = BrokerConfig::from_properties(&properties).unwrap();
        let node = Node::open(store, config, identity, self.now).unwrap();
        self.nodes.insert(id, node);
    }

    /// As by kill -9: what was written stays.
    pub(crate) fn kill(&mut self, id: i32) {
        self.nodes.remove(&id);
        self.released.retain(|(of, _), _| *of != id);
        if let Some(epoch) = self.epochs.get(&id).copied() {
            self.commit(&[registered(id, epoch, true)]);
        }
        if self.partition.isr.len() > 1 {
            self.partition.isr.retain(|member| member.0 != id);
        }
        self.decide();
    }

    /// Another leader out of those in sync, in a new epoch.
    pub(crate) fn elect(&mut self, id: i32) {
        assert!(
            self.partition.isr.contains(&BrokerId(id)),
            "only who is in sync is elected"
        );
        self.partition.leader = BrokerId(id);
        self.partition.leader_epoch.0 += 1;
        self.decide();
    }

    pub(crate) fn alive(&self) -> Vec<i32> {
        self.nodes.keys().copied().filter(|id| *id != CONTROLLER).collect()
    }

    pub(crate) fn node(&mut self, id: i32) -> &mut Node {
        self.nodes.get_mut(&id).unwrap()
    }

    pub(crate) fn log(&self, id: i32) -> &Log {
        self.known_log(id).unwrap()
    }

    /// None before it knows of the topic.
    pub(crate) fn known_log(&self, id: i32) -> Option<&Log> {
        self.nodes[&id].log(&self.tp)
    }

    pub(crate) fn leader(&self) -> i32 {
        self.partition.leader.0
    }

    /// All bytes of a replica's log below an offset.
    pub(crate) fn bytes(&self, id: i32, end: Offset) -> Vec<u8> {
        let (log, store) = (self.log(id), &self.stores[&id]);
        let mut all = Vec::new();
        for segment in log.segments() {
            let mut bytes = vec![0; segment.size as usize];
            store.read(log.directory(), &segment.file(), 0, &mut bytes).unwrap();
            all.extend(bytes);
        }
        let mut rest = &all[..];
        while let Some(header) =
            broker_core::log::batch::BatchHeader::read(rest).filter(|header| header.base_offset < end)
        {
            rest = &rest[header.size() as usize..];
        }
        all.truncate(all.len() - rest.len());
        all
    }

    /// Sends one record to a broker.
    pub(crate) fn produce(&mut self, id: i32, value: &str, acks: i16, timeout_ms: i32) -> Sent {
        let (tp, now) = (self.tp.clone(), self.now);
        let records = [(None, Some(Bytes::copy_from_slice(value.as_bytes())))];
        let walked = Walked::new(&Batch::of(&records, now.unix_ms).to_bytes(), 1 << 20);
        let node = self.node(id);
        let appended = node
            .may_take(&tp, acks == -1)
            .and_then(|()| node.produce(&tp, walked, now).map_err(|Refusal { error, .. }| error));
        let end = match appended {
            Ok(appended) => Offset(appended.last_offset.0 + 1),
            Err(error) => return Sent::Answered(Err(error)),
        };
        if acks != -1 {
            return Sent::Answered(Ok(()));
        }
        match node.await_replicas(vec![(tp, end)], timeout_ms, now) {
            broker_core::Reply::Now(results) => Sent::Answered(results[0]),
            broker_core::Reply::Parked(ticket) => Sent::Waits(id, ticket),
        }
    }

    /// What a producer that waits was told, if anything yet.
    pub(crate) fn told(&self, sent: &Sent) -> Option<Result<(), ErrorCode>> {
        match sent {
            Sent::Answered(result) => Some(*result),
            Sent::Waits(id, ticket) => self.released.get(&(*id, *ticket)).map(|results| results[0]),
        }
    }

    /// Every question on its way is answered, so many times.
    pub(crate) fn rounds(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for id in self.alive() {
                for asked in self.node(id).take_asked() {
                    let reply = self.serve(id, &asked);
                    let now = self.now;
                    self.node(id).answered(asked.id, reply, now);
                }
            }
            self.collect();
        }
    }

    /// Time passes in small steps, and everybody talks.
    pub(crate) fn pass(&mut self, ms: i64) {
        for _ in 0..(ms / 100).max(1) {
            self.now.unix_ms += 100;
            self.now.monotonic_ms += 100;
            self.tick();
            self.rounds(2);
        }
    }

    /// What is due by now happens.
    pub(crate) fn tick(&mut self) {
        let now = self.now;
        self.nodes.values_mut().for_each(|node| node.tick(now));
    }

    /// A replica's question as it could come from anywhere.
    pub(crate) fn asks(&mut self, id: i32, wanted: &ReplicaFetch) -> Vec<ReplicaFetched> {
        let (store, now) = (self.stores[&id].clone(), self.now);
        fetched(self.node(id), &store, wanted, now)
    }

    pub(crate) fn sever(&mut self, a: i32, b: i32) {
        self.cut.insert((a.min(b), a.max(b)));
    }

    fn collect(&mut self) {
        for (id, node) in &mut self.nodes {
            for (ticket, released) in node.take_released() {
                if let Released::Produce(results) = released {
                    self.released.insert((*id, ticket), results);
                }
            }
        }
    }

    fn serve(&mut self, from: i32, asked: &Asked) -> Reply {
        let peer = match asked.peer {
            Peer::Controller => CONTROLLER,
            Peer::Broker(id) => id.0,
        };
        let is_cut = self.cut.contains(&(from.min(peer), from.max(peer)));
        match &asked.question {
            _ if is_cut => Reply::Unreachable("cut off".into()),
            Question::AlterPartitions(wanted) => {
                let altered = wanted.partitions.iter().map(|wanted| self.alter(wanted)).collect();
                Reply::PartitionsAltered(Ok(altered))
            }
            Question::Fetch(wanted) => match self.nodes.get_mut(&peer) {
                Some(node) => Reply::Fetched(Ok(fetched(node, &self.stores[&peer], wanted, self.now))),
                None => Reply::Unreachable("dead".into()),
            },
            Question::Bounds(wanted) => match self.nodes.get(&peer) {
                Some(node) => wire::bounds(node, wanted),
                None => Reply::Unreachable("dead".into()),
            },
            Question::Register(_) => Reply::Registered(Ok(self.register(from))),
            Question::Heartbeat(_) => Reply::Heartbeat(Ok(BrokerState {
                is_caught_up: true,
                is_fenced: false,
                should_shut_down: false,
            })),
            other => panic!("nobody here serves {other:?}"),
        }
    }

    /// The controller: compare and set.
    fn alter(&mut self, wanted: &AlterPartition) -> PartitionAltered {
        let present = &mut self.partition;
        let live = |member: &BrokerEpoch| {
            self.nodes.contains_key(&member.broker.0) && self.epochs[&member.broker.0] == member.epoch
        };
        let result = match () {
            () if wanted.leader_epoch < present.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
            () if wanted.partition_epoch != present.partition_epoch => Err(ErrorCode::InvalidUpdateVersion),
            // As Kafka's controller: who leads is in sync.
            () if !wanted.isr.iter().any(|member| member.broker == present.leader) => Err(ErrorCode::InvalidRequest),
            () if !wanted.isr.iter().all(live) => Err(ErrorCode::IneligibleReplica),
            () => {
                present.isr = wanted.isr.iter().map(|member| member.broker).collect();
                present.partition_epoch += 1;
                Ok(present.clone())
            }
        };
        self.commit(&[self.record()]);
        PartitionAltered {
            topic_id: wanted.topic_id,
            partition: wanted.partition,
            result,
        }
    }

    /// The partition has changed; who is not cut off learns of it when it asks.
    pub(crate) fn decide(&mut self) {
        self.partition.partition_epoch += 1;
        self.commit(&[self.record()]);
    }

    fn register(&mut self, id: i32) -> i64 {
        let epoch = self.node(CONTROLLER).image().next_offset();
        self.epochs.insert(id, epoch);
        self.commit(&[registered(id, epoch, false)]);
        epoch
    }

    fn commit(&mut self, records: &[(MetadataRecord, i16)]) {
        let now = self.now;
        self.node(CONTROLLER).take_decided(records, now).unwrap();
    }

    fn topic(&self) -> Vec<(MetadataRecord, i16)> {
        let topic = TopicRecord {
            name: self.tp.topic.to_string(),
            topic_id: TOPIC.0,
        };
        let min_insync = ConfigRecord {
            resource_type: 2,
            resource_name: self.tp.topic.to_string(),
            name: "min.insync.replicas".into(),
            value: Some(self.min_insync.to_string()),
        };
        vec![(topic.into(), 0), (min_insync.into(), 0), self.record()]
    }

    fn record(&self) -> (MetadataRecord, i16) {
        let record = PartitionRecord {
            partition_id: 0,
            topic_id: TOPIC.0,
            replicas: vec![1, 2, 3],
            isr: self.partition.isr.iter().map(|id| id.0).collect(),
            leader: self.partition.leader.0,
            leader_epoch: self.partition.leader_epoch.0,
            partition_epoch: self.partition.partition_epoch,
            ..Default::default()
        };
        (record.into(), 1)
    }
}

fn registered(id: i32, epoch: i64, fenced: bool) -> (MetadataRecord, i16) {
    let record = RegisterBrokerRecord {
        broker_id: id,
        incarnation_id: INCARNATION,
        broker_epoch: epoch,
        fenced,
        end_points: vec![BrokerEndpoint {
            name: "PLAINTEXT".into(),
            host: "localhost".into(),
            port: 9092,
            ..Default::default()
        }],
        ..Default::default()
    };
    (record.into(), 1)
}

/// Serves a replica's question at once.
fn fetched(node: &mut Node, store: &Shared, wanted: &ReplicaFetch, now: Now) -> Vec<ReplicaFetched> {
    let wanted = ReplicaFetch {
        max_wait_ms: 0,
        ..wanted.clone()
    };
    let broker_core::Reply::Now(outcome) = wire::fetch(node, &wanted, now) else {
        panic!("a question that does not wait is answered");
    };
    match wire::fetched(outcome, &wanted, store) {
        Reply::Fetched(Ok(fetched)) => fetched,
        other => panic!("a replica's question has its answer: {other:?}"),
    }
}
