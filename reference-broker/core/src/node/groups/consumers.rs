//! What the node adds to groups of the consumer protocol: the topics there are, and what a group obeys.

use std::sync::Arc;

use super::Node;
use crate::config::layers::Layers;
use crate::group::{
    Change, Command, ConsumerDescribed, ConsumerHeartbeat, GroupId, Outcome, Timing, TopicFacts, Topics,
};
use crate::image::{PartitionImage, ResourceKind, TopicImage};
use crate::machine::Machine;
use crate::units::{ErrorCode, Now};

impl Node {
    /// Is the consumer protocol on: in the cluster by its feature, here by the broker's list of protocols?
    pub fn serves_consumer_protocol(&self) -> bool {
        let level = self.image().features().get("group.version").copied().unwrap_or(0);
        let protocols = self
            .config
            .value("group.coordinator.rebalance.protocols")
            .unwrap_or_default();
        level >= 1 && protocols.split(',').any(|protocol| protocol.trim() == "consumer")
    }

    /// ConsumerGroupHeartbeat.
    pub fn consumer_heartbeat(
        &mut self,
        beat: impl FnOnce(Timing) -> ConsumerHeartbeat,
        group: &str,
        now: Now,
    ) -> Outcome {
        let beat = beat(self.timing(group));
        self.ask_group(group, Command::ConsumerHeartbeat(Box::new(beat)), now)
    }

    /// ConsumerGroupDescribe, one group.
    ///
    /// # Errors
    /// There is no such group, or it is a classic one; NOT_COORDINATOR.
    pub fn describe_consumer_group(
        &mut self,
        group: &GroupId,
        now: Now,
    ) -> Result<ConsumerDescribed, (ErrorCode, String)> {
        let none = |error| (error, String::new());
        self.coordinator(group, now).map_err(none)?.describe_consumer(group)
    }

    /// May this member ask for the group's offsets?
    ///
    /// # Errors
    /// It is none, or in another epoch.
    pub fn validate_fetch(&mut self, group: &str, member: Option<&str>, epoch: i32, now: Now) -> Result<(), ErrorCode> {
        self.coordinator(group, now)?.validate_fetch(group, member, epoch)
    }

    /// Lets a coordinator see the topics as they are now.
    pub(super) fn show_topics(&mut self, partition: i32) {
        if self.groups.topics.version != self.image().next_offset() {
            let topics = self
                .image()
                .topics()
                .map(|topic| (Arc::clone(&topic.name), self.facts(topic)));
            self.groups.topics = Arc::new(Topics::new(self.image().next_offset(), topics));
        }
        let topics = Arc::clone(&self.groups.topics);
        if let Some(coordinator) = self.groups.coordinators.get_mut(&partition) {
            coordinator.apply(&Change::TopicsSeen(topics));
        }
    }

    fn facts(&self, topic: &TopicImage) -> TopicFacts {
        let racks = |partition: &PartitionImage| {
            let brokers = partition.replicas.iter().filter_map(|id| self.image().broker(*id));
            let mut racks: Vec<Arc<str>> = brokers
                .filter_map(|broker| broker.rack.as_deref().map(Arc::from))
                .collect();
            racks.sort_unstable();
            racks
        };
        TopicFacts {
            id: topic.id,
            racks: topic.partitions.iter().map(racks).collect(),
        }
    }

    /// The group's configs, within the broker's bounds.
    pub(super) fn timing(&self, group: &str) -> Timing {
        let overrides = self.image().overrides(ResourceKind::Group, group);
        let layers = self.image().layers(self.broker_id(), &self.config.fixed);
        let bounded = |name: &str| {
            let own = overrides
                .get(&format!("consumer.{name}"))
                .and_then(|text| text.parse().ok());
            let broker = |prefix: &str, default| number(layers, &format!("group.consumer.{prefix}{name}"), default);
            let value: i32 = own.unwrap_or_else(|| broker("", 0));
            value.min(broker("max.", i32::MAX)).max(broker("min.", 0))
        };
        Timing {
            session_timeout_ms: bounded("session.timeout.ms"),
            heartbeat_interval_ms: bounded("heartbeat.interval.ms"),
            assignment_interval_ms: bounded("assignment.interval.ms"),
        }
    }
}

fn number(layers: Layers<'_>, name: &str, default: i32) -> i32 {
    layers.value(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}
