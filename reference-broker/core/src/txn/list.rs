//! ListTransactions: what a coordinator knows, filtered.

use regex::Regex;

use super::{Coordinator, State, TransactionalId};
use crate::units::{Now, ProducerId};

/// Which transactions are asked for. What is empty or none asks for all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these producers.
    pub producers: Vec<ProducerId>,
    /// In these states.
    pub states: Vec<State>,
    /// Open for longer than this; negative for all.
    pub longer_than_ms: i64,
    /// With ids that this matches.
    pub pattern: Option<Regex>,
}

/// A transaction in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: TransactionalId,
    /// Whose it is.
    pub producer_id: ProducerId,
    /// What it is in the middle of.
    pub state: State,
}

impl Coordinator {
    /// Those that pass a filter.
    pub fn list(&self, filter: &Filter, now: Now) -> Vec<Listed> {
        let all = self.transactions.iter();
        let passing = all.filter(|(id, transaction)| {
            let open_for_ms = now.unix_ms.saturating_sub(transaction.started_unix_ms);
            (filter.producers.is_empty() || filter.producers.contains(&transaction.producer_id))
                && (filter.states.is_empty() || filter.states.contains(&transaction.state))
                && (filter.longer_than_ms < 0 || open_for_ms > filter.longer_than_ms)
                && filter.pattern.as_ref().is_none_or(|pattern| pattern.is_match(id))
        });
        passing
            .map(|(id, transaction)| Listed {
                id: id.clone(),
                producer_id: transaction.producer_id,
                state: transaction.state,
            })
            .collect()
    }
}
