//! ListTransactions. v0 by state and producer (KIP-664) · v1 by duration (KIP-994) · v2 by a pattern of the id (KIP-1152).

use std::ops::RangeInclusive;

use broker_core::pattern::whole;
use broker_core::txn::{Filter, Listed, State};
use broker_core::units::{self, ErrorCode};
use kafka_protocol::messages::list_transactions_response::TransactionState;
use kafka_protocol::messages::{ListTransactionsRequest, ListTransactionsResponse, ProducerId, TransactionalId};

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct ListTransactions;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    by_duration: bool,
}

impl Api for ListTransactions {
    type Request = ListTransactionsRequest;
    const KEY: i16 = 66;
    const NAME: &'static str = "ListTransactions";
    const VERSIONS: RangeInclusive<i16> = 0..=2;

    fn handle(request: ListTransactionsRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics {
            by_duration: call.version >= 1,
        };
        let pattern = request
            .transactional_id_pattern
            .as_deref()
            .filter(|pattern| !pattern.is_empty());
        let Ok(pattern) = pattern.map(whole).transpose() else {
            let refused = ListTransactionsResponse::default();
            return call.reply(&refused.with_error_code(ErrorCode::InvalidRegularExpression.code()));
        };
        let (known, unknown): (Vec<_>, Vec<_>) = request
            .state_filters
            .into_iter()
            .partition(|name| State::named(name).is_some());
        let filter = Filter {
            producers: request
                .producer_id_filters
                .iter()
                .map(|id| units::ProducerId(id.0))
                .collect(),
            states: known.iter().filter_map(|name| State::named(name)).collect(),
            longer_than_ms: if semantics.by_duration {
                request.duration_filter
            } else {
                -1
            },
            pattern,
        };
        // Where all states that are asked for are unknown, nothing is in one of them.
        let listed = if known.is_empty() && !unknown.is_empty() {
            Vec::new()
        } else {
            call.node.list_transactions(&filter, call.now)
        };
        call.reply(
            &ListTransactionsResponse::default()
                .with_unknown_state_filters(unknown)
                .with_transaction_states(listed.iter().map(show).collect()),
        )
    }
}

fn show(listed: &Listed) -> TransactionState {
    TransactionState::default()
        .with_transactional_id(TransactionalId(text(&listed.id)))
        .with_producer_id(ProducerId(listed.producer_id.0))
        .with_transaction_state(text(listed.state.name()))
}
