//! `fetch`: records and what the broker says of their partitions, in one or many partitions, with or without a session.

use kafka_fixtures::value::{Struct, Value};

use super::offsets::{grouped, isolation, with_ids};
use super::{Call, Halt, Place, Session};
use crate::case::{Arg, Args};
use crate::observe::{batch_lines, bytes_text, error_name, record_lines};
use crate::records::read_all;

const REQUEST_KEYS: &[&str] = &[
    "max-wait",
    "min-bytes",
    "max-bytes",
    "isolation",
    "session",
    "session-epoch",
    "forget",
    "rack",
    "show",
    "replica",
];
const PARTITION_KEYS: &[&str] = &["at", "from", "partition-max", "leader-epoch", "last-epoch", "start"];

/// One partition of a request.
struct Asked {
    topic: String,
    partition: i32,
    fields: Struct,
}

/// `fetch t/0 from=0 …`, or `fetch [{ at: t/0, from: 0 }, …]`; `fetch []` asks for nothing.
pub(super) async fn run(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    let asked = asked(call, args)?;
    let session = args.int("session")?;
    let mut body = Struct::new()
        .with("ReplicaId", Value::Int(args.int("replica")?.unwrap_or(-1)))
        .with("MaxWaitMs", Value::Int(args.int("max-wait")?.unwrap_or(500)))
        .with("MinBytes", Value::Int(args.int("min-bytes")?.unwrap_or(1)))
        .with("MaxBytes", Value::Int(args.int("max-bytes")?.unwrap_or(50 << 20)))
        .with("IsolationLevel", Value::Int(isolation(args)?))
        .with("SessionId", Value::Int(session.unwrap_or(0)))
        .with("SessionEpoch", Value::Int(args.int("session-epoch")?.unwrap_or(-1)))
        .with("RackId", args.text("rack").unwrap_or_default());
    body.set("Topics", topics(call.session, &asked).await);
    let forget = args
        .list("forget")
        .iter()
        .map(|place| call.topic_partition(place))
        .collect::<Result<Vec<_>, _>>()?;
    body.set("ForgottenTopicsData", forgotten(call.session, forget).await);
    let request = call.request("Fetch", body)?;
    let place = asked
        .first()
        .map_or(Place::Any, |asked| Place::Leader(asked.topic.clone(), asked.partition));
    let reply = call.ask(&request, &place).await?;
    let mut lines = top_lines(call, args, &reply);
    let names: Vec<&str> = asked.iter().map(|asked| asked.topic.as_str()).collect();
    for topic in reply.get("Responses").and_then(Value::as_array).unwrap_or_default() {
        let name = call.topic_of(topic, names.iter().copied());
        for partition in topic.get("Partitions").and_then(Value::as_array).unwrap_or_default() {
            lines.extend(partition_lines(call, args, &name, partition));
        }
    }
    Ok(lines)
}

fn asked(call: &Call<'_>, args: &Args) -> Result<Vec<Asked>, Halt> {
    match args.positional.first() {
        Some(Arg::List(entries)) => {
            args.only(REQUEST_KEYS)?;
            entries.iter().map(|entry| one(call, entry)).collect()
        }
        Some(place) => {
            args.only(&[REQUEST_KEYS, PARTITION_KEYS].concat())?;
            let own = args
                .named
                .iter()
                .filter(|(key, _)| PARTITION_KEYS.contains(&key.as_str()));
            let mut entry = vec![("at".to_owned(), place.clone())];
            entry.extend(own.cloned());
            Ok(vec![one(call, &Arg::Record(entry))?])
        }
        None => Err(Halt::Broken(
            "fetch wants TOPIC/PARTITION, such as t/0, or a list".to_owned(),
        )),
    }
}

fn one(call: &Call<'_>, entry: &Arg) -> Result<Asked, Halt> {
    let place = entry
        .get("at")
        .ok_or_else(|| Halt::Broken(format!("at: TOPIC/PARTITION is missing in {entry}")))?;
    if let Arg::Record(fields) = entry
        && let Some((key, _)) = fields.iter().find(|(key, _)| !PARTITION_KEYS.contains(&key.as_str()))
    {
        return Err(Halt::Broken(format!(
            "a partition of fetch does not know {key}:; it knows {}",
            PARTITION_KEYS.join(", ")
        )));
    }
    let (topic, partition) = call.topic_partition(place)?;
    let number = |key: &str, default: i64| match entry.get(key) {
        None => Ok(default),
        Some(value) => value
            .int()
            .ok_or_else(|| Halt::Broken(format!("{key} wants a number, not {value}"))),
    };
    let mut fields = Struct::new()
        .with("Partition", partition)
        .with("FetchOffset", Value::Int(number("from", 0)?))
        .with("PartitionMaxBytes", Value::Int(number("partition-max", 1 << 20)?));
    // Only what the step names: these fields are not in every version, and some versions refuse to leave them unsaid.
    for (key, field) in [
        ("leader-epoch", "CurrentLeaderEpoch"),
        ("last-epoch", "LastFetchedEpoch"),
        ("start", "LogStartOffset"),
    ] {
        if entry.get(key).is_some() {
            fields.set(field, Value::Int(number(key, -1)?));
        }
    }
    Ok(Asked {
        topic,
        partition,
        fields,
    })
}

