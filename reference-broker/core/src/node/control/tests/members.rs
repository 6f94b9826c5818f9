//! A controller with brokers elsewhere: what it answers them, and what it makes of their coming and going.

use std::collections::BTreeMap;

use super::*;
use crate::controller::brokers::Registration;
use crate::controller::elections::Election;
use crate::controller::features::{Direction, FeatureUpdate};
use crate::controller::reassignments::ReplicationFactor;
use crate::image::{FeatureRange, Listener, PartitionImage};
use crate::peer::{AlterPartition, AlterPartitions, BrokerEpoch, BrokerHeartbeat, BrokerState};
use crate::units::ProducerId;

const SESSION_MS: i64 = 9_000;
const CLUSTER: &str = "AQEBAQEBAQEBAQEBAQEBAQ";

/// A controller, and the epochs of the brokers that it has let in.
struct Cluster {
    node: Node,
    store: Shared,
    epochs: BTreeMap<i32, i64>,
    now: Now,
}

fn registration(id: i32, process: u8) -> Registration {
    Registration {
        id: BrokerId(id),
        incarnation: [process; 16],
        cluster_id: CLUSTER.into(),
        listeners: vec![Listener::plaintext("PLAINTEXT", "localhost", 9_000 + id as u16)],
        features: Registration::features_of_this_release(),
        rack: Some(format!("rack-{}", id % 2)),
        log_dirs: vec![[200 + id as u8; 16]],
        previous_epoch: -1,
    }
}

fn controller(store: &Shared, now: Now) -> Node {
    let properties = [
        ("process.roles", "controller"),
        ("node.id", "100"),
        ("controller.quorum.voters", "100@localhost:9092"),
    ];
    let properties: Vec<_> = properties
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let config = BrokerConfig::from_properties(&properties).expect("valid properties");
    Node::open(Box::new(store.clone()), config, identity(9), now).expect("a controller opens")
}

impl Cluster {
    /// That many brokers, all unfenced.
    fn of(brokers: i32) -> Self {
        let store = Shared::default();
        let node = controller(&store, NOW);
        let mut cluster = Self {
            node,
            store,
            epochs: BTreeMap::new(),
            now: NOW,
        };
        for id in 1..=brokers {
            cluster.register(registration(id, id as u8)).expect("let in");
            assert!(!cluster.beat(id).expect("heard").is_fenced);
        }
        cluster
    }

    fn register(&mut self, registration: Registration) -> Result<i64, ErrorCode> {
        let epoch = self.node.register_broker(&registration, self.now)?;
        self.epochs.insert(registration.id.0, epoch);
        Ok(epoch)
    }

    fn life(&self, id: i32) -> BrokerEpoch {
        BrokerEpoch {
            broker: BrokerId(id),
            epoch: self.epochs.get(&id).copied().unwrap_or(-1),
        }
    }

    fn heartbeat(&self, id: i32) -> BrokerHeartbeat {
        BrokerHeartbeat {
            broker: self.life(id),
            metadata_offset: self.node.image().next_offset() - 1,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: Vec::new(),
        }
    }

    fn beat(&mut self, id: i32) -> Result<BrokerState, ErrorCode> {
        let beat = self.heartbeat(id);
        self.node.broker_heartbeat(&beat, self.now)
    }

    fn leave(&mut self, id: i32) -> BrokerState {
        let beat = BrokerHeartbeat {
            want_shut_down: true,
            ..self.heartbeat(id)
        };
        self.node.broker_heartbeat(&beat, self.now).expect("heard")
    }

    /// Time goes by; these are heard at its end, and then the controller looks.
    fn pass(&mut self, ms: i64, heard: &[i32]) {
        self.now.monotonic_ms += ms;
        for id in heard {
            self.beat(*id).expect("heard");
        }
        self.node.tick(self.now);
    }

