//! The cluster's metadata on this broker: the controller's decisions are appended to `__cluster_metadata`, applied to the
//! image, and carried out on the logs and groups that they concern.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Features, Node, SupportedFeature};
use crate::config::layers::{
    Entry, describe_broker, describe_client_metrics, describe_cluster_defaults, describe_group, describe_topic,
};
use crate::controller::configs::{Alteration, Altered, Unnamed};
use crate::controller::features::FEATURES;
use crate::controller::loggers::Loggers;
use crate::controller::partitions::{Grown, MorePartitions};
use crate::controller::producer_ids::BLOCK;
use crate::controller::topics::{Created, Deleted, NewTopic, TopicRef};
use crate::controller::{Change, Controller, Decided, Intent, Refusal, is_internal, validate_topic_name};
use crate::image::{Image, ResourceKind};
use crate::records::MetadataRecord;
use crate::units::{BrokerId, ErrorCode, Now, ProducerId, TopicId, TopicName, TopicPartition};

mod ids;
mod meta;
mod start;

use ids::FreshIds;
use meta::MetaProperties;

/// What this broker knows of the cluster, and what it holds of its own in it.
#[derive(Debug, Default)]
pub(crate) struct Control {
    image: Image,
    meta: MetaProperties,
    loggers: Loggers,
    ids: FreshIds,
    /// Of the block that the controller gave: the next id and the end.
    producer_ids: std::ops::Range<i64>,
    /// When metadata last changed: what a record is stamped with at the stop, where no time is passed in.
    last_change: Option<Now>,
}

/// What records have changed, to be carried out once all of them are applied.
#[derive(Debug, Default)]
struct Consequences {
    led: Vec<(TopicPartition, TopicId)>,
    removed: Vec<(TopicName, TopicId, usize)>,
    configured: BTreeSet<TopicName>,
    all_configured: bool,
}

impl Node {
    /// What this broker knows of the cluster.
    pub fn image(&self) -> &Image {
        &self.control.image
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> &str {
        &self.control.meta.cluster_id
    }

    /// This broker's id.
    pub fn broker_id(&self) -> BrokerId {
        BrokerId(self.config.node_id)
    }

    /// What this broker was started with.
    pub fn config(&self) -> &crate::config::BrokerConfig {
        &self.config
    }

    /// What the logs of a topic obey here.
    pub(crate) fn topic_config(&self, name: &str) -> crate::config::TopicConfig {
        self.image().topic_config(name, self.broker_id(), &self.config.fixed)
    }

    /// What the group coordinators here obey.
    pub(crate) fn group_config(&self) -> crate::config::GroupConfig {
        self.config.group.clone()
    }

    /// The features that ApiVersions lists.
    pub fn features(&self) -> Features {
        let supported = |(name, min, max, _): &(&'static str, i16, i16, i16)| SupportedFeature {
            name,
            min: *min,
            max: *max,
        };
        Features {
            supported: FEATURES.iter().map(supported).collect(),
            finalized: self
                .image()
                .features()
                .iter()
                .map(|(name, level)| (name.clone(), *level))
                .collect(),
            epoch: self.image().next_offset() - 1,
        }
    }

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

    /// IncrementalAlterConfigs and AlterConfigs. Levels of loggers are this process's own and change at once.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn alter_configs(
        &mut self,
        alterations: Vec<Alteration>,
        unnamed: Unnamed,
        intent: Intent,
        now: Now,
    ) -> Result<Altered, ErrorCode> {
        let is_logger =
            |alteration: &Alteration| alteration.kind == ResourceKind::BrokerLogger as i8 && unnamed == Unnamed::Keep;
        let (of_loggers, of_metadata): (Vec<_>, Vec<_>) = alterations.into_iter().partition(is_logger);
        let decided = self.controller().alter_configs(of_metadata, unnamed, intent);
        let mut answer = self.commit(decided, now)?;
        for alteration in of_loggers {
            let result = self.alter_loggers(&alteration, intent);
            answer.push(((alteration.kind, alteration.name), result));
        }
        Ok(answer)
    }

