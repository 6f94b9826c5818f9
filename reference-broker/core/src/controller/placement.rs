//! On which brokers new partitions are kept: in stripes over the racks, and within a rack in turn, so that the replicas of a
//! partition fall on different racks and every rack has as many leaders as the next one. Fenced brokers come last and never first.
//!
//! Where the stripes begin is chance, drawn from a seed that the caller has: the new topic's id.

use std::collections::BTreeMap;

use super::{Controller, Refusal};
use crate::image::BrokerImage;
use crate::units::ErrorCode;

/// What is placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// How many partitions.
    pub(super) partitions: i32,
    /// How many replicas of each.
    pub(super) replication_factor: i16,
    /// Chance.
    pub(super) seed: u64,
}

/// The brokers of each partition, or Kafka's refusal.
pub(super) fn place(controller: &Controller<'_>, wanted: Wanted) -> Result<Vec<Vec<i32>>, Refusal> {
    let factor = wanted.replication_factor;
    let refuse = |why: String| {
        let why = format!("Unable to replicate the partition {factor} time(s): {why}");
        Err(Refusal::new(ErrorCode::InvalidReplicationFactor, why))
    };
    let usable = |broker: &&BrokerImage| !broker.is_cordoned() && !broker.in_controlled_shutdown;
    let brokers: Vec<&BrokerImage> = controller.image.brokers().filter(usable).collect();
    let replicas = match usize::try_from(factor) {
        Ok(replicas) if replicas > 0 => replicas,
        Ok(_) | Err(_) => {
            let why = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, why));
        }
    };
    if !brokers.is_empty() && brokers.iter().all(|broker| broker.fenced) {
        return refuse("All brokers are currently fenced.".into());
    }
    if replicas > brokers.len() {
        let count = brokers.len();
        return refuse(format!(
            "The target replication factor of {factor} cannot be reached because only {count} broker(s) are registered or \
             some brokers have all their log directories cordoned."
        ));
    }
    let mut racks = Racks::of(&brokers, Chance(wanted.seed));
    Ok((0..wanted.partitions).map(|_| racks.next(replicas)).collect())
}

/// Brokers in a ring: each round begins one further on.
#[derive(Debug, Default)]
struct Ring {
    brokers: Vec<i32>,
    taken: usize,
    offset: usize,
    round: usize,
}

impl Ring {
    fn next(&mut self, round: usize) -> Option<i32> {
        let count = self.brokers.len();
        if count == 0 {
            return None;
        }
        if self.round != round {
            self.round = round;
            self.taken = 0;
            self.offset = (self.offset + 1) % count;
        }
        if self.taken >= count {
            return None;
        }
        self.taken += 1;
        self.brokers.get((self.taken - 1 + self.offset) % count).copied()
    }
}

#[derive(Debug, Default)]
struct Rack {
    unfenced: Ring,
    fenced: Ring,
}

impl Rack {
    fn next(&mut self, round: usize) -> Option<i32> {
        self.unfenced.next(round).or_else(|| self.fenced.next(round))
    }
}

struct Racks {
    racks: Vec<Rack>,
    chance: Chance,
    unfenced: usize,
    offset: usize,
    round: usize,
}

impl Racks {
    fn of(brokers: &[&BrokerImage], mut chance: Chance) -> Self {
        let mut by_name: BTreeMap<Option<&str>, Rack> = BTreeMap::new();
        for broker in brokers {
            let rack = by_name.entry(broker.rack.as_deref()).or_default();
            let ring = if broker.fenced {
                &mut rack.fenced
            } else {
                &mut rack.unfenced
            };
            ring.brokers.push(broker.id.0);
        }
        let mut racks: Vec<Rack> = by_name.into_values().collect();
        for rack in &mut racks {
            rack.unfenced.offset = chance.below(rack.unfenced.brokers.len());
            rack.fenced.offset = chance.below(rack.fenced.brokers.len());
        }
        Self {
            offset: chance.below(racks.len()),
            racks,
            chance,
            unfenced: brokers.iter().filter(|broker| !broker.fenced).count(),
            round: 0,
        }
    }

    /// The brokers of the next partition. There are that many, and one that is not fenced.
    fn next(&mut self, replicas: usize) -> Vec<i32> {
        // After as many partitions as there are leaders, the stripes are laid anew.
        if self.round == self.unfenced && self.unfenced > 1 {
            self.shuffle();
            self.round = 0;
        }
        let count = self.racks.len();
        let begin = self.offset % count;
        let round = self.round;
        let ring: Vec<usize> = (0..count).map(|step| (begin + step) % count).collect();
        let leader = ring
            .iter()
            .find_map(|rack| Some((*rack, self.racks[*rack].unfenced.next(round)?)));
        let mut placed: Vec<i32> = leader.iter().map(|(_, broker)| *broker).collect();
        let mut leaders_rack = leader.map(|(rack, _)| rack);
        for rack in ring.iter().cycle().take(count * (replicas + 1)) {
            if placed.len() >= replicas {
                break;
            }
            // The leader's rack has had its turn of the first round.
            if leaders_rack == Some(*rack) {
                leaders_rack = None;
            } else {
                placed.extend(self.racks[*rack].next(round));
            }
        }
        self.round += 1;
        self.offset = begin + 1;
        placed
    }

    fn shuffle(&mut self) {
        self.chance.shuffle(&mut self.racks);
        for rack in &mut self.racks {
            self.chance.shuffle(&mut rack.unfenced.brokers);
            self.chance.shuffle(&mut rack.fenced.brokers);
        }
    }
}

/// Numbers from a seed.
struct Chance(u64);

impl Chance {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        match count {
            0 => 0,
            count => (self.next() % count as u64) as usize,
        }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
