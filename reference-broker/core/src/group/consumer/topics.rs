//! The topics as groups see them: ids, partition counts and racks, and Kafka's hash over them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use twox_hash::XxHash3_64;

use crate::units::{TopicId, TopicName};

/// Every topic at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// The metadata offset that this is as of.
    pub version: i64,
    by_name: BTreeMap<TopicName, TopicFacts>,
    names: HashMap<TopicId, TopicName>,
}

/// What groups need to know of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFacts {
    /// Its id.
    pub id: TopicId,
    /// The racks of each partition's replicas.
    pub racks: Vec<Vec<Arc<str>>>,
}

impl TopicFacts {
    /// How many partitions it has.
    pub fn partitions(&self) -> i32 {
        i32::try_from(self.racks.len()).unwrap_or(i32::MAX)
    }
}

impl Topics {
    /// All these.
    pub fn new(version: i64, topics: impl Iterator<Item = (TopicName, TopicFacts)>) -> Self {
        let by_name: BTreeMap<_, _> = topics.collect();
        let names = by_name.iter().map(|(name, facts)| (facts.id, Arc::clone(name)));
        Self {
            version,
            names: names.collect(),
            by_name,
        }
    }

    pub(in crate::group) fn get(&self, name: &str) -> Option<&TopicFacts> {
        self.by_name.get(name)
    }

    /// The name of a topic that exists.
    pub(in crate::group) fn name(&self, id: TopicId) -> Option<&TopicName> {
        self.names.get(&id)
    }

    pub(super) fn all_names(&self) -> impl Iterator<Item = &TopicName> {
        self.by_name.keys()
    }

    /// The ids of those that exist.
    pub(super) fn ids(&self, names: &BTreeSet<TopicName>) -> BTreeSet<TopicId> {
        names
            .iter()
            .filter_map(|name| self.get(name))
            .map(|facts| facts.id)
            .collect()
    }

    /// Kafka's hash of what a group is subscribed to: of the hashes of its topics in order of name, 0 where there is none.
    pub(super) fn hash(&self, subscribed: &BTreeSet<TopicName>) -> i64 {
        let hashes: Vec<u8> = subscribed
            .iter()
            .filter_map(|name| Some(hash_of(name, self.get(name)?)))
            .flat_map(i64::to_le_bytes)
            .collect();
        if hashes.is_empty() { 0 } else { xxh3(&hashes) }
    }
}

/// Numbers little-endian, texts as UTF-16 and followed by their length, as Java's hash4j feeds them.
fn hash_of(name: &str, facts: &TopicFacts) -> i64 {
    let mut bytes = vec![0];
    let (high, low) = facts.id.0.split_at(8);
    for half in [high, low] {
        bytes.extend(half.iter().rev());
    }
    put_text(&mut bytes, name);
    bytes.extend(facts.partitions().to_le_bytes());
    for (partition, racks) in (0_i32..).zip(&facts.racks) {
        bytes.extend(partition.to_le_bytes());
        for rack in racks {
            bytes.extend(length(rack).to_le_bytes());
            put_text(&mut bytes, rack);
        }
    }
    xxh3(&bytes)
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes.extend(length(text).to_le_bytes());
}

fn length(text: &str) -> i32 {
    i32::try_from(text.encode_utf16().count()).unwrap_or(i32::MAX)
}

fn xxh3(bytes: &[u8]) -> i64 {
    XxHash3_64::oneshot(bytes).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are hash4j's.
    #[test]
    fn a_topic_hashes_as_in_kafka() {
        let facts = TopicFacts {
            id: TopicId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            racks: vec![Vec::new(), vec!["r1".into()]],
        };
        assert_eq!(hash_of("topic", &facts), -8_461_555_494_649_139_501);
        let topics = Topics::new(0, [(TopicName::from("topic"), facts)].into_iter());
        let subscribed = ["gone".into(), "topic".into()].into();
        assert_eq!(topics.hash(&subscribed), 4_462_855_796_538_984_401);
        assert_eq!(topics.hash(&BTreeSet::new()), 0);
    }
}
