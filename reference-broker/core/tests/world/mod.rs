//! A controller and the brokers that it decides on, without a network: what they ask in what order is drawn, and after each
//! step the invariants of the cluster's metadata are looked at.

use std::collections::BTreeMap;

use broker_core::config::BrokerConfig;
use broker_core::controller::brokers::Registration;
use broker_core::controller::elections::Election;
use broker_core::controller::features::bootstrap_records;
use broker_core::controller::partitions::MorePartitions;
use broker_core::controller::reassignments::ReplicationFactor;
use broker_core::controller::sessions::{SessionStep, Sessions};
use broker_core::controller::topics::{NewTopic, TopicRef};
use broker_core::controller::watch::Due;
use broker_core::controller::{Change, Controller, Decided, Intent};
use broker_core::image::{Image, Listener, PartitionImage};
use broker_core::peer::{AlterPartition, AlterPartitions, BrokerEpoch, BrokerHeartbeat};
use broker_core::records::MetadataRecord;
use broker_core::units::{BrokerId, LeaderEpoch, Now, TopicId};
use proptest::prelude::*;

use crate::invariants::{Progress, is_sound};

const CLUSTER: &str = "a-cluster";
const BROKERS: i32 = 4;
const SESSION_MS: i64 = 9_000;

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A broker starts: anew, or the same process once more; after a stop in order, or not.
    Register { broker: i32, anew: bool, in_order: bool },
    /// A broker gives a sign of life.
    Heartbeat {
        broker: i32,
        is_behind: bool,
        want_fence: bool,
        want_shut_down: bool,
    },
    /// Time goes by, and the sessions that expire do.
    Pass { ms: i64 },
    /// A topic is created.
    Create {
        topic: u8,
        partitions: i32,
        factor: i16,
        unclean: bool,
        min_isr: u8,
    },
    /// A topic gets one more partition.
    Grow { topic: u8 },
    /// A topic goes.
    Delete { topic: u8 },
    /// The leader of a partition wants these in sync, building on an epoch that is so far from the present one.
    Alter {
        topic: u8,
        partition: i32,
        isr: u8,
        leader_lag: i32,
        lag: i32,
        recovers: bool,
    },
    /// An operator wants a leader.
    Elect { topic: u8, partition: i32, unclean: bool },
    /// An operator wants a partition elsewhere; no broker at all cancels.
    Reassign {
        topic: u8,
        partition: i32,
        brokers: Vec<i32>,
    },
    /// The controller looks after itself.
    Look { unclean: bool },
    /// The controller starts anew.
    Restart,
    /// A broker is forgotten.
    Unregister { broker: i32 },
}

/// Any event, small enough that events meet.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let broker = || 1..=BROKERS;
    let at = || (0..2u8, 0..2i32);
    prop_oneof![
        3 => (broker(), prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(broker, anew, in_order)| Event::Register { broker, anew, in_order }),
        6 => (broker(), prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.15)).prop_map(
            |(broker, is_behind, want_fence, want_shut_down)| Event::Heartbeat { broker, is_behind, want_fence, want_shut_down }
        ),
        2 => prop::sample::select(vec![1, 3_000, 8_999, 9_001]).prop_map(|ms| Event::Pass { ms }),
        2 => (0..2u8, 1..3i32, 1..5i16, any::<bool>(), 1..4u8).prop_map(|(topic, partitions, factor, unclean, min_isr)| {
            Event::Create { topic, partitions, factor, unclean, min_isr }
        }),
        1 => (0..2u8).prop_map(|topic| Event::Grow { topic }),
        1 => (0..2u8).prop_map(|topic| Event::Delete { topic }),
        6 => (at(), 0..16u8, prop::sample::select(vec![-1, 0, 0, 0, 0, 1]), prop::sample::select(vec![-1, 0, 0, 0, 1]), any::<bool>())
            .prop_map(|((topic, partition), isr, leader_lag, lag, recovers)| Event::Alter {
                topic, partition, isr, leader_lag, lag, recovers
            }),
        2 => (at(), any::<bool>()).prop_map(|((topic, partition), unclean)| Event::Elect { topic, partition, unclean }),
        3 => (at(), prop::collection::vec(broker(), 0..4))
            .prop_map(|((topic, partition), brokers)| Event::Reassign { topic, partition, brokers }),
        1 => any::<bool>().prop_map(|unclean| Event::Look { unclean }),
        1 => Just(Event::Restart),
        1 => broker().prop_map(|broker| Event::Unregister { broker }),
    ]
}

