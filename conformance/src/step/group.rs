//! Classic groups: `join`, `sync`, `heartbeat`, `leave`, and what an administrator asks about groups.

use bytes::Bytes;
use kafka_fixtures::value::{Struct, Value};

use super::read::{any_error, error, items, message, number, text};
use super::{Call, Halt};
use crate::case::{Arg, Args};
use crate::driver::wire::Request;
use crate::observe::bytes_text;

/// `join g [member=$m1] [instance=i] [type=consumer] [protocols=[range]] [session=10000] [rebalance=60000] [reason=""]
/// [show=[id]] -> $m1`
pub(super) async fn join(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    let group = call.name_at(args, 0, "a group name")?;
    let request = join_request(call, args, &group)?;
    let reply = call.ask_coordinator(&request, &group, error).await?;
    let mut lines = join_lines(call, &reply);
    if args
        .list("show")
        .iter()
        .any(|shown| shown.text().as_deref() == Some("id"))
    {
        lines.push(format!("id {}", shape_of(call, text(&reply, "MemberId"))));
    }
    Ok(lines)
}

/// `conformance-<uuid>`: whom a member id is named after.
fn shape_of(call: &Call<'_>, id: &str) -> String {
    let shape = match id.len().checked_sub(36).and_then(|at| id.split_at_checked(at)) {
        Some((name, drawn)) if uuid::Uuid::try_parse(drawn).is_ok() => format!("{name}<uuid>"),
        _ => id.to_owned(),
    };
    call.session.symbols().names.plain(&shape)
}

/// `enter g …` as `join`, and joins again with the id that it is told to come back with: as a client does. Kafka 3.9 may
/// have forgotten the id, with the empty group, when any topic was deleted meanwhile; a client then starts over.
pub(super) async fn enter(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    let group = call.name_at(args, 0, "a group name")?;
    let mut request = join_request(call, args, &group)?;
    if request.version < MEMBER_ID_REQUIRED_SINCE || instance(call, args).is_some() {
        let reply = call.ask_coordinator(&request, &group, error).await?;
        return Ok(join_lines(call, &reply));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let sent = call.keep_quiet();
        set_member(&mut request, "");
        let told = call.ask_coordinator(&request, &group, error).await?;
        call.speak_up(sent);
        if error(&told) != "MEMBER_ID_REQUIRED" {
            return Ok(join_lines(call, &told));
        }
        set_member(&mut request, text(&told, "MemberId"));
        let reply = call.ask_coordinator(&request, &group, error).await?;
        // Who is shown out while its join waits is told so without an id, and has entered all the same.
        let is_forgotten = error(&reply) == "UNKNOWN_MEMBER_ID" && !text(&reply, "MemberId").is_empty();
        if !is_forgotten || tries == TRIES_TO_ENTER {
            return Ok(join_lines(call, &reply));
        }
    }
}

/// After which an id that is forgotten again and again is the answer.
const TRIES_TO_ENTER: usize = 3;

fn set_member(request: &mut Request, id: &str) {
    if let Value::Struct(body) = &mut request.body {
        body.set("MemberId", id);
    }
}

/// KIP-394.
const MEMBER_ID_REQUIRED_SINCE: i16 = 4;

fn join_request(call: &Call<'_>, args: &Args, group: &str) -> Result<Request, Halt> {
    args.only(&[
        "member",
        "instance",
        "type",
        "protocols",
        "session",
        "rebalance",
        "reason",
        "client-id",
        "show",
    ])?;
    let mut body = Struct::new()
        .with("GroupId", group)
        .with("SessionTimeoutMs", Value::Int(args.int("session")?.unwrap_or(10_000)))
        .with(
            "RebalanceTimeoutMs",
            Value::Int(args.int("rebalance")?.unwrap_or(60_000)),
        )
        .with("MemberId", member(args))
        .with("GroupInstanceId", instance(call, args))
        .with(
            "ProtocolType",
            args.text("type").unwrap_or_else(|| "consumer".to_owned()),
        )
        .with("Protocols", protocols(args));
    if let Some(reason) = args.text("reason") {
        body.set("Reason", reason);
    }
    let mut request = call.request("JoinGroup", body)?;
    if let Some(id) = args.text("client-id") {
        request.client_id = Some(id);
    }
    Ok(request)
}

