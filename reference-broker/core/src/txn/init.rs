//! InitProducerId: a producer gets the id and an epoch above all that were handed out before, so that whoever had an earlier
//! one is fenced.

use std::collections::BTreeSet;

use super::{
    Coordinator, Decision, LAST_EPOCH, NO_EPOCH, NO_PRODUCER, Outcome, Producer, State, Transaction, TransactionalId,
    Version, refuse, write,
};
use crate::units::{ErrorCode, Now, ProducerEpoch, ProducerId};

impl Coordinator {
    pub(super) fn decide_init(
        &self,
        id: &TransactionalId,
        timeout_ms: i32,
        expected: Option<Producer>,
        fresh: Option<ProducerId>,
        now: Now,
    ) -> Decision {
        let Some(known) = self.get(id) else {
            return first(id, timeout_ms, fresh, now);
        };
        if self.is_decided(id) {
            return refuse(ErrorCode::ConcurrentTransactions);
        }
        if expected.is_some_and(|expected| !known.may_be(expected)) {
            return refuse(ErrorCode::ProducerFenced);
        }
        if known.state == State::Ongoing {
            return known.fence(id, Outcome::Refused(ErrorCode::ConcurrentTransactions), now);
        }
        match known.next(expected, fresh, now) {
            Ok(next) => began(id, Transaction { timeout_ms, ..next }),
            Err(error) => refuse(error),
        }
    }
}

fn first(id: &TransactionalId, timeout_ms: i32, fresh: Option<ProducerId>, now: Now) -> Decision {
    let Some(producer_id) = fresh else {
        return refuse(ErrorCode::CoordinatorNotAvailable);
    };
    began(
        id,
        Transaction {
            producer_id,
            previous_producer_id: producer_id,
            next_producer_id: NO_PRODUCER,
            epoch: ProducerEpoch(0),
            last_epoch: NO_EPOCH,
            timeout_ms,
            state: State::Empty,
            partitions: BTreeSet::new(),
            started_unix_ms: -1,
            updated_unix_ms: now.unix_ms,
            version: Version::First,
        },
    )
}

impl Transaction {
    /// Is this who it could be that asks? The one before, too, if it used up its epochs and never heard of its successor.
    fn may_be(&self, expected: Producer) -> bool {
        expected.id == self.producer_id || (expected.id == self.previous_producer_id && expected.epoch >= LAST_EPOCH)
    }

    /// The next epoch; a new producer where there is none; the present one where this is a retry.
    fn next(&self, expected: Option<Producer>, fresh: Option<ProducerId>, now: Now) -> Result<Self, ErrorCode> {
        let is_current = expected.is_none_or(|expected| expected.epoch == self.epoch);
        let blank = Self {
            partitions: BTreeSet::new(),
            started_unix_ms: -1,
            ..self.changed(State::Empty, now)
        };
        let last_epoch = expected.map_or(NO_EPOCH, |_| self.epoch);
        match (is_current, self.is_exhausted(), fresh) {
            (true, true, Some(producer_id)) => Ok(Self {
                producer_id,
                epoch: ProducerEpoch(0),
                last_epoch,
                ..blank
            }),
            (_, true, _) => Err(ErrorCode::UnknownServerError),
            (true, false, _) => Ok(Self {
                epoch: ProducerEpoch(self.epoch.0 + 1),
                last_epoch,
                ..blank
            }),
            (false, false, _) if expected.is_some_and(|expected| expected.epoch == self.last_epoch) => Ok(blank),
            (false, false, _) => Err(ErrorCode::ProducerFenced),
        }
    }
}

fn began(id: &TransactionalId, transaction: Transaction) -> Decision {
    let producer = transaction.producer();
    write(id, transaction, Outcome::Producer(producer))
}