/// Every broker takes part, and each of two topics is kept by three of them; then whatever happens.
pub(crate) fn story() -> impl Strategy<Value = (bool, Vec<Event>)> {
    (prop::bool::weighted(0.8), prop::collection::vec(event(), 0..60))
}

/// A controller, and what its brokers know of themselves.
pub(crate) struct World {
    image: Image,
    sessions: Sessions,
    config: BrokerConfig,
    log: Vec<Change>,
    now: Now,
    lives: BTreeMap<i32, Life>,
    drawn: u8,
    /// Of each partition, when it was last looked at.
    progress: Progress<(TopicId, i32)>,
}

/// A broker's process.
#[derive(Debug, Clone, Copy, Default)]
struct Life {
    incarnation: u8,
    epoch: i64,
}

impl World {
    /// Tells a story and looks at the invariants after each event.
    pub(crate) fn tell(has_eligible_leaders: bool, events: &[Event]) -> Result<(), String> {
        let mut world = Self::new(has_eligible_leaders);
        for event in opening().iter().chain(events) {
            world.step(event).map_err(|what| format!("after {event:?}: {what}"))?;
        }
        world.replays()
    }

    fn new(has_eligible_leaders: bool) -> Self {
        let properties = [
            ("node.id".to_owned(), "100".to_owned()),
            ("broker.session.timeout.ms".to_owned(), SESSION_MS.to_string()),
        ];
        let mut world = Self {
            image: Image::default(),
            sessions: Sessions::default(),
            config: BrokerConfig::from_properties(&properties).expect("valid properties"),
            log: Vec::new(),
            now: Now {
                unix_ms: 0,
                monotonic_ms: 0,
            },
            lives: BTreeMap::new(),
            drawn: 0,
            progress: Progress::default(),
        };
        let records = bootstrap_records("1").into_iter().filter(|(record, _)| match record {
            MetadataRecord::FeatureLevel(feature) => {
                has_eligible_leaders || feature.name != "eligible.leader.replicas.version"
            }
            _ => true,
        });
        world.commit(records.collect());
        world
    }

