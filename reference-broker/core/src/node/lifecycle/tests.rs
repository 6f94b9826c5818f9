//! One broker and its controller in one memory: what one asks the other answers, or nobody does.

mod missed;

use super::*;
use crate::config::BrokerConfig;
use crate::fetch::{FetchOutcome, Interest, PartitionKey, TopicKey};
use crate::log::tests::{Shared, identity};
use crate::machine::{Reply as Waits, Ticket};
use crate::node::Released;
use crate::node::observers::MetadataFetch;
use crate::peer::{AskId, AskSnapshot, ReplicaFetch, ReplicaFetched, SnapshotId, SnapshotPart};
use crate::store::Store;
use crate::units::{BrokerId, LeaderEpoch, Offset};
use bytes::Bytes;

struct World {
    now: Now,
    store: Shared,
    controller: Node,
    broker: Node,
    is_reachable: bool,
    parked: Vec<(Ticket, AskId, ReplicaFetch)>,
    /// What the controller gives for records that it has deleted.
    snapshot: Option<(SnapshotId, Bytes)>,
}

fn node(store: &Shared, properties: &[(&str, &str)], cluster: u8, now: Now) -> Node {
    let properties: Vec<_> = properties
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let config = BrokerConfig::from_properties(&properties).expect("valid");
    let identity = Identity {
        cluster_id: [cluster; 16],
        ..identity(cluster)
    };
    Node::open(Box::new(store.clone()), config, identity, now).expect("opens")
}

fn controller(store: &Shared, now: Now) -> Node {
    node(store, &[("process.roles", "controller"), ("node.id", "100")], 1, now)
}

impl World {
    fn new(cluster: u8) -> Self {
        let now = Now {
            unix_ms: 1_700_000_000_000,
            monotonic_ms: 0,
        };
        let store = Shared::default();
        let voters = ("controller.quorum.voters", "100@c:1");
        Self {
            now,
            controller: controller(&store, now),
            store,
            broker: node(&Shared::default(), &[("process.roles", "broker"), voters], cluster, now),
            is_reachable: true,
            parked: Vec::new(),
            snapshot: None,
        }
    }

    /// Carries questions and answers until nobody says anything more.
    fn settle(&mut self) {
        loop {
            let asked = self.broker.take_asked();
            let released = self.controller.take_released();
            if asked.is_empty() && released.is_empty() {
                return;
            }
            for asked in asked {
                self.answer(asked.id, asked.question);
            }
            for (ticket, released) in released {
                let place = self.parked.iter().position(|(parked, ..)| *parked == ticket);
                let (_, id, wanted) = self.parked.remove(place.expect("it was parked"));
                let Released::Fetch(outcome) = released else {
                    panic!("{released:?}")
                };
                let reply = match self.is_reachable {
                    true => self.fetched(outcome, &wanted),
                    false => Reply::Unreachable("cut".into()),
                };
                self.broker.answered(id, reply, self.now);
            }
        }
    }

    fn answer(&mut self, id: AskId, question: Question) {
        let is_deleted = matches!(&question, Question::Fetch(wanted) if self.is_deleted(wanted));
        let (controller, now) = (&mut self.controller, self.now);
        let reply = match question {
            _ if !self.is_reachable => Reply::Unreachable("cut".into()),
            Question::Register(registration) => Reply::Registered(controller.register_broker(&registration, now)),
            Question::Heartbeat(beat) => Reply::Heartbeat(controller.broker_heartbeat(&beat, now)),
            Question::Snapshot(wanted) => Reply::Snapshot(self.part(&wanted)),
            Question::Fetch(wanted) if is_deleted => Reply::Fetched(Ok(vec![self.told(&wanted)])),
            Question::Fetch(wanted) => match controller.fetch_metadata_log(of(&wanted), now) {
                Waits::Now(outcome) => self.fetched(outcome, &wanted),
                Waits::Parked(ticket) => return self.parked.push((ticket, id, wanted)),
            },
            other => panic!("nobody asks {other:?} here"),
        };
        self.broker.answered(id, reply, now);
    }

