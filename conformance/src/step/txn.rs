//! Transactions: what a producer asks their coordinator, what a coordinator asks the leaders, what an administrator asks.

use kafka_fixtures::value::{Struct, Value};

use super::commits::{entries, known_keys};
use super::group::{instance, member};
use super::offsets::{error_lines, grouped, leader_of, places};
use super::read::{any_error, error, items, message, number, text};
use super::{Call, Halt, Place};
use crate::case::{Arg, Args};

/// From this version on AddPartitionsToTxn is asked by brokers, for many transactions.
const MANY_TRANSACTIONS_SINCE: i16 = 4;

/// `add-partitions x t/0 t/1 producer=$p [epoch=0] [verify=true]`
pub(super) async fn add_partitions(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["producer", "epoch", "verify"])?;
    let id = call.name_at(args, 0, "a transactional id")?;
    let mut topics: Vec<(String, Vec<Value>)> = Vec::new();
    for place in args.positional.iter().skip(1).flat_map(Arg::items) {
        let (topic, partition) = call.topic_partition(&place)?;
        match topics.last_mut().filter(|(last, _)| *last == topic) {
            Some((_, held)) => held.push(Value::Int(partition.into())),
            None => topics.push((topic, vec![Value::Int(partition.into())])),
        }
    }
    let topic = |(name, partitions)| {
        Struct::new()
            .with("Name", name)
            .with("Partitions", Value::Array(partitions))
    };
    let topics: Vec<Struct> = topics.into_iter().map(topic).collect();
    let transaction = identified(args, &id)?
        .with("VerifyOnly", args.flag("verify"))
        .with("Topics", topics.clone());
    let body = Struct::new()
        .with("Transactions", vec![transaction])
        .with("V3AndBelowTransactionalId", id.as_str())
        .with("V3AndBelowProducerId", producer(args)?)
        .with("V3AndBelowProducerEpoch", epoch(args)?)
        .with("V3AndBelowTopics", topics);
    // Unless it is what the case is about, it is asked as a client asks.
    if call.version.is_none() && call.session.matrix_version("AddPartitionsToTxn").is_none() {
        call.version = Some(MANY_TRANSACTIONS_SINCE - 1);
    }
    let request = call.request("AddPartitionsToTxn", body)?;
    let many = request.version >= MANY_TRANSACTIONS_SINCE;
    let of_topics = move |reply: &Value| {
        let first = items(reply, "ResultsByTransaction").first();
        match many {
            true => first.map_or(Vec::new(), |first| items(first, "TopicResults").to_vec()),
            false => items(reply, "ResultsByTopicV3AndBelow").to_vec(),
        }
    };
    let partition_error = |partition: &Value| crate::observe::error_name(number(partition, "PartitionErrorCode", 0));
    let first_error = |reply: &Value| {
        let topics = of_topics(reply);
        let first = topics
            .first()
            .and_then(|topic| items(topic, "ResultsByPartition").first());
        first.map(partition_error).unwrap_or_default()
    };
    let reply = call
        .ask_transient(&request, &Place::TxnCoordinator(id), first_error)
        .await?;
    let mut lines = Vec::new();
    for topic in of_topics(&reply) {
        let shown = call.session.symbols().text(text(&topic, "Name"));
        for partition in items(&topic, "ResultsByPartition") {
            let index = number(partition, "PartitionIndex", -1);
            lines.push(format!("{shown}/{index} error={}", partition_error(partition)));
        }
    }
    lines.sort();
    Ok(lines)
}

/// `add-offsets x g producer=$p [epoch=0]`
pub(super) async fn add_offsets(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["producer", "epoch"])?;
    let id = call.name_at(args, 0, "a transactional id")?;
    let group = call.name_at(args, 1, "a group name")?;
    let body = identified(args, &id)?.with("GroupId", group);
    let request = call.request("AddOffsetsToTxn", body)?;
    let reply = call.ask_transient(&request, &Place::TxnCoordinator(id), error).await?;
    Ok(vec![format!("error={}", error(&reply))])
}

/// `end-txn x commit|abort producer=$p [epoch=0]`
pub(super) async fn end(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["producer", "epoch"])?;
    let id = call.name_at(args, 0, "a transactional id")?;
    let body = identified(args, &id)?.with("Committed", is_commit(args)?);
    let request = call.request("EndTxn", body)?;
    let reply = call.ask_transient(&request, &Place::TxnCoordinator(id), error).await?;
    let mut line = format!("error={}", error(&reply));
    if let Some(id) = reply.get("ProducerId").and_then(Value::as_i64) {
        let shown = call.session.symbols().producer(id);
        line += &format!(" producer={shown} epoch={}", number(&reply, "ProducerEpoch", -1));
    }
    Ok(vec![line])
}