    fn controller(&self) -> Controller<'_> {
        Controller {
            image: &self.image,
            config: &self.config,
            sessions: &self.sessions,
        }
    }

    fn commit(&mut self, records: Vec<Change>) {
        for change in records {
            self.image.apply(&change.0, self.log.len() as i64);
            self.log.push(change);
        }
    }

    fn committed<Answer>(&mut self, decided: Decided<Answer>) -> Answer {
        self.commit(decided.records);
        decided.answer
    }

    fn stepped<Answer>(&mut self, step: SessionStep<Answer>) -> Answer {
        self.commit(step.records);
        for change in &step.changes {
            self.sessions.apply(change);
        }
        step.answer
    }

    fn draw(&mut self) -> u8 {
        self.drawn = self.drawn.wrapping_add(1);
        self.drawn
    }

    fn step(&mut self, event: &Event) -> Result<(), String> {
        let before: BTreeMap<(TopicId, i32), PartitionImage> = self.partitions();
        let mut may_lose = false;
        match event {
            Event::Register { broker, anew, in_order } => self.register(*broker, *anew, *in_order),
            Event::Heartbeat { .. } => self.heartbeat(event)?,
            Event::Pass { ms } => self.pass(*ms),
            Event::Create { .. } => self.create(event),
            Event::Grow { topic } => self.grow(*topic),
            Event::Delete { topic } => self.delete(*topic),
            Event::Alter { .. } => self.alter(event)?,
            Event::Elect {
                topic,
                partition,
                unclean,
            } => {
                may_lose = *unclean;
                let election = if *unclean {
                    Election::Unclean
                } else {
                    Election::Preferred
                };
                let asked = [(name(*topic), vec![*partition])];
                let decided = self.controller().elect_leaders(Some(&asked), election);
                drop(self.committed(decided));
            }
            Event::Reassign {
                topic,
                partition,
                brokers,
            } => {
                let target = (!brokers.is_empty()).then(|| brokers.clone());
                let targets = vec![(name(*topic), vec![(*partition, target)])];
                let decided = self.controller().reassign(&targets, ReplicationFactor::MayChange);
                drop(self.committed(decided));
            }
            Event::Look { unclean } => {
                let due = if *unclean { Due::UncleanElection } else { Due::Balance };
                let records = self.controller().carry_out_due(due);
                self.commit(records);
            }
            Event::Restart => self.sessions = Sessions::at_start(&self.image, BrokerId(100), SESSION_MS, self.now),
            Event::Unregister { broker } => {
                let decided = self.controller().unregister_broker(BrokerId(*broker));
                drop(self.committed(decided));
            }
        }
        self.look(&before, may_lose)
    }

    fn register(&mut self, broker: i32, anew: bool, in_order: bool) {
        let before = self.lives.get(&broker).copied().unwrap_or_default();
        let incarnation = match anew || before.incarnation == 0 {
            true => self.draw(),
            false => before.incarnation,
        };
        let registration = Registration {
            id: BrokerId(broker),
            incarnation: [incarnation; 16],
            cluster_id: CLUSTER.into(),
            listeners: vec![Listener {
                host: "localhost".into(),
                port: 9092,
                ..Listener::default()
            }],
            features: Registration::features_of_this_release(),
            rack: Some(format!("rack-{}", broker % 2)),
            log_dirs: vec![[100 + broker as u8; 16]],
            previous_epoch: if in_order { before.epoch } else { -1 },
        };
        let step = self.controller().admit_broker(&registration, CLUSTER, self.now);
        if let Ok(epoch) = self.stepped(step) {
            self.lives.insert(broker, Life { incarnation, epoch });
        }
    }

    fn heartbeat(&mut self, event: &Event) -> Result<(), String> {
        let Event::Heartbeat {
            broker,
            is_behind,
            want_fence,
            want_shut_down,
        } = event
        else {
            return Ok(());
        };
        let beat = BrokerHeartbeat {
            broker: self.life(BrokerId(*broker)),
            metadata_offset: if *is_behind { -1 } else { self.image.next_offset() - 1 },
            want_fence: *want_fence,
            want_shut_down: *want_shut_down,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: Vec::new(),
        };
        let step = self.controller().hear_broker(&beat, self.now);
        let stops = self.stepped(step).is_ok_and(|state| state.should_shut_down);
        let id = BrokerId(*broker);
        let leads = self.partitions().into_values().any(|partition| partition.leader == id);
        match stops && leads {
            true => Err(format!("broker {id} may stop, and leads")),
            false => Ok(()),
        }
    }

    fn life(&self, broker: BrokerId) -> BrokerEpoch {
        let epoch = self.lives.get(&broker.0).map_or(-1, |life| life.epoch);
        BrokerEpoch { broker, epoch }
    }

    fn pass(&mut self, ms: i64) {
        self.now.monotonic_ms += ms;
        while let Some(step) = self.controller().expire_session(self.now) {
            self.stepped(step);
        }
    }

    fn create(&mut self, event: &Event) {
        let Event::Create {
            topic,
            partitions,
            factor,
            unclean,
            min_isr,
        } = event
        else {
            return;
        };
        let config = |key: &str, value: String| (key.to_owned(), Some(value));
        let topic = NewTopic {
            name: name(*topic),
            id: TopicId([self.draw(); 16]),
            partitions: *partitions,
            replication_factor: *factor,
            configs: vec![
                config("unclean.leader.election.enable", unclean.to_string()),
                config("min.insync.replicas", min_isr.to_string()),
            ],
            ..NewTopic::default()
        };
        let decided = self.controller().create_topics(vec![topic], Intent::Commit);
        drop(self.committed(decided));
    }

    fn grow(&mut self, topic: u8) {
        let count = self
            .image
            .topic(&name(topic))
            .map_or(1, |topic| topic.partition_count() + 1);
        let more = MorePartitions {
            name: name(topic),
            count,
            assignments: None,
        };
        let decided = self.controller().create_partitions(vec![more], Intent::Commit);
        drop(self.committed(decided));
    }

    fn delete(&mut self, topic: u8) {
        let named = TopicRef {
            name: Some(name(topic)),
            id: TopicId::ZERO,
        };
        let decided = self.controller().delete_topics(vec![named]);
        drop(self.committed(decided));
    }

    /// What builds on anything but what stands is refused.
    fn alter(&mut self, event: &Event) -> Result<(), String> {
        let Event::Alter {
            topic,
            partition,
            isr,
            leader_lag,
            lag,
            recovers,
        } = event
        else {
            return Ok(());
        };
        let Some(topic) = self.image.topic(&name(*topic)) else {
            return Ok(());
        };
        let Some(present) = topic.partition(*partition) else {
            return Ok(());
        };
        let in_sync = (1..=BROKERS).filter(|broker| isr & (1 << (broker - 1)) != 0);
        let wanted = AlterPartition {
            topic_id: topic.id,
            partition: *partition,
            leader_epoch: LeaderEpoch(present.leader_epoch.0 - leader_lag),
            partition_epoch: present.partition_epoch - lag,
            isr: in_sync.map(|broker| self.life(BrokerId(broker))).collect(),
            leader_recovery_state: i8::from(present.is_recovering && !recovers),
        };
        let asked = AlterPartitions {
            broker: self.life(present.leader),
            partitions: vec![wanted],
        };
        let decided = self.controller().alter_partitions(&asked);
        let changes = !decided.records.is_empty();
        drop(self.committed(decided));
        match changes && (*lag != 0 || *leader_lag != 0) {
            true => Err("in-sync replicas changed that build on what is no more".into()),
            false => Ok(()),
        }
    }

    fn partitions(&self) -> BTreeMap<(TopicId, i32), PartitionImage> {
        let of = |topic: &broker_core::image::TopicImage| {
            let id = topic.id;
            let indexed = (0..).zip(topic.partitions.clone());
            indexed
                .map(move |(index, partition)| ((id, index), partition))
                .collect::<Vec<_>>()
        };
        self.image.topics().flat_map(of).collect()
    }

    fn look(&mut self, before: &BTreeMap<(TopicId, i32), PartitionImage>, may_lose: bool) -> Result<(), String> {
        for (key, partition) in self.partitions() {
            is_sound(&self.image, &partition)?;
            self.progress.goes_on(key, &partition)?;
            if let Some(before) = before.get(&key) {
                self.is_elected_clean(key.0, before, &partition, may_lose)?;
            }
        }
        Ok(())
    }

    /// Who leads had all that was acknowledged, unless somebody has said that he prefers a leader, or it led last of all.
    fn is_elected_clean(
        &self,
        topic: TopicId,
        before: &PartitionImage,
        after: &PartitionImage,
        may_lose: bool,
    ) -> Result<(), String> {
        let topic = self.image.topic_by_id(topic).ok_or("a partition without its topic")?;
        let overrides = self
            .image
            .overrides(broker_core::image::ResourceKind::Topic, &topic.name);
        let may_lose = may_lose
            || overrides
                .get("unclean.leader.election.enable")
                .is_some_and(|value| value == "true");
        let leader = after.leader;
        let is_new = leader.0 >= 0 && leader != before.leader;
        let was_safe = before.isr.contains(&leader) || before.eligible_leader_replicas.contains(&leader);
        let led_last = before.last_known_elr == [leader] && after.is_recovering;
        // A reassignment may be completed by the very change that brings the new leader in.
        let is_brought_in = after.isr.len() > 1 || !before.adding_replicas.is_empty();
        match is_new && !was_safe && !led_last && !is_brought_in && !may_lose {
            true => Err(format!("an unclean leader: {before:?}, {after:?}")),
            false => Ok(()),
        }
    }

    /// What is in the log, in its written form, makes the image.
    fn replays(&self) -> Result<(), String> {
        let mut image = Image::default();
        for (offset, (record, version)) in (0..).zip(&self.log) {
            let bytes = record
                .encode(*version)
                .map_err(|error| format!("{record:?}: {error}"))?;
            let (again, _) = MetadataRecord::decode(&bytes).map_err(|error| format!("{record:?}: {error}"))?;
            image.apply(&again, offset);
        }
        match image == self.image {
            true => Ok(()),
            false => Err("the log makes another image".into()),
        }
    }
}

/// All brokers come, and two topics.
fn opening() -> Vec<Event> {
    let register = (1..=BROKERS).map(|broker| Event::Register {
        broker,
        anew: true,
        in_order: false,
    });
    let unfence = (1..=BROKERS).map(|broker| Event::Heartbeat {
        broker,
        is_behind: false,
        want_fence: false,
        want_shut_down: false,
    });
    let create = |(topic, unclean)| Event::Create {
        topic,
        partitions: 2,
        factor: 3,
        unclean,
        min_isr: 2,
    };
    let topics = [(0, false), (1, true)].into_iter().map(create);
    register.chain(unfence).chain(topics).collect()
}

fn name(topic: u8) -> String {
    format!("topic-{topic}")
}
