//! Topics on this broker: asked for by clients, made by themselves where a client may have that, and Kafka's own.

use std::collections::BTreeMap;

use super::Node;
use crate::controller::partitions::{Grown, MorePartitions};
use crate::controller::topics::{Created, Deleted, NewTopic, TopicRef};
use crate::controller::{Intent, is_internal};
use crate::node::Purpose;
use crate::peer::{Peer, Question};
use crate::units::{ErrorCode, Now, TopicId};

impl Node {
    /// CreateTopics. Ids are given here.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn create_topics(&mut self, mut topics: Vec<NewTopic>, intent: Intent, now: Now) -> Result<Created, ErrorCode> {
        for topic in &mut topics {
            topic.id = TopicId(self.control.ids.next());
        }
        let decided = self.controller().create_topics(topics, intent);
        self.commit(decided, now)
    }

    /// DeleteTopics.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn delete_topics(&mut self, topics: Vec<TopicRef>, now: Now) -> Result<Deleted, ErrorCode> {
        let decided = self.controller().delete_topics(topics);
        self.commit(decided, now)
    }

    /// CreatePartitions.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn create_partitions(
        &mut self,
        topics: Vec<MorePartitions>,
        intent: Intent,
        now: Now,
    ) -> Result<Grown, ErrorCode> {
        let decided = self.controller().create_partitions(topics, intent);
        self.commit(decided, now)
    }

    /// Makes topics that a client asked about and that do not exist. A refusal is nobody's answer: the client asks again.
    pub fn auto_create_topics(&mut self, names: Vec<String>, now: Now) {
        let (internal, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_internal(name));
        if self.follows_a_controller() {
            return self.ask_for_topics(others, &internal);
        }
        let by_default = |name| NewTopic {
            name,
            partitions: -1,
            replication_factor: -1,
            ..NewTopic::default()
        };
        // Kafka logs what goes wrong here; there is nothing else to be done with it.
        let _ = self.create_topics(others.into_iter().map(by_default).collect(), Intent::Commit, now);
        for name in internal {
            self.ensure_internal_topic(&name, now);
        }
    }

    /// Makes one of Kafka's own topics if it is missing, as its coordinator wants it. Is it there now?
    pub(crate) fn ensure_internal_topic(&mut self, name: &str, now: Now) -> bool {
        if self.follows_a_controller() {
            self.ask_for_topics(Vec::new(), &[name.to_owned()]);
        } else if self.image().topic(name).is_none()
            && let Some(topic) = self.internal_topic(name)
        {
            // The next request for a coordinator tries again.
            let _ = self.create_topics(vec![topic], Intent::Commit, now);
        }
        self.image().topic(name).is_some()
    }

    /// Asks the controller for topics that are not there, each once at a time.
    fn ask_for_topics(&mut self, names: Vec<String>, internal: &[String]) {
        let by_default = |name| NewTopic {
            name,
            partitions: self.config.num_partitions,
            replication_factor: self.config.default_replication_factor,
            ..NewTopic::default()
        };
        let internal = internal.iter().filter_map(|name| self.internal_topic(name));
        let wanted = names.into_iter().map(by_default).chain(internal);
        let asked_for = self.topics_asked_for();
        let lacking =
            |topic: &NewTopic| self.image().topic(&topic.name).is_none() && !asked_for.contains(topic.name.as_str());
        let wanted: Vec<NewTopic> = wanted.filter(lacking).collect();
        if !wanted.is_empty() {
            let purpose = Purpose::Topics(wanted.iter().map(|topic| topic.name.clone()).collect());
            self.ask(Peer::Controller, Question::CreateTopics(wanted), purpose);
        }
    }

    fn internal_topic(&self, name: &str) -> Option<NewTopic> {
        let value = |key: &str| self.config.value(key).unwrap_or_default();
        let (prefix, settings): (&str, &[(&str, &str)]) = match name {
            "__consumer_offsets" => (
                "offsets.topic",
                &[("cleanup.policy", "compact"), ("compression.type", "producer")],
            ),
            "__transaction_state" => (
                "transaction.state.log",
                &[
                    ("cleanup.policy", "compact"),
                    ("compression.type", "uncompressed"),
                    ("unclean.leader.election.enable", "false"),
                ],
            ),
            "__share_group_state" => (
                "share.coordinator.state.topic",
                &[
                    ("cleanup.policy", "delete"),
                    ("compression.type", "producer"),
                    ("retention.ms", "-1"),
                ],
            ),
            _ => return None,
        };
        let mut configs: BTreeMap<String, String> = settings
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        configs.insert("segment.bytes".into(), value(&format!("{prefix}.segment.bytes")));
        if prefix != "offsets.topic" {
            configs.insert("min.insync.replicas".into(), value(&format!("{prefix}.min.isr")));
        }
        Some(NewTopic {
            name: name.into(),
            partitions: value(&format!("{prefix}.num.partitions")).parse().ok()?,
            replication_factor: value(&format!("{prefix}.replication.factor")).parse().ok()?,
            configs: configs.into_iter().map(|(key, value)| (key, Some(value))).collect(),
            ..NewTopic::default()
        })
    }
}
