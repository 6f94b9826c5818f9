//! What brokers tell of topics, and what must hold whenever they are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_fixtures::value::{Struct, Value};

use super::trio::Trio;
use crate::nodes::LIMIT;
use crate::talk::{Client, Heard};

/// The topics of a cluster by name, as one broker tells.
type View = BTreeMap<String, Topic>;

/// What all brokers tell, with every replica in sync.
#[derive(Debug)]
pub(crate) struct Agreed(View);

#[derive(Debug, Clone, PartialEq)]
struct Topic {
    id: Value,
    partitions: Vec<Partition>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Partition {
    leader: i64,
    epoch: i64,
    replicas: BTreeSet<i64>,
    isr: BTreeSet<i64>,
}

/// What was seen before.
#[derive(Default)]
pub(crate) struct Seen {
    ids: BTreeMap<String, Value>,
    /// By broker, topic and partition.
    epochs: BTreeMap<(usize, String, usize), i64>,
}

impl Agreed {
    pub(crate) fn has(&self, topic: &str) -> bool {
        self.0.contains_key(topic)
    }

    pub(crate) fn partitions(&self, topic: &str) -> &[Partition] {
        self.0.get(topic).map_or(&[], |topic| &topic.partitions)
    }

    pub(crate) fn replicas(&self, topic: &str) -> Vec<BTreeSet<i64>> {
        let partitions = self.partitions(topic).iter();
        partitions.map(|partition| partition.replicas.clone()).collect()
    }
}

impl Seen {
    /// Looks until all brokers know what the controller knows and tell the same, and of every partition that all its replicas are in sync.
    pub(crate) async fn agreed(&mut self, trio: &Trio) -> Agreed {
        let deadline = Instant::now() + LIMIT;
        loop {
            // An answer of the controller's may come before its brokers have heard of what it did.
            let are_told = are_told(trio).await;
            let views = self.look(trio).await;
            let first = &views[0];
            let is_whole = |partition: &Partition| partition.leader > 0 && partition.isr == partition.replicas;
            let mut partitions = first.values().flat_map(|topic| &topic.partitions);
            let agree = are_told && views.iter().all(|view| view == first) && partitions.all(is_whole);
            if agree && nothing_moves(trio).await {
                return Agreed(first.clone());
            }
            assert!(
                Instant::now() < deadline,
                "they agree in time, told {are_told}: {views:#?}"
            );
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn look(&mut self, trio: &Trio) -> Vec<View> {
        let mut views = Vec::new();
        for (broker, place) in trio.brokers.iter().enumerate() {
            let request = Struct::new().with("Topics", Value::Null);
            let metadata = Client::to(place.address).await.asks("Metadata", 12, request).await;
            let view = view(&metadata);
            for (name, topic) in &view {
                self.check(broker, name, topic);
            }
            views.push(view);
        }
        views
    }

    /// An id is for ever, a leader is in sync, who is in sync is a replica, and no epoch goes back.
    fn check(&mut self, broker: usize, name: &str, topic: &Topic) {
        let id = self.ids.entry(name.to_owned()).or_insert_with(|| topic.id.clone());
        assert_eq!(*id, topic.id, "{name} is one topic");
        for (index, partition) in topic.partitions.iter().enumerate() {
            assert!(
                partition.isr.is_subset(&partition.replicas),
                "{name}-{index}: {partition:?}"
            );
            let leads = partition.leader < 0 || partition.isr.contains(&partition.leader);
            assert!(leads, "{name}-{index}: {partition:?}");
            let before = self.epochs.insert((broker, name.to_owned(), index), partition.epoch);
            assert!(
                before <= Some(partition.epoch),
                "{name}-{index}: {before:?}, {partition:?}"
            );
        }
    }
}

/// Between two looks at all brokers, which are short of cores while a test runs.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Whether the controller knows of no reassignment that is under way. One that does not answer does not know.
async fn nothing_moves(trio: &Trio) -> bool {
    let request = Struct::new().with("TimeoutMs", 5_000).with("Topics", Value::Null);
    let mut client = Client::to(trio.brokers[0].address).await;
    match client.hears("ListPartitionReassignments", 0, request, LIMIT).await {
        Heard::Answer(answer) => {
            answer.get("ErrorCode").and_then(Value::as_i64) == Some(0)
                && answer
                    .get("Topics")
                    .and_then(Value::as_array)
                    .is_some_and(<[_]>::is_empty)
        }
        _ => false,
    }
}

/// Whether every broker has the controller's log to its end. A controller that does not answer does not know.
async fn are_told(trio: &Trio) -> bool {
    let partition = Struct::new().with("PartitionIndex", 0);
    let topic = Struct::new().with("TopicName", "__cluster_metadata");
    let topic = topic.with("Partitions", vec![partition]);
    let request = Struct::new().with("Topics", vec![topic]);
    let mut client = Client::to(trio.brokers[0].address).await;
    let Heard::Answer(answer) = client.hears("DescribeQuorum", 1, request, LIMIT).await else {
        return false;
    };
    let ends = |replicas: &str| -> Vec<i64> {
        let replicas = answer.at(&format!("Topics[0].Partitions[0].{replicas}"));
        let replicas = replicas.and_then(Value::as_array).unwrap_or_default().iter();
        replicas.map(|replica| number(replica, "LogEndOffset")).collect()
    };
    let (voters, observers) = (ends("CurrentVoters"), ends("Observers"));
    observers.len() == trio.brokers.len() && voters.len() == 1 && observers.iter().all(|end| *end == voters[0])
}

fn view(metadata: &Value) -> View {
    let topics = metadata.get("Topics").and_then(Value::as_array).unwrap_or_default();
    topics
        .iter()
        .map(|topic| {
            let name = topic.get("Name").and_then(Value::as_str).expect("a name").to_owned();
            let partitions = topic
                .get("Partitions")
                .and_then(Value::as_array)
                .expect("its partitions");
            let mut partitions: Vec<_> = partitions
                .iter()
                .map(|partition| (number(partition, "PartitionIndex"), seen(partition)))
                .collect();
            partitions.sort_by_key(|(index, _)| *index);
            let id = topic.get("TopicId").cloned().expect("an id");
            let partitions = partitions.into_iter().map(|(_, partition)| partition).collect();
            (name, Topic { id, partitions })
        })
        .collect()
}

fn seen(partition: &Value) -> Partition {
    let ids = |name| {
        let ids = partition.get(name).and_then(Value::as_array).expect("brokers");
        ids.iter().filter_map(Value::as_i64).collect()
    };
    Partition {
        leader: number(partition, "LeaderId"),
        epoch: number(partition, "LeaderEpoch"),
        replicas: ids("ReplicaNodes"),
        isr: ids("IsrNodes"),
    }
}

fn number(of: &Value, name: &str) -> i64 {
    of.get(name).and_then(Value::as_i64).expect("a number")
}
