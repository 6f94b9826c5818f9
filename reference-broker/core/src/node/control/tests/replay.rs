//! The log alone makes the image.

use proptest::prelude::*;

use super::*;

/// What a client may ask of the metadata, in small numbers so that requests meet.
#[derive(Debug, Clone)]
enum Request {
    Create(Vec<(u8, i32)>),
    Delete(Vec<u8>),
    Grow(u8, i32),
    Alter(i8, u8, u8, Option<u32>),
    ProducerId,
    Restart,
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        prop::collection::vec((0..4u8, -2..4i32), 0..4).prop_map(Request::Create),
        prop::collection::vec(0..4u8, 0..3).prop_map(Request::Delete),
        (0..4u8, 0..6i32).prop_map(|(name, count)| Request::Grow(name, count)),
        (
            prop::sample::select(vec![TOPIC, BROKER, GROUP]),
            0..4u8,
            0..4u8,
            prop::option::of(0..100u32)
        )
            .prop_map(|(kind, name, key, value)| Request::Alter(kind, name, key, value)),
        Just(Request::ProducerId),
        Just(Request::Restart),
    ]
}

fn name(index: u8) -> String {
    ["a.b", "a_b", "1", "t"][usize::from(index)].into()
}

fn carry_out(node: &mut Node, request: &Request) {
    match request {
        Request::Create(topics) => drop(create(
            node,
            topics
                .iter()
                .map(|(index, partitions)| topic(&name(*index), *partitions))
                .collect(),
        )),
        Request::Delete(topics) => {
            let named = topics.iter().map(|index| TopicRef {
                name: Some(name(*index)),
                id: TopicId::ZERO,
            });
            drop(node.delete_topics(named.collect(), NOW));
        }
        Request::Grow(index, count) => {
            let wanted = MorePartitions {
                name: name(*index),
                count: *count,
                assignments: None,
            };
            drop(node.create_partitions(vec![wanted], Intent::Commit, NOW));
        }
        Request::Alter(kind, index, key, value) => {
            let key = [
                "retention.ms",
                "min.insync.replicas",
                "log.retention.ms",
                "cleanup.policy",
            ][usize::from(*key)];
            let op = if value.is_some() { Op::Set } else { Op::Delete };
            let operation = Operation {
                name: key.into(),
                op,
                value: value.map(|value| value.to_string()),
            };
            alter(node, *kind, &name(*index), vec![operation]);
        }
        Request::ProducerId => drop(node.fresh_producer_id(NOW)),
        Request::Restart => {}
    }
}

/// The image that the log alone makes.
fn replayed(node: &Node) -> Image {
    let mut image = Image::default();
    node.read_records(&tp("__cluster_metadata", 0), Offset(0), &mut |offset, _, value, _| {
        let (record, _) = MetadataRecord::decode(&value.expect("never null")).expect("a record of ours");
        image.apply(&record, offset.0);
    })
    .expect("readable");
    image
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn replaying_the_records_gives_an_equal_image(requests in prop::collection::vec(request(), 1..12)) {
        let store = Shared::default();
        let mut node = open(&store, 0).expect("an empty directory");
        for (start, request) in (1..).zip(&requests) {
            if matches!(request, Request::Restart) {
                drop(node);
                node = open(&store, start).expect("its own directory");
            }
            carry_out(&mut node, request);
            prop_assert_eq!(&replayed(&node), node.image());
            for topic in node.image().topics() {
                for (index, partition) in (0..).zip(&topic.partitions) {
                    let log = node.log(&TopicPartition { topic: topic.name.clone(), partition: index });
                    prop_assert_eq!(log.map(|log| log.leader_epoch()), Some(partition.leader_epoch));
                    prop_assert!(partition.isr.contains(&partition.leader));
                }
            }
        }
    }
}