/// `txn-commit x g t/0=5 producer=$p [epoch=0] [metadata="x"] [member=$m1 generation=1] [instance=i]`
pub(super) async fn commit(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    known_keys(args, &["producer", "epoch"])?;
    let id = call.name_at(args, 0, "a transactional id")?;
    let group = call.name_at(args, 1, "a group name")?;
    let body = identified(args, &id)?
        .with("GroupId", group.as_str())
        .with(
            "GenerationIdOrMemberEpoch",
            Value::Int(args.int("generation")?.unwrap_or(-1)),
        )
        .with("MemberId", member(args))
        .with("GroupInstanceId", instance(call, args))
        .with("Topics", grouped(entries(call, args, 2)?, "Name", "Partitions"));
    let request = call.request("TxnOffsetCommit", body)?;
    let first = |reply: &Value| reply.at("Topics[0].Partitions[0]").map(error).unwrap_or_default();
    let reply = call.ask_coordinator(&request, &group, first).await?;
    Ok(error_lines(call, &reply))
}

/// `write-marker t/0 commit|abort producer=$p [epoch=0] [coordinator-epoch=0] [version=2]`
pub(super) async fn write_marker(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["producer", "epoch", "coordinator-epoch", "version"])?;
    let result = is_commit(args)?;
    let mut only_places = args.clone();
    only_places.positional.pop();
    let places = places(call, &only_places)?;
    let mut marker = Struct::new()
        .with("ProducerId", producer(args)?)
        .with("ProducerEpoch", epoch(args)?)
        .with("TransactionResult", result)
        .with(
            "CoordinatorEpoch",
            Value::Int(args.int("coordinator-epoch")?.unwrap_or(0)),
        )
        .with("Topics", indexed(&places));
    if let Some(version) = args.int("version")? {
        marker.set("TransactionVersion", Value::Int(version));
    }
    let request = call.request("WriteTxnMarkers", Struct::new().with("Markers", vec![marker]))?;
    let reply = call.ask(&request, &leader_of(&places)).await?;
    let marker = items(&reply, "Markers").first().cloned().unwrap_or(Value::Null);
    Ok(error_lines(call, &marker))
}

/// `describe-txn x`: state, producer, partitions. A start is `now`, or none.
pub(super) async fn describe(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[])?;
    let id = call.name_at(args, 0, "a transactional id")?;
    let ids = Value::Array(vec![Value::String(id.clone())]);
    let request = call.request("DescribeTransactions", Struct::new().with("TransactionalIds", ids))?;
    let first = |reply: &Value| reply.at("TransactionStates[0]").map(error).unwrap_or_default();
    let reply = call.ask_transient(&request, &Place::TxnCoordinator(id), first).await?;
    let mut symbols = call.session.symbols();
    let mut lines = Vec::new();
    for state in items(&reply, "TransactionStates") {
        let shown = symbols.text(text(state, "TransactionalId"));
        let mut line = format!("{shown} error={}", error(state));
        if error(state) == "NONE" {
            let producer = symbols.producer(number(state, "ProducerId", -1));
            let start = match number(state, "TransactionStartTimeMs", -1) {
                -1 => "none".to_owned(),
                start => symbols.time(start),
            };
            line += &format!(
                " state={} producer={producer} epoch={} timeout={} start={start}",
                text(state, "TransactionState"),
                number(state, "ProducerEpoch", -1),
                number(state, "TransactionTimeoutMs", -1)
            );
        }
        lines.push(line);
        let mut places = Vec::new();
        for topic in items(state, "Topics") {
            let name = symbols.text(text(topic, "Topic"));
            let partitions = items(topic, "Partitions").iter().filter_map(Value::as_i64);
            places.extend(partitions.map(|partition| format!("{shown} has {name}/{partition}")));
        }
        places.sort();
        lines.extend(places);
    }
    Ok(lines)
}

