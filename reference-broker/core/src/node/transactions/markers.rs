//! Markers: a coordinator's go to the leaders of the partitions of a transaction, by a WriteTxnMarkers where another broker leads.

use std::collections::{BTreeMap, BTreeSet};

use super::{MARKER_BACKOFF_MS, Node, TRANSACTIONS_TOPIC};
use crate::log::append::MarkerRule;
use crate::log::build::Batch;
use crate::log::producers::{EndMarker, TransactionResult};
use crate::mutant::{self, Mutant};
use crate::node::Purpose;
use crate::node::groups::{CoordinatorKind, OFFSETS_TOPIC};
use crate::peer::{Peer, Question, Reply};
use crate::txn::{Asked, Command, Markers, Producer, TransactionalId, Version};
use crate::units::{BrokerId, ErrorCode, Now, TopicPartition};

/// A marker that a coordinator asks the leader of a partition to write (WriteTxnMarkers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// Whose transaction it ends.
    pub producer: Producer,
    /// How.
    pub result: TransactionResult,
    /// The epoch of the coordinator that says so.
    pub coordinator_epoch: i32,
    /// Which rule the producer's epoch must obey.
    pub version: Version,
}

impl Node {
    /// Writes the marker of one partition, as its leader.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC_OR_PARTITION; INVALID_PRODUCER_EPOCH; TRANSACTION_COORDINATOR_FENCED.
    pub fn write_marker(&mut self, tp: &TopicPartition, marked: Marked, now: Now) -> Result<(), ErrorCode> {
        self.partition(tp)?;
        let marker = EndMarker {
            verdict: marked.result,
            coordinator_epoch: marked.coordinator_epoch,
        };
        let rule = match marked.version {
            Version::First => MarkerRule::NotOlder,
            Version::Second => MarkerRule::Newer,
        };
        let batch = Batch::marker(marked.producer, marker, now.unix_ms);
        self.append_marker(tp, batch, rule, now)?;
        if &*tp.topic == OFFSETS_TOPIC {
            self.offsets_decided(tp.partition, marked.producer.id, marked.result, now);
        }
        Ok(())
    }

    /// Writes what one transaction lacks, and completes it once nothing is lacking.
    pub(super) fn mark(&mut self, partition: i32, id: &str, now: Now) {
        if self.is_awaited(partition, id) {
            return;
        }
        let due = self.transactions_of(partition).ok();
        let Some(due) = due.and_then(|coordinator| coordinator.markers_due(id)) else {
            return;
        };
        let id = TransactionalId::from(id);
        let (here, elsewhere) = self.by_leader(&due);
        self.send_markers(partition, &id, &due, elsewhere);
        let (done, is_refused) = self.write_markers(partition, &due, here, now);
        self.marked(partition, &id, done, is_refused, now);
    }

    /// What another broker has marked, or could not.
    pub(crate) fn markers_answered(&mut self, id: &TransactionalId, started: i64, reply: Reply, now: Now) {
        let Ok(partition) = self.owned_partition(CoordinatorKind::Transaction, id) else {
            return;
        };
        let due = self.transactions_of(partition).ok();
        let due = due.and_then(|coordinator| coordinator.markers_due(id));
        // An answer that comes so late that another transaction is decided says nothing of that one.
        if due.is_none_or(|due| due.started_unix_ms != started) {
            return;
        }
        let written = match reply {
            Reply::MarkersWritten(written) => written,
            _ => Vec::new(),
        };
        let is_refused = written.iter().any(|(_, result)| is_refusal(*result));
        let is_done = |(tp, result): (TopicPartition, Result<(), ErrorCode>)| match result {
            Ok(()) => Some(tp),
            // A topic that is gone needs no marker; one that the leader does not know yet does.
            Err(ErrorCode::UnknownTopicOrPartition) => self.leader_of(&tp).is_none().then_some(tp),
            Err(_) => None,
        };
        let done = written.into_iter().filter_map(is_done).collect();
        self.marked(partition, id, done, is_refused, now);
    }