    fn fetched(&self, outcome: FetchOutcome, wanted: &ReplicaFetch) -> Reply {
        if let Some(error) = outcome.error {
            return Reply::Fetched(Err(error));
        }
        let fetched = outcome.partitions.into_iter().map(|fetched| ReplicaFetched {
            tp: wanted.partitions[0].tp.clone(),
            error: fetched.error,
            high_watermark: fetched.high_watermark,
            log_start: fetched.log_start,
            diverging: fetched.diverging,
            snapshot: None,
            leader: fetched.leader,
            records: fetched.span.map_or_else(Default::default, |span| {
                let mut bytes = vec![0; span.length];
                let read = self.store.read(&span.directory, &span.file, span.position, &mut bytes);
                assert_eq!(read, Ok(span.length));
                bytes.into()
            }),
        });
        Reply::Fetched(Ok(fetched.collect()))
    }

    /// On what is in the store now; who waited for the old one is told.
    fn restart_controller(&mut self) {
        self.controller = controller(&self.store, self.now);
        for (_, id, _) in std::mem::take(&mut self.parked) {
            let reply = Reply::Unreachable("restarted".into());
            self.broker.answered(id, reply, self.now);
        }
    }

    fn is_deleted(&self, wanted: &ReplicaFetch) -> bool {
        let end = self.snapshot.as_ref().map(|(id, _)| id.end);
        end.is_some_and(|end| wanted.partitions[0].offset < end)
    }

    fn told(&self, wanted: &ReplicaFetch) -> ReplicaFetched {
        ReplicaFetched {
            tp: wanted.partitions[0].tp.clone(),
            error: None,
            high_watermark: Offset(self.controller.image().next_offset()),
            log_start: Offset(0),
            diverging: None,
            snapshot: self.snapshot.as_ref().map(|(id, _)| *id),
            leader: None,
            records: Bytes::new(),
        }
    }

    /// A few bytes at a time.
    fn part(&self, wanted: &AskSnapshot) -> Result<SnapshotPart, ErrorCode> {
        let (id, bytes) = self.snapshot.as_ref().ok_or(ErrorCode::SnapshotNotFound)?;
        assert_eq!(*id, wanted.snapshot);
        let from = wanted.position as usize;
        Ok(SnapshotPart {
            size: bytes.len() as i64,
            position: wanted.position,
            bytes: bytes.slice(from..bytes.len().min(from + 100)),
        })
    }

    /// The controller deletes what it has so far, and keeps what it came to.
    fn deletes_metadata(&mut self) {
        let (directory, file) = ("__cluster_metadata-0", "00000000000000000000.log");
        let mut log = vec![0; 1 << 20];
        let length = self.store.read(directory, file, 0, &mut log).expect("it is there");
        log.truncate(length);
        let id = SnapshotId {
            end: Offset(self.controller.image().next_offset()),
            epoch: LeaderEpoch(1),
        };
        self.snapshot = Some((id, log.into()));
    }

    fn pass(&mut self, ms: i64) {
        self.now.monotonic_ms += ms;
        self.now.unix_ms += ms;
        self.broker.tick(self.now);
        self.controller.tick(self.now);
        self.settle();
    }
}

fn of(wanted: &ReplicaFetch) -> MetadataFetch {
    let partition = &wanted.partitions[0];
    let key = PartitionKey {
        topic: TopicKey::Id(partition.topic_id),
        partition: partition.tp.partition,
    };
    let interest = Interest {
        offset: partition.offset,
        max_bytes: partition.max_bytes,
        leader_epoch: partition.leader_epoch,
        last_fetched_epoch: partition.last_fetched_epoch,
        served: crate::fetch::Served::ByLeader,
        log_start: Offset(-1),
        high_watermark: Interest::ANY_HIGH_WATERMARK,
    };
    MetadataFetch {
        replica: wanted.replica.broker,
        cluster_id: None,
        directory: partition.directory,
        max_wait_ms: wanted.max_wait_ms,
        partitions: vec![(key, interest)],
        high_watermark: partition.high_watermark,
    }
}

