//! What consumers of the classic protocol tell each other through the coordinator: subscriptions in JoinGroup, assignments
//! in SyncGroup. The coordinator reads them only where a group moves between the protocols, or has members of both.

use std::sync::Arc;

use bytes::Bytes;

use super::consumer::{Partitions, Topics};
use crate::records::{
    self, ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition, ConsumerProtocolSubscription,
    ConsumerProtocolSubscriptionTopicPartition, Message, RecordError,
};

/// An assignment that cannot be carried over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// These bytes are no assignment.
    Malformed,
    /// It has what only the assignor that made it understands.
    Custom,
}

/// A consumer's subscription.
pub(super) fn subscription(bytes: &[u8]) -> Result<ConsumerProtocolSubscription, RecordError> {
    let (version, rest) = records::open(bytes)?;
    ConsumerProtocolSubscription::decode(rest, known::<ConsumerProtocolSubscription>(version))
}

/// What a subscription says that its consumer owns, of topics that exist.
pub(super) fn owned(subscription: &ConsumerProtocolSubscription, topics: &Topics) -> Partitions {
    let of = |owned: &ConsumerProtocolSubscriptionTopicPartition| (owned.topic.clone(), owned.partitions.clone());
    by_id(subscription.owned_partitions.iter().map(of), topics)
}

/// What a consumer was given, of topics that exist. A member that was left out was given no bytes at all.
pub(super) fn assigned(bytes: &[u8], topics: &Topics) -> Result<Partitions, Unreadable> {
    if bytes.is_empty() {
        return Ok(Partitions::new());
    }
    let decoded = records::open(bytes)
        .and_then(|(version, rest)| {
            ConsumerProtocolAssignment::decode(rest, known::<ConsumerProtocolAssignment>(version))
        })
        .map_err(|_| Unreadable::Malformed)?;
    if decoded.user_data.is_some_and(|data| !data.is_empty()) {
        return Err(Unreadable::Custom);
    }
    let given = decoded.assigned_partitions.into_iter();
    Ok(by_id(given.map(|given| (given.topic, given.partitions)), topics))
}

/// An assignment in the version that a member's own subscription has.
pub(super) fn assignment(partitions: &Partitions, subscription: &[u8], topics: &Topics) -> Result<Bytes, RecordError> {
    let (version, _) = records::open(subscription)?;
    let topic = |(id, partitions): (&_, &std::collections::BTreeSet<i32>)| {
        Some(ConsumerProtocolAssignmentTopicPartition {
            topic: topics.name(*id)?.to_string(),
            partitions: partitions.iter().copied().collect(),
        })
    };
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: partitions.iter().filter_map(topic).collect(),
        user_data: None,
    };
    records::value(&assignment, known::<ConsumerProtocolAssignment>(version))
}

/// Whatever is newer begins like the newest that is known.
fn known<M: Message>(version: i16) -> i16 {
    version.min(*M::VERSIONS.end())
}

/// Of partitions that exist, too.
fn by_id(named: impl Iterator<Item = (String, Vec<i32>)>, topics: &Topics) -> Partitions {
    let mut partitions = Partitions::new();
    for (name, of) in named {
        if let Some(facts) = topics.get(&Arc::<str>::from(name)) {
            let exists = |partition: &i32| (0..facts.partitions()).contains(partition);
            let of = of.into_iter().filter(exists);
            partitions.entry(facts.id).or_default().extend(of);
        }
    }
    partitions
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
mod tests {
    use super::*;
    use crate::group::TopicFacts;
    use crate::units::{TopicId, TopicName};

    fn topics() -> Topics {
        let facts = TopicFacts {
            id: TopicId([1; 16]),
            racks: vec![Vec::new(); 2],
        };
        Topics::new(0, [(TopicName::from("t"), facts)].into_iter())
    }

    #[test]
    fn an_assignment_reads_back_in_the_version_of_the_subscription() {
        let given: Partitions = [(TopicId([1; 16]), [0, 1].into())].into();
        for version in [0, 1, 3, 9] {
            let bytes = assignment(&given, &[0, version], &topics()).unwrap();
            assert_eq!(bytes[1], version.min(3));
            assert_eq!(assigned(&bytes, &topics()), Ok(given.clone()));
        }
        assert!(assignment(&given, &[0xff, 0xff], &topics()).is_err());
    }

    #[test]
    fn of_what_was_given_only_partitions_that_exist_are_carried_over() {
        let given: Partitions = [(TopicId([1; 16]), [-1, 0, 2].into())].into();
        let bytes = assignment(&given, &[0, 3], &topics()).unwrap();
        let kept = [(TopicId([1; 16]), [0].into())].into();
        assert_eq!(assigned(&bytes, &topics()), Ok(kept));
    }

    #[test]
    fn what_a_custom_assignor_left_or_nobody_can_read_is_not_carried_over() {
        assert_eq!(assigned(b"", &topics()), Ok(Partitions::new()));
        assert_eq!(assigned(b"\0", &topics()), Err(Unreadable::Malformed));
        assert_eq!(assigned(b"\0\0\x7f\xff\xff\xff", &topics()), Err(Unreadable::Malformed));
        assert_eq!(assigned(b"\0\0\0\0\0\0\0\0\0\x01x", &topics()), Err(Unreadable::Custom));
        assert_eq!(assigned(b"\0\0\0\0\0\0\0\0\0\0", &topics()), Ok(Partitions::new()));
    }
}
