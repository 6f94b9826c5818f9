//! What time does: transactions that stay open for too long are aborted, ids that nobody uses are forgotten.

use std::sync::Arc;

use super::{Change, Coordinator, Decision, Outcome, State, TransactionalId, refuse};
use crate::machine::Step;
use crate::units::{ErrorCode, Now};

impl Coordinator {
    /// The ids whose transaction has been open for longer than its time.
    pub fn timed_out(&self, now: Now) -> Vec<TransactionalId> {
        let open = self
            .transactions
            .iter()
            .filter(|(_, transaction)| transaction.state == State::Ongoing);
        let late = open.filter(|(_, transaction)| {
            let until = transaction
                .started_unix_ms
                .saturating_add(transaction.timeout_ms.into());
            transaction.timeout_ms != i32::MAX && until < now.unix_ms
        });
        late.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// The ids that nothing has happened to since then, and that are in the middle of nothing.
    pub fn idle_since(&self, unix_ms: i64) -> Vec<TransactionalId> {
        let idle = self.transactions.iter().filter(|(_, transaction)| {
            matches!(
                transaction.state,
                State::Empty | State::CompleteCommit | State::CompleteAbort
            ) && transaction.updated_unix_ms <= unix_ms
        });
        idle.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// Is there anything that time could do?
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    pub(super) fn decide_time_out(&self, id: &TransactionalId, now: Now) -> Decision {
        match self.get(id) {
            Some(known) if known.state == State::Ongoing => known.fence(id, Outcome::Done, now),
            _ => refuse(ErrorCode::InvalidTxnState),
        }
    }
}

pub(super) fn decide_forget(ids: Vec<TransactionalId>) -> Decision {
    Step {
        changes: ids.into_iter().map(|id| Change::Durable((id, None))).collect(),
        ..Step::answer(Outcome::Done)
    }
}
