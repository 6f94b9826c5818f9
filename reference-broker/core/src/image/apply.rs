//! What each record makes of the image. Nothing is decided and nothing refused: a record that is in the log has been decided.
//! Records of rooms that are not built yet are passed over.

use super::{
    BrokerImage, FeatureRange, Image, Listener, PartitionImage, QuotaEntity, ResourceKind, TopicImage, without_dots,
};
use crate::records::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, ClientQuotaRecord, ConfigRecord, EntityData,
    MetadataRecord, PartitionChangeRecord, PartitionRecord, RegisterBrokerRecord,
};
use crate::units::{BrokerId, LeaderEpoch, TopicId, TopicName};

/// In a change record: the leader stays.
pub(crate) const LEADER_STAYS: i32 = -2;
/// Elected unclean, and not recovered yet.
pub(crate) const RECOVERING: i8 = 1;

impl Image {
    /// Offsets below this one have been seen: control records take offsets too.
    pub(crate) fn skip_to(&mut self, offset: i64) {
        self.next_offset = self.next_offset.max(offset);
    }

    /// Takes in the record at that offset.
    pub fn apply(&mut self, record: &MetadataRecord, offset: i64) {
        match record {
            MetadataRecord::Topic(topic) => self.topic_created(&topic.name, TopicId(topic.topic_id)),
            MetadataRecord::Partition(partition) => self.partition_created(partition),
            MetadataRecord::PartitionChange(change) => self.partition_changed(change),
            MetadataRecord::RemoveTopic(removed) => self.topic_removed(TopicId(removed.topic_id)),
            MetadataRecord::Config(config) => self.config_changed(config),
            MetadataRecord::FeatureLevel(feature) => {
                self.features.insert(feature.name.clone(), feature.feature_level);
            }
            MetadataRecord::RegisterBroker(broker) => self.broker_registered(broker, offset),
            MetadataRecord::UnregisterBroker(broker) => drop(self.brokers.remove(&BrokerId(broker.broker_id))),
            MetadataRecord::FenceBroker(broker) => self.broker_fenced(broker.id, true),
            MetadataRecord::UnfenceBroker(broker) => self.broker_fenced(broker.id, false),
            MetadataRecord::BrokerRegistrationChange(change) => self.registration_changed(change),
            MetadataRecord::ProducerIds(block) => self.next_producer_id = block.next_producer_id,
            MetadataRecord::UserScramCredential(credential) => drop(
                self.scram
                    .entry(credential.name.clone())
                    .or_default()
                    .insert(credential.mechanism, credential.clone()),
            ),
            MetadataRecord::RemoveUserScramCredential(gone) => self.scram_removed(&gone.name, gone.mechanism),
            MetadataRecord::ClientQuota(quota) => self.quota_changed(quota),
            MetadataRecord::ClearElr(cleared) => self.elr_cleared(&cleared.topic_name),
            _ => {}
        }
        self.next_offset = offset + 1;
    }

    fn topic_created(&mut self, name: &str, id: TopicId) {
        let name: TopicName = name.into();
        self.names.insert(id, name.clone());
        if let Some(plain) = without_dots(&name) {
            self.twins.entry(plain).or_default().insert(name.clone());
        }
        self.topics.insert(
            name.clone(),
            TopicImage {
                name,
                id,
                partitions: Vec::new(),
            },
        );
    }

    fn topic_removed(&mut self, id: TopicId) {
        let Some(name) = self.names.remove(&id) else { return };
        self.topics.remove(&name);
        self.configs.remove(&(ResourceKind::Topic, name.to_string()));
        if let Some(plain) = without_dots(&name)
            && let Some(twins) = self.twins.get_mut(&plain)
        {
            twins.remove(&name);
            if twins.is_empty() {
                self.twins.remove(&plain);
            }
        }
    }

    fn topic_by_id_mut(&mut self, id: &[u8; 16]) -> Option<&mut TopicImage> {
        self.topics.get_mut(self.names.get(&TopicId(*id))?)
    }

