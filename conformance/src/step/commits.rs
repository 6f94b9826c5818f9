//! Committed offsets and where they live: `commit`, `offsets`, `offset-delete`, `find-coordinator`.

use kafka_fixtures::value::{Struct, Value};

use super::group::{instance, member};
use super::offsets::{error_lines, grouped, with_ids};
use super::read::{error, items, number, text};
use super::{Call, Halt, Place};
use crate::case::{Arg, ArgError, Args};
use crate::observe::quote;

/// `commit g t/0=5 [metadata="x"] [member=$m1 generation=1] …`, or `commit g [{ at: t/0, offset: 5, metadata: x }]`
pub(super) async fn commit(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    known_keys(args, &[])?;
    let group = call.name_at(args, 0, "a group name")?;
    let entries = entries(call, args, 1)?;
    let mut body = Struct::new()
        .with("GroupId", group.as_str())
        .with(
            "GenerationIdOrMemberEpoch",
            Value::Int(args.int("generation")?.unwrap_or(-1)),
        )
        .with("MemberId", member(args))
        .with("GroupInstanceId", instance(call, args));
    if let Some(retention) = args.int("retention")? {
        body.set("RetentionTimeMs", Value::Int(retention));
    }
    let names: Vec<String> = entries.iter().map(|(topic, _)| topic.clone()).collect();
    body.set(
        "Topics",
        with_ids(call.session, grouped(entries, "Name", "Partitions"), "Name").await,
    );
    let request = call.request("OffsetCommit", body)?;
    let reply = call.ask_coordinator(&request, &group, deep_error).await?;
    let mut lines = Vec::new();
    for topic in items(&reply, "Topics") {
        let name = call.topic_of(topic, names.iter().map(String::as_str));
        let shown = call.session.symbols().text(&name);
        for partition in items(topic, "Partitions") {
            lines.push(format!(
                "{shown}/{} error={}",
                number(partition, "PartitionIndex", -1),
                error(partition)
            ));
        }
    }
    lines.sort();
    Ok(lines)
}

/// A partition is a key too: `t/0=5`.
pub(super) fn known_keys(args: &Args, more: &[&str]) -> Result<(), ArgError> {
    let mut known = vec![
        "metadata",
        "leader-epoch",
        "member",
        "generation",
        "instance",
        "retention",
    ];
    known.extend(more);
    known.extend(
        args.named
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| key.contains('/')),
    );
    args.only(&known)
}

/// `t/0=5 …`, or `[{ at: t/0, offset: 5, metadata: x }]` behind the first `skip` arguments: topics with an entry each.
pub(super) fn entries(call: &Call<'_>, args: &Args, skip: usize) -> Result<Vec<(String, Struct)>, Halt> {
    let mut entries = Vec::new();
    for (key, offset) in args.named.iter().filter(|(key, _)| key.contains('/')) {
        let (topic, partition) = call.topic_partition(&Arg::Word(key.clone()))?;
        entries.push((
            topic,
            commit_entry(partition, Some(offset), args.get("metadata"), args.get("leader-epoch"))?,
        ));
    }
    for entry in args.positional.iter().skip(skip).flat_map(Arg::items) {
        let at = entry
            .get("at")
            .ok_or_else(|| Halt::Broken(format!("at: TOPIC/PARTITION is missing in {entry}")))?;
        let (topic, partition) = call.topic_partition(at)?;
        entries.push((
            topic,
            commit_entry(
                partition,
                entry.get("offset"),
                entry.get("metadata"),
                entry.get("leader-epoch"),
            )?,
        ));
    }
    Ok(entries)
}

fn commit_entry(
    partition: i32,
    offset: Option<&Arg>,
    metadata: Option<&Arg>,
    leader_epoch: Option<&Arg>,
) -> Result<Struct, Halt> {
    let offset = offset
        .and_then(Arg::int)
        .ok_or_else(|| Halt::Broken("commit wants an offset: t/0=5".to_owned()))?;
    let mut entry = Struct::new()
        .with("PartitionIndex", partition)
        .with("CommittedOffset", Value::Int(offset));
    let metadata = metadata.map_or(Some(String::new()), Arg::text);
    entry.set("CommittedMetadata", metadata);
    if let Some(epoch) = leader_epoch {
        let epoch = epoch.int();
        let epoch = epoch.ok_or_else(|| Halt::Broken("leader-epoch wants a number".to_owned()))?;
        entry.set("CommittedLeaderEpoch", Value::Int(epoch));
    }
    Ok(entry)
}

fn deep_error(reply: &Value) -> String {
    let partition = reply.at("Topics[0].Partitions[0]");
    partition.map(error).unwrap_or_default()
}

