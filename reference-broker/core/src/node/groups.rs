//! The groups of one broker: who coordinates which, and what is asked of coordinators.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::transactions::Enlistment;
use super::{Node, Released};
use crate::group::{
    self, Command, Coordinator, Described, GroupId, Join, Listed, OffsetToCommit, OffsetValue, Outcome, Sync, Topics,
    TxnCommit, View, partition_for,
};
use crate::image::{BrokerImage, TopicImage};
use crate::machine::{Reply, Ticket};
use crate::units::{Deadline, ErrorCode, Now, TopicId, TopicName, TopicPartition};

mod consumers;
mod coordinate;

pub use coordinate::as_coordinator_error;

/// The topic that keeps groups and committed offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The coordinators of this broker, by partition of the offsets topic.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    coordinators: BTreeMap<i32, Coordinator>,
    /// The topics as groups of the consumer protocol saw them last.
    topics: Arc<Topics>,
}

/// What a key is looked up for, and the internal topic that its coordinator keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordinatorKind {
    /// A group id.
    Group,
    /// A transactional id.
    Transaction,
    /// Group, topic id and partition of a share partition (KIP-932).
    Share,
}

impl CoordinatorKind {
    /// Its topic, as Kafka names it.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Group => OFFSETS_TOPIC,
            Self::Transaction => "__transaction_state",
            Self::Share => "__share_group_state",
        }
    }
}

/// What OffsetFetch asks of a partition: by name, and by id where the client knows one.
#[derive(Debug, Clone)]
pub struct OffsetQuery {
    /// The topic's name.
    pub topic: TopicName,
    /// The topic's id, or none.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
}

impl Node {
    /// Who coordinates a key.
    ///
    /// # Errors
    /// COORDINATOR_NOT_AVAILABLE where nobody does as yet.
    pub fn coordinator_of(&self, kind: CoordinatorKind, key: &str) -> Result<&BrokerImage, ErrorCode> {
        let topic = self
            .image()
            .topic(kind.topic())
            .ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let leader = topic.partition(partition_for(key, topic.partition_count()));
        leader
            .and_then(|partition| self.image().broker(partition.leader))
            .filter(|broker| !broker.fenced)
            .ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// Makes the internal topic of a kind of coordinators, if it is missing. Kafka has it made behind the back of the
    /// lookup that misses it, which is answered without waiting.
    pub fn make_coordinators(&mut self, kind: CoordinatorKind, now: Now) {
        self.ensure_internal_topic(kind.topic(), now);
    }

    /// JoinGroup.
    pub fn join_group(&mut self, join: impl FnOnce(Ticket) -> Join, now: Now) -> Reply<Outcome> {
        let mut join = join(self.issue_ticket());
        join.timing = self.timing(&join.group);
        self.group(&Arc::clone(&join.group), Command::Join(join), now)
    }

    /// SyncGroup.
    pub fn sync_group(&mut self, sync: impl FnOnce(Ticket) -> Sync, now: Now) -> Reply<Outcome> {
        let sync = sync(self.issue_ticket());
        self.group(&Arc::clone(&sync.group), Command::Sync(sync), now)
    }

    /// Heartbeat.
    pub fn heartbeat(&mut self, heartbeat: group::Heartbeat, now: Now) -> Outcome {
        let group = Arc::clone(&heartbeat.group);
        self.ask_group(&group, Command::Heartbeat(heartbeat), now)
    }

    /// LeaveGroup.
    pub fn leave_group(&mut self, leave: group::Leave, now: Now) -> Outcome {
        let group = Arc::clone(&leave.group);
        self.ask_group(&group, Command::Leave(leave), now)
    }

    /// OffsetCommit. A partition that does not exist is refused by itself, whatever its group; only the others are
    /// asked about, and if there are none nobody is. One result an offset, in order.
    pub fn commit_offsets(&mut self, mut commit: group::Commit, now: Now) -> Vec<Option<ErrorCode>> {
        let (known, mut results) = self.known_partitions(&commit.offsets, |offset| (&offset.topic, offset.partition));
        let mut is_known = known.iter();
        commit.offsets.retain(|_| is_known.next().copied().unwrap_or(false));
        for offset in &mut commit.offsets {
            self.name_topic(offset);
        }
        if !commit.offsets.is_empty() {
            let group = Arc::clone(&commit.group);
            let outcome = self.ask_group(&group, Command::Commit(commit), now);
            merge(&mut results, &known, outcome);
        }
        results
    }

    /// TxnOffsetCommit: as OffsetCommit, but what is committed waits for the transaction's end, and the group's partition of
    /// the offsets topic must be in the transaction or comes into it.
    pub fn commit_offsets_in_transaction(
        &mut self,
        id: &str,
        mut asked: TxnCommit,
        enlistment: Enlistment,
        now: Now,
    ) -> Vec<Option<ErrorCode>> {
        let offsets = &mut asked.commit.offsets;
        let (known, mut results) = self.known_partitions(offsets, |offset| (&offset.topic, offset.partition));
        let mut is_known = known.iter();
        offsets.retain(|_| is_known.next().copied().unwrap_or(false));
        offsets.iter_mut().for_each(|offset| self.name_topic(offset));
        if !offsets.is_empty() {
            let outcome = self.txn_commit(id, asked, enlistment, now);
            merge(&mut results, &known, outcome);
        }
        results
    }

    /// Asks the producer's coordinator whether the group's partition is in the transaction, where that is another broker. The
    /// request is to be served again when the ticket is released.
    pub fn ask_coordinator_of_offsets(
        &mut self,
        id: &str,
        asked: &TxnCommit,
        enlistment: Enlistment,
    ) -> Option<Ticket> {
        let tp = self.offsets_partition(&asked.commit.group);
        let is_settled = self.is_led_elsewhere(&tp) || self.is_in_transaction(&tp, asked.producer);
        match is_settled {
            true => None,
            false => self.ask_coordinator(id, asked.producer, &[tp], enlistment),
        }
    }

    fn txn_commit(&mut self, id: &str, asked: TxnCommit, enlistment: Enlistment, now: Now) -> Outcome {
        let (group, producer) = (Arc::clone(&asked.commit.group), asked.producer);
        let command = Command::TxnCommit(asked);
        if let Some(refusal) = command.refusal(&self.config.group) {
            return refusal;
        }
        let tp = self.offsets_partition(&group);
        if !self.is_in_transaction(&tp, producer) {
            let enlisted = self.enlist(id, producer, &[tp], enlistment, now).pop();
            if let Some(Err(error)) = enlisted {
                return Outcome::Refused(error);
            }
        }
        self.ask_group(&group, command, now)
    }

    /// Which of these offsets may yet change with a transaction that is still open.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn unstable(&mut self, group: &str, of: &[OffsetQuery], now: Now) -> Result<Vec<bool>, ErrorCode> {
        // Kafka asks by way of the log, and that takes nothing below its minimum of replicas.
        if self.is_under_min_isr(&self.offsets_partition(group)) {
            return Err(ErrorCode::NotCoordinator);
        }
        let partition = self.coordinated_partition(group, now)?;
        self.note_pending_offsets(partition);
        let coordinator = self.coordinator(group, now)?;
        let group = GroupId::from(group);
        let is_unstable = |of: &OffsetQuery| coordinator.is_unstable(&group, &of.topic, of.partition);
        Ok(of.iter().map(is_unstable).collect())
    }

