//! The general step: any API at any version, filled by Kafka's field names, also deliberately wrong.

use bytes::Bytes;
use kafka_fixtures::codec::Forge;
use kafka_fixtures::schema::{Field, Type};
use kafka_fixtures::value::{Struct, Value};

use super::call::request_message;
use super::{Call, Halt, Place};
use crate::case::{Arg, Args};
use crate::driver::wire::Request;

const KEYS: &[&str] = &[
    "length",
    "count",
    "raw",
    "tag",
    "duplicate-tag",
    "tag-count",
    "tag-size",
    "cut",
    "trailing",
    "client-id",
    "correlation",
    "header-tag",
    "within",
    "reply",
];

/// Where a request names its transactional id.
const TRANSACTIONS: &[&str] = &[
    "TransactionalId",
    "V3AndBelowTransactionalId",
    "Transactions[0].TransactionalId",
    "TransactionalIds[0]",
];
/// Where a request names its group.
const GROUPS: &[&str] = &[
    "GroupId",
    "Groups[0].GroupId",
    "Groups[0]",
    "GroupsNames[0]",
    "GroupIds[0]",
];

/// `send Api [vN] { Field: value, … } [length={…}] [cut=N] …`
pub(super) async fn run(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(KEYS)?;
    let request = request(call, args)?;
    let place = place(call, &request);
    call.within = args.millis("within")?;
    if args.text("reply").as_deref() == Some("none") {
        call.tell(&request, &place).await?;
        return Ok(Vec::new());
    }
    match args.int("correlation")? {
        None => {
            let body = call.ask(&request, &place).await?;
            Ok(call.lines(&request, &body))
        }
        Some(correlation) => {
            let correlation =
                i32::try_from(correlation).map_err(|_| Halt::Broken("correlation= wants an int32".to_owned()))?;
            let exchange = call.exchange(&request, &place, correlation).await?;
            let mut lines = vec![format!("correlation={}", exchange.correlation_id)];
            lines.extend(call.lines(&request, &exchange.body));
            Ok(lines)
        }
    }
}

/// Of several brokers, where a case says nothing of them: the coordinator of the first group or transactional id that the request names.
fn place(call: &Call<'_>, request: &Request) -> Place {
    let named = |paths: &[&str]| {
        let mut texts = paths.iter().filter_map(|path| request.body.at(path)?.as_str());
        texts.next().map(str::to_owned)
    };
    let place = match request.api.as_str() {
        "InitProducerId" | "AddPartitionsToTxn" | "AddOffsetsToTxn" | "EndTxn" | "DescribeTransactions" => {
            named(TRANSACTIONS).map(Place::TxnCoordinator)
        }
        _ => named(GROUPS).map(Place::Coordinator),
    };
    place.filter(|_| call.session.is_spread()).unwrap_or(Place::Any)
}

fn request(call: &Call<'_>, args: &Args) -> Result<Request, Halt> {
    let api = args.at(0, "an API name, such as Metadata")?;
    let mut rest = args.positional.iter().skip(1);
    let mut next = rest.next();
    let named = next
        .and_then(Arg::text)
        .and_then(|word| word.strip_prefix('v').and_then(|version| version.parse().ok()));
    if named.is_some() {
        next = rest.next();
    }
    let version = match named {
        Some(version) => version,
        None => call.session.version(&api)?,
    };
    if next.is_none() && api.parse::<i16>().is_ok() {
        return Ok(Request::new(&api, version, Value::Struct(Struct::new())));
    }
    let body = match next {
        Some(body @ Arg::Record(_)) => structure(&request_message(&api, version)?.fields, version, body, "")?,
        None => Struct::new(),
        Some(other) => {
            return Err(Halt::Broken(format!(
                "send wants {{ Field: value }} after the API, not {other}"
            )));
        }
    };
    let mut request = Request::new(&api, version, Value::Struct(body));
    request.forge = forge(args)?;
    if let Some(id) = args.get("client-id") {
        request.client_id = id.text();
    }
    for entry in args.list("header-tag") {
        request.header_tags.push(tag(&entry)?);
    }
    Ok(request)
}

fn structure(fields: &[Field], version: i16, value: &Arg, path: &str) -> Result<Struct, Halt> {
    let Arg::Record(entries) = value else {
        return Err(Halt::Broken(format!("{path} wants {{ Field: value }}, not {value}")));
    };
    let mut out = Struct::new();
    for (key, value) in entries {
        let (name, only_where_known) = match key.strip_suffix('?') {
            Some(name) => (name, true),
            None => (key.as_str(), false),
        };
        let field = fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
                Halt::Broken(format!("{path}{name} is no field; there are {}", known.join(", ")))
            })?;
        if !only_where_known || field.versions.contains(version) {
            out.set(
                field.name,
                converted(&field.ty, version, value, &format!("{path}{name}"))?,
            );
        }
    }
    Ok(out)
}

