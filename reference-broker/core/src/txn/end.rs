//! A transaction is decided: by its producer, by another producer of its id, or by the clock.

use super::{
    Coordinator, Decision, NO_PRODUCER, Outcome, Producer, State, Transaction, TransactionalId, Version, refuse, write,
};
use crate::log::producers::TransactionResult;
use crate::machine::Step;
use crate::units::{ErrorCode, Now, ProducerEpoch, ProducerId};

/// What the present state says to a decision.
enum Said {
    /// It is made now.
    Decide,
    /// It was made before: this is a retry.
    Already,
    /// Not that, or not now.
    No(ErrorCode),
}

impl Coordinator {
    /// The transaction to decide; none where it is decided already and this is a retry.
    pub(super) fn end_allowed(
        &self,
        id: &str,
        producer: Producer,
        result: TransactionResult,
        version: Version,
    ) -> Result<Option<&Transaction>, ErrorCode> {
        let known = self.get(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let said = match version {
            Version::First => known.asked_in_first(producer, result),
            Version::Second => known.asked_in_second(producer, result),
        };
        match said {
            Said::No(error) => Err(error),
            Said::Already => Ok(None),
            Said::Decide => Ok(Some(known)),
        }
    }

    /// Who the producer is by now.
    pub(super) fn told(&self, id: &str) -> Decision {
        let known = self.get(id).map(|known| Outcome::Producer(known.producer()));
        Step::answer(known.unwrap_or(Outcome::Done))
    }
}

impl Transaction {
    /// What the producer left open is aborted, and it is fenced by the epoch above its own, which is never handed out.
    pub(super) fn fence(&self, id: &TransactionalId, outcome: Outcome, now: Now) -> Decision {
        let fenced = self.changed(State::PrepareEpochFence, now);
        write(
            id,
            fenced.prepared(TransactionResult::Abort, Version::Second, NO_PRODUCER, now),
            outcome,
        )
    }

    pub(super) fn prepare(
        &self,
        id: &TransactionalId,
        result: TransactionResult,
        version: Version,
        fresh: Option<ProducerId>,
        now: Now,
    ) -> Decision {
        let rotates = version == Version::Second && self.is_exhausted();
        let next = match (rotates, fresh) {
            (true, None) => return refuse(ErrorCode::CoordinatorNotAvailable),
            (true, Some(fresh)) => fresh,
            (false, _) => NO_PRODUCER,
        };
        let prepared = self.prepared(result, version, next, now);
        let told = if rotates {
            Producer::new(next.0, 0)
        } else {
            prepared.producer()
        };
        write(id, prepared, Outcome::Producer(told))
    }

    /// In version 1 the epoch stays: a retry looks like a new request, and is judged by the state alone.
    fn asked_in_first(&self, producer: Producer, result: TransactionResult) -> Said {
        if producer.id != self.producer_id {
            return Said::No(ErrorCode::InvalidProducerIdMapping);
        }
        if producer.epoch != self.epoch {
            return Said::No(ErrorCode::ProducerFenced);
        }
        match (self.state, result) {
            (State::PrepareCommit | State::PrepareAbort, _) => Said::No(ErrorCode::ConcurrentTransactions),
            (State::Ongoing, _) => Said::Decide,
            (State::CompleteCommit, TransactionResult::Commit) | (State::CompleteAbort, TransactionResult::Abort) => {
                Said::Already
            }
            _ => Said::No(ErrorCode::InvalidTxnState),
        }
    }

    /// In version 2 the epoch tells a retry from a new request, and there is no need for a transaction to abort.
    fn asked_in_second(&self, producer: Producer, result: TransactionResult) -> Said {
        if self.state.is_prepared() {
            return Said::No(ErrorCode::ConcurrentTransactions);
        }
        let overflowed = self.previous_producer_id == producer.id
            && producer.epoch == super::LAST_EPOCH
            && self.epoch == ProducerEpoch(0);
        let bumped = i32::from(self.epoch.0) == i32::from(producer.epoch.0) + 1;
        if producer.id != self.producer_id && !overflowed {
            return Said::No(ErrorCode::InvalidProducerIdMapping);
        }
        let is_retry = bumped || overflowed;
        let is_current = producer.epoch == self.epoch && producer.epoch <= super::LAST_EPOCH;
        let fits = match self.state {
            State::CompleteCommit | State::CompleteAbort => is_retry || is_current,
            State::PrepareCommit | State::PrepareAbort => false,
            State::Ongoing | State::Empty | State::Dead | State::PrepareEpochFence => is_current,
        };
        if !fits {
            return Said::No(ErrorCode::ProducerFenced);
        }
        match (self.state, result) {
            (State::Ongoing, _) | (State::Empty, TransactionResult::Abort) => Said::Decide,
            (State::CompleteCommit, TransactionResult::Commit) | (State::CompleteAbort, TransactionResult::Abort)
                if is_retry =>
            {
                Said::Already
            }
            (State::CompleteCommit | State::CompleteAbort, TransactionResult::Abort) if !is_retry => Said::Decide,
            _ => Said::No(ErrorCode::InvalidTxnState),
        }
    }

    /// Decided. Version 2 lets nobody write under the old epoch any more; an abort of nothing begins when it ends.
    fn prepared(&self, result: TransactionResult, version: Version, next: ProducerId, now: Now) -> Self {
        let (epoch, last_epoch) = match version {
            Version::First => (self.epoch, self.last_epoch),
            Version::Second => (ProducerEpoch(self.epoch.0.saturating_add(1)), self.epoch),
        };
        let state = match result {
            TransactionResult::Commit => State::PrepareCommit,
            TransactionResult::Abort => State::PrepareAbort,
        };
        let is_open = matches!(self.state, State::Ongoing | State::PrepareEpochFence);
        Self {
            epoch,
            last_epoch,
            next_producer_id: next,
            started_unix_ms: if is_open { self.started_unix_ms } else { now.unix_ms },
            version,
            ..self.changed(state, now)
        }
    }
}