    fn partition_created(&mut self, record: &PartitionRecord) {
        let Some(topic) = self.topic_by_id_mut(&record.topic_id) else {
            return;
        };
        let partition = PartitionImage {
            leader: BrokerId(record.leader),
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: record.partition_epoch,
            is_recovering: record.leader_recovery_state == RECOVERING,
            replicas: brokers(&record.replicas),
            adding_replicas: brokers(&record.adding_replicas),
            removing_replicas: brokers(&record.removing_replicas),
            directories: record.directories.clone(),
            isr: brokers(&record.isr),
            eligible_leader_replicas: brokers(record.eligible_leader_replicas.as_deref().unwrap_or_default()),
            last_known_elr: brokers(record.last_known_elr.as_deref().unwrap_or_default()),
        };
        match usize::try_from(record.partition_id) {
            Ok(index) if index < topic.partitions.len() => topic.partitions[index] = partition,
            Ok(index) if index == topic.partitions.len() => topic.partitions.push(partition),
            _ => debug_assert!(false, "partitions are created in order"),
        }
    }

    fn partition_changed(&mut self, change: &PartitionChangeRecord) {
        let Some(topic) = self.topic_by_id_mut(&change.topic_id) else {
            return;
        };
        let index = usize::try_from(change.partition_id).unwrap_or(usize::MAX);
        let Some(partition) = topic.partitions.get_mut(index) else {
            return;
        };
        partition.change(change);
    }

    fn config_changed(&mut self, record: &ConfigRecord) {
        let Some(kind) = ResourceKind::from_number(record.resource_type) else {
            return;
        };
        let resource = (kind, record.resource_name.clone());
        match &record.value {
            Some(value) => drop(
                self.configs
                    .entry(resource)
                    .or_default()
                    .insert(record.name.clone(), value.clone()),
            ),
            None => {
                let Some(overrides) = self.configs.get_mut(&resource) else {
                    return;
                };
                overrides.remove(&record.name);
                if overrides.is_empty() {
                    self.configs.remove(&resource);
                }
            }
        }
    }

    fn broker_registered(&mut self, record: &RegisterBrokerRecord, offset: i64) {
        let id = BrokerId(record.broker_id);
        let broker = BrokerImage {
            id,
            epoch: record.broker_epoch,
            registered_at: offset,
            incarnation: record.incarnation_id,
            listeners: record.end_points.iter().map(listening).collect(),
            features: record.features.iter().map(supported).collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs.clone(),
            cordoned_log_dirs: record.cordoned_log_dirs.clone().unwrap_or_default(),
        };
        self.brokers.insert(id, broker);
    }

    fn registration_changed(&mut self, change: &BrokerRegistrationChangeRecord) {
        match change.fenced {
            0 => {}
            level => self.broker_fenced(change.broker_id, level > 0),
        }
        let Some(broker) = self.brokers.get_mut(&BrokerId(change.broker_id)) else {
            return;
        };
        broker.in_controlled_shutdown |= change.in_controlled_shutdown > 0;
        if !change.log_dirs.is_empty() {
            broker.log_dirs.clone_from(&change.log_dirs);
        }
        if let Some(dirs) = &change.cordoned_log_dirs {
            broker.cordoned_log_dirs.clone_from(dirs);
        }
    }

    fn broker_fenced(&mut self, id: i32, fenced: bool) {
        if let Some(broker) = self.brokers.get_mut(&BrokerId(id)) {
            broker.fenced = fenced;
        }
    }

    fn scram_removed(&mut self, user: &str, mechanism: i8) {
        let Some(credentials) = self.scram.get_mut(user) else {
            return;
        };
        credentials.remove(&mechanism);
        if credentials.is_empty() {
            self.scram.remove(user);
        }
    }

    fn quota_changed(&mut self, record: &ClientQuotaRecord) {
        let part = |part: &EntityData| (part.entity_type.clone(), part.entity_name.clone());
        let entity: QuotaEntity = record.entity.iter().map(part).collect();
        if !record.remove {
            let quotas = self.quotas.entry(entity).or_default();
            quotas.insert(record.key.clone(), record.value.to_bits());
        } else if let Some(quotas) = self.quotas.get_mut(&entity) {
            quotas.remove(&record.key);
            if quotas.is_empty() {
                self.quotas.remove(&entity);
            }
        }
    }

    fn elr_cleared(&mut self, name: &str) {
        let all = name.is_empty();
        for topic in self.topics.values_mut().filter(|topic| all || &*topic.name == name) {
            for partition in &mut topic.partitions {
                partition.eligible_leader_replicas.clear();
                partition.last_known_elr.clear();
            }
        }
    }
}

