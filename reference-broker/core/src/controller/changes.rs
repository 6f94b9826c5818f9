//! How a partition changes: who leads it and who is in sync once its replicas, its in-sync replicas, or the brokers that live
//! are others. Every such change goes through here, whatever caused it.
//!
//! With eligible leader replicas (KIP-966) the in-sync replicas may be none: who left last without losing anything stays
//! eligible. Without the feature the last in-sync replica stays in the list, whatever becomes of its broker.

use std::collections::BTreeSet;

use super::{Change, Controller};
use crate::image::apply::{LEADER_STAYS, RECOVERING};
use crate::image::{NO_LEADER, PartitionImage, ResourceKind, TopicImage};
use crate::mutant::{self, Mutant};
use crate::records::PartitionChangeRecord;
use crate::units::{BrokerId, TopicId};

/// The version of a change that names eligible leaders.
const PARTITION_CHANGE: i16 = 2;

/// How far an election may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The first replica if it can; otherwise as `Online`.
    Preferred,
    /// Who leads leads on if it can; otherwise a replica that is in sync or eligible.
    Online,
    /// As `Online`, and where there is none any live replica: what only others had is lost.
    Unclean,
}

/// A partition as it shall be. What is not changed is as it was.
pub(super) struct PartitionChange<'a> {
    topic: TopicId,
    index: i32,
    was: &'a PartitionImage,
    min_isr: usize,
    has_eligible_leaders: bool,
    /// How far an election may go.
    pub(super) reach: Reach,
    /// Who shall be in sync.
    pub(super) isr: Vec<BrokerId>,
    /// Who shall keep it.
    pub(super) replicas: Vec<BrokerId>,
    /// Those of them that are new.
    pub(super) adding: Vec<BrokerId>,
    /// Those of them that go.
    pub(super) removing: Vec<BrokerId>,
    /// A broker that may have lost what it had.
    pub(super) unclean_broker: Option<BrokerId>,
    /// Has the leader yet to recover from an unclean election?
    pub(super) is_recovering: bool,
    eligible: Vec<BrokerId>,
}

/// Who was elected.
struct Elected {
    leader: BrokerId,
    is_unclean: bool,
}

impl<'a> Controller<'a> {
    /// A change of one of a topic's partitions; nothing where there is no such partition.
    pub(super) fn change_of(&self, topic: &'a TopicImage, index: i32) -> Option<PartitionChange<'a>> {
        let was = topic.partition(index)?;
        let reach = match self.allows_unclean(&topic.name) {
            true => Reach::Unclean,
            false => Reach::Online,
        };
        Some(PartitionChange {
            topic: topic.id,
            index,
            was,
            min_isr: self.min_isr(topic),
            has_eligible_leaders: self.has_eligible_leaders(),
            reach,
            isr: was.isr.clone(),
            replicas: was.replicas.clone(),
            adding: was.adding_replicas.clone(),
            removing: was.removing_replicas.clone(),
            unclean_broker: None,
            is_recovering: was.is_recovering,
            eligible: was.eligible_leader_replicas.clone(),
        })
    }

    /// May a replica that is out of sync lead rather than nobody?
    pub(super) fn allows_unclean(&self, topic: &str) -> bool {
        self.topic_value(topic, "unclean.leader.election.enable") == "true" || mutant::on(Mutant::UncleanLeaderElected)
    }

    /// How many must be in sync, and never more than there are.
    fn min_isr(&self, topic: &TopicImage) -> usize {
        let wanted = self
            .topic_value(&topic.name, "min.insync.replicas")
            .parse()
            .unwrap_or(1);
        let replicas = topic.partitions.first().map_or(1, |first| first.replicas.len());
        replicas.min(wanted)
    }

    fn topic_value(&self, topic: &str, key: &str) -> String {
        let overrides = self.image.overrides(ResourceKind::Topic, topic);
        let set = overrides.get(key).cloned();
        set.or_else(|| self.layers().value(key)).unwrap_or_default()
    }

    /// Is the cluster at the feature level of KIP-966?
    pub(super) fn has_eligible_leaders(&self) -> bool {
        let level = self.image.features().get("eligible.leader.replicas.version");
        level.is_some_and(|level| *level > 0)
    }

    /// May that broker lead the partition, going by the registrations?
    pub(super) fn is_live(&self, partition: &PartitionImage, broker: BrokerId) -> bool {
        self.image.broker(broker).is_some_and(|registered| {
            let directory = partition.directory(broker).unwrap_or_default();
            registered.is_active() && registered.has_online(directory)
        })
    }

    /// The directory that a replica new on a broker gets: the only one there is, or the broker chooses.
    pub(super) fn default_directory(&self, broker: BrokerId) -> [u8; 16] {
        match self.image.broker(broker).map(|broker| &broker.log_dirs[..]) {
            Some([only]) => *only,
            Some(_) | None => [0; 16],
        }
    }
}

impl PartitionChange<'_> {
    /// The record that makes it so; nothing where all stays as it is. `live` says who may lead.
    pub(super) fn record(
        mut self,
        controller: &Controller<'_>,
        live: impl Fn(&PartitionImage, BrokerId) -> bool,
    ) -> Option<Change> {
        let was = self.was;
        let live = |broker: BrokerId| live(was, broker);
        let mut record = PartitionChangeRecord {
            partition_id: self.index,
            topic_id: self.topic.0,
            ..Default::default()
        };
        self.complete_reassignment();
        self.find_eligible();
        self.elect(&live, &mut record);
        self.bump_epoch(&mut record);
        self.tell_eligible(&mut record);
        self.tell_isr(&mut record);
        self.tell_last_leader(&mut record);
        self.tell_replicas(controller, &mut record);
        let nothing = PartitionChangeRecord {
            partition_id: self.index,
            topic_id: self.topic.0,
            ..Default::default()
        };
        (record != nothing).then(|| (record.into(), PARTITION_CHANGE))
    }