    fn create(&mut self, name: &str, replicas: &[i32], configs: &[(&str, &str)]) {
        let topic = NewTopic {
            name: name.into(),
            partitions: -1,
            replication_factor: -1,
            assignments: vec![(0, replicas.to_vec())],
            configs: configs
                .iter()
                .map(|(key, value)| ((*key).into(), Some((*value).into())))
                .collect(),
            ..NewTopic::default()
        };
        assert_eq!(refusal_of(&mut self.node, topic), None);
    }

    fn partition(&self, name: &str) -> &PartitionImage {
        self.node
            .image()
            .topic(name)
            .expect("a topic")
            .partition(0)
            .expect("a partition")
    }

    /// Leader, leader epoch, in-sync replicas, eligible leaders.
    fn led(&self, name: &str) -> (i32, i32, Vec<i32>, Vec<i32>) {
        let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
        let partition = self.partition(name);
        let eligible = ids(&partition.eligible_leader_replicas);
        (
            partition.leader.0,
            partition.leader_epoch.0,
            ids(&partition.isr),
            eligible,
        )
    }

    /// What the leader asks for who wants these in sync.
    fn wanted(&self, name: &str, isr: &[i32]) -> AlterPartition {
        let topic = self.node.image().topic(name).expect("a topic");
        let partition = self.partition(name);
        AlterPartition {
            topic_id: topic.id,
            partition: 0,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            isr: isr.iter().map(|id| self.life(*id)).collect(),
            leader_recovery_state: 0,
        }
    }

    fn alter(&mut self, asker: i32, wanted: AlterPartition) -> Result<Vec<BrokerId>, ErrorCode> {
        let asked = AlterPartitions {
            broker: self.life(asker),
            partitions: vec![wanted],
        };
        let mut altered = self.node.alter_partitions(&asked, self.now)?;
        altered.remove(0).result.map(|state| state.isr)
    }

    fn reassign(&mut self, name: &str, target: Option<&[i32]>) -> Option<ErrorCode> {
        let targets = vec![(name.to_owned(), vec![(0, target.map(<[i32]>::to_vec))])];
        let reassigned = self.node.reassign(&targets, ReplicationFactor::MayChange, self.now);
        let [(_, partitions)] = &reassigned.expect("written")[..] else {
            panic!("one topic was asked about");
        };
        partitions[0].1.as_ref().err().map(|refusal| refusal.code)
    }

    fn elect(&mut self, name: &str, election: Election) -> Option<ErrorCode> {
        let asked = [(name.to_owned(), vec![0])];
        let elected = self
            .node
            .elect_leaders(Some(&asked), election, self.now)
            .expect("written");
        elected[0].1[0].1.as_ref().err().map(|refusal| refusal.code)
    }
}

#[test]
fn who_does_not_belong_is_not_registered() {
    let mut cluster = Cluster::of(1);
    let refused: [(ErrorCode, Registration); 6] = [
        (
            ErrorCode::InconsistentClusterId,
            Registration {
                cluster_id: "another".into(),
                ..registration(2, 2)
            },
        ),
        (ErrorCode::DuplicateBrokerRegistration, registration(1, 7)),
        (
            ErrorCode::InvalidRegistration,
            Registration {
                log_dirs: Vec::new(),
                ..registration(2, 2)
            },
        ),
        (
            ErrorCode::InvalidRegistration,
            Registration {
                log_dirs: vec![[201; 16]],
                ..registration(2, 2)
            },
        ),
        (
            ErrorCode::InvalidRegistration,
            Registration {
                features: Vec::new(),
                ..registration(2, 2)
            },
        ),
        (
            ErrorCode::UnsupportedVersion,
            Registration {
                features: vec![FeatureRange {
                    name: "metadata.version".into(),
                    min: 7,
                    max: 29,
                }],
                ..registration(2, 2)
            },
        ),
    ];
    for (code, registration) in refused {
        assert_eq!(cluster.register(registration.clone()), Err(code), "{registration:?}");
    }
    assert_eq!(cluster.node.image().brokers().count(), 1);
    assert!(!cluster.node.take_complaints().is_empty());
}