fn join_lines(call: &Call<'_>, reply: &Value) -> Vec<String> {
    let mut symbols = call.session.symbols();
    let mut shown = |id: &str| {
        if id.is_empty() {
            "\"\"".to_owned()
        } else {
            symbols.member(id)
        }
    };
    let mut line = format!("error={} member={}", error(reply), shown(text(reply, "MemberId")));
    let generation = number(reply, "GenerationId", -1);
    if generation != -1 {
        line += &format!(
            " generation={generation} protocol={} leader={}",
            text(reply, "ProtocolName"),
            shown(text(reply, "Leader"))
        );
    }
    if reply.get("SkipAssignment") == Some(&Value::Bool(true)) {
        line += " skip-assignment";
    }
    let mut members: Vec<String> = items(reply, "Members")
        .iter()
        .map(|member| {
            let mut line = format!("member {}", shown(text(member, "MemberId")));
            if let Some(instance) = member.get("GroupInstanceId").and_then(Value::as_str) {
                line += &format!(" instance={instance}");
            }
            line + &format!(" metadata={}", blob(member, "Metadata"))
        })
        .collect();
    members.sort();
    drop(symbols);
    let names = &call.session.symbols().names;
    std::iter::once(line)
        .chain(members)
        .map(|line| names.plain(&line))
        .collect()
}

/// `sync g member=$m1 generation=1 [assignments={ $m1: a }] [protocol=range] [type=consumer] [instance=i]
/// [show=[partitions]]`: what was given as the coordinator writes it
pub(super) async fn sync(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[
        "member",
        "generation",
        "assignments",
        "protocol",
        "type",
        "instance",
        "show",
    ])?;
    let group = call.name_at(args, 0, "a group name")?;
    let assignments: Vec<Struct> = match args.get("assignments") {
        Some(Arg::Record(pairs)) => pairs
            .iter()
            .map(|(member, value)| {
                let bytes = Bytes::from(value.bytes().unwrap_or_default());
                Struct::new()
                    .with("MemberId", member.as_str())
                    .with("Assignment", bytes)
            })
            .collect(),
        _ => Vec::new(),
    };
    let body = Struct::new()
        .with("GroupId", group.as_str())
        .with("GenerationId", Value::Int(args.int("generation")?.unwrap_or(1)))
        .with("MemberId", member(args))
        .with("GroupInstanceId", instance(call, args))
        .with("ProtocolType", word_or(args, "type", "consumer"))
        .with("ProtocolName", word_or(args, "protocol", "range"))
        .with("Assignments", assignments);
    let request = call.request("SyncGroup", body)?;
    let reply = call.ask_coordinator(&request, &group, error).await?;
    let shows_partitions = args
        .list("show")
        .iter()
        .any(|shown| shown.text().as_deref() == Some("partitions"));
    let given = if shows_partitions {
        let bytes = reply.get("Assignment").and_then(Value::as_bytes);
        let given = crate::case::consumers::assigned(bytes.map_or(&[][..], |bytes| bytes));
        call.session.symbols().names.plain(&given)
    } else {
        blob(&reply, "Assignment")
    };
    Ok(vec![format!("error={} assignment={given}", error(&reply))])
}

/// `heartbeat g member=$m1 generation=1 [instance=i]`
pub(super) async fn heartbeat(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["member", "generation", "instance"])?;
    let group = call.name_at(args, 0, "a group name")?;
    let body = Struct::new()
        .with("GroupId", group.as_str())
        .with("GenerationId", Value::Int(args.int("generation")?.unwrap_or(1)))
        .with("MemberId", member(args))
        .with("GroupInstanceId", instance(call, args));
    let request = call.request("Heartbeat", body)?;
    let reply = call.ask_coordinator(&request, &group, error).await?;
    Ok(vec![format!("error={}", error(&reply))])
}