    fn alter_loggers(&mut self, alteration: &Alteration, intent: Intent) -> Result<(), Refusal> {
        let invalid = |why: String| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        let own = self.broker_id().0;
        match alteration.name.parse::<i32>() {
            Ok(id) if id == own => {}
            Ok(id) => return invalid(format!("Unexpected broker id, expected {own}, but received {id}")),
            Err(_) => return invalid(format!("Node id must be an integer, but it is: {}", alteration.name)),
        }
        let Some(operations) = &alteration.operations else {
            return Err(Refusal::silent(ErrorCode::UnknownServerError));
        };
        let next = self.control.loggers.altered(operations)?;
        if intent == Intent::Commit {
            self.control.loggers = next;
        }
        Ok(())
    }

    /// The configs of a resource, sorted by name.
    ///
    /// # Errors
    /// There is no such resource here.
    pub fn describe_configs(&self, kind: ResourceKind, name: &str) -> Result<Vec<Entry>, Refusal> {
        let layers = self.image().layers(self.broker_id(), &self.config.fixed);
        let overrides = self.image().overrides(kind, name);
        let nameless = |why: &str| Err(Refusal::new(ErrorCode::InvalidRequest, why));
        match kind {
            ResourceKind::Topic => {
                validate_topic_name(name)?;
                match self.image().topic(name) {
                    Some(_) => Ok(describe_topic(overrides, layers)),
                    None => Err(Refusal::new(ErrorCode::UnknownTopicOrPartition, "")),
                }
            }
            ResourceKind::Broker if name.is_empty() => Ok(describe_cluster_defaults(overrides)),
            ResourceKind::Broker => self.own_id(name, " or empty string,").map(|()| describe_broker(layers)),
            ResourceKind::BrokerLogger if name.is_empty() => nameless("Broker id must not be empty"),
            ResourceKind::BrokerLogger => self.own_id(name, "").map(|()| self.logger_entries()),
            ResourceKind::ClientMetrics if name.is_empty() => {
                nameless("Client metrics subscription name must not be empty")
            }
            ResourceKind::ClientMetrics => Ok(describe_client_metrics(overrides)),
            ResourceKind::Group if name.is_empty() => nameless("Group name must not be empty"),
            ResourceKind::Group => Ok(describe_group(overrides, layers)),
        }
    }

    fn own_id(&self, name: &str, or: &str) -> Result<(), Refusal> {
        let own = self.broker_id().0;
        let why = match name.parse::<i32>() {
            Ok(id) if id == own => return Ok(()),
            Ok(_) => format!("Unexpected broker id, expected {own}{or} but received {name}"),
            Err(_) => format!("Broker id must be an integer, but it is: {name}"),
        };
        Err(Refusal::new(ErrorCode::InvalidRequest, why))
    }

    fn logger_entries(&self) -> Vec<Entry> {
        let entry = |(name, level): (&str, &str)| Entry {
            name: name.into(),
            value: Some(level.into()),
            read_only: false,
            source: crate::config::layers::Source::BrokerLogger,
            sensitive: false,
            synonyms: Vec::new(),
            ty: None,
        };
        self.control.loggers.levels().map(entry).into()
    }