#[test]
fn a_feature_goes_to_no_level_that_a_registered_broker_lacks() {
    let mut cluster = Cluster::of(1);
    let level = |level, direction| FeatureUpdate {
        name: "share.version".into(),
        level,
        direction,
    };
    let update = |cluster: &mut Cluster, update| {
        let updated = cluster.node.update_features(&[update], Intent::Commit, NOW);
        updated.map_err(|refusal| refusal.code)
    };
    assert_eq!(update(&mut cluster, level(0, Direction::Down)), Ok(()));
    let mut older = registration(2, 2);
    older.features.retain(|feature| feature.name != "share.version");
    cluster.register(older).expect("let in");
    let refused = Err(ErrorCode::InvalidUpdateVersion);
    assert_eq!(update(&mut cluster, level(1, Direction::Up)), refused);
    cluster.register(registration(2, 2)).expect("the same process");
    assert_eq!(update(&mut cluster, level(1, Direction::Up)), Ok(()));
}

#[test]
fn an_id_is_free_once_the_session_of_its_last_process_has_expired() {
    let mut cluster = Cluster::of(1);
    let first = cluster.epochs[&1];
    assert_eq!(cluster.register(registration(1, 1)), Ok(first), "the same process");
    assert!(!cluster.node.image().broker(BrokerId(1)).expect("registered").fenced);
    cluster.pass(SESSION_MS, &[]);
    assert!(cluster.node.image().broker(BrokerId(1)).expect("registered").fenced);
    let second = cluster.register(registration(1, 7)).expect("free");
    assert!(second > first);
    cluster.epochs.insert(1, first);
    assert_eq!(cluster.beat(1), Err(ErrorCode::StaleBrokerEpoch));
}

#[test]
fn a_broker_takes_part_once_it_has_applied_its_own_registration() {
    let mut cluster = Cluster::of(0);
    let epoch = cluster.register(registration(1, 1)).expect("let in");
    let behind = BrokerHeartbeat {
        metadata_offset: epoch - 1,
        ..cluster.heartbeat(1)
    };
    let state = cluster.node.broker_heartbeat(&behind, NOW).expect("heard");
    assert_eq!((state.is_caught_up, state.is_fenced), (false, true));
    let reluctant = BrokerHeartbeat {
        want_fence: true,
        ..cluster.heartbeat(1)
    };
    let state = cluster.node.broker_heartbeat(&reluctant, NOW).expect("heard");
    assert_eq!((state.is_caught_up, state.is_fenced), (true, true));
    assert!(!cluster.beat(1).expect("heard").is_fenced);
}