/// `leave g member=$m1 [instance=i]`, or from v3 on `leave g members=[{ member: $m1 }, { instance: i }]`
pub(super) async fn leave(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["member", "instance", "members", "reason"])?;
    let group = call.name_at(args, 0, "a group name")?;
    let members: Vec<Struct> = match args.get("members") {
        Some(Arg::List(entries)) => entries
            .iter()
            .map(|entry| {
                let id = entry.get("member").and_then(Arg::text).unwrap_or_default();
                let instance = entry.get("instance").and_then(|instance| call.name(instance));
                Struct::new().with("MemberId", id).with("GroupInstanceId", instance)
            })
            .collect(),
        _ => vec![
            Struct::new()
                .with("MemberId", member(args))
                .with("GroupInstanceId", instance(call, args)),
        ],
    };
    let body = Struct::new()
        .with("GroupId", group.as_str())
        .with("MemberId", member(args))
        .with("Members", members);
    let request = call.request("LeaveGroup", body)?;
    let reply = call.ask_coordinator(&request, &group, error).await?;
    let mut symbols = call.session.symbols();
    let mut lines = vec![format!("error={}", error(&reply))];
    for entry in items(&reply, "Members") {
        let id = text(entry, "MemberId");
        let shown = if id.is_empty() {
            "\"\"".to_owned()
        } else {
            symbols.member(id)
        };
        let instance = match entry.get("GroupInstanceId").and_then(Value::as_str) {
            Some(instance) => format!(" instance={}", symbols.text(instance)),
            None => String::new(),
        };
        lines.push(format!("member {shown}{instance} error={}", error(entry)));
    }
    Ok(lines)
}

/// `describe-group g`
pub(super) async fn describe(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["operations"])?;
    let groups = names(call, args)?;
    let body = Struct::new()
        .with("Groups", groups.iter().map(String::as_str).collect::<Vec<_>>())
        .with("IncludeAuthorizedOperations", args.flag("operations"));
    let request = call.request("DescribeGroups", body)?;
    let reply = call
        .ask_coordinator(&request, &groups[0], |reply| first_error(reply, "Groups"))
        .await?;
    let mut symbols = call.session.symbols();
    let mut lines = Vec::new();
    // Groups of several partitions come in whatever order these answer.
    let mut described: Vec<&Value> = items(&reply, "Groups").iter().collect();
    described.sort_by_key(|group| text(group, "GroupId"));
    for group in described {
        let name = symbols.text(text(group, "GroupId"));
        lines.push(format!(
            "{name} error={} state={} type={} protocol={}{}",
            error(group),
            text(group, "GroupState"),
            crate::observe::quote(text(group, "ProtocolType")),
            crate::observe::quote(text(group, "ProtocolData")),
            message(group),
        ));
        let mut members = Vec::new();
        for member in by_client(items(group, "Members")) {
            let instance = match member.get("GroupInstanceId").and_then(Value::as_str) {
                Some(instance) => format!(" instance={}", symbols.text(instance)),
                None => String::new(),
            };
            members.push(format!(
                "{name} member {}{instance} client={} metadata={} assignment={}",
                symbols.member(text(member, "MemberId")),
                crate::observe::quote(text(member, "ClientId")),
                symbols.names.plain(&blob(member, "MemberMetadata")),
                symbols.names.plain(&blob(member, "MemberAssignment")),
            ));
        }
        members.sort();
        lines.extend(members);
    }
    Ok(lines)
}

