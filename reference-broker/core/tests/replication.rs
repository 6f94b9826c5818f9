//! Three brokers that keep one partition: what producers are told, what survives, and who is in sync.

mod simulation;
mod wire;

use broker_core::peer::{BrokerEpoch, ReplicaFetch, ReplicaPartition};
use broker_core::units::{BrokerId, ErrorCode, LeaderEpoch, Offset};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use simulation::{CONTROLLER, Cluster, Sent};

/// A record that every replica in sync must have before its producer hears of it.
fn acknowledged(cluster: &mut Cluster, value: &str) {
    let sent = cluster.produce(cluster.leader(), value, -1, 30_000);
    cluster.rounds(4);
    assert_eq!(cluster.told(&sent), Some(Ok(())), "{value}");
}

fn all_equal(cluster: &Cluster) {
    let leader = cluster.leader();
    let end = cluster.log(leader).log_end();
    for id in cluster.alive() {
        let log = cluster.log(id);
        assert_eq!((log.log_end(), log.high_watermark()), (end, end), "broker {id}");
        assert_eq!(cluster.bytes(id, end), cluster.bytes(leader, end), "broker {id}");
    }
}

#[test]
fn records_are_acknowledged_once_all_in_sync_have_them_and_all_have_the_same() {
    let mut cluster = Cluster::new(2);
    let sent = cluster.produce(1, "a", -1, 30_000);
    assert_eq!(cluster.told(&sent), None);
    assert_eq!(cluster.log(1).high_watermark(), Offset(0));
    cluster.rounds(1);
    assert_eq!(
        cluster.told(&sent),
        None,
        "they have been given it, and have not said so"
    );
    cluster.rounds(2);
    assert_eq!(cluster.told(&sent), Some(Ok(())));
    acknowledged(&mut cluster, "b");
    cluster.rounds(2);
    all_equal(&cluster);
}

#[test]
fn acks_of_one_do_not_wait() {
    let mut cluster = Cluster::new(2);
    let sent = cluster.produce(1, "a", 1, 30_000);
    assert_eq!(cluster.told(&sent), Some(Ok(())));
    assert_eq!(
        cluster.log(1).high_watermark(),
        Offset(0),
        "consumers wait all the same"
    );
}

#[test]
fn a_replica_that_lags_leaves_and_joins_again_when_it_has_caught_up() {
    let mut cluster = Cluster::new(2);
    acknowledged(&mut cluster, "a");
    cluster.sever(1, 3);
    let sent = cluster.produce(1, "b", -1, 120_000);
    cluster.pass(20_000);
    assert_eq!(
        cluster.told(&sent),
        None,
        "it is in sync until replica.lag.time.max.ms has passed"
    );
    cluster.pass(40_000);
    assert_eq!(cluster.told(&sent), Some(Ok(())));
    assert_eq!(cluster.partition.isr.len(), 2);
    cluster.cut.clear();
    cluster.pass(5_000);
    assert_eq!(cluster.partition.isr.len(), 3);
    acknowledged(&mut cluster, "c");
    cluster.rounds(2);
    all_equal(&cluster);
}

#[test]
fn with_too_few_in_sync_nothing_is_taken_and_nothing_is_shown() {
    let mut cluster = Cluster::new(2);
    acknowledged(&mut cluster, "a");
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    let waits = cluster.produce(1, "b", -1, 120_000);
    cluster.pass(60_000);
    assert_eq!(cluster.partition.isr.len(), 1);
    let refused = cluster.produce(1, "c", -1, 30_000);
    assert_eq!(cluster.told(&refused), Some(Err(ErrorCode::NotEnoughReplicas)));
    let one = cluster.produce(1, "d", 1, 30_000);
    assert_eq!(cluster.told(&one), Some(Ok(())), "acks=1 asks for nobody else");
    assert_eq!(cluster.log(1).high_watermark(), Offset(1));
    assert_eq!(cluster.told(&waits), None);
    cluster.cut.clear();
    cluster.pass(5_000);
    assert_eq!(cluster.told(&waits), Some(Ok(())));
}

#[test]
fn who_waits_too_long_or_for_a_leader_that_is_none_is_told_so() {
    let mut cluster = Cluster::new(2);
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    let late = cluster.produce(1, "a", -1, 1_500);
    let deposed = cluster.produce(1, "b", -1, 60_000);
    cluster.pass(1_400);
    assert_eq!(cluster.told(&late), None);
    cluster.pass(200);
    assert_eq!(cluster.told(&late), Some(Err(ErrorCode::RequestTimedOut)));
    cluster.elect(2);
    cluster.rounds(2);
    assert_eq!(cluster.told(&deposed), Some(Err(ErrorCode::NotLeaderOrFollower)));
    let after = cluster.produce(1, "c", -1, 1_500);
    assert_eq!(cluster.told(&after), Some(Err(ErrorCode::NotLeaderOrFollower)));
}

