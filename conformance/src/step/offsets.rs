//! Positions of a log: `list-offsets`, `end-offset`, `epoch-end`, `delete-records`.

use kafka_fixtures::value::{Struct, Value};

use super::produce::NO_TOPIC;
use super::read::{error, items, number};
use super::{Call, Halt, Place, Session};
use crate::case::{Arg, Args};

/// `list-offsets t/0 at=latest`, or several: `list-offsets [t/0, t/1] at=earliest`.
pub(super) async fn list(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["at", "isolation", "leader-epoch", "replica"])?;
    let reply = ask(call, args).await?;
    let mut lines = Vec::new();
    for topic in items(&reply, "Topics") {
        for partition in items(topic, "Partitions") {
            let symbols = call.session.symbols();
            let mut line = format!(
                "{} error={}",
                shown(&symbols, topic, partition, "PartitionIndex"),
                error(partition)
            );
            line += &format!(" offset={}", number(partition, "Offset", -1));
            let time = number(partition, "Timestamp", -1);
            if time != -1 {
                line += &format!(" ts={}", symbols.time(time));
            }
            let epoch = number(partition, "LeaderEpoch", -1);
            if epoch > 0 {
                line += &format!(" epoch={epoch}");
            }
            lines.push(line);
        }
    }
    Ok(lines)
}

/// `end-offset t/0`: the bare offset, or the error.
pub(super) async fn end(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["isolation"])?;
    let reply = ask(call, args).await?;
    let partitions = items(&reply, "Topics")
        .iter()
        .flat_map(|topic| items(topic, "Partitions"));
    Ok(partitions
        .map(|partition| match error(partition).as_str() {
            "NONE" => number(partition, "Offset", -1).to_string(),
            error => format!("error={error}"),
        })
        .collect())
}

async fn ask(call: &mut Call<'_>, args: &Args) -> Result<Value, Halt> {
    let places = places(call, args)?;
    let at = timestamp(args)?;
    let mut topics = Vec::new();
    for (topic, partition) in &places {
        let mut entry = Struct::new().with("PartitionIndex", *partition).with("Timestamp", at);
        if let Some(epoch) = args.int("leader-epoch")? {
            entry.set("CurrentLeaderEpoch", Value::Int(epoch));
        }
        topics.push((topic.clone(), entry));
    }
    let body = Struct::new()
        .with("ReplicaId", Value::Int(args.int("replica")?.unwrap_or(-1)))
        .with("IsolationLevel", Value::Int(isolation(args)?))
        .with("Topics", grouped(topics, "Name", "Partitions"));
    let request = call.request("ListOffsets", body)?;
    call.ask(&request, &leader_of(&places)).await
}

/// `committed`, `uncommitted`, or a number that Kafka may not know.
pub(super) fn isolation(args: &Args) -> Result<i64, Halt> {
    match args.text("isolation").as_deref() {
        None | Some("uncommitted") => Ok(0),
        Some("committed") => Ok(1),
        Some(other) => other
            .parse()
            .map_err(|_| Halt::Broken(format!("isolation={other}: committed or uncommitted"))),
    }
}

/// `latest`, `earliest`, `max`, or a number such as a timestamp.
fn timestamp(args: &Args) -> Result<i64, Halt> {
    match args.text("at").as_deref() {
        None | Some("latest") => Ok(-1),
        Some("earliest") => Ok(-2),
        Some("max") => Ok(-3),
        Some("earliest-local") => Ok(-4),
        Some("latest-tiered") => Ok(-5),
        Some(other) => other
            .parse()
            .map_err(|_| Halt::Broken(format!("at={other}: latest, earliest, max or a timestamp"))),
    }
}

/// `epoch-end t/0 epoch=0 [leader-epoch=0]`
pub(super) async fn epoch_end(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["epoch", "leader-epoch", "replica"])?;
    let places = places(call, args)?;
    let epoch = args.int("epoch")?.unwrap_or(0);
    let leader_epoch = args.int("leader-epoch")?.unwrap_or(-1);
    let entry = |partition: i32| {
        Struct::new()
            .with("Partition", partition)
            .with("CurrentLeaderEpoch", Value::Int(leader_epoch))
            .with("LeaderEpoch", Value::Int(epoch))
    };
    let topics = places
        .iter()
        .map(|(topic, partition)| (topic.clone(), entry(*partition)))
        .collect();
    let body = Struct::new()
        .with("ReplicaId", Value::Int(args.int("replica")?.unwrap_or(-2)))
        .with("Topics", grouped(topics, "Topic", "Partitions"));
    let request = call.request("OffsetForLeaderEpoch", body)?;
    let reply = call.ask(&request, &leader_of(&places)).await?;
    let symbols = call.session.symbols();
    let mut lines = Vec::new();
    for topic in items(&reply, "Topics") {
        for partition in items(topic, "Partitions") {
            let shown = shown(&symbols, topic, partition, "Partition");
            let (epoch, end) = (number(partition, "LeaderEpoch", -1), number(partition, "EndOffset", -1));
            lines.push(format!("{shown} error={} epoch={epoch} end={end}", error(partition)));
        }
    }
    Ok(lines)
}

