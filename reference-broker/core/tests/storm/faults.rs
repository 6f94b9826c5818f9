//! What goes wrong: processes die and come back, power goes, links are cut or slow, nodes stop for a while, disks fill.

use broker_core::units::BrokerId;

use super::world::{BROKERS, CONTROLLER, World};

/// One fault, or the end of one.
pub(crate) fn strike(world: &mut World) -> Result<(), String> {
    let broker = BROKERS[world.chance.below(3) as usize];
    world.has_lost &= !are_all_in_sync(world);
    let kind = world.chance.below(100);
    let what = match kind {
        _ if !world.is_up(broker) => start(world, broker)?,
        // Kafka promises nothing where one replica has lost its end and others die before it is in sync again (KIP-966).
        0..25 if !world.has_lost => kill(world, broker),
        25..32 => power(world, broker),
        32..42 => cut(world, broker),
        42..52 => slow(world, broker),
        52..62 => mend(world),
        62..77 => pause(world, broker),
        77..92 => restart_controller(world)?,
        92.. => fill(world, broker),
        _ => "nothing",
    };
    world.struck.push(format!("{} {what} {broker}", world.now.monotonic_ms));
    Ok(())
}

fn start(world: &mut World, broker: i32) -> Result<&'static str, String> {
    world.disks[&broker].fill(false);
    world.start(broker)?;
    Ok("start")
}

fn kill(world: &mut World, broker: i32) -> &'static str {
    world.kill(broker);
    "kill"
}

/// What Kafka promises holds where one replica's disk loses what was not synced, and the others have theirs.
fn power(world: &mut World, broker: i32) -> &'static str {
    if !are_all_in_sync(world) {
        return "nothing";
    }
    let life = world
        .node(CONTROLLER)
        .and_then(|node| node.image().broker(BrokerId(broker)).map(|known| known.epoch));
    world.history.copies.lost(broker, life);
    world.kill(broker);
    world.has_lost = true;
    let disk = world.disks[&broker].clone();
    disk.lose(&mut world.chance);
    "power"
}

fn are_all_in_sync(world: &World) -> bool {
    let Some(image) = world.node(CONTROLLER).map(|node| node.image()) else {
        return false;
    };
    let partitions = image.topics().flat_map(|topic| &topic.partitions);
    world.all_run()
        && partitions
            .into_iter()
            .all(|partition| partition.isr.len() == BROKERS.len())
}

fn cut(world: &mut World, broker: i32) -> &'static str {
    let others = [BROKERS[0], BROKERS[1], BROKERS[2], CONTROLLER];
    let other = others[world.chance.below(4) as usize];
    if other != broker {
        world.cut.insert((broker.min(other), broker.max(other)));
    }
    "cut"
}

/// One follower falls behind the other, and may fall out of sync.
fn slow(world: &mut World, broker: i32) -> &'static str {
    let other = BROKERS[world.chance.below(3) as usize];
    let late = 50 + world.chance.below(3_000) as i64;
    world.slow.insert((broker.min(other), broker.max(other)), late);
    "slow"
}

fn mend(world: &mut World) -> &'static str {
    world.cut.clear();
    world.slow.clear();
    "mend"
}

fn pause(world: &mut World, broker: i32) -> &'static str {
    let long = 100 + world.chance.below(15_000) as i64;
    world.paused.insert(broker, world.now.monotonic_ms + long);
    "pause"
}

fn restart_controller(world: &mut World) -> Result<&'static str, String> {
    if world.is_up(CONTROLLER) {
        world.kill(CONTROLLER);
        if world.chance.percent(50) {
            let disk = world.disks[&CONTROLLER].clone();
            disk.lose(&mut world.chance);
        }
        return Ok("controller");
    }
    world.start(CONTROLLER)?;
    Ok("controller back")
}

/// Its partitions go out of service, until it is started again with room.
fn fill(world: &mut World, broker: i32) -> &'static str {
    world.disks[&broker].fill(true);
    world.has_been_full.insert(broker);
    "full"
}