    /// The replicas that go are gone as soon as all the others are in sync.
    fn complete_reassignment(&mut self) {
        if self.adding.is_empty() && self.removing.is_empty() {
            return;
        }
        let without = |brokers: &[BrokerId]| -> Vec<BrokerId> {
            let stays = |broker: &&BrokerId| !self.removing.contains(broker);
            brokers.iter().filter(stays).copied().collect()
        };
        let (isr, replicas) = (without(&self.isr), without(&self.replicas));
        if isr.is_empty() || replicas.is_empty() || !replicas.iter().all(|replica| isr.contains(replica)) {
            return;
        }
        (self.isr, self.replicas) = (isr, replicas);
        (self.adding, self.removing) = Default::default();
    }

    /// Below the minimum, who leaves the in-sync replicas stays eligible: it has all that was acknowledged.
    fn find_eligible(&mut self) {
        if !self.has_eligible_leaders {
            return;
        }
        if self.isr.len() >= self.min_isr || mutant::on(Mutant::EligibleForgotten) {
            self.eligible.clear();
            return;
        }
        let candidates: BTreeSet<BrokerId> = self.eligible.iter().chain(&self.was.isr).copied().collect();
        // Kafka keeps even who is no replica any more, where a reassignment is cancelled that had gone wrong.
        let keeps = |broker: &BrokerId| {
            !self.isr.contains(broker) && self.replicas.contains(broker) && self.unclean_broker != Some(*broker)
        };
        self.eligible = candidates.into_iter().filter(keeps).collect();
    }

    fn elect(&mut self, live: &impl Fn(BrokerId) -> bool, record: &mut PartitionChangeRecord) {
        let Elected { leader, is_unclean } = self.elected(live);
        if leader == self.was.leader {
            self.tell_recovery(record);
            return;
        }
        record.leader = leader.0;
        if is_unclean {
            // What the others have beyond its log is lost.
            self.isr = vec![leader];
            self.eligible.clear();
            self.is_recovering = true;
        } else if self.eligible.contains(&leader) {
            self.isr = vec![leader];
            self.eligible.retain(|eligible| *eligible != leader);
        }
        self.tell_recovery(record);
    }