/// `delete-records t/0 to=3`; -1 is the high watermark.
pub(super) async fn delete_records(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["to", "timeout"])?;
    let places = places(call, args)?;
    let to = args
        .int("to")?
        .ok_or_else(|| Halt::Broken("delete-records wants to=OFFSET".to_owned()))?;
    let entry = |partition: i32| Struct::new().with("PartitionIndex", partition).with("Offset", to);
    let topics = places
        .iter()
        .map(|(topic, partition)| (topic.clone(), entry(*partition)))
        .collect();
    let body = Struct::new()
        .with("Topics", grouped(topics, "Name", "Partitions"))
        .with("TimeoutMs", Value::Int(args.int("timeout")?.unwrap_or(10_000)));
    let request = call.request("DeleteRecords", body)?;
    let reply = call.ask(&request, &leader_of(&places)).await?;
    let symbols = call.session.symbols();
    let mut lines = Vec::new();
    for topic in items(&reply, "Topics") {
        for partition in items(topic, "Partitions") {
            let shown = shown(&symbols, topic, partition, "PartitionIndex");
            lines.push(format!(
                "{shown} error={} low={}",
                error(partition),
                number(partition, "LowWatermark", -1)
            ));
        }
    }
    Ok(lines)
}

/// A line with its error for each partition of an answer, sorted.
pub(super) fn error_lines(call: &Call<'_>, reply: &Value) -> Vec<String> {
    let symbols = call.session.symbols();
    let mut lines = Vec::new();
    for topic in items(reply, "Topics") {
        for partition in items(topic, "Partitions") {
            let shown = shown(&symbols, topic, partition, "PartitionIndex");
            lines.push(format!("{shown} error={}", error(partition)));
        }
    }
    lines.sort();
    lines
}

fn shown(symbols: &crate::observe::Symbols, topic: &Value, partition: &Value, index: &str) -> String {
    let name = ["Name", "Topic"]
        .iter()
        .find_map(|field| topic.get(field)?.as_str())
        .unwrap_or("");
    format!("{}/{}", symbols.text(name), number(partition, index, -1))
}

/// `t/0` or `[t/0, t/1]`
pub(super) fn places(call: &Call<'_>, args: &Args) -> Result<Vec<(String, i32)>, Halt> {
    let places: Vec<(String, i32)> = args
        .positional
        .iter()
        .flat_map(Arg::items)
        .map(|place| call.topic_partition(&place))
        .collect::<Result<_, _>>()?;
    if places.is_empty() {
        return Err(Halt::Broken(format!(
            "{} wants TOPIC/PARTITION, such as t/0",
            args.verb
        )));
    }
    Ok(places)
}

pub(super) fn leader_of(places: &[(String, i32)]) -> Place {
    places.first().map_or(Place::Any, |(topic, partition)| {
        Place::Leader(topic.clone(), *partition)
    })
}

/// Entries of the same topic below one another become one topic of the request.
pub(super) fn grouped(entries: Vec<(String, Struct)>, name: &str, partitions: &str) -> Vec<Struct> {
    let mut topics: Vec<(String, Vec<Struct>)> = Vec::new();
    for (topic, entry) in entries {
        match topics.last_mut().filter(|(last, _)| *last == topic) {
            Some((_, held)) => held.push(entry),
            None => topics.push((topic, vec![entry])),
        }
    }
    topics
        .into_iter()
        .map(|(topic, entries)| Struct::new().with(name, topic).with(partitions, entries))
        .collect()
}

/// Topics by name get the id that the target knows them by, or one that it does not.
pub(super) async fn with_ids(session: &Session, mut topics: Vec<Struct>, name: &str) -> Vec<Struct> {
    for topic in &mut topics {
        let name = topic.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        topic.set("TopicId", session.topic_id(&name).await.unwrap_or(NO_TOPIC));
    }
    topics
}
