//! Topics as an administrator sees them: `metadata`, `create-topic`, `delete-topic`, `create-partitions`.

use kafka_fixtures::value::{Struct, Value};

use super::given::ready;
use super::read::{error, items, message, number, text};
use super::{Call, Halt, Place};
use crate::case::{Arg, Args};

/// `metadata [t u]`: a line a topic and a line a partition.
pub(super) async fn metadata(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["auto-create"])?;
    let names: Vec<String> = args
        .positional
        .iter()
        .flat_map(Arg::items)
        .filter_map(|name| call.name(&name))
        .collect();
    let topics: Vec<Struct> = names
        .iter()
        .map(|name| Struct::new().with("Name", name.as_str()))
        .collect();
    let body = Struct::new()
        .with("Topics", topics)
        .with("AllowAutoTopicCreation", args.flag("auto-create"));
    let request = call.request("Metadata", body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    let mut entries: Vec<&Value> = items(&reply, "Topics").iter().collect();
    entries.sort_by_key(|topic| text(topic, "Name").to_owned());
    let mut symbols = call.session.symbols();
    let mut lines = Vec::new();
    for topic in entries {
        let name = symbols.text(text(topic, "Name"));
        let mut partitions: Vec<&Value> = items(topic, "Partitions").iter().collect();
        partitions.sort_by_key(|partition| number(partition, "PartitionIndex", -1));
        let internal = if topic.get("IsInternal") == Some(&Value::Bool(true)) {
            " internal"
        } else {
            ""
        };
        lines.push(format!(
            "{name} error={} partitions={}{internal}",
            error(topic),
            partitions.len()
        ));
        for partition in partitions {
            lines.push(format!(
                "{name}/{} {}",
                number(partition, "PartitionIndex", -1),
                standing(&mut symbols, partition)
            ));
        }
    }
    Ok(lines)
}

fn standing(symbols: &mut crate::observe::Symbols, partition: &Value) -> String {
    // Brokers count by first sight: the leader, then the replicas in the order of their assignment, which has a meaning.
    let leader = symbols.broker(number(partition, "LeaderId", -1));
    let mut brokers = |field: &str| {
        let ids = items(partition, field).iter().filter_map(Value::as_i64);
        ids.map(|id| symbols.broker(id)).collect::<Vec<_>>()
    };
    let replicas = brokers("ReplicaNodes");
    let (mut in_sync, mut offline) = (brokers("IsrNodes"), brokers("OfflineReplicas"));
    in_sync.sort();
    offline.sort();
    let mut line = match error(partition).as_str() {
        "NONE" => String::new(),
        error => format!("error={error} "),
    };
    line += &format!("leader={leader}");
    let epoch = number(partition, "LeaderEpoch", -1);
    if epoch > 0 {
        line += &format!(" epoch={epoch}");
    }
    line += &format!(" replicas=[{}] isr=[{}]", replicas.join(", "), in_sync.join(", "));
    if !offline.is_empty() {
        line += &format!(" offline=[{}]", offline.join(", "));
    }
    line
}

/// `create-topic t partitions=1 [replicas=1 | assignment=[[0]]] [config={ k: v }] [validate-only=true]`
pub(super) async fn create(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[
        "partitions",
        "replicas",
        "assignment",
        "config",
        "validate-only",
        "timeout",
    ])?;
    let name = call.name_at(args, 0, "a topic name")?;
    let mut topic = Struct::new().with("Name", name.as_str());
    let assignment = assignment(call, args)?;
    let default = if assignment.is_empty() { 1 } else { -1 };
    let partitions = args.int("partitions")?.unwrap_or(default);
    topic.set("NumPartitions", Value::Int(partitions));
    topic.set(
        "ReplicationFactor",
        Value::Int(args.int("replicas")?.unwrap_or(default)),
    );
    let assigned = i64::try_from(assignment.len()).unwrap_or(i64::MAX);
    topic.set("Assignments", assignment);
    topic.set("Configs", configs(args.get("config")));
    let body = Struct::new()
        .with("Topics", vec![topic])
        .with("timeoutMs", Value::Int(args.int("timeout")?.unwrap_or(10_000)))
        .with("validateOnly", args.flag("validate-only"));
    let request = call.request("CreateTopics", body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    call.session.forget_topic(&name);
    let lines = result_lines(call, items(&reply, "Topics"), "Name");
    if !args.flag("validate-only") && items(&reply, "Topics").iter().all(|topic| error(topic) == "NONE") {
        let wanted = i32::try_from(partitions.max(assigned).max(1)).unwrap_or(1);
        ready(call.session, &name, wanted).await.map_err(Halt::Broken)?;
    }
    Ok(lines)
}

