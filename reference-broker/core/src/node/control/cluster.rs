//! The cluster as operators see it: features, elections, reassignments, registrations, directories and the metadata quorum.

use super::Node;
use crate::controller::elections::{Election, Elections};
use crate::controller::features::FeatureUpdate;
use crate::controller::quotas::{NameMatch, QuotaAlteration, Quotas, QuotasAltered};
use crate::controller::reassignments::{Reassigned, ReplicationFactor, Targets};
use crate::controller::scram::{self, ScramChange};
use crate::controller::sessions::SessionChange;
use crate::controller::{Intent, Refusal};
use crate::image::QuotaEntity;
use crate::node::data::metadata;
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, Now, Offset, TopicPartition};

/// The one directory of this broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDir {
    /// Its path, as in `log.dirs`.
    pub path: String,
    /// Size of its volume and what is left of it, in bytes.
    pub space: Option<(u64, u64)>,
    /// It takes no new replicas (KIP-1066).
    pub is_cordoned: bool,
}

/// Where the metadata log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// The epoch of its leader, this node.
    pub leader_epoch: LeaderEpoch,
    /// What is committed.
    pub high_watermark: Offset,
    /// Where it ends.
    pub log_end: Offset,
}

impl Node {
    /// UpdateFeatures.
    ///
    /// # Errors
    /// Kafka's refusal, or the metadata log could not be written.
    pub fn update_features(&mut self, updates: &[FeatureUpdate], intent: Intent, now: Now) -> Result<(), Refusal> {
        let decided = self.controller().update_features(updates, intent);
        self.commit(decided, now).map_err(Refusal::silent)?
    }

    /// UnregisterBroker.
    ///
    /// # Errors
    /// There is no such broker, or the metadata log could not be written.
    pub fn unregister_broker(&mut self, id: BrokerId, now: Now) -> Result<(), Refusal> {
        let decided = self.controller().unregister_broker(id);
        let answer = self.commit(decided, now).map_err(Refusal::silent)?;
        self.control.sessions.apply(&SessionChange::Gone(id));
        answer
    }

    /// ElectLeaders. Who names no partitions means all.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn elect_leaders(
        &mut self,
        asked: Option<&[(String, Vec<i32>)]>,
        election: Election,
        now: Now,
    ) -> Result<Elections, ErrorCode> {
        let decided = self.controller().elect_leaders(asked, election);
        self.commit(decided, now)
    }

    /// AlterPartitionReassignments.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn reassign(
        &mut self,
        targets: &Targets,
        factor: ReplicationFactor,
        now: Now,
    ) -> Result<Reassigned, ErrorCode> {
        let decided = self.controller().reassign(targets, factor);
        self.commit(decided, now)
    }

    /// AlterUserScramCredentials.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn alter_scram(&mut self, changes: &[ScramChange], now: Now) -> Result<scram::Altered, ErrorCode> {
        let decided = self.controller().alter_scram(changes);
        self.commit(decided, now)
    }

    /// AlterClientQuotas.
    ///
    /// # Errors
    /// The metadata log could not be written.
    pub fn alter_quotas(
        &mut self,
        alterations: Vec<QuotaAlteration>,
        intent: Intent,
        now: Now,
    ) -> Result<QuotasAltered, ErrorCode> {
        let decided = self.controller().alter_quotas(alterations, intent);
        self.commit(decided, now)
    }

    /// DescribeClientQuotas.
    ///
    /// # Errors
    /// Parts of a filter that contradict each other, or that there are not.
    pub fn describe_quotas(
        &self,
        filter: &[(String, NameMatch)],
        is_strict: bool,
    ) -> Result<Vec<(QuotaEntity, Quotas)>, Refusal> {
        self.controller().describe_quotas(filter, is_strict)
    }

    /// This broker's directory.
    pub fn log_dir(&self) -> LogDir {
        LogDir {
            path: self.config.value("log.dirs").unwrap_or_default(),
            space: self.store.space(),
            is_cordoned: self
                .image()
                .broker(self.broker_id())
                .is_some_and(crate::image::BrokerImage::is_cordoned),
        }
    }

    /// How many bytes the segments of a partition have here; nothing for one that clients may not ask for.
    pub fn log_size(&self, tp: &TopicPartition) -> Option<u64> {
        let log = self.log(tp).filter(|log| !log.is_metadata())?;
        Some(log.segments().iter().map(|segment| segment.size).sum())
    }

    /// The quorum of the metadata log; None where the log is lost.
    pub fn quorum(&self) -> Option<Quorum> {
        let log = self.log(&metadata())?;
        Some(Quorum {
            leader_epoch: log.leader_epoch(),
            high_watermark: log.high_watermark(),
            log_end: log.log_end(),
        })
    }
}