/// `list-txns [states=[Ongoing]] [producers=[$p]] [longer=1000] [pattern="x.*"]`: those of this run.
pub(super) async fn list(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["states", "producers", "longer", "pattern"])?;
    let states = args
        .list("states")
        .iter()
        .filter_map(Arg::text)
        .map(Value::String)
        .collect();
    let producers = args
        .list("producers")
        .iter()
        .filter_map(Arg::int)
        .map(Value::Int)
        .collect();
    let mut body = Struct::new()
        .with("StateFilters", Value::Array(states))
        .with("ProducerIdFilters", Value::Array(producers))
        .with("DurationFilter", Value::Int(args.int("longer")?.unwrap_or(-1)));
    body.set("TransactionalIdPattern", args.text("pattern"));
    let request = call.request("ListTransactions", body)?;
    let replies = call.ask_each(&request, error).await?;
    let prefix = call.session.prefix();
    let mut symbols = call.session.symbols();
    let mut lines = vec![format!("error={}", any_error(&replies))];
    let unknown = items(&replies[0], "UnknownStateFilters")
        .iter()
        .filter_map(Value::as_str);
    lines.extend(unknown.map(|state| format!("unknown state {state}")));
    let mut transactions: Vec<&Value> = replies
        .iter()
        .flat_map(|reply| items(reply, "TransactionStates"))
        .collect();
    transactions.sort_by_key(|transaction| text(transaction, "TransactionalId"));
    let mut listed = Vec::new();
    for transaction in transactions {
        let id = text(transaction, "TransactionalId");
        if id.starts_with(&prefix) {
            let producer = symbols.producer(number(transaction, "ProducerId", -1));
            let state = text(transaction, "TransactionState");
            listed.push(format!("{} state={state} producer={producer}", symbols.text(id)));
        }
    }
    listed.sort();
    lines.extend(listed);
    Ok(lines)
}

/// `describe-producers t/0`: who has written there lately, and what they have open.
pub(super) async fn producers(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[])?;
    let places = places(call, args)?;
    let request = call.request("DescribeProducers", Struct::new().with("Topics", indexed(&places)))?;
    let reply = call.ask(&request, &leader_of(&places)).await?;
    let mut symbols = call.session.symbols();
    let mut lines = Vec::new();
    for topic in items(&reply, "Topics") {
        for partition in items(topic, "Partitions") {
            let shown = format!(
                "{}/{}",
                symbols.text(text(topic, "Name")),
                number(partition, "PartitionIndex", -1)
            );
            lines.push(format!("{shown} error={}{}", error(partition), message(partition)));
            // Kafka keeps them by the hash of their ids.
            let mut producers = Vec::new();
            for active in items(partition, "ActiveProducers") {
                producers.push(format!(
                    "{shown} producer={} epoch={} seq={} time={} coordinator-epoch={} open-from={}",
                    symbols.producer(number(active, "ProducerId", -1)),
                    number(active, "ProducerEpoch", -1),
                    number(active, "LastSequence", -1),
                    symbols.time(number(active, "LastTimestamp", -1)),
                    number(active, "CoordinatorEpoch", -1),
                    number(active, "CurrentTxnStartOffset", -1)
                ));
            }
            producers.sort();
            lines.extend(producers);
        }
    }
    Ok(lines)
}

fn identified(args: &Args, id: &str) -> Result<Struct, Halt> {
    Ok(Struct::new()
        .with("TransactionalId", id)
        .with("ProducerId", producer(args)?)
        .with("ProducerEpoch", epoch(args)?))
}

fn producer(args: &Args) -> Result<Value, Halt> {
    let id = args
        .int("producer")?
        .ok_or_else(|| Halt::Broken(format!("{} wants producer=$p", args.verb)))?;
    Ok(Value::Int(id))
}

fn epoch(args: &Args) -> Result<Value, Halt> {
    Ok(Value::Int(args.int("epoch")?.unwrap_or(0)))
}

/// The last word of the step.
fn is_commit(args: &Args) -> Result<bool, Halt> {
    match args.positional.last().and_then(Arg::text).as_deref() {
        Some("commit") => Ok(true),
        Some("abort") => Ok(false),
        _ => Err(Halt::Broken(format!("{} wants commit or abort at its end", args.verb))),
    }
}

/// Each partition as a topic of the request.
fn indexed(places: &[(String, i32)]) -> Vec<Struct> {
    let topic = |(topic, partition): &(String, i32)| {
        let partitions = Value::Array(vec![Value::Int((*partition).into())]);
        Struct::new()
            .with("Name", topic.as_str())
            .with("PartitionIndexes", partitions)
    };
    places.iter().map(topic).collect()
}
