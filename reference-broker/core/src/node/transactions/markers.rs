//! Markers: a coordinator's go to the leaders of the partitions of a transaction. All of them are led here; where another
//! broker leads, this is where a WriteTxnMarkers to it would begin.

use std::collections::BTreeSet;

use super::{MARKER_BACKOFF_MS, Node, TRANSACTIONS_TOPIC};
use crate::log::append::MarkerRule;
use crate::log::build::Batch;
use crate::log::producers::{EndMarker, TransactionResult};
use crate::mutant::{self, Mutant};
use crate::node::groups::OFFSETS_TOPIC;
use crate::txn::{Asked, Command, Markers, Producer, TransactionalId, Version};
use crate::units::{ErrorCode, Now, TopicPartition};

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
        let due = self.transactions_of(partition).ok();
        let Some(due) = due.and_then(|coordinator| coordinator.markers_due(id)) else {
            return;
        };
        let id = TransactionalId::from(id);
        let (done, is_refused) = self.write_markers(partition, &due, now);
        let asked = Asked::Marked(TransactionalId::clone(&id), done);
        let mut stepped = self.step_transactions(partition, Command { asked, fresh: None }, now);
        if is_refused {
            let asked = Asked::GiveUp(TransactionalId::clone(&id));
            stepped = stepped.and(self.step_transactions(partition, Command { asked, fresh: None }, now));
        }
        let is_left = self
            .transactions_of(partition)
            .is_ok_and(|coordinator| coordinator.markers_due(&id).is_some());
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

    /// Which partitions are done with, marked or gone; and does one refuse this marker for good?
    fn write_markers(&mut self, partition: i32, due: &Markers, now: Now) -> (BTreeSet<TopicPartition>, bool) {
        let own = TopicPartition::new(TRANSACTIONS_TOPIC, partition);
        let marked = Marked {
            producer: due.producer,
            result: due.result,
            coordinator_epoch: self.log(&own).map_or(0, |log| log.leader_epoch().0),
            version: due.version,
        };
        let (mut done, mut is_refused) = (BTreeSet::new(), false);
        for tp in &due.partitions {
            let written = if mutant::on(Mutant::MarkerLost) && !done.is_empty() {
                Ok(())
            } else {
                self.write_marker(tp, marked, now)
            };
            match written {
                Err(ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced)
                    if !mutant::on(Mutant::MarkerRefusalIgnored) =>
                {
                    is_refused = true;
                }
                Err(ErrorCode::KafkaStorageError) => {}
                _ => drop(done.insert(tp.clone())),
            }
        }
        (done, is_refused)
    }
}
