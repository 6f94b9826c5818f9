//! Leadership that is moved as an administrator of Kafka moves it: the wanted leader becomes the partition's preferred one
//! (AlterPartitionReassignments with the same replicas in another order), and then preferred leaders are elected (ElectLeaders).

use std::net::SocketAddr;
use std::time::Duration;

use kafka_protocol::error::{ParseResponseErrorCode, ResponseError};
use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, BrokerId, ElectLeadersRequest,
    ElectLeadersResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::{Instant, sleep, timeout};

use crate::api::{ReadBody, WriteBody};
use crate::peer::{ORDERED, ask_once};

/// How long the whole may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a broker may take to hear of a topic.
const HEARS: Duration = Duration::from_secs(10);
/// Between two looks at who leads.
const PAUSE: Duration = Duration::from_millis(20);

/// A partition, and the broker that shall lead it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) to: i32,
}

struct Placed {
    leader: i32,
    replicas: Vec<BrokerId>,
}

impl Move {
    /// Has it done by the broker that listens there; returns once that broker says so.
    pub(super) async fn carry_out(&self, by: SocketAddr) -> Result<(), String> {
        let moved = timeout(LIMIT, self.steps(by)).await;
        moved.unwrap_or_else(|_| Err(format!("{self} leads not after {LIMIT:?}")))
    }

    async fn steps(&self, by: SocketAddr) -> Result<(), String> {
        let placed = self.placed(by).await?;
        if self.is_so(&placed) {
            return Ok(());
        }
        if !placed.replicas.iter().any(|replica| replica.0 == self.to) {
            let has: Vec<i32> = placed.replicas.iter().map(|replica| replica.0).collect();
            return Err(format!("{self} has no replica to lead with; {has:?} have"));
        }
        self.prefer(by, &placed).await?;
        self.elect(by).await?;
        // Whoever waits for this has a deadline.
        while !self.is_so(&self.placed(by).await?) {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Who leads without being preferred would lose it at the next election.
    fn is_so(&self, placed: &Placed) -> bool {
        placed.leader == self.to && placed.replicas.first().is_some_and(|first| first.0 == self.to)
    }

    /// Where it is by now. A broker hears of a new topic a little later than the controller.
    async fn placed(&self, by: SocketAddr) -> Result<Placed, String> {
        let deadline = Instant::now() + HEARS;
        loop {
            match self.placed_now(by).await? {
                Some(placed) => return Ok(placed),
                None if Instant::now() < deadline => sleep(PAUSE).await,
                None => return Err(format!("there is no partition {}-{}", self.topic, self.partition)),
            }
        }
    }

    async fn placed_now(&self, by: SocketAddr) -> Result<Option<Placed>, String> {
        let topic = MetadataRequestTopic::default().with_name(Some(self.name()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        let said: MetadataResponse = ask(by, 3, 12, &request).await?;
        let partitions = said.topics.iter().flat_map(|topic| &topic.partitions);
        let mut found = partitions.filter(|partition| partition.partition_index == self.partition);
        Ok(found.next().map(|found| Placed {
            leader: found.leader_id.0,
            replicas: found.replica_nodes.clone(),
        }))
    }

    async fn prefer(&self, by: SocketAddr, placed: &Placed) -> Result<(), String> {
        let rest = placed.replicas.iter().filter(|replica| replica.0 != self.to);
        let replicas = std::iter::once(BrokerId(self.to)).chain(rest.copied()).collect();
        let partition = ReassignablePartition::default()
            .with_partition_index(self.partition)
            .with_replicas(Some(replicas));
        let topic = ReassignableTopic::default()
            .with_name(self.name())
            .with_partitions(vec![partition]);
        let request = AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]);
        let said: AlterPartitionReassignmentsResponse = ask(by, 45, 0, &request).await?;
        let partitions = said.responses.iter().flat_map(|topic| &topic.partitions);
        let errors = partitions.map(|partition| partition.error_code);
        self.accepted("AlterPartitionReassignments", errors.chain([said.error_code]))
    }

    async fn elect(&self, by: SocketAddr) -> Result<(), String> {
        let topic = TopicPartitions::default()
            .with_topic(self.name())
            .with_partitions(vec![self.partition]);
        let request = ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]));
        let said: ElectLeadersResponse = ask(by, 43, 2, &request).await?;
        let results = said
            .replica_election_results
            .iter()
            .flat_map(|topic| &topic.partition_result);
        let errors = results.map(|result| result.error_code);
        // Who leads already need not be elected.
        let not_needed = ResponseError::ElectionNotNeeded.code();
        let errors = errors.chain([said.error_code]).filter(|error| *error != not_needed);
        self.accepted("ElectLeaders", errors)
    }

    fn accepted(&self, request: &str, mut errors: impl Iterator<Item = i16>) -> Result<(), String> {
        match errors.find_map(|error| error.err()) {
            None => Ok(()),
            Some(error) => Err(format!("{self}: {request} answers {error:?}")),
        }
    }

    fn name(&self) -> TopicName {
        TopicName(StrBytes::from_string(self.topic.clone()))
    }
}

impl std::fmt::Display for Move {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "broker {} of {}-{}", self.to, self.topic, self.partition)
    }
}

async fn ask<T: ReadBody>(by: SocketAddr, key: i16, version: i16, request: &impl WriteBody) -> Result<T, String> {
    ask_once(&(by.ip().to_string(), by.port()), ORDERED, (key, version), request).await
}
