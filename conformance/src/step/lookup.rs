//! Questions that a client asks on the way, quietly: where is the leader, the coordinator, what is the topic.

use std::future::Future;
use std::pin::Pin;

use kafka_fixtures::value::{Struct, Value};

use super::{Place, Session};
use crate::driver::wire::{Exchange, Reply, Request};

/// A question that itself needs a connection: boxed, because finding a connection may ask it.
type Lookup<'a> = Pin<Box<dyn Future<Output = Option<i64>> + Send + 'a>>;

/// What a coordinator coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CoordinatorOf {
    /// A group.
    Group,
    /// The transactions of an id.
    Transaction,
}

fn leader_of(partition: &Value) -> Option<i64> {
    partition.get("LeaderId")?.as_i64().filter(|id| *id >= 0)
}

fn ids(partition: &Value, field: &str) -> Vec<i64> {
    let ids = partition.get(field).and_then(Value::as_array).unwrap_or_default();
    ids.iter().filter_map(Value::as_i64).collect()
}

impl Session {
    /// What Metadata says of one topic; housekeeping, not part of any step's frames.
    pub(crate) async fn metadata(&self, topic: &str) -> Option<Value> {
        self.metadata_at(topic, &Place::Any).await
    }

    /// What the broker at a place says of it.
    async fn metadata_at(&self, topic: &str, place: &Place) -> Option<Value> {
        let version = self.facts().common_version("Metadata")?.min(12);
        let mut body = Struct::new().with("Topics", vec![Struct::new().with("Name", topic)]);
        if version >= 4 {
            body.set("AllowAutoTopicCreation", false);
        }
        let reply = self
            .quietly(Request::new("Metadata", version, Value::Struct(body)), place)
            .await?;
        reply.get("Topics")?.as_array()?.first().cloned()
    }

    /// Asks without leaving a trace in the step's frames.
    pub(crate) async fn quietly(&self, request: Request, place: &Place) -> Option<Value> {
        let connection = self.connection(place, Some("housekeeping")).await.ok()?;
        let frame = request.encode(self.next_correlation()).ok()?;
        match connection.ask(&frame).await.reply(self.limits().reply).await {
            Reply::Frame(frame) => Exchange::decode(&request, &frame).ok().map(|exchange| exchange.body),
            Reply::Closed | Reply::Silence => None,
        }
    }

    /// Some round trips behind a request that parks: what was sent before them is in the broker's hands after them.
    pub async fn let_broker_settle(&self) {
        for _ in 0..3 {
            self.quietly(
                Request::new("ApiVersions", 0, Value::Struct(Struct::new())),
                &Place::Any,
            )
            .await;
        }
    }

    /// The leader of a partition, as Metadata says.
    pub(crate) fn leader<'a>(&'a self, topic: &'a str, partition: i32) -> Lookup<'a> {
        Box::pin(self.look_up_leader(topic, partition))
    }

    async fn look_up_leader(&self, topic: &str, partition: i32) -> Option<i64> {
        leader_of(&self.partition(topic, partition).await?)
    }

    /// Whether every broker that is up names a leader of so many partitions.
    pub(super) async fn is_known_everywhere(&self, topic: &str, partitions: usize) -> bool {
        for broker in 0..self.facts().brokers.len() {
            if self.is_down(broker) {
                continue;
            }
            let metadata = self.metadata_at(topic, &Place::Broker(broker)).await;
            let known = metadata.as_ref().and_then(|topic| topic.get("Partitions")?.as_array());
            let led = known
                .unwrap_or_default()
                .iter()
                .filter(|partition| leader_of(partition).is_some());
            if led.count() < partitions {
                return false;
            }
        }
        true
    }

    async fn partition(&self, topic: &str, partition: i32) -> Option<Value> {
        let metadata = self.metadata(topic).await?;
        let partitions = metadata.get("Partitions")?.as_array()?;
        let is_it = |entry: &&Value| entry.get("PartitionIndex").and_then(Value::as_i64) == Some(partition.into());
        partitions.iter().find(is_it).cloned()
    }

    /// The first replica of a partition in the order of its assignment.
    pub(super) fn preferred<'a>(&'a self, topic: &'a str, partition: i32) -> Lookup<'a> {
        Box::pin(async move {
            ids(&self.partition(topic, partition).await?, "ReplicaNodes")
                .first()
                .copied()
        })
    }

    /// The first replica, in the same order, that is in sync and does not lead.
    pub(super) fn follower<'a>(&'a self, topic: &'a str, partition: i32) -> Lookup<'a> {
        Box::pin(async move {
            let partition = self.partition(topic, partition).await?;
            let (leader, in_sync) = (leader_of(&partition), ids(&partition, "IsrNodes"));
            let mut replicas = ids(&partition, "ReplicaNodes").into_iter();
            replicas.find(|id| in_sync.contains(id) && Some(*id) != leader)
        })
    }

    /// The coordinator of a group or transactional id, by its name on the broker.
    pub(super) fn coordinator<'a>(&'a self, key: &'a str, of: CoordinatorOf) -> Lookup<'a> {
        Box::pin(self.look_up_coordinator(key, of))
    }

    async fn look_up_coordinator(&self, key: &str, of: CoordinatorOf) -> Option<i64> {
        let version = self.facts().common_version("FindCoordinator")?.min(3);
        let mut body = Struct::new().with("Key", key);
        if of == CoordinatorOf::Transaction {
            body.set("KeyType", 1);
        }
        let request = Request::new("FindCoordinator", version, Value::Struct(body));
        let reply = self.quietly(request, &Place::Any).await?;
        reply.get("NodeId")?.as_i64().filter(|id| *id >= 0)
    }
}
