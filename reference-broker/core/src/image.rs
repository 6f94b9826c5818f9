//! What a broker knows of the cluster: the records of `__cluster_metadata`, applied in order.
//!
//! [`Image::apply`] is the only way it changes, live and in replay.

pub(crate) mod apply;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::layers::{Layers, NOTHING, Overrides};
use crate::config::{TopicConfig, topic};
use crate::records::UserScramCredentialRecord;
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, TopicId, TopicName};

/// No leader.
pub const NO_LEADER: BrokerId = BrokerId(-1);

/// What has configs of its own, with the number that requests and records give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// A topic.
    Topic = 2,
    /// A broker by id, or all brokers by the empty name.
    Broker = 4,
    /// The loggers of a broker; nothing of them is in the metadata.
    BrokerLogger = 8,
    /// A client metrics subscription (KIP-714).
    ClientMetrics = 16,
    /// A group.
    Group = 32,
}

impl ResourceKind {
    /// The kind of that number.
    pub fn from_number(number: i8) -> Option<Self> {
        [
            Self::Topic,
            Self::Broker,
            Self::BrokerLogger,
            Self::ClientMetrics,
            Self::Group,
        ]
        .into_iter()
        .find(|kind| *kind as i8 == number)
    }
}

/// What a broker knows of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    topics: BTreeMap<TopicName, TopicImage>,
    names: HashMap<TopicId, TopicName>,
    /// By the name with `_` for every `.`: names of one entry would collide in metric names.
    twins: HashMap<String, BTreeSet<TopicName>>,
    configs: BTreeMap<(ResourceKind, String), Overrides>,
    brokers: BTreeMap<BrokerId, BrokerImage>,
    features: BTreeMap<String, i16>,
    next_producer_id: i64,
    next_offset: i64,
    scram: BTreeMap<String, Credentials>,
    quotas: BTreeMap<QuotaEntity, BTreeMap<String, u64>>,
}

/// Whose a quota is: names by type, `user`, `client-id` or `ip`; no name is the default of all.
pub type QuotaEntity = BTreeMap<String, Option<String>>;

/// The SCRAM credentials of a user, by mechanism.
pub type Credentials = BTreeMap<i8, UserScramCredentialRecord>;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicImage {
    /// Its name.
    pub name: TopicName,
    /// Its id for life.
    pub id: TopicId,
    /// Its partitions in order.
    pub partitions: Vec<PartitionImage>,
}

impl TopicImage {
    /// One of its partitions.
    pub fn partition(&self, index: i32) -> Option<&PartitionImage> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    /// How many partitions it has.
    pub fn partition_count(&self) -> i32 {
        i32::try_from(self.partitions.len()).unwrap_or(i32::MAX)
    }
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionImage {
    /// The broker that leads, or [`NO_LEADER`].
    pub leader: BrokerId,
    /// Rises whenever the leader changes.
    pub leader_epoch: LeaderEpoch,
    /// Rises with every change.
    pub partition_epoch: i32,
    /// It was led by a replica that was out of sync, and has not recovered from that (LeaderRecoveryState).
    pub is_recovering: bool,
    /// Who keeps it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Those of them that a reassignment adds.
    pub adding_replicas: Vec<BrokerId>,
    /// Those of them that a reassignment takes away, once the added ones are in sync.
    pub removing_replicas: Vec<BrokerId>,
    /// The directory of each replica, in their order; zero where the broker chooses.
    pub directories: Vec<[u8; 16]>,
    /// Who is in sync.
    pub isr: Vec<BrokerId>,
    /// Who may lead without loss although out of sync (KIP-966).
    pub eligible_leader_replicas: Vec<BrokerId>,
    /// The last known of them.
    pub last_known_elr: Vec<BrokerId>,
}

impl PartitionImage {
    /// Is a reassignment on its way?
    pub fn is_reassigning(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }

    /// The first replica: the leader where all is well.
    pub fn preferred_leader(&self) -> BrokerId {
        self.replicas.first().copied().unwrap_or(NO_LEADER)
    }

    /// The directory in which a broker keeps it.
    pub fn directory(&self, broker: BrokerId) -> Option<[u8; 16]> {
        let place = self.replicas.iter().position(|replica| *replica == broker)?;
        self.directories.get(place).copied()
    }
}

/// Where a broker listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Advertised host.
    pub host: String,
    /// Advertised port.
    pub port: u16,
    /// SecurityProtocol: 0 is PLAINTEXT.
    pub security_protocol: i16,
}

impl Listener {
    /// One without encryption or authentication.
    pub fn plaintext(name: &str, host: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            security_protocol: 0,
        }
    }
}

