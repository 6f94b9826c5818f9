//! Groups of the consumer protocol (KIP-848): `consumer-heartbeat` and `consumer-describe`.

use std::collections::BTreeMap;

use kafka_fixtures::value::{Struct, Value};

use super::group::{instance, member, names};
use super::read::{error, items, message, number, text};
use super::{Call, Halt};
use crate::case::{Arg, Args};

const NO_TOPIC: [u8; 16] = [0; 16];

/// What a member that joins says of itself where the step does not: how long it may take to give up partitions.
const REBALANCE_TIMEOUT_MS: i64 = 60_000;

/// `consumer-heartbeat g member=m1 epoch=0 topics=[t] [regex="…"] [owned=[t/0]] [assignor=range] [instance=i] [rack=r]
/// [rebalance=60000] [show=[interval]] -> $m1`: with epoch 0 it owns nothing and says a rebalance timeout, unless it says
/// otherwise.
pub(super) async fn heartbeat(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[
        "member",
        "epoch",
        "topics",
        "regex",
        "owned",
        "assignor",
        "instance",
        "rack",
        "rebalance",
        "show",
    ])?;
    let group = call.name_at(args, 0, "a group name")?;
    let epoch = args.int("epoch")?.unwrap_or(0);
    let rebalance = args
        .int("rebalance")?
        .unwrap_or(if epoch == 0 { REBALANCE_TIMEOUT_MS } else { -1 });
    let mut body = Struct::new()
        .with("GroupId", group.as_str())
        .with("MemberId", member(args))
        .with("MemberEpoch", Value::Int(epoch))
        .with("InstanceId", instance(call, args))
        .with("RackId", args.text("rack"))
        .with("RebalanceTimeoutMs", Value::Int(rebalance))
        .with("SubscribedTopicRegex", args.text("regex"))
        .with("ServerAssignor", args.text("assignor"));
    if let Some(topics @ Arg::List(_)) = args.get("topics") {
        let topics: Vec<String> = topics.items().iter().filter_map(|topic| call.name(topic)).collect();
        body.set(
            "SubscribedTopicNames",
            topics.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    match args.get("owned") {
        Some(Arg::Null) => {}
        None if epoch != 0 => {}
        owned => body.set("TopicPartitions", owned_partitions(call, owned).await?),
    }
    let request = call.request("ConsumerGroupHeartbeat", body)?;
    let reply = call.ask_coordinator(&request, &group, error).await?;
    let mut line = format!("error={}", error(&reply));
    if number(&reply, "ErrorCode", 0) != 0 {
        return Ok(vec![line + message(&reply)]);
    }
    line += &format!(
        " member={} epoch={}",
        call.session.symbols().member(text(&reply, "MemberId")),
        number(&reply, "MemberEpoch", 0)
    );
    if args
        .list("show")
        .iter()
        .any(|shown| shown.text().as_deref() == Some("interval"))
    {
        line += &format!(" interval={}", number(&reply, "HeartbeatIntervalMs", 0));
    }
    if let Some(assignment) = reply.get("Assignment").filter(|assignment| **assignment != Value::Null) {
        line += &format!(" assignment={}", partitions(call, assignment));
    }
    Ok(vec![line])
}

async fn owned_partitions(call: &Call<'_>, owned: Option<&Arg>) -> Result<Vec<Struct>, Halt> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for place in owned.map(Arg::items).unwrap_or_default() {
        let (topic, partition) = call.topic_partition(&place)?;
        topics.entry(topic).or_default().push(partition);
    }
    let mut entries = Vec::new();
    for (topic, partitions) in topics {
        let id = call.session.topic_id(&topic).await.unwrap_or(NO_TOPIC);
        entries.push(Struct::new().with("TopicId", id).with("Partitions", partitions));
    }
    Ok(entries)
}

