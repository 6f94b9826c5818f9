//! Features: what this release supports, what a new cluster is finalized at, and how an operator moves the levels.

use std::collections::HashSet;

use super::{Change, Controller, Decided, Intent, Refusal, plain};
use crate::image::{BrokerImage, ResourceKind};
use crate::mutant::{self, Mutant};
use crate::records::{BeginTransactionRecord, ConfigRecord, EndTransactionRecord, FeatureLevelRecord};
use crate::units::ErrorCode;

/// A feature's name, the lowest and the highest level that 4.3.1 supports, and the level a new cluster of 4.3.1 is at.
pub const FEATURES: [(&str, i16, i16, i16); 7] = [
    ("metadata.version", 7, 30, 30),
    ("eligible.leader.replicas.version", 0, 1, 1),
    ("group.version", 0, 1, 1),
    ("kraft.version", 0, 1, 0),
    ("share.version", 0, 1, 1),
    ("streams.version", 0, 1, 1),
    ("transaction.version", 0, 2, 2),
];

const ELIGIBLE_LEADERS: &str = "eligible.leader.replicas.version";
const MIN_INSYNC: &str = "min.insync.replicas";

/// What the first controller of a new cluster writes, as one metadata transaction. With eligible leader replicas
/// (KIP-966) `min.insync.replicas` is a property of the cluster from the start.
pub fn bootstrap_records(min_insync_replicas: &str) -> Vec<Change> {
    let finalized = FEATURES.iter().filter(|(.., level)| *level > 0);
    let mut records = vec![plain(BeginTransactionRecord {
        name: Some("Bootstrap records".into()),
    })];
    records.extend(finalized.map(|(name, _, _, level)| level_record(name, *level)));
    records.extend([min_insync(min_insync_replicas.into()), plain(EndTransactionRecord {})]);
    records
}

fn level_record(name: &str, level: i16) -> Change {
    plain(FeatureLevelRecord {
        name: name.into(),
        feature_level: level,
    })
}

fn min_insync(value: String) -> Change {
    plain(ConfigRecord {
        resource_type: ResourceKind::Broker as i8,
        resource_name: String::new(),
        name: MIN_INSYNC.into(),
        value: Some(value),
    })
}

/// Which way a level may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Up, or not at all.
    Up,
    /// Down, or not at all.
    Down,
    /// The request names none that there is.
    Unknown,
}

/// A level that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The feature.
    pub name: String,
    /// Its level from now on.
    pub level: i16,
    /// Which way it may move.
    pub direction: Direction,
}

impl Controller<'_> {
    /// UpdateFeatures: all of them, or none and why.
    pub fn update_features(&self, updates: &[FeatureUpdate], intent: Intent) -> Decided<Result<(), Refusal>> {
        let mut seen = HashSet::new();
        let mut records = Vec::new();
        for update in updates {
            let result = match seen.insert(&update.name) {
                true => self.update_feature(update),
                false => refuse(update, "it is named twice".into()),
            };
            match result {
                Ok(made) => records.extend(made),
                Err(refusal) => return Decided::answer(Err(refusal)),
            }
        }
        Decided {
            records,
            answer: Ok(()),
        }
        .if_meant(intent)
    }

    fn update_feature(&self, update: &FeatureUpdate) -> Result<Vec<Change>, Refusal> {
        let present = self.image.features().get(&update.name).copied().unwrap_or(0);
        let Some((name, min, max, _)) = FEATURES.iter().find(|(name, ..)| *name == update.name) else {
            return refuse(update, "no broker supports it".into());
        };
        if !(*min..=*max).contains(&update.level) {
            return refuse(update, format!("the brokers support levels {min} to {max}"));
        }
        let lacks = |broker: &&BrokerImage| !broker.supports(name, update.level);
        if let Some(broker) = self.image.brokers().find(lacks) {
            return refuse(update, format!("broker {} does not support it", broker.id));
        }
        match (update.direction, update.level.cmp(&present)) {
            (Direction::Unknown, _) => refuse(update, "there is no such type of upgrade".into()),
            (_, std::cmp::Ordering::Equal) => Ok(Vec::new()),
            (Direction::Up, std::cmp::Ordering::Less) if !mutant::on(Mutant::DowngradeUnasked) => {
                refuse(update, "a lower level needs an upgrade type that says so".into())
            }
            (Direction::Down, std::cmp::Ordering::Greater) => refuse(update, "it would go up".into()),
            // Every release has added metadata that a lower level could not say.
            _ if *name == "metadata.version" => refuse(update, "metadata would be lost".into()),
            _ if *name == "kraft.version" => refuse(update, "the quorum is configured, not kept in the log".into()),
            _ => Ok(self.level_records(name, update.level)),
        }
    }

    /// With eligible leaders the cluster itself says how many replicas must be in sync.
    fn level_records(&self, name: &str, level: i16) -> Vec<Change> {
        let overrides = self.image.overrides(ResourceKind::Broker, "");
        let missing = name == ELIGIBLE_LEADERS && level > 0 && !overrides.contains_key(MIN_INSYNC);
        let config = missing.then(|| min_insync(self.layers().value(MIN_INSYNC).unwrap_or_default()));
        std::iter::once(level_record(name, level)).chain(config).collect()
    }
}

fn refuse(update: &FeatureUpdate, why: String) -> Result<Vec<Change>, Refusal> {
    let FeatureUpdate { name, level, .. } = update;
    Err(Refusal::new(
        ErrorCode::InvalidUpdateVersion,
        format!("Invalid update version {level} for feature {name}: {why}."),
    ))
}