async fn topics(session: &Session, asked: &[Asked]) -> Vec<Struct> {
    let entries = asked.iter().map(|asked| (asked.topic.clone(), asked.fields.clone()));
    with_ids(session, grouped(entries.collect(), "Topic", "Partitions"), "Topic").await
}

/// `forget=[t/0, t/1]`
async fn forgotten(session: &Session, places: Vec<(String, i32)>) -> Vec<Struct> {
    let topics = places
        .into_iter()
        .map(|(topic, partition)| Struct::new().with("Topic", topic).with("Partitions", vec![partition]));
    with_ids(session, topics.collect(), "Topic").await
}

fn top_lines(call: &Call<'_>, args: &Args, reply: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let error = reply.get("ErrorCode").and_then(Value::as_i64).unwrap_or(0);
    let in_session = args.get("session").is_some() || args.get("session-epoch").is_some();
    if error != 0 || in_session {
        let id = reply.get("SessionId").and_then(Value::as_i64).unwrap_or(0);
        let session = call.session.symbols().session(id);
        lines.push(format!("error={} session={session}", error_name(error)));
    }
    lines
}

fn partition_lines(call: &Call<'_>, args: &Args, topic: &str, partition: &Value) -> Vec<String> {
    let number = |field: &str| partition.get(field).and_then(Value::as_i64);
    let mut symbols = call.session.symbols();
    let shown = format!("{}/{}", symbols.text(topic), number("PartitionIndex").unwrap_or(-1));
    let mut line = format!(
        "{shown} error={} hw={}",
        error_name(number("ErrorCode").unwrap_or(0)),
        number("HighWatermark").unwrap_or(-1)
    );
    if let Some(stable) = number("LastStableOffset").filter(|stable| Some(*stable) != number("HighWatermark")) {
        line += &format!(" lso={stable}");
    }
    if let Some(start) = number("LogStartOffset").filter(|start| *start > 0) {
        line += &format!(" start={start}");
    }
    if let Some(replica) = number("PreferredReadReplica").filter(|replica| *replica >= 0) {
        line += &format!(" preferred={}", symbols.broker(replica));
    }
    if let Some(epoch) = partition
        .at("DivergingEpoch.Epoch")
        .and_then(Value::as_i64)
        .filter(|epoch| *epoch >= 0)
    {
        let end = partition
            .at("DivergingEpoch.EndOffset")
            .and_then(Value::as_i64)
            .unwrap_or(-1);
        line += &format!(" diverging={epoch}:{end}");
    }
    if let Some(leader) = partition
        .at("CurrentLeader.LeaderId")
        .and_then(Value::as_i64)
        .filter(|leader| *leader >= 0)
    {
        line += &format!(" leader={}", symbols.broker(leader));
    }
    let mut lines = vec![line];
    if let Some(Value::Array(aborted)) = partition.get("AbortedTransactions") {
        if aborted.is_empty()
            && args.text("isolation").as_deref() == Some("committed")
            && args.list("show").contains(&Arg::Word("aborted".to_owned()))
        {
            lines.push(format!("{shown} aborted=[]"));
        }
        for entry in aborted {
            let field = |name: &str| entry.get(name).and_then(Value::as_i64).unwrap_or(-1);
            lines.push(format!(
                "{shown} aborted={} from={}",
                symbols.producer(field("ProducerId")),
                field("FirstOffset")
            ));
        }
    }
    let bytes = partition.get("Records").and_then(Value::as_bytes);
    let batches = bytes.map(|bytes| read_all(bytes)).unwrap_or_default();
    let shows = |what: &str| {
        args.list("show")
            .iter()
            .any(|shown| shown.text().as_deref() == Some(what))
    };
    if shows("bytes") {
        lines.push(format!(
            "{shown} bytes={}",
            bytes.map_or_else(String::new, |bytes| bytes_text(bytes))
        ));
    }
    if shows("batches") {
        lines.extend(
            batch_lines(&batches, &mut symbols)
                .iter()
                .map(|line| format!("{shown} {line}")),
        );
    }
    if !shows("no-records") {
        lines.extend(
            record_lines(&batches, &mut symbols)
                .iter()
                .map(|line| format!("{shown} {line}")),
        );
    }
    lines
}
