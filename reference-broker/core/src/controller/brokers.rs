//! Brokers come and go: they register, are fenced and unfenced, shut down in order, are forgotten. Whenever one does, the
//! partitions that it led or was in sync with find other leaders.

use super::changes::PartitionChange;
use super::sessions::SessionChange;
use super::{Change, Controller, Decided, Refusal, plain};
use crate::image::{BrokerImage, FeatureRange, Listener, PartitionImage};
use crate::records::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, RegisterBrokerRecord, UnregisterBrokerRecord,
};
use crate::units::{BrokerId, ErrorCode, Now};

mod admission;

/// The version of a registration's change that names cordoned directories.
const CORDONS: i16 = 3;
/// The version of a registration's change that names directories.
const DIRECTORIES: i16 = 2;
/// The version of a registration's change that tells of a controlled shutdown.
const CONTROLLED_SHUTDOWN: i16 = 1;
/// The version of a registration that names log directories that may be cordoned.
const REGISTER_BROKER: i16 = 4;

/// A broker that starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: BrokerId,
    /// Its process.
    pub incarnation: [u8; 16],
    /// The cluster that it takes itself to belong to.
    pub cluster_id: String,
    /// Where it listens, for other brokers first.
    pub listeners: Vec<Listener>,
    /// What it supports.
    pub features: Vec<FeatureRange>,
    /// Its rack.
    pub rack: Option<String>,
    /// Ids of its log directories.
    pub log_dirs: Vec<[u8; 16]>,
    /// The epoch in which it stopped in order (KIP-966); -1 where it did not, or was never there.
    pub previous_epoch: i64,
}

/// Whom a change of the cluster concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// It is out of sync from now on, and leads nothing.
    Left(BrokerId),
    /// It may lead from now on.
    Joined(BrokerId),
    /// It may have lost what it had: nothing that it holds counts.
    LostData(BrokerId),
}

impl Controller<'_> {
    /// What a broker that was here before has lost; nothing for a new one.
    pub fn fence_broker(&self, id: BrokerId) -> Vec<Change> {
        let Some(broker) = self.image.broker(id).filter(|broker| !broker.fenced) else {
            return Vec::new();
        };
        let mut records = self.leaders_without(id);
        records.push(plain(BrokerRegistrationChangeRecord {
            fenced: 1,
            ..change_of(broker)
        }));
        records
    }

    /// The broker is part of the cluster, and leads what has no leader and could be led by it.
    pub fn unfence_broker(&self, id: BrokerId) -> Vec<Change> {
        let Some(broker) = self.image.broker(id) else {
            return Vec::new();
        };
        let mut records = vec![plain(BrokerRegistrationChangeRecord {
            fenced: -1,
            ..change_of(broker)
        })];
        records.extend(self.partitions_changed(Event::Joined(id), |partition| partition.leader.0 < 0));
        records
    }

    /// The broker wants to go: others take over what it leads, as far as they can.
    pub fn shut_down_broker(&self, id: BrokerId) -> Vec<Change> {
        let Some(broker) = self.image.broker(id) else {
            return Vec::new();
        };
        let told = BrokerRegistrationChangeRecord {
            in_controlled_shutdown: 1,
            ..change_of(broker)
        };
        let told = (!broker.in_controlled_shutdown).then(|| (told.into(), CONTROLLED_SHUTDOWN));
        told.into_iter().chain(self.leaders_without(id)).collect()
    }

    /// UnregisterBroker: the broker gives up what it led and is forgotten.
    pub fn unregister_broker(&self, id: BrokerId) -> Decided<Result<(), Refusal>> {
        let Some(broker) = self.image.broker(id) else {
            let why = format!("Broker ID {id} is not currently registered");
            return Decided::answer(Err(Refusal::new(ErrorCode::BrokerIdNotRegistered, why)));
        };
        let mut records = self.leaders_without(id);
        records.extend(self.partitions_changed(Event::Left(id), |partition| is_eligible(partition, id)));
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
            cordoned_log_dirs: Some(dirs.to_vec()),
            ..change_of(broker)
        };
        vec![(change.into(), CORDONS)]
    }

    /// Directories of a broker that failed: what lay in them is led by others.
    pub(super) fn lose_directories(&self, id: BrokerId, failed: &[[u8; 16]]) -> Vec<Change> {
        let Some(broker) = self.image.broker(id) else {
            return Vec::new();
        };
        let (lost, left): (Vec<[u8; 16]>, Vec<_>) = broker.log_dirs.iter().partition(|dir| failed.contains(dir));
        if lost.is_empty() {
            return Vec::new();
        }
        let lay_there = |partition: &PartitionImage| partition.directory(id).is_some_and(|dir| lost.contains(&dir));
        let mut records = self.partitions_changed(Event::Left(id), lay_there);
        let change = BrokerRegistrationChangeRecord {
            log_dirs: left,
            ..change_of(broker)
        };
        records.push((change.into(), DIRECTORIES));
        records
    }

    /// Does it lead anything?
    pub(super) fn leads_any(&self, id: BrokerId) -> bool {
        let mut partitions = self.image.topics().flat_map(|topic| &topic.partitions);
        partitions.any(|partition| partition.leader == id)
    }

    /// What is led and in sync without that broker.
    fn leaders_without(&self, id: BrokerId) -> Vec<Change> {
        self.partitions_changed(Event::Left(id), |partition| partition.isr.contains(&id))
    }

    /// What it held counts no more, in sync or eligible.
    fn forget_data(&self, id: BrokerId) -> Vec<Change> {
        self.partitions_changed(Event::LostData(id), |partition| {
            partition.isr.contains(&id) || is_eligible(partition, id)
        })
    }

    fn partitions_changed(&self, event: Event, concerned: impl Fn(&PartitionImage) -> bool) -> Vec<Change> {
        let live = |partition: &PartitionImage, broker: BrokerId| match event {
            Event::Left(gone) | Event::LostData(gone) if gone == broker => false,
            Event::Joined(new) if new == broker => self.has_directory(partition, broker),
            Event::Left(_) | Event::LostData(_) | Event::Joined(_) => self.is_live(partition, broker),
        };
        let changes = self.image.topics().flat_map(|topic| {
            let concerned = (0..).zip(&topic.partitions).filter(|(_, each)| concerned(each));
            concerned.filter_map(|(index, _)| self.change_of(topic, index))
        });
        changes
            .filter_map(|mut change| {
                event.take_out(&mut change);
                change.record(self, live)
            })
            .collect()
    }

    /// As [`Self::is_live`], of a broker that is just being unfenced.
    fn has_directory(&self, partition: &PartitionImage, broker: BrokerId) -> bool {
        let directory = partition.directory(broker).unwrap_or_default();
        self.image
            .broker(broker)
            .is_some_and(|broker| broker.has_online(directory))
    }
}

impl Event {
    fn take_out(self, change: &mut PartitionChange<'_>) {
        match self {
            Self::Left(id) => change.isr.retain(|broker| *broker != id),
            Self::LostData(id) => {
                change.isr.retain(|broker| *broker != id);
                change.unclean_broker = Some(id);
            }
            Self::Joined(_) => {}
        }
    }
}

fn is_eligible(partition: &PartitionImage, id: BrokerId) -> bool {
    partition.eligible_leader_replicas.contains(&id)
}

fn change_of(broker: &BrokerImage) -> BrokerRegistrationChangeRecord {
    BrokerRegistrationChangeRecord {
        broker_id: broker.id.0,
        broker_epoch: broker.epoch,
        ..Default::default()
    }
}
