//! Brokers that replicate wrongly in known ways are told from those that do it right. A process is one mutant at a time, so that
//! they are looked at one after the other, in a process of their own.
#![cfg(feature = "mutants")]

#[expect(dead_code, reason = "the stories of replication.rs need more of it")]
mod simulation;
mod wire;

use broker_core::mutant::become_mutant;
use broker_core::peer::{BrokerEpoch, ReplicaFetch, ReplicaPartition};
use broker_core::units::{BrokerId, ErrorCode, LeaderEpoch, Offset};
use simulation::Cluster;

/// Does the broker do it right?
type Look = fn() -> bool;

/// Each with what a right broker does.
const CAUGHT: [(&str, Look); 4] = [
    ("acknowledged-unreplicated", nobody_is_told_before_all_have_it),
    (
        "high-watermark-epoch-unchecked",
        a_replica_of_another_epoch_moves_nothing,
    ),
    ("min-insync-ignored", too_few_in_sync_are_too_few),
    ("truncates-to-high-watermark", what_all_have_is_not_cut_off),
];

#[test]
fn brokers_that_replicate_wrongly_are_caught() {
    for (name, is_right) in CAUGHT {
        assert!(become_mutant("validate-only-commits"), "it has no part in this");
        assert!(is_right(), "{name}: a right broker passes");
        assert!(become_mutant(name), "{name}");
        assert!(!is_right(), "{name} is not caught");
    }
}

fn nobody_is_told_before_all_have_it() -> bool {
    let mut cluster = Cluster::new(2);
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    let sent = cluster.produce(1, "a", -1, 30_000);
    cluster.rounds(3);
    cluster.told(&sent).is_none()
}

fn too_few_in_sync_are_too_few() -> bool {
    let mut cluster = Cluster::new(2);
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    // Who has all that there is never lags.
    let _ = cluster.produce(1, "a", 1, 30_000);
    cluster.pass(60_000);
    let sent = cluster.produce(1, "b", -1, 30_000);
    cluster.told(&sent) == Some(Err(ErrorCode::NotEnoughReplicas)) && cluster.log(1).high_watermark() == Offset(0)
}

fn a_replica_of_another_epoch_moves_nothing() -> bool {
    let mut cluster = Cluster::new(2);
    cluster.elect(1);
    cluster.sever(1, 2);
    cluster.sever(1, 3);
    cluster.rounds(3);
    let _ = cluster.produce(1, "a", 1, 30_000);
    for id in [2, 3] {
        let old = ReplicaFetch {
            replica: BrokerEpoch {
                broker: BrokerId(id),
                epoch: -1,
            },
            max_wait_ms: 0,
            min_bytes: 1,
            max_bytes: 1_000,
            partitions: vec![ReplicaPartition {
                tp: cluster.tp.clone(),
                topic_id: cluster.log(1).topic_id(),
                leader_epoch: LeaderEpoch(0),
                offset: Offset(1),
                last_fetched_epoch: LeaderEpoch(-1),
                log_start: Offset(0),
                high_watermark: Offset(0),
                max_bytes: 1_000,
                directory: [0; 16],
            }],
        };
        cluster.asks(1, &old);
    }
    cluster.log(1).high_watermark() == Offset(0)
}

fn what_all_have_is_not_cut_off() -> bool {
    let mut cluster = Cluster::new(2);
    let sent = cluster.produce(1, "a", -1, 30_000);
    let _ = (0..10).find(|_| {
        cluster.rounds(1);
        cluster.told(&sent).is_some()
    });
    cluster.sever(1, 2);
    cluster.sever(2, 3);
    cluster.elect(2);
    cluster.rounds(2);
    let _ = cluster.produce(2, "lost", 1, 30_000);
    cluster.elect(1);
    cluster.cut.clear();
    (0..20).all(|_| {
        cluster.now.monotonic_ms += 100;
        cluster.tick();
        cluster.rounds(1);
        cluster.log(2).log_end() >= Offset(1)
    })
}