/// The levels of a feature that a broker supports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeatureRange {
    /// Its name.
    pub name: String,
    /// Lowest level.
    pub min: i16,
    /// Highest level.
    pub max: i16,
}

/// A registered broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerImage {
    /// Its id.
    pub id: BrokerId,
    /// The offset of this incarnation's first registration.
    pub epoch: i64,
    /// The offset of its last registration: who has seen that one knows what it needs to take part.
    pub registered_at: i64,
    /// Its process.
    pub incarnation: [u8; 16],
    /// Where it listens, for other brokers first.
    pub listeners: Vec<Listener>,
    /// What it supports.
    pub features: Vec<FeatureRange>,
    /// Its rack.
    pub rack: Option<String>,
    /// It is registered, and not part of the cluster yet or any more.
    pub fenced: bool,
    /// It is on its way out, and leads and follows nothing new.
    pub in_controlled_shutdown: bool,
    /// Ids of its log directories.
    pub log_dirs: Vec<[u8; 16]>,
    /// Those of them that take no new replicas (KIP-1066).
    pub cordoned_log_dirs: Vec<[u8; 16]>,
}

impl BrokerImage {
    /// May it lead and be in sync?
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Where other brokers find it.
    pub fn among_brokers(&self) -> Option<&Listener> {
        self.listeners.first()
    }

    /// Where clients find it that came by a listener of that name: who has no such listener is not there for them.
    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }

    /// Does it take part, and can clients of this listener reach it?
    pub fn is_reached(&self, listener: &str) -> bool {
        !self.fenced && self.listener(listener).is_some()
    }

    /// Does it support that level of a feature? One that it does not name is off.
    pub fn supports(&self, feature: &str, level: i16) -> bool {
        let named = self.features.iter().find(|range| range.name == feature);
        named.map_or(level == 0, |range| (range.min..=range.max).contains(&level))
    }

    /// Does that directory work? One that nobody has named is taken to.
    pub fn has_online(&self, directory: [u8; 16]) -> bool {
        self.log_dirs.is_empty() || !is_named(directory) || self.log_dirs.contains(&directory)
    }

    /// Has it no directory left for new replicas?
    pub fn is_cordoned(&self) -> bool {
        !self.log_dirs.is_empty() && self.log_dirs.iter().all(|dir| self.cordoned_log_dirs.contains(dir))
    }
}

impl Image {
    /// The topic of that name.
    pub fn topic(&self, name: &str) -> Option<&TopicImage> {
        self.topics.get(name)
    }

    /// The topic of that id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&TopicImage> {
        self.topics.get(self.names.get(&id)?)
    }

    /// Every topic, in order of name.
    pub fn topics(&self) -> impl Iterator<Item = &TopicImage> {
        self.topics.values()
    }

    /// The topics from that name on, in order.
    pub fn topics_from<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a TopicImage> {
        self.topics
            .range::<str, _>((std::ops::Bound::Included(name), std::ops::Bound::Unbounded))
            .map(|(_, topic)| topic)
    }

    /// A topic whose name differs only in `.` and `_`, if there is one.
    pub fn twin_of(&self, name: &str) -> Option<&TopicName> {
        self.twins.get(&without_dots(name)?)?.first()
    }

    /// Every registered broker, in order of id.
    pub fn brokers(&self) -> impl Iterator<Item = &BrokerImage> {
        self.brokers.values()
    }

    /// A registered broker.
    pub fn broker(&self, id: BrokerId) -> Option<&BrokerImage> {
        self.brokers.get(&id)
    }

    /// Is it a broker that takes part and that clients of this listener can reach?
    pub fn is_reached(&self, id: BrokerId, listener: &str) -> bool {
        self.broker(id).is_some_and(|broker| broker.is_reached(listener))
    }

    /// Who leads a partition, for clients of this listener.
    ///
    /// # Errors
    /// LEADER_NOT_AVAILABLE where nobody does, LISTENER_NOT_FOUND where who does has no such listener.
    pub fn leader_for(&self, partition: &PartitionImage, listener: &str) -> Result<BrokerId, ErrorCode> {
        let leader = self.broker(partition.leader).ok_or(ErrorCode::LeaderNotAvailable)?;
        match leader.listener(listener) {
            Some(_) => Ok(leader.id),
            None => Err(ErrorCode::ListenerNotFound),
        }
    }

    /// The replicas of a partition that clients of this listener cannot reach, or that are in a directory that is lost.
    pub fn offline_replicas(&self, partition: &PartitionImage, listener: &str) -> Vec<BrokerId> {
        let is_online = |replica: BrokerId| {
            let directory = partition.directory(replica).unwrap_or_default();
            let is_there = |broker: &BrokerImage| broker.is_reached(listener) && broker.has_online(directory);
            self.broker(replica).is_some_and(is_there)
        };
        let replicas = partition.replicas.iter().copied();
        replicas.filter(|replica| !is_online(*replica)).collect()
    }

    /// The overrides of a resource; none are as good as an empty set.
    pub fn overrides(&self, kind: ResourceKind, name: &str) -> &Overrides {
        self.configs.get(&(kind, name.to_owned())).unwrap_or(&NOTHING)
    }

    /// The resources of a kind that have overrides, in order.
    pub fn configured(&self, kind: ResourceKind) -> impl Iterator<Item = &str> {
        self.configs
            .keys()
            .filter(move |(found, _)| *found == kind)
            .map(|(_, name)| name.as_str())
    }

    /// The layers of a broker's properties, on what it was started with.
    pub fn layers<'a>(&'a self, broker: BrokerId, fixed: &'a Overrides) -> Layers<'a> {
        Layers {
            broker: self.overrides(ResourceKind::Broker, &broker.to_string()),
            cluster: self.overrides(ResourceKind::Broker, ""),
            fixed,
        }
    }

    /// What the logs of a topic obey on a broker that was started with `fixed`.
    pub fn topic_config(&self, name: &str, broker: BrokerId, fixed: &Overrides) -> TopicConfig {
        topic::resolve(self.overrides(ResourceKind::Topic, name), self.layers(broker, fixed))
    }

    /// The SCRAM credentials of a user.
    pub fn scram(&self, user: &str) -> Option<&Credentials> {
        self.scram.get(user)
    }

    /// Every user that has SCRAM credentials.
    pub fn scram_users(&self) -> impl Iterator<Item = &String> {
        self.scram.keys()
    }

    /// The quotas of an entity: the bits of a double by key.
    pub(crate) fn quotas_of(&self, entity: &QuotaEntity) -> Option<&BTreeMap<String, u64>> {
        self.quotas.get(entity)
    }

    /// Every quota.
    pub(crate) fn quotas(&self) -> impl Iterator<Item = (&QuotaEntity, &BTreeMap<String, u64>)> {
        self.quotas.iter()
    }

    /// The level of every finalized feature.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    /// The first producer id that has not been handed out.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// The offset behind the last record applied.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }
}

