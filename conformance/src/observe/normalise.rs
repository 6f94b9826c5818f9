//! The rules by which a field that may vary between two right answers is shown by its meaning. A field that no rule
//! takes is shown as it came and must match exactly.

use kafka_fixtures::schema::{Field, Type};
use kafka_fixtures::value::{Struct, Value};

use super::errors::error_name;
use super::symbols::{Symbols, quote};

/// A field in its place.
pub(super) struct Fact<'a> {
    /// `FetchResponse`
    pub(super) message: &'a str,
    /// The field.
    pub(super) field: &'a Field,
    /// Its value, or one element of it.
    pub(super) value: &'a Value,
    /// The struct that holds it.
    pub(super) parent: &'a Struct,
}

/// What a rule makes of a field.
pub(super) enum Shown {
    /// This text.
    As(String),
    /// Nothing: the fact is no fact.
    Not,
}

type Rule = fn(&Fact<'_>, &mut Symbols) -> Option<Shown>;

/// Every rule, first match wins.
const RULES: &[Rule] = &[
    error_code,
    error_message,
    throttle_time,
    topic_id,
    directory_id,
    other_uuid,
    controller_id,
    broker_id,
    broker_as_resource,
    host,
    client_host,
    port,
    rack,
    cluster_id,
    member_id,
    producer_id,
    metadata_hash,
    session_id,
    finalized_features_epoch,
    timestamp,
    broker_config_value,
    log_dir,
    free_space,
];

/// What the first rule that takes the fact makes of it.
pub(super) fn shown(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    RULES.iter().find_map(|rule| rule(fact, symbols))
}

/// Error codes read by name: a number says nothing to a reader.
fn error_code(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let code = fact
        .field
        .name
        .ends_with("ErrorCode")
        .then(|| fact.value.as_i64())
        .flatten()?;
    Some(Shown::As(error_name(code)))
}

/// The words of a message are no contract; that there is one, is.
fn error_message(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    if !fact.field.name.ends_with("ErrorMessage") {
        return None;
    }
    Some(match fact.value.as_str() {
        None => Shown::Not,
        Some("") => Shown::As(quote("")),
        Some(_) => Shown::As("<message>".to_owned()),
    })
}

/// How long a broker throttles is its own affair; that it does is shown.
fn throttle_time(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let time = (fact.field.name == "ThrottleTimeMs")
        .then(|| fact.value.as_i64())
        .flatten()?;
    (time > 0).then(|| Shown::As("<throttled>".to_owned()))
}

/// Topic ids are random: they read by the topic that they belong to.
fn topic_id(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let Value::Uuid(id) = fact.value else { return None };
    if !fact.field.name.eq_ignore_ascii_case("TopicId") || *id == [0; 16] {
        return None;
    }
    let name = ["Name", "Topic", "TopicName"]
        .iter()
        .find_map(|name| fact.parent.get(name)?.as_str());
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        symbols.learn_topic(name, *id);
    }
    Some(Shown::As(symbols.topic_id(*id)))
}

/// Directory ids are random, and how many a broker has is its own affair.
fn directory_id(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let Value::Uuid(id) = fact.value else { return None };
    (fact.field.name.contains("Directory") && *id != [0; 16]).then(|| Shown::As("<directory>".to_owned()))
}

/// Any other id that the broker drew is told apart by first sight.
fn other_uuid(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let Value::Uuid(id) = fact.value else { return None };
    (*id != [0; 16]).then(|| Shown::As(symbols.uuid("uuid", *id)))
}

/// Any live broker may be named as the controller: clients send it what the broker forwards.
fn controller_id(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let id = (fact.field.name == "ControllerId")
        .then(|| fact.value.as_i64())
        .flatten()?;
    let known = symbols.brokers().iter().any(|broker| i64::from(broker.id) == id);
    Some(Shown::As(if known { "<a broker>".to_owned() } else { id.to_string() }))
}

/// Node ids are configuration: a broker reads by its place among the brokers.
fn broker_id(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    const NAMES: &[&str] = &["NodeId", "BrokerId", "LeaderId", "PreferredReadReplica", "ReplicaId"];
    let named = fact.field.entity == Some("brokerId") || NAMES.contains(&fact.field.name);
    let id = named.then(|| fact.value.as_i64()).flatten()?;
    Some(Shown::As(symbols.broker(id)))
}

/// A broker that is asked for its settings, or its loggers (types 4 and 8), is named by its id.
fn broker_as_resource(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let name = (fact.field.name == "ResourceName")
        .then(|| fact.value.as_str())
        .flatten()?;
    let kind = fact.parent.get("ResourceType").and_then(Value::as_i64)?;
    let id = matches!(kind, 4 | 8).then(|| name.parse().ok()).flatten()?;
    Some(Shown::As(symbols.broker(id)))
}

/// A broker sees a client by the address of the network between them, which a container changes.
fn client_host(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let seen = (fact.field.name.eq_ignore_ascii_case("ClientHost"))
        .then(|| fact.value.as_str())
        .flatten()?;
    let address = seen.strip_prefix('/')?;
    let is_address = address.parse::<std::net::IpAddr>().is_ok();
    is_address.then(|| Shown::As("/<client>".to_owned()))
}

