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

impl Session {
    /// What Metadata says of one topic; housekeeping, not part of any step's frames.
    pub(crate) async fn metadata(&self, topic: &str) -> Option<Value> {
        let version = self.facts().common_version("Metadata")?.min(12);
        let mut body = Struct::new().with("Topics", vec![Struct::new().with("Name", topic)]);
        if version >= 4 {
            body.set("AllowAutoTopicCreation", false);
        }
        let reply = self
            .quietly(Request::new("Metadata", version, Value::Struct(body)), &Place::Any)
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
        let metadata = self.metadata(topic).await?;
        let partitions = metadata.get("Partitions")?.as_array()?;
        let found = partitions
            .iter()
            .find(|entry| entry.get("PartitionIndex").and_then(Value::as_i64) == Some(partition.into()))?;
        found.get("LeaderId")?.as_i64().filter(|id| *id >= 0)
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