    fn tell_recovery(&self, record: &mut PartitionChangeRecord) {
        if self.is_recovering != self.was.is_recovering {
            record.leader_recovery_state = if self.is_recovering { RECOVERING } else { 0 };
        }
    }

    fn elected(&self, live: &impl Fn(BrokerId) -> bool) -> Elected {
        let can = |broker: &BrokerId| self.may_lead_clean(*broker) && live(*broker);
        let clean = |leader: BrokerId| Elected {
            leader,
            is_unclean: false,
        };
        let preferred = self.replicas.first().filter(|_| self.reach == Reach::Preferred);
        let presently = Some(&self.was.leader);
        let first = [preferred, presently].into_iter().flatten().chain(&self.replicas);
        if let Some(leader) = first.copied().find(can) {
            return clean(leader);
        }
        let reached = |_: &BrokerId| self.reach == Reach::Unclean;
        let any = self.replicas.iter().copied().filter(reached).find(|each| live(*each));
        match self.last_leader().filter(|last| live(*last)).or(any) {
            Some(leader) => Elected {
                leader,
                is_unclean: true,
            },
            None => clean(NO_LEADER),
        }
    }

    fn may_lead_clean(&self, broker: BrokerId) -> bool {
        self.isr.contains(&broker) || (self.isr.is_empty() && self.eligible.contains(&broker))
    }

    /// Who led last leads rather than nobody, where nobody is eligible: it has most of what there was.
    fn last_leader(&self) -> Option<BrokerId> {
        match &self.was.last_known_elr[..] {
            [last] if self.has_eligible_leaders && self.eligible.is_empty() && self.isr.is_empty() => {
                Some(*last).filter(|last| self.replicas.contains(last))
            }
            _ => None,
        }
    }

    /// Replicas that are taken away must not be fetched from any more: the leader begins a new epoch.
    fn bump_epoch(&self, record: &mut PartitionChangeRecord) {
        let is_taken = |replica: &BrokerId| !self.replicas.contains(replica);
        if record.leader == LEADER_STAYS && self.was.replicas.iter().any(is_taken) {
            record.leader = self.was.leader.0;
        }
    }

    fn tell_eligible(&mut self, record: &mut PartitionChangeRecord) {
        if !self.has_eligible_leaders {
            self.eligible.clear();
        }
        if self.eligible != self.was.eligible_leader_replicas {
            record.eligible_leader_replicas = Some(ids(&self.eligible));
        }
    }

    fn tell_isr(&self, record: &mut PartitionChangeRecord) {
        let may_be_empty = self.has_eligible_leaders;
        if self.isr != self.was.isr && (may_be_empty || !self.isr.is_empty()) {
            record.isr = Some(ids(&self.isr));
        }
    }

    /// The last known eligible leaders hold one: who led when nobody was in sync any more.
    fn tell_last_leader(&self, record: &mut PartitionChangeRecord) {
        if !self.has_eligible_leaders {
            return;
        }
        let was = self.was;
        let leads = match record.leader {
            LEADER_STAYS => was.leader != NO_LEADER,
            leader => leader >= 0,
        };
        if record.isr.as_ref().is_some_and(Vec::is_empty) && was.last_known_elr != [was.leader] {
            record.last_known_elr = Some(vec![was.leader.0]);
        } else if leads && !was.last_known_elr.is_empty() {
            record.last_known_elr = Some(Vec::new());
        }
    }

    fn tell_replicas(&self, controller: &Controller<'_>, record: &mut PartitionChangeRecord) {
        let was = self.was;
        let directory = |broker: &BrokerId| {
            let kept = was.directory(*broker);
            kept.unwrap_or_else(|| controller.default_directory(*broker))
        };
        let directories: Vec<_> = self.replicas.iter().map(directory).collect();
        record.directories = (directories != was.directories).then_some(directories);
        let changed = |to: &[BrokerId], from: &[BrokerId]| (to != from).then(|| ids(to));
        record.replicas = changed(&self.replicas, &was.replicas);
        record.removing_replicas = changed(&self.removing, &was.removing_replicas);
        record.adding_replicas = changed(&self.adding, &was.adding_replicas);
    }
}

pub(super) fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|broker| broker.0).collect()
}