/// Where a broker listens is configuration; it must be what Metadata advertises.
fn host(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let host = (fact.field.name == "Host").then(|| fact.value.as_str()).flatten()?;
    symbols
        .brokers()
        .iter()
        .any(|broker| broker.host == host)
        .then(|| Shown::As("<host>".to_owned()))
}

/// As the host. A listener that only some have is named: whom it is told to, came by it.
fn port(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let port = (fact.field.name == "Port").then(|| fact.value.as_i64()).flatten()?;
    if let Some(name) = symbols.listener_at(port) {
        return Some(Shown::As(format!("<port of {name}>")));
    }
    symbols
        .brokers()
        .iter()
        .any(|broker| i64::from(broker.port) == port)
        .then(|| Shown::As("<port>".to_owned()))
}

/// Racks are configuration of the target; cases that are about racks set it themselves.
fn rack(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    (fact.field.name == "Rack" && !fact.value.is_null()).then(|| Shown::As("<rack>".to_owned()))
}

/// A cluster id is drawn when the cluster is formatted.
fn cluster_id(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let id = (fact.field.name == "ClusterId")
        .then(|| fact.value.as_str())
        .flatten()?;
    (!id.is_empty()).then(|| Shown::As("<cluster>".to_owned()))
}

/// Member ids end in a random UUID; two different ids stay different.
fn member_id(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let is_leader = matches!(
        (fact.message, fact.field.name),
        ("JoinGroupResponse", "Leader") | ("GroupMetadataValue", "leader")
    );
    let is_member = is_leader || fact.field.name.eq_ignore_ascii_case("MemberId");
    let id = is_member.then(|| fact.value.as_str()).flatten()?;
    (!id.is_empty()).then(|| Shown::As(symbols.member(id)))
}

/// Producer ids come from a counter of the whole cluster; two different ids stay different.
fn producer_id(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let is_producer = fact.field.entity == Some("producerId") || fact.field.name.ends_with("ProducerId");
    let id = is_producer.then(|| fact.value.as_i64()).flatten()?;
    Some(Shown::As(symbols.producer(id)))
}

/// What a group remembers of its topics is a hash over their ids, which are random.
fn metadata_hash(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    (fact.field.name == "MetadataHash").then(|| Shown::As("<hash>".to_owned()))
}

/// Fetch session ids are random; 0 means that there is none.
fn session_id(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    let id = (fact.field.name == "SessionId")
        .then(|| fact.value.as_i64())
        .flatten()?;
    Some(Shown::As(symbols.session(id)))
}

/// The offset of the metadata log where features were last changed: opaque.
fn finalized_features_epoch(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let epoch = (fact.field.name == "FinalizedFeaturesEpoch")
        .then(|| fact.value.as_i64())
        .flatten()?;
    (epoch >= 0).then(|| Shown::As("<epoch>".to_owned()))
}

/// Times of the run are `<now>`; times that the case wrote stay as it wrote them.
fn timestamp(fact: &Fact<'_>, symbols: &mut Symbols) -> Option<Shown> {
    const NAMES: &[&str] = &[
        "LogAppendTimeMs",
        "CommitTimestamp",
        "IssueTimestampMs",
        "ExpiryTimestampMs",
        "MaxTimestampMs",
    ];
    let name = fact.field.name;
    let is_time = NAMES.contains(&name) || name.ends_with("Timestamp") || name.ends_with("TimestampMs");
    let time = (is_time && fact.field.ty == Type::Int64)
        .then(|| fact.value.as_i64())
        .flatten()?;
    Some(Shown::As(symbols.time(time)))
}

/// Settings of a broker that say where it is and what it stands on, not how it behaves.
fn broker_config_value(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let name = fact
        .parent
        .get("Name")
        .and_then(Value::as_str)
        .filter(|_| fact.field.name == "Value")?;
    (is_of_the_place(name) && !fact.value.is_null()).then(|| Shown::As(ITS_OWN.to_owned()))
}

/// What stands for the value of a setting that says where a broker is.
pub(crate) const ITS_OWN: &str = "<its own>";

/// Whether a setting says where a broker is and what it stands on.
pub(crate) fn is_of_the_place(setting: &str) -> bool {
    const OWN: &[&str] = &[
        "listeners",
        "advertised.listeners",
        "log.dir",
        "log.dirs",
        "node.id",
        "broker.id",
        "controller.quorum.voters",
        "controller.quorum.bootstrap.servers",
        "process.roles",
        "controller.listener.names",
        "broker.rack",
        "listener.security.protocol.map",
        "metadata.log.dir",
    ];
    OWN.contains(&setting)
}

/// Paths on the target's disk.
fn log_dir(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let is_path = fact.field.name == "LogDir" || fact.field.name == "LogDirectory";
    let path = is_path.then(|| fact.value.as_str()).flatten()?;
    (!path.is_empty()).then(|| Shown::As("<directory>".to_owned()))
}

/// What is left on the target's disk.
fn free_space(fact: &Fact<'_>, _: &mut Symbols) -> Option<Shown> {
    let is_space = matches!(fact.field.name, "TotalBytes" | "UsableBytes");
    let bytes = is_space.then(|| fact.value.as_i64()).flatten()?;
    (bytes > 0).then(|| Shown::As("<bytes>".to_owned()))
}
