//! Configuration: `describe-configs`, `alter-configs`.

use kafka_fixtures::value::{Struct, Value};

use super::read::{error, items, message, number, text};
use super::{Call, Halt, Place};
use crate::case::{Arg, Args};
use crate::observe::{ITS_OWN, is_of_the_place};

/// Resource types by the word that a step uses.
const TYPES: &[(&str, i64)] = &[
    ("topic", 2),
    ("broker", 4),
    ("broker-logger", 8),
    ("client-metrics", 16),
    ("group", 32),
];
/// Where a value comes from, by Kafka's name.
const SOURCES: &[&str] = &[
    "UNKNOWN",
    "DYNAMIC_TOPIC",
    "DYNAMIC_BROKER",
    "DYNAMIC_DEFAULT_BROKER",
    "STATIC_BROKER",
    "DEFAULT",
    "DYNAMIC_BROKER_LOGGER",
    "DYNAMIC_CLIENT_METRICS",
    "DYNAMIC_GROUP",
];

/// `describe-configs t [keys=[…]] [type=topic] [synonyms=true] [docs=true]`
pub(super) async fn describe(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&["keys", "type", "synonyms", "docs"])?;
    let mut resource = resource(call, args)?;
    let keys = args
        .get("keys")
        .map(|keys| keys.items().iter().filter_map(Arg::text).collect::<Vec<_>>());
    resource.set("ConfigurationKeys", keys);
    let body = Struct::new()
        .with("Resources", vec![resource])
        .with("IncludeSynonyms", args.flag("synonyms"))
        .with("IncludeDocumentation", args.flag("docs"));
    let request = call.request("DescribeConfigs", body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    let mut lines = Vec::new();
    for result in items(&reply, "Results") {
        let name = shown(call, result);
        lines.push(format!("{name} error={}{}", error(result), message(result)));
        let mut entries: Vec<String> = items(result, "Configs")
            .iter()
            .map(|config| format!("{name} {}", config_line(call, config)))
            .collect();
        entries.sort();
        lines.extend(entries);
    }
    Ok(lines)
}

fn config_line(call: &Call<'_>, config: &Value) -> String {
    let mut line = format!("{}={}", text(config, "Name"), value_of(call, config));
    let source = number(config, "ConfigSource", -1);
    if source >= 0 {
        line += &format!(" source={}", source_name(source));
    }
    for (field, word) in [("ReadOnly", " read-only"), ("IsSensitive", " sensitive")] {
        if config.get(field) == Some(&Value::Bool(true)) {
            line += word;
        }
    }
    let kind = number(config, "ConfigType", 0);
    if kind > 0 {
        line += &format!(" type={kind}");
    }
    if config
        .get("Documentation")
        .and_then(Value::as_str)
        .is_some_and(|words| !words.is_empty())
    {
        line += " documented";
    }
    let synonyms: Vec<String> = items(config, "Synonyms")
        .iter()
        .map(|synonym| {
            format!(
                "{}={}@{}",
                text(synonym, "Name"),
                value_of(call, synonym),
                source_name(number(synonym, "Source", 0))
            )
        })
        .collect();
    if !synonyms.is_empty() {
        line += &format!(" synonyms=[{}]", synonyms.join(", "));
    }
    line
}

fn value_of(call: &Call<'_>, config: &Value) -> String {
    match config.get("Value").and_then(Value::as_str) {
        None => "null".to_owned(),
        Some(_) if is_of_the_place(text(config, "Name")) => ITS_OWN.to_owned(),
        Some(value) => call.session.symbols().text(value),
    }
}

fn source_name(source: i64) -> String {
    let known = usize::try_from(source).ok().and_then(|index| SOURCES.get(index));
    known.map_or_else(|| source.to_string(), |name| (*name).to_owned())
}

/// `alter-configs t [set={…}] [delete=[…]] [append={…}] [subtract={…}]`; `replace={…}` is the legacy API.
pub(super) async fn alter(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    args.only(&[
        "set",
        "delete",
        "append",
        "subtract",
        "replace",
        "type",
        "validate-only",
    ])?;
    let mut resource = resource(call, args)?;
    let (api, configs) = match args.get("replace") {
        Some(replace) => ("AlterConfigs", pairs(Some(replace), None)),
        None => {
            let mut configs = pairs(args.get("set"), Some(0));
            for key in args.list("delete") {
                configs.push(
                    Struct::new()
                        .with("Name", key.text())
                        .with("ConfigOperation", 1)
                        .with("Value", Value::Null),
                );
            }
            configs.extend(pairs(args.get("append"), Some(2)));
            configs.extend(pairs(args.get("subtract"), Some(3)));
            ("IncrementalAlterConfigs", configs)
        }
    };
    resource.set("Configs", configs);
    let body = Struct::new()
        .with("Resources", vec![resource])
        .with("ValidateOnly", args.flag("validate-only"));
    let request = call.request(api, body)?;
    let reply = call.ask(&request, &Place::Any).await?;
    Ok(items(&reply, "Responses")
        .iter()
        .map(|result| format!("{} error={}{}", shown(call, result), error(result), message(result)))
        .collect())
}

fn pairs(record: Option<&Arg>, operation: Option<i32>) -> Vec<Struct> {
    let Some(Arg::Record(pairs)) = record else {
        return Vec::new();
    };
    pairs
        .iter()
        .map(|(key, value)| {
            let mut config = Struct::new().with("Name", key.as_str()).with("Value", value.text());
            if let Some(operation) = operation {
                config.set("ConfigOperation", operation);
            }
            config
        })
        .collect()
}

/// The resource that a step names; a broker by its place in the list, `""` for the defaults of all.
fn resource(call: &Call<'_>, args: &Args) -> Result<Struct, Halt> {
    let word = args.text("type").unwrap_or_else(|| "topic".to_owned());
    let kind = TYPES
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, kind)| *kind)
        .or_else(|| word.parse().ok());
    let kind = kind.ok_or_else(|| {
        Halt::Broken(format!(
            "type={word}: topic, broker, broker-logger, client-metrics, group or a number"
        ))
    })?;
    let first = args.positional.first();
    let name = match (word.as_str(), first) {
        ("broker" | "broker-logger", Some(Arg::Number(index))) => {
            let brokers = &call.session.facts().brokers;
            let broker = usize::try_from(*index).ok().and_then(|index| brokers.get(index));
            broker.map_or_else(|| index.to_string(), |broker| broker.id.to_string())
        }
        _ => call.name_at(args, 0, "the name of a resource")?,
    };
    Ok(Struct::new()
        .with("ResourceType", Value::Int(kind))
        .with("ResourceName", name))
}

fn shown(call: &Call<'_>, result: &Value) -> String {
    let name = text(result, "ResourceName");
    let mut symbols = call.session.symbols();
    match (number(result, "ResourceType", 0), name.parse()) {
        (4 | 8, Ok(id)) => symbols.broker(id),
        _ => symbols.text(name),
    }
}