#[test]
fn who_is_not_heard_of_is_fenced_and_others_lead() {
    let mut cluster = Cluster::of(3);
    cluster.create("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    cluster.create("alone", &[1], &[]);
    cluster.pass(SESSION_MS - 1, &[2, 3]);
    assert_eq!(cluster.led("t"), (1, 0, vec![1, 2, 3], vec![]));
    cluster.pass(1, &[2, 3]);
    assert_eq!(cluster.led("t"), (2, 1, vec![2, 3], vec![]));
    assert_eq!(cluster.led("alone"), (-1, 1, vec![], vec![1]));
    // Below the minimum who goes stays eligible.
    cluster.pass(SESSION_MS, &[3]);
    assert_eq!(cluster.led("t"), (3, 2, vec![3], vec![2]));
    cluster.pass(SESSION_MS, &[]);
    assert_eq!(cluster.led("t"), (-1, 3, vec![], vec![2, 3]));
    assert_eq!(cluster.partition("t").last_known_elr, [BrokerId(3)]);
    // The same process as before is back: it had everything.
    assert!(!cluster.beat(2).expect("heard").is_fenced);
    assert_eq!(cluster.led("t"), (2, 4, vec![2], vec![3]));
}

#[test]
fn who_has_lost_its_memory_is_eligible_no_more() {
    for (in_order, eligible) in [(true, vec![2]), (false, vec![])] {
        let mut cluster = Cluster::of(2);
        cluster.create("t", &[1, 2], &[("min.insync.replicas", "2")]);
        cluster.pass(SESSION_MS, &[1]);
        assert_eq!(cluster.led("t"), (1, 0, vec![1], vec![2]));
        let previous_epoch = if in_order { cluster.epochs[&2] } else { -1 };
        cluster
            .register(Registration {
                previous_epoch,
                ..registration(2, 7)
            })
            .expect("let in");
        assert_eq!(cluster.led("t"), (1, 0, vec![1], eligible));
    }
}

#[test]
fn who_led_last_leads_again_where_nobody_is_eligible() {
    let mut cluster = Cluster::of(1);
    cluster.create("t", &[1], &[]);
    cluster.pass(SESSION_MS, &[]);
    cluster.register(registration(1, 7)).expect("let in");
    assert_eq!(cluster.led("t"), (-1, 1, vec![], vec![]));
    cluster.beat(1).expect("heard");
    assert_eq!(cluster.led("t"), (1, 2, vec![1], vec![]));
    assert!(cluster.partition("t").is_recovering);
    let wanted = cluster.wanted("t", &[1]);
    assert_eq!(cluster.alter(1, wanted), Ok(vec![BrokerId(1)]));
    assert!(!cluster.partition("t").is_recovering);
}

#[test]
fn a_broker_that_wants_to_go_goes_when_others_lead_and_know_it() {
    let mut cluster = Cluster::of(2);
    cluster.create("t", &[1, 2], &[]);
    assert!(!cluster.leave(1).should_shut_down);
    assert_eq!(cluster.led("t"), (2, 1, vec![2], vec![]));
    assert!(
        cluster
            .node
            .image()
            .broker(BrokerId(1))
            .expect("registered")
            .in_controlled_shutdown
    );
    assert!(!cluster.leave(1).should_shut_down, "2 has not seen it");
    cluster.beat(2).expect("heard");
    let state = cluster.leave(1);
    assert_eq!((state.should_shut_down, state.is_fenced), (true, true));
    assert!(
        cluster.leave(2).is_fenced || cluster.led("t").0 == -1,
        "the last one goes as well"
    );
}

#[test]
fn in_sync_replicas_change_by_compare_and_set() {
    let mut cluster = Cluster::of(3);
    cluster.create("t", &[1, 2], &[]);
    let wanted = cluster.wanted("t", &[1]);
    assert_eq!(cluster.alter(1, wanted.clone()), Ok(vec![BrokerId(1)]));
    assert_eq!(cluster.alter(1, wanted), Err(ErrorCode::InvalidUpdateVersion));
    let good = cluster.wanted("t", &[1, 2]);
    let nobody = BrokerEpoch {
        broker: BrokerId(2),
        epoch: 0,
    };
    let topic_id = TopicId([77; 16]);
    let refused = [
        (
            1,
            ErrorCode::UnknownTopicId,
            AlterPartition {
                topic_id,
                ..good.clone()
            },
        ),
        (
            1,
            ErrorCode::UnknownTopicOrPartition,
            AlterPartition {
                partition: 5,
                ..good.clone()
            },
        ),
        (
            1,
            ErrorCode::NotController,
            AlterPartition {
                partition_epoch: 9,
                ..good.clone()
            },
        ),
        (
            1,
            ErrorCode::NotController,
            AlterPartition {
                leader_epoch: LeaderEpoch(9),
                ..good.clone()
            },
        ),
        (
            1,
            ErrorCode::FencedLeaderEpoch,
            AlterPartition {
                leader_epoch: LeaderEpoch(-1),
                ..good.clone()
            },
        ),
        (2, ErrorCode::InvalidRequest, good.clone()),
        (1, ErrorCode::InvalidRequest, cluster.wanted("t", &[2])),
        (1, ErrorCode::InvalidRequest, cluster.wanted("t", &[1, 3])),
        (
            1,
            ErrorCode::InvalidRequest,
            AlterPartition {
                leader_recovery_state: 1,
                ..good.clone()
            },
        ),
        (
            1,
            ErrorCode::IneligibleReplica,
            AlterPartition {
                isr: vec![cluster.life(1), nobody],
                ..good.clone()
            },
        ),
    ];
    for (asker, code, wanted) in refused {
        assert_eq!(cluster.alter(asker, wanted.clone()), Err(code), "{wanted:?}");
    }
    cluster.epochs.insert(3, 0);
    assert_eq!(cluster.alter(3, good.clone()), Err(ErrorCode::StaleBrokerEpoch));
    assert_eq!(cluster.alter(1, good), Ok(vec![BrokerId(1), BrokerId(2)]));
    let is_fenced = BrokerHeartbeat {
        want_fence: true,
        ..cluster.heartbeat(2)
    };
    cluster.node.broker_heartbeat(&is_fenced, NOW).expect("heard");
    let wanted = cluster.wanted("t", &[1, 2]);
    assert_eq!(
        cluster.alter(1, wanted),
        Err(ErrorCode::IneligibleReplica),
        "it is fenced"
    );
}

#[test]
fn a_reassignment_is_complete_when_the_new_replicas_are_in_sync() {
    let mut cluster = Cluster::of(3);
    cluster.create("t", &[1, 2], &[]);
    assert_eq!(cluster.reassign("t", None), Some(ErrorCode::NoReassignmentInProgress));
    assert_eq!(
        cluster.reassign("t", Some(&[3, 3])),
        Some(ErrorCode::InvalidReplicaAssignment)
    );
    assert_eq!(cluster.reassign("t", Some(&[3, 2])), None);
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect::<Vec<_>>();
    let partition = cluster.partition("t");
    assert_eq!(ids(&partition.replicas), [3, 2, 1]);
    assert_eq!(
        (ids(&partition.adding_replicas), ids(&partition.removing_replicas)),
        (vec![3], vec![1])
    );
    assert_eq!(cluster.led("t"), (1, 0, vec![1, 2], vec![]));
    let wanted = cluster.wanted("t", &[1, 2, 3]);
    assert_eq!(
        cluster.alter(1, wanted),
        Err(ErrorCode::NewLeaderElected),
        "the leader is not to keep it"
    );
    assert_eq!(cluster.led("t"), (3, 1, vec![2, 3], vec![]));
    assert_eq!(ids(&cluster.partition("t").replicas), [3, 2]);
    assert!(!cluster.partition("t").is_reassigning());
}

#[test]
fn a_reassignment_that_is_called_off_leaves_the_replicas_as_they_were() {
    let mut cluster = Cluster::of(3);
    cluster.create("t", &[1, 2], &[]);
    assert_eq!(cluster.reassign("t", Some(&[3])), None);
    assert_eq!(cluster.reassign("t", None), None);
    assert_eq!(cluster.led("t"), (1, 1, vec![1, 2], vec![]));
    assert_eq!(cluster.partition("t").replicas, [BrokerId(1), BrokerId(2)]);
    // A replication factor that must stay is that of what is settled.
    let targets = vec![("t".to_owned(), vec![(0, Some(vec![3]))])];
    let refused = cluster
        .node
        .reassign(&targets, ReplicationFactor::MustStay, NOW)
        .expect("written");
    let code = refused[0].1[0].1.as_ref().err().map(|refusal| refusal.code);
    assert_eq!(code, Some(ErrorCode::InvalidReplicationFactor));
}

#[test]
fn leaders_go_back_to_the_preferred_replicas_when_asked_and_by_themselves() {
    let mut cluster = Cluster::of(2);
    cluster.create("t", &[1, 2], &[]);
    assert_eq!(
        cluster.elect("t", Election::Preferred),
        Some(ErrorCode::ElectionNotNeeded)
    );
    cluster.pass(SESSION_MS, &[2]);
    assert_eq!(
        cluster.elect("t", Election::Preferred),
        Some(ErrorCode::PreferredLeaderNotAvailable)
    );
    cluster.beat(1).expect("heard");
    let wanted = cluster.wanted("t", &[2, 1]);
    cluster.alter(2, wanted).expect("it has caught up");
    assert_eq!(cluster.led("t").0, 2);
    let at = cluster.node.controller_deadline().expect("brokers are heard");
    assert!(at.0 < 300_000, "the next session");
    for _ in 0..40 {
        cluster.pass(8_000, &[1, 2]);
    }
    assert_eq!(cluster.led("t"), (1, 2, vec![2, 1], vec![]));
}

#[test]
fn what_nobody_leads_is_led_at_any_price_only_where_that_is_wanted() {
    let unclean = [("unclean.leader.election.enable", "true")];
    let mut cluster = Cluster::of(2);
    cluster.create("safe", &[1, 2], &[]);
    cluster.create("keen", &[1, 2], &unclean);
    for name in ["safe", "keen"] {
        let wanted = cluster.wanted(name, &[1]);
        cluster.alter(1, wanted).expect("2 is behind");
    }
    cluster.pass(SESSION_MS, &[2]);
    assert_eq!(cluster.led("keen"), (2, 1, vec![2], vec![]));
    assert_eq!(cluster.led("safe").0, -1);
    assert_eq!(cluster.elect("safe", Election::Unclean), None);
    assert_eq!(cluster.led("safe").0, 2);
    assert!(cluster.partition("safe").is_recovering);
}

#[test]
fn replicas_are_spread_over_racks_and_leaders_over_brokers() {
    let mut cluster = Cluster::of(4);
    let wanted = NewTopic {
        replication_factor: 2,
        ..topic("t", 8)
    };
    assert_eq!(refusal_of(&mut cluster.node, wanted), None);
    let partitions = &cluster.node.image().topic("t").expect("created").partitions;
    for partition in partitions {
        let racks: Vec<_> = partition.replicas.iter().map(|broker| broker.0 % 2).collect();
        assert_ne!(racks[0], racks[1], "{partition:?}");
    }
    assert_eq!(refusal_of(&mut cluster.node, topic("single", 8)), None);
    let partitions = &cluster.node.image().topic("single").expect("created").partitions;
    for id in 1..=4 {
        let led = partitions.iter().filter(|partition| partition.leader == BrokerId(id));
        assert_eq!(led.count(), 2, "{id}");
    }
    let too_many = NewTopic {
        replication_factor: 5,
        ..topic("u", 1)
    };
    assert_eq!(
        refusal_of(&mut cluster.node, too_many),
        Some(ErrorCode::InvalidReplicationFactor)
    );
}

#[test]
fn who_is_fenced_keeps_new_partitions_and_is_not_in_sync() {
    let mut cluster = Cluster::of(3);
    cluster.pass(SESSION_MS, &[2, 3]);
    cluster.create("t", &[1, 2], &[]);
    assert_eq!(cluster.led("t"), (2, 0, vec![2], vec![]));
    let nobody = NewTopic {
        partitions: -1,
        replication_factor: -1,
        assignments: vec![(0, vec![1])],
        ..topic("u", -1)
    };
    assert_eq!(
        refusal_of(&mut cluster.node, nobody),
        Some(ErrorCode::InvalidReplicaAssignment)
    );
    let wanted = NewTopic {
        replication_factor: 3,
        ..topic("v", 6)
    };
    assert_eq!(refusal_of(&mut cluster.node, wanted), None);
    let partitions = &cluster.node.image().topic("v").expect("created").partitions;
    assert!(
        partitions
            .iter()
            .all(|partition| partition.replicas[2] == BrokerId(1) && partition.isr.len() == 2)
    );
}

#[test]
fn producer_ids_are_given_in_blocks_to_brokers_in_their_present_lives() {
    let mut cluster = Cluster::of(2);
    let (one, two) = (cluster.life(1), cluster.life(2));
    assert_eq!(cluster.node.allocate_producer_ids(one, NOW), Ok((0, 1_000)));
    assert_eq!(cluster.node.allocate_producer_ids(two, NOW), Ok((1_000, 1_000)));
    let stale = BrokerEpoch { epoch: 0, ..one };
    assert_eq!(
        cluster.node.allocate_producer_ids(stale, NOW),
        Err(ErrorCode::StaleBrokerEpoch)
    );
    assert_eq!(cluster.node.fresh_producer_id(NOW), Ok(ProducerId(2_000)));
}

#[test]
fn a_controller_that_starts_gives_everyone_time_to_be_heard_of() {
    let mut cluster = Cluster::of(2);
    cluster.create("t", &[1, 2], &[]);
    cluster.now.monotonic_ms += 5_000;
    let image = cluster.node.image().clone();
    cluster.node = controller(&cluster.store, cluster.now);
    let again = cluster.node.image();
    assert_eq!(again.topics().collect::<Vec<_>>(), image.topics().collect::<Vec<_>>());
    cluster.pass(SESSION_MS - 1, &[2]);
    assert_eq!(cluster.led("t").0, 1);
    assert_eq!(
        cluster.register(registration(1, 7)),
        Err(ErrorCode::DuplicateBrokerRegistration)
    );
    cluster.pass(1, &[2]);
    assert_eq!(cluster.led("t").0, 2);
}

#[test]
fn a_directory_that_failed_takes_what_lay_in_it_out_of_sync() {
    let mut cluster = Cluster::of(2);
    let two = Registration {
        log_dirs: vec![[210; 16], [211; 16]],
        ..registration(1, 7)
    };
    cluster.pass(SESSION_MS, &[2]);
    cluster.register(two).expect("let in");
    cluster.beat(1).expect("heard");
    cluster.create("t", &[1, 2], &[]);
    let beat = BrokerHeartbeat {
        offline_log_dirs: vec![[210; 16]],
        ..cluster.heartbeat(1)
    };
    cluster.node.broker_heartbeat(&beat, cluster.now).expect("heard");
    let broker = cluster.node.image().broker(BrokerId(1)).expect("registered");
    assert_eq!(broker.log_dirs, [[211; 16]]);
    assert_eq!(cluster.led("t"), (1, 0, vec![1, 2], vec![]), "it lay in neither yet");
}

/// Three brokers and a topic; what is asked may fail.
fn asked_of(request: impl Fn(&mut Cluster), writes: Option<usize>) -> (Cluster, bool) {
    let mut cluster = Cluster::of(3);
    cluster.create("t", &[1, 2], &[]);
    cluster.store.lock().writes_left = writes;
    request(&mut cluster);
    let mut store = cluster.store.lock();
    let had_enough = store.writes_left != Some(0);
    store.writes_left = None;
    drop(store);
    (cluster, had_enough)
}

#[test]
fn a_controller_that_dies_at_any_write_has_decided_all_of_a_request_or_nothing() {
    let create = |cluster: &mut Cluster| {
        let wanted = NewTopic {
            replication_factor: 2,
            ..topic("u", 3)
        };
        drop(cluster.node.create_topics(vec![wanted], Intent::Commit, NOW));
    };
    let alter = |cluster: &mut Cluster| drop(cluster.alter(1, cluster.wanted("t", &[1])));
    let reassign = |cluster: &mut Cluster| {
        let targets = vec![("t".to_owned(), vec![(0, Some(vec![3, 2]))])];
        drop(cluster.node.reassign(&targets, ReplicationFactor::MayChange, NOW));
    };
    let expire = |cluster: &mut Cluster| cluster.pass(SESSION_MS, &[2, 3]);
    let requests: [&dyn Fn(&mut Cluster); 4] = [&create, &alter, &reassign, &expire];
    for request in requests {
        let before = asked_of(|_| {}, None).0.node.image().clone();
        let after = asked_of(request, None).0.node.image().clone();
        for writes in 0.. {
            let (cluster, had_enough) = asked_of(request, Some(writes));
            let again = controller(&cluster.store, NOW);
            let stands = |image: &Image| image.topics().eq(again.image().topics());
            assert!(stands(&before) || stands(&after), "after {writes} writes");
            if had_enough {
                assert!(stands(&after));
                break;
            }
        }
    }
}
