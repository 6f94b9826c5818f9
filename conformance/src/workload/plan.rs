//! What each client will do, from the seed and its name alone. How fast it gets through is the target's affair.

use std::time::Duration;

use super::chance::Chance;
use crate::history::{Decision, Semantics};

/// Partitions of each topic.
pub const PARTITIONS: i32 = 3;

/// One record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Where to.
    pub partition: i32,
    /// Its key, by number.
    pub key: u64,
    /// Bytes.
    pub size: usize,
}

/// The records that a producer sends before it waits, in one transaction where it has transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// In this order.
    pub orders: Vec<Order>,
    /// How its transaction is to end.
    pub decision: Decision,
    /// How long it stays undecided with all its records written, for readers to show what they are given.
    pub hold: Option<Duration>,
    /// How long the producer waits afterwards.
    pub pause: Duration,
}

/// Everything that a producer sends, without end.
pub fn batches(seed: u64, producer: &str, semantics: Semantics) -> impl Iterator<Item = Batch> + use<> {
    let mut chance = Chance::new(seed, producer);
    std::iter::repeat_with(move || batch(&mut chance, semantics))
}

fn batch(chance: &mut Chance, semantics: Semantics) -> Batch {
    let many = match semantics {
        Semantics::ExactlyOnce => chance.within(2, 9),
        Semantics::AtMostOnce | Semantics::AtLeastOnce | Semantics::Idempotent => chance.within(1, 4),
    };
    let orders = (0..many).map(|_| order(chance)).collect();
    let decision = match chance.once_in(6) {
        true => Decision::Abort,
        false => Decision::Commit,
    };
    Batch {
        orders,
        decision,
        hold: chance.once_in(4).then(|| Duration::from_millis(chance.within(50, 300))),
        pause: Duration::from_millis(chance.within(2, 30)),
    }
}

fn order(chance: &mut Chance) -> Order {
    Order {
        partition: chance.within(0, PARTITIONS as u64) as i32,
        key: chance.within(0, 20),
        size: match chance.once_in(20) {
            true => 4000,
            false => 40 + chance.within(0, 200) as usize,
        },
    }
}

/// How long each life of a member lasts: it leaves, and another takes its place.
pub fn lives(seed: u64, member: &str) -> impl Iterator<Item = Duration> + use<> {
    let mut chance = Chance::new(seed, member);
    std::iter::repeat_with(move || Duration::from_millis(chance.within(1500, 6000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_gives_another() {
        let of = |seed, name| batches(seed, name, Semantics::ExactlyOnce).take(50).collect::<Vec<_>>();
        assert_eq!(of(7, "p1"), of(7, "p1"));
        assert_ne!(of(7, "p1"), of(8, "p1"));
        assert_ne!(of(7, "p1"), of(7, "p2"));
        assert!(lives(7, "c1").take(9).eq(lives(7, "c1").take(9)));
    }

    #[test]
    fn a_plan_has_all_that_a_load_is_to_show() {
        let batches: Vec<_> = batches(1, "p1", Semantics::ExactlyOnce).take(200).collect();
        for decision in [Decision::Commit, Decision::Abort] {
            assert!(batches.iter().any(|batch| batch.decision == decision));
        }
        let partitions: std::collections::BTreeSet<_> = batches
            .iter()
            .flat_map(|batch| &batch.orders)
            .map(|order| order.partition)
            .collect();
        assert_eq!(partitions.len(), PARTITIONS as usize);
    }
}