#[test]
fn what_was_acknowledged_survives_its_leader_and_what_was_not_is_cut_off() {
    let mut cluster = Cluster::new(2);
    acknowledged(&mut cluster, "a");
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    let _ = cluster.produce(1, "lost", 1, 1_000);
    cluster.kill(1);
    cluster.elect(2);
    cluster.rounds(2);
    acknowledged(&mut cluster, "b");
    acknowledged(&mut cluster, "c");
    cluster.cut.clear();
    cluster.start(1);
    cluster.pass(5_000);
    all_equal(&cluster);
    assert_eq!(cluster.log(2).log_end(), Offset(3));
    assert_eq!(cluster.partition.isr.len(), 3);
}

#[test]
fn who_comes_back_to_find_that_all_it_lacks_was_deleted_goes_on_where_the_leader_begins() {
    let mut cluster = Cluster::new(2);
    acknowledged(&mut cluster, "a");
    cluster.kill(3);
    cluster.pass(5_000);
    acknowledged(&mut cluster, "b");
    acknowledged(&mut cluster, "c");
    cluster.rounds(2);
    let (now, tp) = (cluster.now, cluster.tp.clone());
    let deleted = cluster.node(1).delete_records(&[(tp, Some(Offset(2)))], now);
    assert_eq!(deleted, [Ok(Offset(2))]);
    cluster.start(3);
    cluster.pass(5_000);
    acknowledged(&mut cluster, "d");
    cluster.rounds(2);
    let log = cluster.log(3);
    assert_eq!(
        (log.log_start(), log.log_end(), log.high_watermark()),
        (Offset(2), Offset(4), Offset(4))
    );
    assert_eq!(cluster.partition.isr.len(), 3);
}

/// KIP-101: a follower that does not know yet that what it has is acknowledged must not forget it when it starts again.
#[test]
fn what_is_above_a_followers_high_watermark_is_not_cut_off_for_that() {
    let mut cluster = Cluster::new(1);
    cluster.kill(3);
    cluster.rounds(2);
    let sent = cluster.produce(1, "a", -1, 30_000);
    let rounds = (0..10).find(|_| {
        cluster.rounds(1);
        cluster.told(&sent).is_some()
    });
    assert!(rounds.is_some());
    assert_eq!(
        cluster.log(2).high_watermark(),
        Offset(0),
        "the next answer would have told it"
    );
    cluster.kill(2);
    cluster.start(2);
    cluster.partition.isr = vec![BrokerId(1), BrokerId(2)];
    cluster.decide();
    cluster.rounds(8);
    cluster.kill(1);
    cluster.elect(2);
    cluster.rounds(2);
    assert_eq!(cluster.log(2).log_end(), Offset(1), "it was acknowledged");
}

#[test]
fn a_leader_that_was_deposed_unknowing_serves_no_replica_of_the_new_epoch() {
    let mut cluster = Cluster::new(2);
    acknowledged(&mut cluster, "a");
    cluster.sever(1, CONTROLLER);
    cluster.elect(2);
    cluster.rounds(2);
    let zombie = cluster.produce(1, "zombie", -1, 300_000);
    acknowledged_after(&mut cluster, "b");
    assert_eq!(cluster.told(&zombie), None);
    assert_eq!(cluster.log(1).high_watermark(), Offset(1));
    cluster.cut.clear();
    cluster.pass(5_000);
    assert_eq!(cluster.told(&zombie), Some(Err(ErrorCode::NotLeaderOrFollower)));
    all_equal(&cluster);
}

/// Broker 1 follows nobody: it has to leave first.
fn acknowledged_after(cluster: &mut Cluster, value: &str) {
    let sent = cluster.produce(2, value, -1, 200_000);
    cluster.pass(60_000);
    assert_eq!(cluster.told(&sent), Some(Ok(())));
}

/// CVE-2018-1288
#[test]
fn who_only_says_that_it_is_a_replica_moves_nothing() {
    let mut cluster = Cluster::new(1);
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    let _ = cluster.produce(1, "a", 1, 30_000);
    for (epoch, error) in [(0, ErrorCode::UnknownLeaderEpoch), (-1, ErrorCode::NotLeaderOrFollower)] {
        let partition = ReplicaPartition {
            tp: cluster.tp.clone(),
            topic_id: cluster.log(1).topic_id(),
            leader_epoch: LeaderEpoch(epoch),
            offset: Offset(1),
            last_fetched_epoch: LeaderEpoch(-1),
            log_start: Offset(0),
            high_watermark: Offset(0),
            max_bytes: 1_000,
            directory: [0; 16],
        };
        let wanted = ReplicaFetch {
            replica: BrokerEpoch {
                broker: BrokerId(9),
                epoch: -1,
            },
            max_wait_ms: 0,
            min_bytes: 1,
            max_bytes: 1_000,
            partitions: vec![partition],
        };
        assert_eq!(cluster.asks(1, &wanted)[0].error, Some(error));
    }
    assert_eq!(cluster.log(1).high_watermark(), Offset(0));
}

