//! Features: what this release supports, and what a new cluster is finalized at.

use super::{Change, plain};
use crate::records::{BeginTransactionRecord, ConfigRecord, EndTransactionRecord, FeatureLevelRecord};

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

/// What the first controller of a new cluster writes, as one metadata transaction. With eligible leader replicas
/// (KIP-966) `min.insync.replicas` is a property of the cluster from the start.
pub fn bootstrap_records(min_insync_replicas: &str) -> Vec<Change> {
    let finalized = FEATURES.iter().filter(|(.., level)| *level > 0);
    let level = |(name, _, _, level): &(&str, i16, i16, i16)| {
        plain(FeatureLevelRecord {
            name: (*name).into(),
            feature_level: *level,
        })
    };
    let min_insync = ConfigRecord {
        resource_type: 4,
        resource_name: String::new(),
        name: "min.insync.replicas".into(),
        value: Some(min_insync_replicas.into()),
    };
    let mut records = vec![plain(BeginTransactionRecord {
        name: Some("Bootstrap records".into()),
    })];
    records.extend(finalized.map(level));
    records.extend([plain(min_insync), plain(EndTransactionRecord {})]);
    records
}