/// `offsets g t/0 t/1 [stable=true]`; without partitions: all that is committed.
pub(super) async fn fetch(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["stable", "member", "epoch"])?;
    let group = call.name_at(args, 0, "a group name")?;
    let mut topics: Vec<(String, Vec<i32>)> = Vec::new();
    for place in args.positional.iter().skip(1).flat_map(Arg::items) {
        let (topic, partition) = call.topic_partition(&place)?;
        match topics.iter_mut().find(|(held, _)| *held == topic) {
            Some((_, partitions)) => partitions.push(partition),
            None => topics.push((topic, vec![partition])),
        }
    }
    let names: Vec<String> = topics.iter().map(|(topic, _)| topic.clone()).collect();
    let entries = topics
        .into_iter()
        .map(|(topic, partitions)| Struct::new().with("Name", topic).with("PartitionIndexes", partitions));
    let entries = with_ids(call.session, entries.collect(), "Name").await;
    let topics = if entries.is_empty() {
        Value::Null
    } else {
        Value::from(entries)
    };
    let mut asked = Struct::new()
        .with("GroupId", group.as_str())
        .with("Topics", topics.clone());
    if args.get("member").is_some() {
        asked.set("MemberId", member(args));
        asked.set("MemberEpoch", Value::Int(args.int("epoch")?.unwrap_or(-1)));
    }
    let body = Struct::new()
        .with("GroupId", group.as_str())
        .with("Topics", topics)
        .with("Groups", vec![asked])
        .with("RequireStable", args.flag("stable"));
    let mut request = call.request("OffsetFetch", body)?;
    if request.version < 8 {
        strip(&mut request.body, "TopicId");
    }
    let reply = call
        .ask_coordinator(&request, &group, |reply| error(reply.at("Groups[0]").unwrap_or(reply)))
        .await?;
    let answer = reply.at("Groups[0]").unwrap_or(&reply).clone();
    let mut lines = Vec::new();
    for topic in items(&answer, "Topics") {
        let name = call.topic_of(topic, names.iter().map(String::as_str));
        let shown = call.session.symbols().text(&name);
        lines.extend(
            items(topic, "Partitions")
                .iter()
                .map(|partition| offset_line(&shown, partition)),
        );
    }
    lines.sort();
    lines.insert(0, format!("error={}", error(&answer)));
    Ok(lines)
}

fn strip(body: &mut Value, field: &str) {
    if let Some(Value::Array(topics)) = body.at_mut("Topics") {
        for topic in topics {
            if let Value::Struct(held) = topic {
                held.fields.retain(|(name, _)| name != field);
            }
        }
    }
}

fn offset_line(topic: &str, partition: &Value) -> String {
    let metadata = match partition.get("Metadata") {
        Some(Value::String(words)) => quote(words),
        _ => "null".to_owned(),
    };
    let mut line = format!(
        "{topic}/{} offset={}",
        number(partition, "PartitionIndex", -1),
        number(partition, "CommittedOffset", -1)
    );
    let epoch = number(partition, "CommittedLeaderEpoch", -1);
    if epoch >= 0 {
        line += &format!(" epoch={epoch}");
    }
    if metadata != "\"\"" {
        line += &format!(" metadata={metadata}");
    }
    match error(partition).as_str() {
        "NONE" => line,
        error => format!("{line} error={error}"),
    }
}

/// `offset-delete g t/0 t/1`
pub(super) async fn delete(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[])?;
    let group = call.name_at(args, 0, "a group name")?;
    let mut entries = Vec::new();
    for place in args.positional.iter().skip(1).flat_map(Arg::items) {
        let (topic, partition) = call.topic_partition(&place)?;
        entries.push((topic, Struct::new().with("PartitionIndex", partition)));
    }
    let body = Struct::new()
        .with("GroupId", group.as_str())
        .with("Topics", grouped(entries, "Name", "Partitions"));
    let request = call.request("OffsetDelete", body)?;
    let reply = call.ask_coordinator(&request, &group, error).await?;
    let mut lines = error_lines(call, &reply);
    lines.insert(0, format!("error={}", error(&reply)));
    Ok(lines)
}

/// `find-coordinator g [type=group|txn|share]`
pub(super) async fn find_coordinator(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["type"])?;
    let keys: Vec<String> = args
        .positional
        .iter()
        .flat_map(Arg::items)
        .filter_map(|key| call.name(&key))
        .collect();
    let first = keys
        .first()
        .cloned()
        .ok_or_else(|| Halt::Broken("find-coordinator wants a group name".to_owned()))?;
    let kind = match args.text("type").as_deref() {
        None | Some("group") => 0,
        Some("txn") => 1,
        Some("share") => 2,
        Some(other) => other
            .parse()
            .map_err(|_| Halt::Broken(format!("type={other}: group, txn, share or a number")))?,
    };
    let body = Struct::new()
        .with("Key", first.as_str())
        .with("KeyType", Value::Int(kind))
        .with("CoordinatorKeys", keys.iter().map(String::as_str).collect::<Vec<_>>());
    let mut request = call.request("FindCoordinator", body)?;
    if request.version < 1 {
        request.body = Value::Struct(Struct::new().with("Key", first.as_str()));
    }
    let reply = call
        .ask_transient(&request, &Place::Any, |reply| {
            error(reply.at("Coordinators[0]").unwrap_or(reply))
        })
        .await?;
    let mut symbols = call.session.symbols();
    let mut line = |name: &str, answer: &Value| {
        let node = symbols.broker(number(answer, "NodeId", -1));
        format!("{} error={} node={node}", symbols.text(name), error(answer))
    };
    let batch = items(&reply, "Coordinators");
    if batch.is_empty() {
        return Ok(vec![line(&first, &reply)]);
    }
    Ok(batch.iter().map(|answer| line(text(answer, "Key"), answer)).collect())
}