#[derive(Debug, Clone)]
enum Act {
    Produce(i16),
    Pass(i64),
    Rounds(usize),
    Sever(i32, i32),
    Heal,
    Kill(i32),
    Start(i32),
    Elect(i32),
}

fn act() -> impl Strategy<Value = Act> {
    let broker = 1..=3;
    prop_oneof![
        4 => prop_oneof![Just(-1i16), Just(1)].prop_map(Act::Produce),
        2 => (100i64..20_000).prop_map(Act::Pass),
        3 => (1usize..3).prop_map(Act::Rounds),
        2 => (0i32..=3, broker.clone()).prop_map(|(a, b)| Act::Sever(a, b)),
        1 => Just(Act::Heal),
        1 => broker.clone().prop_map(Act::Kill),
        2 => broker.clone().prop_map(Act::Start),
        2 => broker.prop_map(Act::Elect),
    ]
}

/// A history: what was acknowledged, by offset and value.
struct History {
    waiting: Vec<(String, Sent)>,
    acknowledged: Vec<String>,
    next: usize,
}

impl History {
    fn act(&mut self, cluster: &mut Cluster, act: &Act) {
        let leader = cluster.leader();
        let is_up = |cluster: &Cluster, id: i32| cluster.alive().contains(&id);
        match *act {
            Act::Produce(acks) if is_up(cluster, leader) => {
                let value = format!("value {}", self.next);
                self.next += 1;
                let sent = cluster.produce(leader, &value, acks, 10_000);
                if acks == -1 {
                    self.waiting.push((value, sent));
                }
            }
            Act::Pass(ms) => cluster.pass(ms),
            Act::Rounds(rounds) => cluster.rounds(rounds),
            Act::Sever(a, b) if a != b => cluster.sever(a, b),
            Act::Heal => heal(cluster),
            Act::Kill(id) if is_up(cluster, id) && cluster.alive().len() > 1 => {
                cluster.kill(id);
                // Its clients hear nothing more from it.
                self.waiting
                    .retain(|(_, sent)| !matches!(sent, Sent::Waits(at, _) if *at == id));
            }
            Act::Start(id) if !is_up(cluster, id) => cluster.start(id),
            Act::Elect(id) if is_up(cluster, id) && cluster.partition.isr.iter().any(|member| member.0 == id) => {
                cluster.elect(id);
            }
            _ => {}
        }
        self.note(cluster);
    }

    fn note(&mut self, cluster: &Cluster) {
        let settled = self.waiting.extract_if(.., |(_, sent)| cluster.told(sent).is_some());
        let good = settled.filter(|(_, sent)| cluster.told(sent) == Some(Ok(())));
        self.acknowledged.extend(good.map(|(value, _)| value));
    }
}

fn heal(cluster: &mut Cluster) {
    cluster.cut.clear();
}

fn replicated_alike(cluster: &Cluster) {
    let alive = cluster.alive();
    let leader = cluster.leader();
    if !alive.contains(&leader) {
        return;
    }
    for id in alive {
        let (Some(log), Some(_)) = (cluster.known_log(id), cluster.known_log(leader)) else {
            continue;
        };
        assert_eq!(log.check(), Ok(()));
        let shared = log.high_watermark().min(cluster.log(leader).log_end());
        assert_eq!(
            cluster.bytes(id, shared),
            cluster.bytes(leader, shared),
            "below both high watermarks"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(200) })]

    #[test]
    fn whatever_happens_nothing_acknowledged_is_lost_and_all_converge(acts in prop::collection::vec(act(), 1..60)) {
        let mut cluster = Cluster::new(2);
        let mut history = History { waiting: Vec::new(), acknowledged: Vec::new(), next: 0 };
        for act in &acts {
            history.act(&mut cluster, act);
            replicated_alike(&cluster);
        }
        heal(&mut cluster);
        (1..=3).filter(|id| !cluster.alive().contains(id)).collect::<Vec<_>>().into_iter().for_each(|id| cluster.start(id));
        let leader = cluster.partition.isr[0].0;
        cluster.elect(leader);
        cluster.pass(70_000);
        history.note(&cluster);
        all_equal(&cluster);
        prop_assert_eq!(cluster.partition.isr.len(), 3);
        let log = String::from_utf8_lossy(&cluster.bytes(leader, Offset(i64::MAX))).into_owned();
        for value in history.acknowledged {
            // Values end where the next field of the record begins.
            prop_assert!(log.contains(&format!("{value}\u{0}")), "{} was acknowledged", value);
        }
        prop_assert!(history.waiting.is_empty(), "everybody is told something");
    }
}