fn converted(ty: &Type, version: i16, value: &Arg, path: &str) -> Result<Value, Halt> {
    let wrong = |what: &str| Halt::Broken(format!("{path} wants {what}, not {value}"));
    if *value == Arg::Null {
        return Ok(Value::Null);
    }
    Ok(match ty {
        Type::Bool => match value.text().as_deref() {
            Some("true") => Value::Bool(true),
            Some("false") => Value::Bool(false),
            _ => return Err(wrong("true or false")),
        },
        Type::Int8 | Type::Int16 | Type::Uint16 | Type::Int32 | Type::Uint32 | Type::Int64 => {
            Value::Int(value.int().ok_or_else(|| wrong("a number"))?)
        }
        Type::Float64 => Value::Float(
            value
                .text()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| wrong("a number"))?,
        ),
        Type::Uuid => match value {
            Arg::Uuid(id) => Value::Uuid(*id),
            other => other
                .text()
                .and_then(|text| uuid::Uuid::try_parse(&text).ok())
                .map(|id| Value::Uuid(id.into_bytes()))
                .ok_or_else(|| wrong("a UUID, or the id of a topic that exists: $t.id"))?,
        },
        Type::String => Value::String(value.text().ok_or_else(|| wrong("a text"))?),
        Type::Bytes | Type::Records => Value::Bytes(Bytes::from(
            value.bytes().ok_or_else(|| wrong("bytes: 0x00ff or a text"))?,
        )),
        Type::Array(element) => {
            let Arg::List(items) = value else {
                return Err(wrong("a [list]"));
            };
            let items = items.iter().enumerate();
            Value::Array(
                items
                    .map(|(at, item)| converted(element, version, item, &format!("{path}[{at}]")))
                    .collect::<Result<_, _>>()?,
            )
        }
        Type::Struct(fields) => Value::Struct(structure(fields, version, value, &format!("{path}."))?),
    })
}

/// Deliberate faults: `length={ Path: n }`, `count=`, `raw={ Path: 0x… }`, `tag=[{ at: Path, tag: 9, bytes: 0x }]`, `cut=`, `trailing=`.
fn forge(args: &Args) -> Result<Forge, Halt> {
    let mut forge = Forge::new();
    for (path, length) in pairs(args, "length")?.into_iter().chain(pairs(args, "count")?) {
        forge = forge.length(&path, number(&path, &length)?);
    }
    for (path, bytes) in pairs(args, "raw")? {
        forge = forge.raw(&path, bytes.bytes().unwrap_or_default());
    }
    for entry in args.list("tag") {
        let (tag, bytes) = tag(&entry)?;
        forge = forge.tag(&place_of(&entry), tag, bytes);
    }
    for entry in args.list("duplicate-tag") {
        forge = forge.duplicate_tag(&place_of(&entry), tag(&entry)?.0);
    }
    for (path, count) in pairs(args, "tag-count")? {
        forge = forge.tag_count(&path, unsigned(&path, &count)?);
    }
    for (path, size) in pairs(args, "tag-size")? {
        forge = forge.tag_size(&path, unsigned(&path, &size)?);
    }
    if let Some(bytes) = args.get("trailing") {
        forge = forge.trailing(bytes.bytes().unwrap_or_default());
    }
    if let Some(length) = args.int("cut")? {
        forge =
            forge.cut(usize::try_from(length).map_err(|_| Halt::Broken("cut= wants a number of bytes".to_owned()))?);
    }
    Ok(forge)
}

fn pairs(args: &Args, key: &str) -> Result<Vec<(String, Arg)>, Halt> {
    match args.get(key) {
        None => Ok(Vec::new()),
        Some(Arg::Record(pairs)) => Ok(pairs.clone()),
        Some(other) => Err(Halt::Broken(format!(
            "{key}= wants {{ Field.Path: value }}, not {other}"
        ))),
    }
}

fn number(path: &str, value: &Arg) -> Result<i64, Halt> {
    value
        .int()
        .ok_or_else(|| Halt::Broken(format!("{path} wants a number, not {value}")))
}

fn unsigned(path: &str, value: &Arg) -> Result<u32, Halt> {
    u32::try_from(number(path, value)?).map_err(|_| Halt::Broken(format!("{path} wants a number above 0")))
}

fn place_of(entry: &Arg) -> String {
    entry.get("at").and_then(Arg::text).unwrap_or_default()
}

fn tag(entry: &Arg) -> Result<(u32, Bytes), Halt> {
    let tag = entry
        .get("tag")
        .and_then(Arg::int)
        .and_then(|tag| u32::try_from(tag).ok());
    let bytes = entry.get("bytes").and_then(Arg::bytes).unwrap_or_default();
    tag.map(|tag| (tag, Bytes::from(bytes)))
        .ok_or_else(|| Halt::Broken(format!("a tag reads {{ at: Path, tag: 9, bytes: 0x00 }}, not {entry}")))
}