/// `list-groups [states=[Stable]] [types=[classic]]`: the groups of this run only.
pub(super) async fn list(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["states", "types"])?;
    let words = |key: &str| args.list(key).iter().filter_map(Arg::text).collect::<Vec<_>>();
    let body = Struct::new()
        .with("StatesFilter", words("states"))
        .with("TypesFilter", words("types"));
    let request = call.request("ListGroups", body)?;
    let replies = call.ask_each(&request, error).await?;
    let prefix = call.session.prefix();
    let symbols = call.session.symbols();
    let mut groups: Vec<String> = replies
        .iter()
        .flat_map(|reply| items(reply, "Groups"))
        .filter(|group| text(group, "GroupId").starts_with(&prefix))
        .map(|group| {
            let mut line = format!(
                "{} protocol-type={}",
                symbols.text(text(group, "GroupId")),
                crate::observe::quote(text(group, "ProtocolType"))
            );
            for (field, word) in [("GroupState", "state"), ("GroupType", "type")] {
                if !text(group, field).is_empty() {
                    line += &format!(" {word}={}", text(group, field));
                }
            }
            line
        })
        .collect();
    groups.sort();
    groups.insert(0, format!("error={}", any_error(&replies)));
    Ok(groups)
}

/// `delete-group g`
pub(super) async fn delete(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[])?;
    let groups = names(call, args)?;
    let body = Struct::new().with("GroupsNames", groups.iter().map(String::as_str).collect::<Vec<_>>());
    let request = call.request("DeleteGroups", body)?;
    let reply = call
        .ask_coordinator(&request, &groups[0], |reply| first_error(reply, "Results"))
        .await?;
    let symbols = call.session.symbols();
    let mut lines: Vec<String> = items(&reply, "Results")
        .iter()
        .map(|result| format!("{} error={}", symbols.text(text(result, "GroupId")), error(result)))
        .collect();
    lines.sort();
    Ok(lines)
}

fn first_error(reply: &Value, array: &str) -> String {
    items(reply, array).first().map(error).unwrap_or_default()
}

/// The groups that a step names; at least one.
pub(super) fn names(call: &Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    let groups: Vec<String> = args
        .positional
        .iter()
        .flat_map(Arg::items)
        .filter_map(|group| call.name(&group))
        .collect();
    if groups.is_empty() {
        Err(Halt::Broken(format!("{} wants a group name", args.verb)))
    } else {
        Ok(groups)
    }
}

pub(super) fn member(args: &Args) -> String {
    args.text("member").unwrap_or_default()
}

pub(super) fn instance(call: &Call<'_>, args: &Args) -> Option<String> {
    args.get("instance").and_then(|instance| call.name(instance))
}

fn word_or(args: &Args, key: &str, default: &str) -> Option<String> {
    match args.get(key) {
        Some(Arg::Null) => None,
        Some(value) => value.text(),
        None => Some(default.to_owned()),
    }
}

/// `[range, roundrobin]` with empty metadata, or `{ range: 0x00 }`.
fn protocols(args: &Args) -> Vec<Struct> {
    let entry =
        |name: &str, metadata: Vec<u8>| Struct::new().with("Name", name).with("Metadata", Bytes::from(metadata));
    match args.get("protocols") {
        None => vec![entry("range", Vec::new())],
        Some(Arg::Record(pairs)) => pairs
            .iter()
            .map(|(name, value)| entry(name, value.bytes().unwrap_or_default()))
            .collect(),
        Some(list) => list
            .items()
            .iter()
            .filter_map(Arg::text)
            .map(|name| entry(&name, Vec::new()))
            .collect(),
    }
}

/// Members are numbered by first sight, and a broker lists them by their random ids.
fn by_client(members: &[Value]) -> Vec<&Value> {
    let mut members: Vec<&Value> = members.iter().collect();
    members.sort_by_cached_key(|member| (text(member, "ClientId").to_owned(), blob(member, "MemberMetadata")));
    members
}

fn blob(value: &Value, field: &str) -> String {
    value
        .get(field)
        .and_then(Value::as_bytes)
        .map_or_else(|| "null".to_owned(), |bytes| bytes_text(bytes))
}