    fn marked(
        &mut self,
        partition: i32,
        id: &TransactionalId,
        done: BTreeSet<TopicPartition>,
        is_refused: bool,
        now: Now,
    ) {
        let asked = Asked::Marked(TransactionalId::clone(id), done);
        let mut stepped = self.step_transactions(partition, Command { asked, fresh: None }, now);
        if is_refused {
            let asked = Asked::GiveUp(TransactionalId::clone(id));
            stepped = stepped.and(self.step_transactions(partition, Command { asked, fresh: None }, now));
        }
        let is_left = self
            .transactions_of(partition)
            .is_ok_and(|coordinator| coordinator.markers_due(id).is_some());
        if stepped.is_err() || is_left {
            self.transactions.retry_markers = Some(now.plus_ms(MARKER_BACKOFF_MS));
        }
    }

    /// The same for all that one partition of the topic has prepared.
    pub(super) fn mark_all(&mut self, partition: i32, now: Now) {
        let prepared = self
            .transactions_of(partition)
            .map_or(Vec::new(), |coordinator| coordinator.prepared());
        for id in prepared {
            self.mark(partition, &id, now);
        }
    }

    fn marker(&self, partition: i32, due: &Markers) -> Marked {
        let own = TopicPartition::new(TRANSACTIONS_TOPIC, partition);
        Marked {
            producer: due.producer,
            result: due.result,
            coordinator_epoch: self.log(&own).map_or(0, |log| log.leader_epoch().0),
            version: due.version,
        }
    }

    /// Those that are led here or gone, and those that others lead. Where there may be other replicas this broker asks itself too:
    /// it is told once they have the marker.
    fn by_leader(&self, due: &Markers) -> (Vec<TopicPartition>, BTreeMap<BrokerId, Vec<TopicPartition>>) {
        let (mut here, mut elsewhere) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        for tp in &due.partitions {
            match self.leader_of(tp) {
                Some((leader, _)) if leader != self.broker_id() || self.follows_a_controller() => {
                    elsewhere.entry(leader).or_default().push(tp.clone())
                }
                _ => here.push(tp.clone()),
            }
        }
        (here, elsewhere)
    }

    /// One question a leader at a time. What nobody leads waits for the next try.
    fn send_markers(
        &mut self,
        partition: i32,
        id: &TransactionalId,
        due: &Markers,
        elsewhere: BTreeMap<BrokerId, Vec<TopicPartition>>,
    ) {
        let marked = self.marker(partition, due);
        for (leader, partitions) in elsewhere {
            let purpose = Purpose::Markers(TransactionalId::clone(id), leader, due.started_unix_ms);
            if leader.0 >= 0 && !self.is_asking(&purpose) {
                self.ask(
                    Peer::Broker(leader),
                    Question::WriteMarkers(marked, partitions),
                    purpose,
                );
            }
        }
    }

    /// Which partitions are done with, marked or gone; and does one refuse this marker for good?
    fn write_markers(
        &mut self,
        partition: i32,
        due: &Markers,
        here: Vec<TopicPartition>,
        now: Now,
    ) -> (BTreeSet<TopicPartition>, bool) {
        let marked = self.marker(partition, due);
        let (mut done, mut is_refused) = (BTreeSet::new(), false);
        for tp in &here {
            let written = if mutant::on(Mutant::MarkerLost) && !done.is_empty() {
                Ok(())
            } else {
                self.write_marker(tp, marked, now)
            };
            match written {
                refused if is_refusal(refused) => is_refused = true,
                // It may have moved just now.
                Err(ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower) => {}
                _ => drop(done.insert(tp.clone())),
            }
        }
        (done, is_refused)
    }
}

/// Does a leader refuse a marker for good?
fn is_refusal(result: Result<(), ErrorCode>) -> bool {
    let refused = ErrorCode::InvalidProducerEpoch;
    let fenced = ErrorCode::TransactionCoordinatorFenced;
    result.is_err_and(|error| error == refused || error == fenced) && !mutant::on(Mutant::MarkerRefusalIgnored)
}
