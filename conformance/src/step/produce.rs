//! `produce`: record batches byte by byte, in one or many partitions of one request.

mod batch;

use bytes::Bytes;
use kafka_fixtures::value::{Struct, Value};

use super::offsets::{grouped, with_ids};
use super::{Call, Halt, Place, Session};
use crate::case::{Arg, Args};
use crate::observe::error_name;

const REQUEST_KEYS: &[&str] = &["acks", "timeout", "txn-id"];
/// The id by which a request names a topic that there is not.
pub(super) const NO_TOPIC: [u8; 16] = [0xee; 16];

/// One partition of a request.
struct Target {
    topic: String,
    partition: i32,
    records: Option<Bytes>,
}

/// `produce t/0 values=[…] …`, or `produce [{ to: t/0, values: […] }, …]` for several partitions.
pub(super) async fn run(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    let targets = targets(call, args)?;
    let acks = args.int("acks")?.unwrap_or(-1);
    let mut body = Struct::new()
        .with("TransactionalId", args.get("txn-id").and_then(|id| call.name(id)))
        .with("Acks", Value::Int(acks))
        .with("TimeoutMs", Value::Int(args.int("timeout")?.unwrap_or(10_000)));
    body.set("TopicData", topic_data(call.session, &targets).await);
    let request = call.request("Produce", body)?;
    let place = targets.first().map_or(Place::Any, |target| {
        Place::Leader(target.topic.clone(), target.partition)
    });
    if acks == 0 {
        call.tell(&request, &place).await?;
        return Ok(vec!["sent".to_owned()]);
    }
    let reply = call.ask(&request, &place).await?;
    Ok(lines(call, &targets, &reply))
}

fn targets(call: &Call<'_>, args: &Args) -> Result<Vec<Target>, Halt> {
    match args.positional.first() {
        Some(Arg::List(entries)) => {
            args.only(REQUEST_KEYS)?;
            entries.iter().map(|entry| target(call, entry)).collect()
        }
        Some(place) => {
            let own = args
                .named
                .iter()
                .filter(|(key, _)| !REQUEST_KEYS.contains(&key.as_str()));
            let mut entry = vec![("to".to_owned(), place.clone())];
            entry.extend(own.cloned());
            Ok(vec![target(call, &Arg::Record(entry))?])
        }
        None => Err(Halt::Broken("produce wants TOPIC/PARTITION, such as t/0".to_owned())),
    }
}

fn target(call: &Call<'_>, entry: &Arg) -> Result<Target, Halt> {
    let to = entry
        .get("to")
        .ok_or_else(|| Halt::Broken(format!("to: TOPIC/PARTITION is missing in {entry}")))?;
    let (topic, partition) = call.topic_partition(to)?;
    let now_ms = call.session.symbols().started_ms();
    Ok(Target {
        topic,
        partition,
        records: batch::records(entry, now_ms)?.map(Bytes::from),
    })
}

async fn topic_data(session: &Session, targets: &[Target]) -> Vec<Struct> {
    let entry = |target: &Target| {
        Struct::new()
            .with("Index", target.partition)
            .with("Records", target.records.clone())
    };
    let entries = targets.iter().map(|target| (target.topic.clone(), entry(target)));
    with_ids(session, grouped(entries.collect(), "Name", "PartitionData"), "Name").await
}

/// One line a partition, in the order of the request where the reply names it.
fn lines(call: &Call<'_>, targets: &[Target], reply: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for topic in reply.get("Responses").and_then(Value::as_array).unwrap_or_default() {
        let name = call.topic_of(topic, targets.iter().map(|target| target.topic.as_str()));
        for partition in topic
            .get("PartitionResponses")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            lines.extend(partition_lines(call, &name, partition));
        }
    }
    lines.sort_by_key(|(place, _)| {
        targets
            .iter()
            .position(|target| place.0 == target.topic && place.1 == i64::from(target.partition))
    });
    lines.into_iter().map(|(_, line)| line).collect()
}

type Placed = ((String, i64), String);

fn partition_lines(call: &Call<'_>, topic: &str, partition: &Value) -> Vec<Placed> {
    let number = |field: &str| partition.get(field).and_then(Value::as_i64);
    let mut symbols = call.session.symbols();
    let index = number("Index").unwrap_or(-1);
    let shown = format!("{}/{index}", symbols.text(topic));
    let mut line = format!(
        "{shown} error={} base={}",
        error_name(number("ErrorCode").unwrap_or(0)),
        number("BaseOffset").unwrap_or(-1)
    );
    if let Some(time) = number("LogAppendTimeMs").filter(|time| *time != -1) {
        line += &format!(" append-time={}", symbols.time(time));
    }
    if let Some(start) = number("LogStartOffset").filter(|start| *start > 0) {
        line += &format!(" start={start}");
    }
    if partition.get("ErrorMessage").is_some_and(|message| !message.is_null()) {
        line += " message";
    }
    if let Some(leader) = partition
        .at("CurrentLeader.LeaderId")
        .and_then(Value::as_i64)
        .filter(|leader| *leader >= 0)
    {
        line += &format!(" leader={}", symbols.broker(leader));
    }
    let place = (topic.to_owned(), index);
    let mut lines = vec![(place.clone(), line)];
    for error in partition
        .get("RecordErrors")
        .and_then(Value::as_array)
        .unwrap_or_default()
    {
        let record = error.get("BatchIndex").and_then(Value::as_i64).unwrap_or(-1);
        let message = error
            .get("BatchIndexErrorMessage")
            .is_some_and(|message| !message.is_null());
        lines.push((
            place.clone(),
            format!("{shown} record-error={record}{}", if message { " message" } else { "" }),
        ));
    }
    lines
}