    /// OffsetDelete: refused as a whole, or one result a partition.
    ///
    /// # Errors
    /// The group's: it is not there, or busy.
    pub fn delete_offsets(
        &mut self,
        group: &GroupId,
        partitions: Vec<(TopicName, i32)>,
        now: Now,
    ) -> Result<Vec<Option<ErrorCode>>, ErrorCode> {
        let (known, mut results) = self.known_partitions(&partitions, |(topic, partition)| (topic, *partition));
        let kept = partitions
            .into_iter()
            .zip(&known)
            .filter_map(|(partition, known)| known.then_some(partition))
            .collect();
        match self.ask_group(group, Command::DeleteOffsets(Arc::clone(group), kept), now) {
            Outcome::Refused(error) => Err(error),
            outcome => {
                merge(&mut results, &known, outcome);
                Ok(results)
            }
        }
    }

    /// DeleteGroups, one group.
    ///
    /// # Errors
    /// It is not there, or not empty.
    pub fn delete_group(&mut self, group: &GroupId, now: Now) -> Result<(), ErrorCode> {
        match self.ask_group(group, Command::DeleteGroup(Arc::clone(group)), now) {
            Outcome::Refused(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// OffsetFetch of some partitions: one answer each, in order; nothing where nothing is committed.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn committed(
        &mut self,
        group: &str,
        of: &[OffsetQuery],
        view: View,
        now: Now,
    ) -> Result<Vec<Option<OffsetValue>>, ErrorCode> {
        let coordinator = self.coordinator(group, now)?;
        let value = |of: &OffsetQuery| {
            coordinator
                .committed(group, &of.topic, of.topic_id, of.partition, view)
                .cloned()
        };
        Ok(of.iter().map(value).collect())
    }

    /// OffsetFetch of everything that a group has committed.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn all_committed(
        &mut self,
        group: &str,
        view: View,
        now: Now,
    ) -> Result<Vec<(TopicName, i32, OffsetValue)>, ErrorCode> {
        let all = self.coordinator(group, now)?.all_committed(group, view);
        Ok(all
            .map(|(topic, partition, value)| (Arc::clone(topic), partition, value.clone()))
            .collect())
    }

    /// DescribeGroups, one group; `None` where there is no such group.
    ///
    /// # Errors
    /// NOT_COORDINATOR.
    pub fn describe_group(&mut self, group: &str, now: Now) -> Result<Option<Described>, ErrorCode> {
        Ok(self.coordinator(group, now)?.describe(group))
    }

    /// ListGroups: all that this broker coordinates.
    pub fn list_groups(&self) -> Vec<Listed> {
        self.groups.coordinators.values().flat_map(Coordinator::list).collect()
    }

    /// A topic is gone: its committed offsets go, and if it was the offsets topic, all coordinators.
    pub(crate) fn topic_deleted(&mut self, topic: &TopicName, id: TopicId, now: Now) {
        if &**topic == OFFSETS_TOPIC {
            let coordinators = std::mem::take(&mut self.groups.coordinators);
            let parked = coordinators.values().flat_map(Coordinator::abandon);
            for (ticket, outcome) in parked {
                self.release(ticket, Released::Group(outcome));
            }
        }
        for partition in self.coordinated() {
            self.run_group(partition, Command::TopicDeleted(Arc::clone(topic), id), now);
        }
    }

    /// When something falls due in any group.
    pub(crate) fn groups_deadline(&self) -> Option<Deadline> {
        self.groups
            .coordinators
            .values()
            .filter_map(Coordinator::deadline)
            .min()
    }

    /// Lets everything happen in groups that has fallen due.
    pub(crate) fn groups_tick(&mut self, now: Now) {
        for partition in self.coordinated() {
            while let Some(timer) = self
                .groups
                .coordinators
                .get(&partition)
                .and_then(|groups| groups.due(now))
            {
                // It may be the first after a start, or after topics came and went.
                if timer
                    .group()
                    .is_some_and(|group| self.has_consumer_group(partition, group))
                {
                    self.show_topics(partition);
                }
                self.run_group(partition, Command::Expire(timer), now);
            }
        }
    }

    fn coordinated(&self) -> Vec<i32> {
        self.groups.coordinators.keys().copied().collect()
    }

    /// The partition of the offsets topic that owns a group, if this broker leads it; its groups are loaded by now.
    fn coordinated_partition(&mut self, group: &str, now: Now) -> Result<i32, ErrorCode> {
        let partition = self.owned_partition(CoordinatorKind::Group, group)?;
        if !self.groups.coordinators.contains_key(&partition) {
            self.load_groups(partition, now)
                .map_err(|_| ErrorCode::NotCoordinator)?;
        }
        Ok(partition)
    }

    /// The partition of an internal topic that owns a key, if this broker leads it.
    pub(crate) fn owned_partition(&self, kind: CoordinatorKind, key: &str) -> Result<i32, ErrorCode> {
        let topic = self.image().topic(kind.topic()).ok_or(ErrorCode::NotCoordinator)?;
        let partition = partition_for(key, topic.partition_count());
        match self.is_coordinated_here(&TopicPartition::new(kind.topic(), partition)) {
            true => Ok(partition),
            false => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The partitions of an internal topic that this broker leads.
    pub(crate) fn owned_partitions(&self, kind: CoordinatorKind) -> Vec<i32> {
        let partitions = self.image().topic(kind.topic()).map_or(0, TopicImage::partition_count);
        let is_led = |partition: &i32| self.is_coordinated_here(&TopicPartition::new(kind.topic(), *partition));
        (0..partitions).filter(is_led).collect()
    }

    /// A replica that follows has the log too, and is no coordinator.
    fn is_coordinated_here(&self, tp: &TopicPartition) -> bool {
        self.log(tp).is_some() && !(self.follows_a_controller() && self.is_led_elsewhere(tp))
    }

    /// Another broker coordinates these groups now: who waits is told to look for it.
    pub(crate) fn give_up_groups(&mut self, partition: i32) {
        let gone = self.groups.coordinators.remove(&partition);
        let parked = gone.iter().flat_map(Coordinator::abandon);
        let parked: Vec<_> = parked.collect();
        for (ticket, outcome) in parked {
            self.release(ticket, Released::Group(outcome));
        }
    }

    /// Replicas in sync may have more of the offsets topic: offsets are seen that were not before.
    pub(crate) fn groups_replicated(&mut self, tp: &TopicPartition) {
        if *tp.topic != *OFFSETS_TOPIC {
            return;
        }
        let replicated = self.replicated_end(tp);
        if let Some(coordinator) = self.groups.coordinators.get_mut(&tp.partition) {
            coordinator.replicated(replicated);
        }
    }

    /// The partition of the offsets topic that keeps a group, whether or not the topic is there.
    pub(crate) fn offsets_partition(&self, group: &str) -> TopicPartition {
        let partitions = self.image().topic(OFFSETS_TOPIC).map_or_else(
            || self.config.group.offsets_topic_num_partitions,
            TopicImage::partition_count,
        );
        TopicPartition::new(OFFSETS_TOPIC, partition_for(group, partitions))
    }

    fn coordinator(&mut self, group: &str, now: Now) -> Result<&Coordinator, ErrorCode> {
        let partition = self.coordinated_partition(group, now)?;
        self.groups
            .coordinators
            .get(&partition)
            .ok_or(ErrorCode::NotCoordinator)
    }

    fn group(&mut self, group: &str, command: Command, now: Now) -> Reply<Outcome> {
        if let Some(refusal) = command.refusal(&self.config.group) {
            return Reply::Now(refusal);
        }
        match self.coordinated_partition(group, now) {
            Ok(partition) => {
                // A heartbeat makes a group of the consumer protocol where there is none.
                let heartbeats = matches!(command, Command::ConsumerHeartbeat(_));
                if heartbeats || self.has_consumer_group(partition, group) {
                    self.show_topics(partition);
                }
                let reply = self.run_group(partition, command, now);
                self.note_pending_offsets(partition);
                reply
            }
            Err(error) => Reply::Now(command.failure(error)),
        }
    }

    /// Who asks a coordinator for what may make it write waits for all that it has written before, as in Kafka.
    fn note_pending_offsets(&mut self, partition: i32) {
        let tp = TopicPartition::new(OFFSETS_TOPIC, partition);
        self.note_unreplicated(&tp, self.config.offsets_commit_timeout_ms);
    }

    fn has_consumer_group(&self, partition: i32, group: &str) -> bool {
        let coordinator = self.groups.coordinators.get(&partition);
        coordinator.is_some_and(|coordinator| coordinator.has_consumer_group(group))
    }

    /// Asks what is never parked.
    fn ask_group(&mut self, group: &str, command: Command, now: Now) -> Outcome {
        match self.group(group, command, now) {
            Reply::Now(outcome) => outcome,
            Reply::Parked(_) => Outcome::Refused(ErrorCode::UnknownServerError),
        }
    }

    /// Which of these exist, and the results so far: UNKNOWN_TOPIC_OR_PARTITION for those that do not.
    fn known_partitions<T>(
        &self,
        all: &[T],
        name: impl Fn(&T) -> (&TopicName, i32),
    ) -> (Vec<bool>, Vec<Option<ErrorCode>>) {
        let exists = |(topic, partition): (&TopicName, i32)| {
            self.image()
                .topic(topic)
                .is_some_and(|topic| topic.partition(partition).is_some())
        };
        let known: Vec<bool> = all.iter().map(|each| exists(name(each))).collect();
        let results = known
            .iter()
            .map(|known| (!known).then_some(ErrorCode::UnknownTopicOrPartition))
            .collect();
        (known, results)
    }

    /// Kafka keeps the topic's id with an offset also where the client knows the name alone.
    fn name_topic(&self, offset: &mut OffsetToCommit) {
        if let Some(topic) = self.image().topic(&offset.topic) {
            offset.topic_id = topic.id;
        }
    }
}

/// Puts a coordinator's answers in the places of those that were asked about.
fn merge(results: &mut [Option<ErrorCode>], asked: &[bool], outcome: Outcome) {
    let mut answers: Box<dyn Iterator<Item = Option<ErrorCode>>> = match outcome {
        Outcome::Offsets(answers) => Box::new(answers.into_iter()),
        Outcome::Refused(error) => Box::new(std::iter::repeat(Some(error))),
        _ => Box::new(std::iter::empty()),
    };
    for (result, _) in results.iter_mut().zip(asked).filter(|(_, asked)| **asked) {
        *result = answers.next().unwrap_or(Some(ErrorCode::UnknownServerError));
    }
}

#[cfg(test)]
mod tests;