/// `[t/0, t/1]`, in order.
fn partitions(call: &Call<'_>, assignment: &Value) -> String {
    let mut shown = Vec::new();
    for topic in items(assignment, "TopicPartitions") {
        let name = match topic.get("TopicId") {
            Some(Value::Uuid(id)) => call.session.symbols().topic_id(*id),
            _ => String::new(),
        };
        let name = name
            .strip_prefix("<id of ")
            .and_then(|name| name.strip_suffix('>'))
            .unwrap_or(&name);
        let indexes = items(topic, "Partitions").iter().filter_map(Value::as_i64);
        shown.extend(indexes.map(|index| (name.to_owned(), index)));
    }
    shown.sort();
    let shown: Vec<String> = shown
        .into_iter()
        .map(|(topic, index)| format!("{topic}/{index}"))
        .collect();
    format!("[{}]", shown.join(", "))
}

/// `consumer-describe g [operations=true]`
pub(super) async fn describe(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["operations"])?;
    let groups = names(call, args)?;
    let body = Struct::new()
        .with("GroupIds", groups.iter().map(String::as_str).collect::<Vec<_>>())
        .with("IncludeAuthorizedOperations", args.flag("operations"));
    let request = call.request("ConsumerGroupDescribe", body)?;
    let first = |reply: &Value| items(reply, "Groups").first().map(error).unwrap_or_default();
    let reply = call.ask_coordinator(&request, &groups[0], first).await?;
    let mut described: Vec<&Value> = items(&reply, "Groups").iter().collect();
    described.sort_by_key(|group| text(group, "GroupId"));
    Ok(described
        .into_iter()
        .flat_map(|group| group_lines(call, group))
        .collect())
}

fn group_lines(call: &Call<'_>, group: &Value) -> Vec<String> {
    let name = call.session.symbols().text(text(group, "GroupId"));
    let name = if name.is_empty() { "\"\"".to_owned() } else { name };
    if number(group, "ErrorCode", 0) != 0 {
        return vec![format!("{name} error={}{}", error(group), message(group))];
    }
    let mut head = format!(
        "{name} error=NONE state={} epoch={} assignment-epoch={} assignor={}",
        text(group, "GroupState"),
        number(group, "GroupEpoch", -1),
        number(group, "AssignmentEpoch", -1),
        text(group, "AssignorName"),
    );
    let operations = number(group, "AuthorizedOperations", i64::from(i32::MIN));
    if operations != i64::from(i32::MIN) {
        head += &format!(" operations={operations}");
    }
    let mut members: Vec<String> = items(group, "Members")
        .iter()
        .map(|member| format!("{name} {}", member_line(call, member)))
        .collect();
    members.sort();
    members.insert(0, head);
    members
}

fn member_line(call: &Call<'_>, member: &Value) -> String {
    let mut line = {
        let mut symbols = call.session.symbols();
        let mut line = format!(
            "member {} epoch={} client={}",
            symbols.member(text(member, "MemberId")),
            number(member, "MemberEpoch", -1),
            crate::observe::quote(text(member, "ClientId")),
        );
        for (field, word) in [
            ("InstanceId", "instance"),
            ("RackId", "rack"),
            ("SubscribedTopicRegex", "regex"),
        ] {
            if let Some(value) = member.get(field).and_then(Value::as_str) {
                line += &format!(" {word}={}", crate::observe::quote(&symbols.names.plain(value)));
            }
        }
        let topics = items(member, "SubscribedTopicNames").iter().filter_map(Value::as_str);
        let mut topics: Vec<String> = topics.map(|topic| symbols.text(topic)).collect();
        topics.sort();
        line + &format!(" topics=[{}]", topics.join(", "))
    };
    for (field, word) in [("Assignment", "assignment"), ("TargetAssignment", "target")] {
        if let Some(assignment) = member.get(field) {
            line += &format!(" {word}={}", partitions(call, assignment));
        }
    }
    match number(member, "MemberType", -1) {
        0 => line + " type=classic",
        1 => line + " type=consumer",
        _ => line,
    }
}
