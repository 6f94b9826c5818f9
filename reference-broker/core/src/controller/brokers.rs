//! Brokers register when they start. A broker that was here before is fenced first: it loses what it led and takes it up
//! again in a new leader epoch, as after every restart of Kafka's.

use super::features::FEATURES;
use super::{Change, Controller, Decided, Refusal, plain};
use crate::image::PartitionImage;
use crate::records::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, PartitionChangeRecord, RegisterBrokerRecord,
    UnregisterBrokerRecord,
};
use crate::units::{BrokerId, ErrorCode, TopicId};

/// The version of a change that names eligible leaders.
const PARTITION_CHANGE: i16 = 2;
/// The version of a registration's change that does so.
const REGISTRATION_CHANGE: i16 = 3;
/// The version of a registration that names log directories that may be cordoned.
const REGISTER_BROKER: i16 = 4;

/// A broker that starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: BrokerId,
    /// Its process.
    pub incarnation: [u8; 16],
    /// Where clients find it.
    pub host: String,
    /// Where clients find it.
    pub port: u16,
    /// Its rack.
    pub rack: Option<String>,
    /// Id of its log directory.
    pub log_dir: [u8; 16],
}

impl Controller<'_> {
    /// What a broker that was here before has lost; nothing for a new one.
    pub fn fence_broker(&self, id: BrokerId) -> Vec<Change> {
        let Some(broker) = self.image.broker(id).filter(|broker| !broker.fenced) else {
            return Vec::new();
        };
        let mut records = self.partitions_where(
            |partition| partition.leader == id,
            |topic, index| {
                change(PartitionChangeRecord {
                    isr: Some(Vec::new()),
                    leader: -1,
                    eligible_leader_replicas: Some(vec![id.0]),
                    last_known_elr: Some(vec![id.0]),
                    ..of(topic, index)
                })
            },
        );
        let fenced = BrokerRegistrationChangeRecord {
            broker_id: id.0,
            broker_epoch: broker.epoch,
            fenced: 1,
            ..Default::default()
        };
        records.push(plain(fenced));
        records
    }

    /// The registration itself, fenced; its epoch is the offset at which it will stand.
    pub fn register_broker(&self, registration: &Registration) -> Vec<Change> {
        let features = FEATURES.iter().map(|(name, min, max, _)| BrokerFeature {
            name: (*name).into(),
            min_supported_version: *min,
            max_supported_version: *max,
        });
        let record = RegisterBrokerRecord {
            broker_id: registration.id.0,
            incarnation_id: registration.incarnation,
            broker_epoch: self.image.next_offset(),
            end_points: vec![BrokerEndpoint {
                name: "PLAINTEXT".into(),
                host: registration.host.clone(),
                port: registration.port,
                security_protocol: 0,
            }],
            features: features.collect(),
            rack: registration.rack.clone(),
            fenced: true,
            log_dirs: vec![registration.log_dir],
            ..Default::default()
        };
        vec![(record.into(), REGISTER_BROKER)]
    }

    /// The broker is part of the cluster, and leads what has no leader and no other replica that could.
    pub fn unfence_broker(&self, id: BrokerId) -> Vec<Change> {
        let Some(broker) = self.image.broker(id) else {
            return Vec::new();
        };
        let unfenced = BrokerRegistrationChangeRecord {
            broker_id: id.0,
            broker_epoch: broker.epoch,
            fenced: -1,
            ..Default::default()
        };
        let mut records = vec![plain(unfenced)];
        let leaderless = |partition: &PartitionImage| partition.leader.0 < 0 && partition.replicas.contains(&id);
        records.extend(self.partitions_where(leaderless, |topic, index| {
            change(PartitionChangeRecord {
                isr: Some(vec![id.0]),
                leader: id.0,
                eligible_leader_replicas: Some(Vec::new()),
                last_known_elr: Some(Vec::new()),
                ..of(topic, index)
            })
        }));
        records
    }

    /// UnregisterBroker: the broker gives up what it led and is forgotten.
    pub fn unregister_broker(&self, id: BrokerId) -> Decided<Result<(), Refusal>> {
        let Some(broker) = self.image.broker(id) else {
            let why = format!("Broker ID {id} is not currently registered");
            return Decided::answer(Err(Refusal::new(ErrorCode::BrokerIdNotRegistered, why)));
        };
        let mut records = self.fence_broker(id);
        records.push(plain(UnregisterBrokerRecord {
            broker_id: id.0,
            broker_epoch: broker.epoch,
        }));
        Decided {
            records,
            answer: Ok(()),
        }
    }

    /// These of a broker's directories take no new replicas from now on, and no others.
    pub fn cordon(&self, id: BrokerId, dirs: &[[u8; 16]]) -> Vec<Change> {
        let Some(broker) = self.image.broker(id).filter(|broker| broker.cordoned_log_dirs != dirs) else {
            return Vec::new();
        };
        let change = BrokerRegistrationChangeRecord {
            broker_id: id.0,
            broker_epoch: broker.epoch,
            cordoned_log_dirs: Some(dirs.to_vec()),
            ..Default::default()
        };
        vec![(change.into(), REGISTRATION_CHANGE)]
    }

    fn partitions_where(
        &self,
        is: impl Fn(&PartitionImage) -> bool,
        make: impl Fn(TopicId, i32) -> Change,
    ) -> Vec<Change> {
        let partitions = self.image.topics().flat_map(|topic| {
            (0..)
                .zip(&topic.partitions)
                .map(|(index, each)| (topic.id, index, each))
        });
        partitions
            .filter(|(_, _, each)| is(each))
            .map(|(topic, index, _)| make(topic, index))
            .collect()
    }
}

fn of(topic: TopicId, partition_id: i32) -> PartitionChangeRecord {
    PartitionChangeRecord {
        partition_id,
        topic_id: topic.0,
        ..Default::default()
    }
}

fn change(record: PartitionChangeRecord) -> Change {
    (record.into(), PARTITION_CHANGE)
}