const OWN: BrokerId = BrokerId(1);

#[test]
fn a_broker_takes_part_as_soon_as_it_has_seen_itself_registered() {
    let mut world = World::new(1);
    world.settle();
    assert_eq!(world.broker.stage(), Stage::Running);
    // Without a heartbeat's interval: no time has passed.
    assert!(
        world
            .controller
            .image()
            .broker(OWN)
            .is_some_and(|broker| !broker.fenced)
    );
    assert_eq!(world.broker.image(), world.controller.image());
    let observers: Vec<_> = world
        .controller
        .observers()
        .map(|each| (each.id, each.directory, each.log_end))
        .collect();
    let end = Offset(world.controller.image().next_offset());
    assert_eq!(observers, [(OWN, world.broker.log_directory(), end)]);
}

#[test]
fn a_broker_whose_controller_has_deleted_the_first_metadata_begins_behind_a_snapshot() {
    let mut world = World::new(1);
    world.deletes_metadata();
    world.settle();
    assert_eq!(world.broker.stage(), Stage::Running);
    assert_eq!(world.broker.image(), world.controller.image());
}

#[test]
fn a_broker_that_the_controller_does_not_know_any_more_registers_again() {
    let mut world = World::new(1);
    world.settle();
    let before = world.broker.own_epoch();
    world.controller.unregister_broker(OWN, world.now).expect("it is there");
    world.settle();
    world.pass(2_000);
    assert_eq!(world.broker.stage(), Stage::Running);
    assert!(world.broker.own_epoch().epoch > before.epoch);
    assert!(
        world
            .controller
            .image()
            .broker(OWN)
            .is_some_and(|broker| !broker.fenced)
    );
}

#[test]
fn a_broker_that_is_cut_off_is_fenced_and_comes_back_when_it_is_heard() {
    let mut world = World::new(1);
    world.settle();
    world.is_reachable = false;
    for _ in 0..12 {
        world.pass(1_000);
    }
    assert!(world.controller.image().broker(OWN).is_some_and(|broker| broker.fenced));
    world.is_reachable = true;
    world.pass(9_000);
    world.pass(2_000);
    assert_eq!(world.broker.stage(), Stage::Running);
    assert_eq!(world.broker.image(), world.controller.image());
}

#[test]
fn a_broker_asks_before_it_goes() {
    let mut world = World::new(1);
    world.settle();
    world.broker.begin_to_leave(world.now);
    assert!(!world.broker.has_left());
    world.settle();
    world.pass(100);
    assert!(world.broker.has_left());
    assert!(world.controller.image().broker(OWN).is_some_and(|broker| broker.fenced));
}

#[test]
fn a_broker_of_another_cluster_is_refused_and_both_say_why() {
    let mut world = World::new(9);
    world.settle();
    for _ in 0..5 {
        world.pass(1_000);
    }
    assert_eq!(world.broker.stage(), Stage::Registering);
    let (told, heard) = (world.broker.take_complaints(), world.controller.take_complaints());
    assert!(told.len() == 1 && told[0].contains("cluster"), "{told:?}");
    assert!(
        heard.iter().all(|line| line.contains("cluster ID")) && !heard.is_empty(),
        "{heard:?}"
    );
}

#[test]
fn metadata_outlive_a_restart_of_the_controller_and_are_not_taken_back_by_one_that_lost_them() {
    let mut world = World::new(1);
    world.settle();
    world.restart_controller();
    world.pass(2_000);
    world.pass(2_000);
    assert_eq!(world.broker.image(), world.controller.image());
    let known = world.broker.image().clone();

    world.store = Shared::default();
    world.restart_controller();
    world.pass(2_000);
    assert_eq!(*world.broker.image(), known);
    let told = world.broker.take_complaints();
    assert!(told.iter().any(|line| line.contains("lost")), "{told:?}");
}
