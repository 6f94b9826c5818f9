//! `init-producer` and `api-versions`: short questions with short answers.

use kafka_fixtures::value::{Struct, Value};

use super::read::{error, items, number};
use super::{Call, Halt, Place};
use crate::case::Args;
use crate::driver::wire::Layout;

/// `init-producer [txn=x] [timeout=60000] [producer=$p epoch=0] -> $p`
pub(super) async fn init(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["txn", "timeout", "producer", "epoch"])?;
    let transactional_id = args.get("txn").and_then(|id| call.name(id));
    let place = transactional_id.clone().map_or(Place::Any, Place::TxnCoordinator);
    let mut body = Struct::new().with("TransactionalId", transactional_id).with(
        "TransactionTimeoutMs",
        Value::Int(args.int("timeout")?.unwrap_or(60_000)),
    );
    if let Some(id) = args.int("producer")? {
        body.set("ProducerId", Value::Int(id));
        body.set("ProducerEpoch", Value::Int(args.int("epoch")?.unwrap_or(0)));
    }
    let request = call.request("InitProducerId", body)?;
    let reply = call.ask_transient(&request, &place, error).await?;
    let producer = call.session.symbols().producer(number(&reply, "ProducerId", -1));
    Ok(vec![format!(
        "error={} producer={producer} epoch={}",
        error(&reply),
        number(&reply, "ProducerEpoch", -1)
    )])
}

/// `api-versions [name="x" version="1"]`: the error and a line an API.
pub(super) async fn api_versions(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["name", "version"])?;
    let word = |key: &str, default: &str| args.text(key).unwrap_or_else(|| default.to_owned());
    let body = Struct::new()
        .with("ClientSoftwareName", word("name", "conformance"))
        .with("ClientSoftwareVersion", word("version", "1"));
    let request = call.request("ApiVersions", body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    let mut keys: Vec<(i64, String)> = items(&reply, "ApiKeys")
        .iter()
        .map(|entry| {
            let key = number(entry, "ApiKey", -1);
            let name = i16::try_from(key).map_or_else(|_| key.to_string(), Layout::api_name);
            (
                key,
                format!(
                    "{name} {}..{}",
                    number(entry, "MinVersion", -1),
                    number(entry, "MaxVersion", -1)
                ),
            )
        })
        .collect();
    keys.sort();
    let mut lines = vec![format!("error={}", error(&reply))];
    lines.extend(keys.into_iter().map(|(_, line)| line));
    Ok(lines)
}