fn assignment(call: &Call<'_>, args: &Args) -> Result<Vec<Struct>, Halt> {
    let mut assignments = Vec::new();
    for (partition, replicas) in (0_i32..).zip(args.list("assignment")) {
        let ids = broker_ids(call, &replicas)?;
        assignments.push(Struct::new().with("PartitionIndex", partition).with("BrokerIds", ids));
    }
    Ok(assignments)
}

/// Brokers by their place in the list; a quoted number is an id as it is.
fn broker_ids(call: &Call<'_>, replicas: &Arg) -> Result<Vec<i32>, Halt> {
    let brokers = &call.session.facts().brokers;
    let id = |replica: &Arg| match replica {
        Arg::Text(id) => id.parse().ok(),
        other => other
            .int()
            .and_then(|index| brokers.get(usize::try_from(index).ok()?))
            .map(|broker| broker.id),
    };
    let ids: Option<Vec<i32>> = replicas.items().iter().map(id).collect();
    ids.ok_or_else(|| Halt::Broken(format!("{replicas} names a broker that there is not")))
}

fn configs(config: Option<&Arg>) -> Vec<Struct> {
    let Some(Arg::Record(pairs)) = config else {
        return Vec::new();
    };
    pairs
        .iter()
        .map(|(key, value)| Struct::new().with("Name", key.as_str()).with("Value", value.text()))
        .collect()
}

/// `delete-topic t`; `delete-topic id=$t.id` from v6 on.
pub(super) async fn delete(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["id", "timeout"])?;
    let names: Vec<String> = args
        .positional
        .iter()
        .flat_map(Arg::items)
        .filter_map(|name| call.name(&name))
        .collect();
    let mut topics: Vec<Struct> = names
        .iter()
        .map(|name| Struct::new().with("Name", name.as_str()))
        .collect();
    for id in args.list("id") {
        let Arg::Uuid(id) = id else {
            return Err(Halt::Broken("id= wants the id of a topic: $t.id".to_owned()));
        };
        topics.push(Struct::new().with("Name", Value::Null).with("TopicId", id));
    }
    let body = Struct::new()
        .with("Topics", topics)
        .with("TopicNames", names.iter().map(String::as_str).collect::<Vec<_>>())
        .with("TimeoutMs", Value::Int(args.int("timeout")?.unwrap_or(10_000)));
    let request = call.request("DeleteTopics", body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    for topic in items(&reply, "Responses") {
        call.session.forget_topic(text(topic, "Name"));
    }
    Ok(result_lines(call, items(&reply, "Responses"), "Name"))
}

/// `create-partitions t total=3 [assignment=[[0],[0]]] [validate-only=true]`
pub(super) async fn create_partitions(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["total", "assignment", "validate-only", "timeout"])?;
    let name = call.name_at(args, 0, "a topic name")?;
    let total = args
        .int("total")?
        .ok_or_else(|| Halt::Broken("create-partitions wants total=N".to_owned()))?;
    let mut topic = Struct::new()
        .with("Name", name.as_str())
        .with("Count", Value::Int(total))
        .with("Assignments", Value::Null);
    if args.get("assignment").is_some() {
        let mut assignments = Vec::new();
        for replicas in args.list("assignment") {
            assignments.push(Struct::new().with("BrokerIds", broker_ids(call, &replicas)?));
        }
        topic.set("Assignments", assignments);
    }
    let body = Struct::new()
        .with("Topics", vec![topic])
        .with("TimeoutMs", Value::Int(args.int("timeout")?.unwrap_or(10_000)))
        .with("ValidateOnly", args.flag("validate-only"));
    let request = call.request("CreatePartitions", body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    let lines = result_lines(call, items(&reply, "Results"), "Name");
    if !args.flag("validate-only") && items(&reply, "Results").iter().all(|topic| error(topic) == "NONE") {
        ready(call.session, &name, i32::try_from(total).unwrap_or(1))
            .await
            .map_err(Halt::Broken)?;
    }
    Ok(lines)
}

/// `t error=NONE`, with `message` where there is one.
fn result_lines(call: &Call<'_>, results: &[Value], name: &str) -> Vec<String> {
    let mut symbols = call.session.symbols();
    let mut lines: Vec<String> = results
        .iter()
        .map(|result| {
            let shown = match (result.get(name).and_then(Value::as_str), result.get("TopicId")) {
                (Some(name), _) => symbols.text(name),
                (None, Some(Value::Uuid(id))) => symbols.topic_id(*id),
                (None, _) => "null".to_owned(),
            };
            format!("{shown} error={}{}", error(result), message(result))
        })
        .collect();
    lines.sort();
    lines
}
