//! The cluster's metadata on this broker: the controller's decisions are appended to `__cluster_metadata`, applied to the
//! image, and carried out on the logs and groups that they concern.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{Features, Node, SupportedFeature};
use crate::config::Dynamic;
use crate::controller::features::FEATURES;
use crate::controller::loggers::Loggers;
use crate::controller::producer_ids::BLOCK;
use crate::controller::sessions::Sessions;
use crate::controller::watch::Watch;
use crate::controller::{Change, Controller, Decided};
use crate::image::{Image, ResourceKind, TopicImage};
use crate::mutant::{self, Mutant};
use crate::records::MetadataRecord;
use crate::units::{BrokerId, ErrorCode, Now, ProducerId, TopicId, TopicName, TopicPartition};

pub(crate) mod cluster;
mod configs;
mod follow;
mod ids;
mod members;
mod meta;
mod start;
mod topics;

use ids::FreshIds;
use meta::MetaProperties;

/// What this broker knows of the cluster, and what it holds of its own in it.
#[derive(Debug, Default)]
pub(crate) struct Control {
    image: Image,
    meta: MetaProperties,
    loggers: Loggers,
    ids: FreshIds,
    /// As controller: whom this node has heard lately.
    sessions: Sessions,
    /// As controller: what is not as it should be, and when that is looked at.
    watch: Watch,
    /// Of the block that the controller gave: the next id and the end.
    producer_ids: std::ops::Range<i64>,
    /// The block after it, asked for before it is needed.
    next_producer_ids: std::ops::Range<i64>,
    /// When metadata last changed: what a record is stamped with at the stop, where no time is passed in.
    last_change: Option<Now>,
}

/// What records have changed, to be carried out once all of them are applied.
#[derive(Debug, Default)]
struct Consequences {
    led: Vec<(TopicPartition, TopicId)>,
    removed: Vec<Removed>,
    configured: BTreeSet<TopicName>,
    all_configured: bool,
}

/// A topic that is gone.
#[derive(Debug)]
struct Removed {
    name: TopicName,
    id: TopicId,
    partitions: i32,
}

impl Removed {
    fn of(topic: &TopicImage) -> Self {
        Self {
            name: topic.name.clone(),
            id: topic.id,
            partitions: topic.partition_count(),
        }
    }
}

impl Control {
    /// What this broker knows of the cluster.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }
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

    /// A producer id that nobody has had.
    ///
    /// # Errors
    /// The metadata log could not be written. COORDINATOR_LOAD_IN_PROGRESS where a controller elsewhere has yet to give a block.
    pub fn fresh_producer_id(&mut self, now: Now) -> Result<ProducerId, ErrorCode> {
        if self.follows_a_controller() {
            return self.allocated_producer_id();
        }
        if self.control.producer_ids.is_empty() {
            let decided = self.controller().allocate_producer_ids(self.broker_id());
            let first = self.commit(decided, now)?;
            self.control.producer_ids = first..first + BLOCK;
        }
        let id = self.control.producer_ids.start;
        self.control.producer_ids.start += 1;
        Ok(ProducerId(id))
    }

    fn controller(&self) -> Controller<'_> {
        Controller {
            image: &self.control.image,
            config: &self.config,
            sessions: &self.control.sessions,
        }
    }

    /// Appends, applies, carries out.
    fn commit<Answer>(&mut self, decided: Decided<Answer>, now: Now) -> Result<Answer, ErrorCode> {
        self.commit_records(&decided.records, now)?;
        Ok(decided.answer)
    }

    /// Takes in what was decided elsewhere: how a simulation without a controller tells its brokers.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn take_decided(&mut self, records: &[Change], now: Now) -> Result<(), ErrorCode> {
        self.commit_records(records, now)
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
        if self.follows_a_controller() {
            return Err(ErrorCode::NotController);
        }
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
            self.control.watch.see(record, &self.control.image);
        }
        self.metadata_moved();
        self.schedule_checks(now);
        Ok(())
    }

    fn carry_out(&mut self, consequences: Consequences, now: Now) {
        self.carry_out_removals(consequences.removed, now);
        for (tp, id) in consequences.led {
            // A log that cannot be opened answers KAFKA_STORAGE_ERROR by not being there; its topic exists.
            let _ = self.take_role(&tp, id, now);
            self.move_coordinator(&tp, now);
        }
        self.lows_may_have_moved();
        match consequences.all_configured {
            true => self.reconfigure_all(),
            false => consequences.configured.iter().for_each(|name| self.reconfigure(name)),
        }
        if consequences.all_configured {
            self.follow_config();
            // What cannot be written down is told again with the next change.
            let _ = self.tell_cordoned(now);
        }
    }

    fn carry_out_removals(&mut self, removed: Vec<Removed>, now: Now) {
        for Removed { name, id, partitions } in removed {
            for partition in 0..partitions {
                let tp = TopicPartition::new(name.clone(), partition);
                self.delete_log(&tp, now);
                self.move_coordinator(&tp, now);
            }
            self.topic_deleted(&name, id, now);
            self.transactions_topic_deleted(&name);
        }
    }

    /// Takes up what was changed of this broker's own settings.
    fn follow_config(&mut self) {
        if mutant::on(Mutant::ConfigNeedsRestart) {
            return;
        }
        let layers = self.image().layers(self.broker_id(), &self.config.fixed);
        self.config.dynamic = Dynamic::of(layers);
    }

    /// Tells the controller which directories `cordoned.log.dirs` closes to new replicas; Kafka's next heartbeat does.
    fn tell_cordoned(&mut self, now: Now) -> Result<(), ErrorCode> {
        let dirs = self.cordoned_dirs();
        let records = self.controller().cordon(self.broker_id(), &dirs);
        self.commit_records(&records, now)
    }

    fn reconfigure_all(&mut self) {
        let names: Vec<TopicName> = self.image().topics().map(|topic| topic.name.clone()).collect();
        for name in names {
            self.reconfigure(&name);
        }
    }

    fn reconfigure(&mut self, name: &TopicName) {
        let partitions = self.image().topic(name).map_or(0, TopicImage::partition_count);
        let config = self.topic_config(name);
        for partition in 0..partitions {
            self.reconfigure_log(&TopicPartition::new(name.clone(), partition), config.clone());
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
                    consequences.removed.push(Removed::of(topic));
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
            consequences
                .led
                .push((TopicPartition::new(topic.name.clone(), partition), id));
        }
    }
}

#[cfg(test)]
mod tests;