    /// A producer id that nobody has had.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn fresh_producer_id(&mut self, now: Now) -> Result<ProducerId, ErrorCode> {
        if self.control.producer_ids.is_empty() {
            let decided = self.controller().allocate_producer_ids(self.broker_id());
            let first = self.commit(decided, now)?;
            self.control.producer_ids = first..first + BLOCK;
        }
        let id = self.control.producer_ids.start;
        self.control.producer_ids.start += 1;
        Ok(ProducerId(id))
    }

    /// Makes topics that a client asked about and that do not exist. A refusal is nobody's answer: the client asks again.
    pub fn auto_create_topics(&mut self, names: Vec<String>, now: Now) {
        let (internal, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_internal(name));
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
        if self.image().topic(name).is_none()
            && let Some(topic) = self.internal_topic(name)
        {
            // The next request for a coordinator tries again.
            let _ = self.create_topics(vec![topic], Intent::Commit, now);
        }
        self.image().topic(name).is_some()
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

    fn controller(&self) -> Controller<'_> {
        Controller {
            image: &self.control.image,
            config: &self.config,
        }
    }

    /// Appends, applies, carries out.
    fn commit<Answer>(&mut self, decided: Decided<Answer>, now: Now) -> Result<Answer, ErrorCode> {
        self.commit_records(&decided.records, now)?;
        Ok(decided.answer)
    }

    fn commit_records(&mut self, records: &[Change], now: Now) -> Result<(), ErrorCode> {
        if records.is_empty() {
            return Ok(());
        }
        let mut consequences = Consequences::default();
        self.append_changes(records, now, &mut consequences)?;
        self.carry_out(consequences, now);
        Ok(())
    }

    fn append_changes(
        &mut self,
        records: &[Change],
        now: Now,
        consequences: &mut Consequences,
    ) -> Result<(), ErrorCode> {
        let encoded: Result<Vec<Bytes>, _> = records
            .iter()
            .map(|(record, version)| record.encode(*version))
            .collect();
        let encoded = encoded.map_err(|_| ErrorCode::UnknownServerError)?;
        let last = self.append_metadata(&encoded, now)?;
        self.control.last_change = Some(now);
        let first = last.0 + 1 - records.len() as i64;
        for (offset, (record, _)) in (first..).zip(records) {
            self.control.foresee(record, consequences);
            self.control.image.apply(record, offset);
        }
        Ok(())
    }

    fn carry_out(&mut self, consequences: Consequences, now: Now) {
        for (name, id, partitions) in consequences.removed {
            for partition in 0..partitions as i32 {
                self.delete_log(
                    &TopicPartition {
                        topic: name.clone(),
                        partition,
                    },
                    now,
                );
            }
            self.topic_deleted(&name, id, now);
        }
        for (tp, id) in consequences.led {
            // A log that cannot be opened answers KAFKA_STORAGE_ERROR by not being there; its topic exists.
            let _ = self.lead(&tp, id, now);
        }
        let configured: Vec<TopicName> = match consequences.all_configured {
            true => self.image().topics().map(|topic| topic.name.clone()).collect(),
            false => consequences.configured.into_iter().collect(),
        };
        for name in configured {
            self.reconfigure(&name);
        }
    }

    /// Leads a partition that the image says this broker leads.
    fn lead(&mut self, tp: &TopicPartition, id: TopicId, now: Now) -> Result<(), ErrorCode> {
        let partition = self
            .image()
            .topic(&tp.topic)
            .and_then(|topic| topic.partitions.get(tp.partition as usize));
        match partition
            .filter(|partition| partition.leader == self.broker_id())
            .map(|partition| partition.leader_epoch)
        {
            Some(epoch) => self.create_log(tp, id, self.topic_config(&tp.topic), epoch, now),
            None => Ok(()),
        }
    }

    fn reconfigure(&mut self, name: &TopicName) {
        let partitions = self.image().topic(name).map_or(0, |topic| topic.partitions.len());
        let config = self.topic_config(name);
        for partition in 0..partitions as i32 {
            self.reconfigure_log(
                &TopicPartition {
                    topic: name.clone(),
                    partition,
                },
                config.clone(),
            );
        }
    }
}

impl Control {
    /// What a record will change beyond the image, told from the image before it.
    fn foresee(&self, record: &MetadataRecord, consequences: &mut Consequences) {
        match record {
            MetadataRecord::Partition(partition) => {
                self.leads(&partition.topic_id, partition.partition_id, consequences)
            }
            MetadataRecord::PartitionChange(change) => self.leads(&change.topic_id, change.partition_id, consequences),
            MetadataRecord::RemoveTopic(removed) => {
                if let Some(topic) = self.image.topic_by_id(TopicId(removed.topic_id)) {
                    consequences
                        .removed
                        .push((topic.name.clone(), topic.id, topic.partitions.len()));
                }
            }
            MetadataRecord::Config(config) => match ResourceKind::from_number(config.resource_type) {
                Some(ResourceKind::Topic) => drop(consequences.configured.insert(config.resource_name.as_str().into())),
                Some(ResourceKind::Broker) => consequences.all_configured = true,
                _ => {}
            },
            _ => {}
        }
    }

    fn leads(&self, topic: &[u8; 16], partition: i32, consequences: &mut Consequences) {
        let id = TopicId(*topic);
        if let Some(topic) = self.image.topic_by_id(id) {
            consequences.led.push((
                TopicPartition {
                    topic: topic.name.clone(),
                    partition,
                },
                id,
            ));
        }
    }
}

#[cfg(test)]
mod tests;