impl PartitionImage {
    /// How it stands once that record is applied.
    pub(crate) fn change(&mut self, change: &PartitionChangeRecord) {
        let replace = |list: &mut Vec<BrokerId>, with: &Option<Vec<i32>>| {
            if let Some(ids) = with {
                *list = brokers(ids);
            }
        };
        replace(&mut self.isr, &change.isr);
        replace(&mut self.replicas, &change.replicas);
        replace(&mut self.adding_replicas, &change.adding_replicas);
        replace(&mut self.removing_replicas, &change.removing_replicas);
        if let Some(directories) = &change.directories {
            self.directories.clone_from(directories);
        }
        if change.leader_recovery_state >= 0 {
            self.is_recovering = change.leader_recovery_state == RECOVERING;
        }
        replace(&mut self.eligible_leader_replicas, &change.eligible_leader_replicas);
        replace(&mut self.last_known_elr, &change.last_known_elr);
        if change.leader != LEADER_STAYS {
            self.leader = BrokerId(change.leader);
            self.leader_epoch.0 += 1;
        }
        self.partition_epoch += 1;
    }
}

fn listening(endpoint: &BrokerEndpoint) -> Listener {
    Listener {
        name: endpoint.name.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
    }
}

fn supported(feature: &BrokerFeature) -> FeatureRange {
    FeatureRange {
        name: feature.name.clone(),
        min: feature.min_supported_version,
        max: feature.max_supported_version,
    }
}

fn brokers(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::NO_LEADER;
    use crate::records::{RemoveTopicRecord, TopicRecord};

    fn applied(records: Vec<MetadataRecord>) -> Image {
        let mut image = Image::default();
        for (offset, record) in (0..).zip(&records) {
            image.apply(record, offset);
        }
        image
    }

    fn topic(name: &str, id: u8) -> MetadataRecord {
        TopicRecord {
            name: name.into(),
            topic_id: [id; 16],
        }
        .into()
    }

    fn partition(id: u8, partition_id: i32) -> MetadataRecord {
        PartitionRecord {
            partition_id,
            topic_id: [id; 16],
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            leader_epoch: 0,
            partition_epoch: 0,
            ..Default::default()
        }
        .into()
    }

    fn config(name: &str, value: Option<&str>) -> MetadataRecord {
        ConfigRecord {
            resource_type: 2,
            resource_name: "t".into(),
            name: name.into(),
            value: value.map(str::to_owned),
        }
        .into()
    }

    #[test]
    fn a_removed_topic_leaves_nothing_behind() {
        let removed = RemoveTopicRecord { topic_id: [1; 16] }.into();
        let image = applied(vec![topic("a.b", 1), partition(1, 0), removed]);
        assert_eq!(
            image,
            Image {
                next_offset: 3,
                ..Image::default()
            }
        );
    }

    #[test]
    fn names_that_differ_in_dots_and_underscores_are_twins() {
        let image = applied(vec![topic("a.b", 1), topic("plain", 2)]);
        assert_eq!(image.twin_of("a_b").map(|name| &**name), Some("a.b"));
        assert_eq!((image.twin_of("a.c"), image.twin_of("plain")), (None, None));
    }

    #[test]
    fn the_leader_epoch_rises_when_the_leader_changes_and_the_partition_epoch_always() {
        let change = |leader| {
            PartitionChangeRecord {
                partition_id: 0,
                topic_id: [1; 16],
                leader,
                ..Default::default()
            }
            .into()
        };
        let image = applied(vec![topic("t", 1), partition(1, 0), change(LEADER_STAYS), change(-1)]);
        let partition = &image.topic("t").expect("created").partitions[0];
        assert_eq!(
            (partition.leader, partition.leader_epoch, partition.partition_epoch),
            (NO_LEADER, LeaderEpoch(1), 2)
        );
    }

    #[test]
    fn an_override_set_to_null_is_gone() {
        let image = applied(vec![config("retention.ms", Some("1")), config("retention.ms", None)]);
        assert!(image.overrides(ResourceKind::Topic, "t").is_empty());
        assert_eq!(image.configured(ResourceKind::Topic).count(), 0);
    }
}
