//! What is set, as JSON: a fault is told in the words that set it.

use serde_json::{Map, Value, json};

use crate::cluster::Known;
use crate::faults::{Act, Cut, Moment, Other, Side, Standing, When, name_of};

/// A node, and what it was told.
pub(super) fn node(state: &Known) -> Value {
    let (slow, full) = state.faults.disk_is();
    json!({
        "broker": state.id,
        "address": state.address,
        "runs": state.faults.runs(),
        "paused": state.faults.is_paused(),
        "faults": state.faults.list().iter().map(fault).collect::<Vec<_>>(),
        "cut": state.faults.cuts().iter().map(cut).collect::<Vec<_>>(),
        "disk": { "slow_ms": u64::try_from(slow.as_millis()).unwrap_or(u64::MAX), "full": full },
    })
}

fn fault(standing: &Standing) -> Value {
    let fault = &standing.fault;
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
    tell("id", json!(standing.id.0));
    let (verb, moment) = match fault.act() {
        Act::Delay(moment, _) => ("delay", Some(moment)),
        Act::Drop(moment) => ("drop", Some(moment)),
        Act::Close(moment) => ("close", Some(moment)),
        Act::Error(_) => ("error", None),
    };
    tell("do", json!(verb));
    tell("api", json!(name_of(fault.key())));
    match fault.act() {
        Act::Delay(_, by) => tell("ms", json!(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))),
        Act::Error(code) => tell("error", json!(Act::error_name(code))),
        Act::Drop(_) | Act::Close(_) => {}
    }
    if moment == Some(Moment::Answer) {
        tell("at", json!("answer"));
    }
    if let Some(client) = fault.client_id() {
        tell("client", json!(client));
    }
    match fault.side() {
        Some(Side::Clients) => tell("from", json!("clients")),
        Some(Side::Brokers) => tell("from", json!("brokers")),
        None => {}
    }
    match fault.when() {
        When::Always => {}
        When::Times(times) => tell("times", json!(times)),
        When::Nth(nth) => tell("nth", json!(nth)),
        When::Until(key) => tell("until", json!(name_of(key))),
    }
    tell("met", json!(standing.met));
    Value::Object(told)
}

fn cut((other, how): &(Other, Cut)) -> Value {
    let from = match other {
        Other::Clients => json!("clients"),
        Other::Node(id) => json!(id),
    };
    json!({ "from": from, "silent": *how == Cut::Silent })
}
