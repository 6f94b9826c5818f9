//! Partitions come into a transaction, by request or by being written to; and whether one is in it.

use std::collections::BTreeSet;

use super::{
    Coordinator, Decision, LAST_EPOCH, Outcome, Producer, State, Transaction, TransactionalId, Version, refuse, write,
};
use crate::machine::Step;
use crate::units::{ErrorCode, Now, TopicPartition};

impl Coordinator {
    pub(super) fn decide_enlist(
        &self,
        id: &TransactionalId,
        producer: Producer,
        partitions: BTreeSet<TopicPartition>,
        version: Version,
        now: Now,
    ) -> Decision {
        if self.is_decided(id) {
            return refuse(ErrorCode::ConcurrentTransactions);
        }
        let known = match self.open_to(id, producer) {
            Ok(known) => known,
            Err(error) => return refuse(error),
        };
        let goes_on = known.state == State::Ongoing;
        if goes_on && partitions.is_subset(&known.partitions) {
            return Step::answer(Outcome::Done);
        }
        let all = known.partitions.union(&partitions).cloned().collect();
        let enlisted = Transaction {
            partitions: all,
            started_unix_ms: if goes_on { known.started_unix_ms } else { now.unix_ms },
            version,
            ..known.changed(State::Ongoing, now)
        };
        write(id, enlisted, Outcome::Done)
    }

    /// Is a partition in the transaction of this producer?
    ///
    /// # Errors
    /// As for an enlistment; TRANSACTION_ABORTABLE where it is not.
    pub fn verify(&self, id: &str, producer: Producer, tp: &TopicPartition) -> Result<(), ErrorCode> {
        let known = self.open_to(id, producer)?;
        if known.partitions.contains(tp) {
            Ok(())
        } else {
            Err(ErrorCode::TransactionAbortable)
        }
    }

    /// Are its markers being written? Whoever asks for a change then is told to come again, whoever it is.
    pub(super) fn is_decided(&self, id: &str) -> bool {
        self.get(id).is_some_and(|known| known.state.is_prepared())
    }

    /// The transaction that this producer may add to.
    fn open_to(&self, id: &str, producer: Producer) -> Result<&Transaction, ErrorCode> {
        let known = self.get(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if known.producer_id != producer.id {
            Err(ErrorCode::InvalidProducerIdMapping)
        } else if known.epoch != producer.epoch || producer.epoch > LAST_EPOCH {
            // What is above the last epoch nobody was handed, and no marker could end.
            Err(ErrorCode::ProducerFenced)
        } else if known.state.is_prepared() {
            Err(ErrorCode::ConcurrentTransactions)
        } else {
            Ok(known)
        }
    }
}
