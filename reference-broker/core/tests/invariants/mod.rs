//! What holds of a partition's metadata whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use broker_core::image::{Image, PartitionImage};
use broker_core::units::{BrokerId, LeaderEpoch};

/// A partition as it stands agrees with itself, and with who takes part.
pub(crate) fn is_sound(image: &Image, partition: &PartitionImage) -> Result<(), String> {
    let isr: BTreeSet<_> = partition.isr.iter().collect();
    let takes_part = |broker: &BrokerId| image.broker(*broker).is_some_and(|broker| !broker.fenced);
    let eligible = image.features().contains_key("eligible.leader.replicas.version");
    let all = [
        ("a broker is in sync twice", isr.len() == partition.isr.len()),
        (
            "a broker is in sync that is no replica",
            isr.iter().all(|each| partition.replicas.contains(each)),
        ),
        (
            "the leader is not in sync",
            partition.leader.0 < 0 || isr.contains(&partition.leader),
        ),
        (
            "the leader is fenced",
            partition.leader.0 < 0 || takes_part(&partition.leader),
        ),
        (
            "a fenced broker is in sync",
            !eligible || partition.isr.iter().all(takes_part),
        ),
        ("nobody is in sync", eligible || !partition.isr.is_empty()),
        (
            "a broker is in sync and eligible",
            !partition.eligible_leader_replicas.iter().any(|each| isr.contains(each)),
        ),
        (
            "directories and replicas differ",
            partition.directories.len() == partition.replicas.len(),
        ),
    ];
    match all.iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(format!("{what}: {partition:?}")),
        None => Ok(()),
    }
}

/// How far partitions have come: who led last, in which epoch, after how many changes.
#[derive(Debug)]
pub(crate) struct Progress<Key>(BTreeMap<Key, (LeaderEpoch, i32, BrokerId)>);

impl<Key> Default for Progress<Key> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Key: Ord> Progress<Key> {
    /// Neither epoch ever goes back, and another leader is in another epoch. True where something has changed.
    pub(crate) fn goes_on(&mut self, key: Key, partition: &PartitionImage) -> Result<bool, String> {
        let now = (partition.leader_epoch, partition.partition_epoch, partition.leader);
        let before = self.0.insert(key, now).unwrap_or(now);
        if now.0 < before.0 || now.1 < before.1 {
            Err(format!("an epoch goes back: {before:?}, {now:?}"))
        } else if now.0 == before.0 && now.2 != before.2 {
            Err(format!("another leader is in the same epoch: {before:?}, {now:?}"))
        } else {
            Ok(now != before)
        }
    }
}
