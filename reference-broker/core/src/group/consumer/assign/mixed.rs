//! `uniform` where members are subscribed to different topics: partitions go to the least loaded who may have them, then
//! move from more to less loaded until no move within a topic evens anything out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Counts, Participant, collect, pairs};
use crate::group::consumer::record::Partitions;
use crate::units::TopicId;

/// Rounds of evening out. Each visits every topic once; few are needed, and an end must be in sight.
const ROUNDS: usize = 8;

pub(super) fn assign(participants: &[Participant<'_>], counts: &Counts) -> Vec<Partitions> {
    let mut plan = Plan::keep(participants, counts);
    for (topic, count) in counts {
        plan.hand_out(*topic, *count);
    }
    for _ in 0..ROUNDS {
        let moves: usize = counts.keys().map(|topic| plan.even_out(*topic)).sum();
        if moves == 0 {
            break;
        }
    }
    plan.targets.into_iter().map(collect).collect()
}

struct Plan {
    targets: Vec<BTreeSet<(TopicId, i32)>>,
    subscribers: BTreeMap<TopicId, Vec<usize>>,
    taken: BTreeSet<(TopicId, i32)>,
}

impl Plan {
    /// Everyone keeps what it had and may still have.
    fn keep(participants: &[Participant<'_>], counts: &Counts) -> Self {
        let mut plan = Self {
            targets: Vec::with_capacity(participants.len()),
            subscribers: BTreeMap::new(),
            taken: BTreeSet::new(),
        };
        for (at, participant) in participants.iter().enumerate() {
            for topic in &participant.topics {
                plan.subscribers.entry(*topic).or_default().push(at);
            }
            let exists = |(topic, partition): &(TopicId, i32)| {
                counts.get(topic).is_some_and(|count| (0..*count).contains(partition))
            };
            let had = pairs(participant.before).filter(|pair| participant.topics.contains(&pair.0) && exists(pair));
            let kept = had.filter(|pair| plan.taken.insert(*pair)).collect();
            plan.targets.push(kept);
        }
        plan
    }

    /// The subscribers of a topic, the least loaded first.
    fn by_load(&self, topic: TopicId) -> BTreeSet<(usize, usize)> {
        let subscribers = self.subscribers.get(&topic).into_iter().flatten();
        subscribers.map(|at| (self.targets[*at].len(), *at)).collect()
    }

    fn hand_out(&mut self, topic: TopicId, count: i32) {
        let mut loads = self.by_load(topic);
        for partition in 0..count {
            if self.taken.contains(&(topic, partition)) {
                continue;
            }
            let Some((load, at)) = loads.pop_first() else { return };
            self.targets[at].insert((topic, partition));
            loads.insert((load + 1, at));
        }
    }

    /// Moves partitions of a topic from the most to the least loaded; how many moved.
    fn even_out(&mut self, topic: TopicId) -> usize {
        let mut loads = self.by_load(topic);
        let mut moved = 0;
        while let (Some((least, to)), Some((most, from))) = (loads.first().copied(), loads.last().copied()) {
            if most <= least + 1 {
                break;
            }
            loads.remove(&(most, from));
            let owned = self.targets[from]
                .range((topic, i32::MIN)..=(topic, i32::MAX))
                .next()
                .copied();
            let Some(pair) = owned else { continue };
            loads.remove(&(least, to));
            self.targets[from].remove(&pair);
            self.targets[to].insert(pair);
            loads.insert((most - 1, from));
            loads.insert((least + 1, to));
            moved += 1;
        }
        moved
    }
}
