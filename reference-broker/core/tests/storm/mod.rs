//! A controller and three brokers in one memory under a seeded storm. After every step the invariants of replication hold (`copies`: who is in
//! sync has what any replica took for replicated; `history`: what stood anywhere below a high watermark stays as it was); after it,
//! all converge, serve, and nothing that was acknowledged is lost.

mod chance;
mod copies;
mod disk;
mod faults;
mod history;
mod network;
mod reader;
mod serve;
mod world;

use std::time::Duration;

use broker_core::Node;
use broker_core::units::{Offset, TopicPartition};
use chance::Digest;
use world::{BROKERS, CONTROLLER, World};

/// Simulated time in which things go wrong.
const CHAOS_MS: i64 = 60_000;
/// Simulated time that a cluster gets to come to rest.
const HEALING_MS: i64 = 45_000;
/// Simulated time in which followers surely learn what is replicated: longer than a fetch may wait.
const REST_MS: i64 = 12_000;

/// What came of a seed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Story {
    /// Batches.
    pub(crate) acknowledged: usize,
    /// Leaders, each in an epoch.
    pub(crate) elections: usize,
    /// How long it was, by its own clock.
    pub(crate) simulated: Duration,
    /// Of all that happened.
    pub(crate) digest: Digest,
}

/// Chaos, then healing.
///
/// # Errors
/// The first invariant that did not hold, with what went wrong before.
pub(crate) fn storm(seed: u64) -> Result<Story, String> {
    let mut world = World::new(seed)?;
    world.begin_chaos();
    world.run(CHAOS_MS)?;
    heal(&mut world).map_err(|what| world.with_story(&what))?;
    Ok(Story {
        acknowledged: world.history.acknowledged(),
        elections: world.history.elections(),
        simulated: world.simulated(),
        digest: world.digest(),
    })
}

/// Everybody comes back, and then: converge, serve, nothing acknowledged lost.
fn heal(world: &mut World) -> Result<(), String> {
    world.is_chaotic = false;
    world.cut.clear();
    world.slow.clear();
    world.paused.clear();
    for id in [CONTROLLER].into_iter().chain(BROKERS) {
        if !world.is_up(id) {
            world.disks[&id].fill(false);
            world.start(id)?;
        }
    }
    world.run(HEALING_MS)?;
    // A disk that was full took partitions out of service: only a start brings them back. One at a time, as one does.
    for id in BROKERS
        .into_iter()
        .filter(|id| world.has_been_full.contains(id))
        .collect::<Vec<_>>()
    {
        world.kill(id);
        world.disks[&id].fill(false);
        world.start(id)?;
        world.run(HEALING_MS)?;
    }
    if !world.all_run() {
        let stages = BROKERS.map(|id| world.node(id).map(Node::stage));
        return Err(format!("a broker is not back: {stages:?}"));
    }
    for tp in World::partitions() {
        let image = world.node(CONTROLLER).ok_or("no controller")?.image();
        let partition = image
            .topic(world::TOPIC)
            .and_then(|topic| topic.partition(tp.partition));
        let partition = partition.ok_or("the topic is gone")?.clone();
        if partition.leader.0 < 0 || partition.isr.len() != BROKERS.len() {
            return Err(format!("{tp} has not come to rest: {}", story(world, &tp)));
        }
        if !world.produce_to(partition.leader.0, tp.clone(), true)? {
            return Err(format!("{tp} is not served"));
        }
    }
    world.run(REST_MS)?;
    all_agree(world)
}

/// How a partition stands on every node.
fn story(world: &World, tp: &TopicPartition) -> String {
    let mut lines = vec![format!("{:?}", world.node(CONTROLLER).map(|node| node.leader_of(tp)))];
    for node in BROKERS.into_iter().filter_map(|id| world.node(id)) {
        let log = node
            .log(tp)
            .map(|log| (log.high_watermark().0, log.log_end().0, log.is_offline()));
        lines.push(format!("broker {}: log {log:?}, {:?}", node.broker_id(), node.role(tp)));
        lines.push(format!(
            "{:?}",
            node.log(tp).map(|log| (log.epochs().clone(), log.leader_epoch()))
        ));
    }
    lines.join("\n  ")
}

fn all_agree(world: &World) -> Result<(), String> {
    let controller = world.node(CONTROLLER).ok_or("no controller")?;
    for id in BROKERS {
        let node = world.node(id).ok_or("a broker is gone")?;
        if node.image() != controller.image() {
            return Err(format!("broker {id} knows other metadata than the controller"));
        }
        for tp in World::partitions() {
            let log = node.log(&tp).ok_or_else(|| format!("broker {id} has no {tp}"))?;
            if log.high_watermark() != log.log_end() {
                let (high, end) = (log.high_watermark(), log.log_end());
                return Err(format!(
                    "broker {id}, {tp}: the high watermark {high} rests below {end}"
                ));
            }
            world.history.nothing_is_lost(&tp, log, &world.disks[&id])?;
            let first = world.node(BROKERS[0]).and_then(|node| node.log(&tp)).ok_or("no log")?;
            let ours = history::batches(log, &world.disks[&id], Offset(0), log.log_end())?;
            let theirs = history::batches(first, &world.disks[&BROKERS[0]], Offset(0), first.log_end())?;
            if ours != theirs {
                return Err(format!(
                    "brokers {} and {id} have different records in {tp}",
                    BROKERS[0]
                ));
            }
        }
    }
    Ok(())
}