/// Ids below 100 are words: 0 unassigned, 1 lost, 2 migrating. A lost one is in no list.
fn is_named(directory: [u8; 16]) -> bool {
    !matches!(u128::from_be_bytes(directory), 0 | 2)
}

/// The name as metrics would show it; None where it shows as it is.
fn without_dots(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BrokerEndpoint, PartitionRecord, RegisterBrokerRecord, TopicRecord};

    fn broker(id: i32, listeners: &[&str], fenced: bool) -> RegisterBrokerRecord {
        let endpoint = |name: &&str| BrokerEndpoint {
            name: (*name).into(),
            ..Default::default()
        };
        RegisterBrokerRecord {
            broker_id: id,
            end_points: listeners.iter().map(endpoint).collect(),
            fenced,
            ..Default::default()
        }
    }

    #[test]
    fn for_who_comes_by_a_listener_only_brokers_that_have_it_are_there() {
        let mut image = Image::default();
        let topic = TopicRecord {
            name: "t".into(),
            topic_id: [1; 16],
        };
        let partition = PartitionRecord {
            topic_id: [1; 16],
            partition_id: 0,
            replicas: vec![1, 2, 3],
            leader: 2,
            ..Default::default()
        };
        image.apply(&broker(1, &["PLAINTEXT", "EXTRA"], false).into(), 0);
        image.apply(&broker(2, &["PLAINTEXT"], false).into(), 1);
        image.apply(&broker(3, &["PLAINTEXT", "EXTRA"], true).into(), 2);
        image.apply(&topic.into(), 3);
        image.apply(&partition.into(), 4);
        let led_by = |leader| PartitionImage {
            leader: BrokerId(leader),
            ..image.topic("t").expect("made").partitions[0].clone()
        };
        let found = |leader, listener| image.leader_for(&led_by(leader), listener);
        assert_eq!(found(2, "PLAINTEXT"), Ok(BrokerId(2)));
        assert_eq!(found(2, "EXTRA"), Err(ErrorCode::ListenerNotFound));
        assert_eq!(found(1, "EXTRA"), Ok(BrokerId(1)));
        assert_eq!(found(-1, "EXTRA"), Err(ErrorCode::LeaderNotAvailable));
        assert_eq!(image.offline_replicas(&led_by(2), "PLAINTEXT"), [BrokerId(3)]);
        assert_eq!(image.offline_replicas(&led_by(2), "EXTRA"), [BrokerId(2), BrokerId(3)]);
    }
}
