//! What the admin client does: topics, partitions, configs, records and groups.

use std::collections::BTreeSet;
use std::future::Future;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewPartitions, NewTopic,
    OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Call, Clients, Lines, StepFailure, config, errors, show};
use crate::case::{Arg, Args};

/// The admin client of a session.
pub(super) struct Admin(AdminClient<DefaultClientContext>);

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Clients {
    pub(super) fn admin(&mut self) -> Result<&Admin, StepFailure> {
        if self.admin.is_none() {
            let client = config::admin(&self.bootstrap)
                .create()
                .map_err(|e: KafkaError| StepFailure(format!("no admin client: {e}")))?;
            self.admin = Some(Admin(client));
        }
        self.admin
            .as_ref()
            .ok_or_else(|| StepFailure("no admin client".to_owned()))
    }
}

impl Admin {
    /// A client that does not know a partition's leader yet waits a whole second before it asks again.
    fn acquaint(&self, list: &TopicPartitionList, call: &Call<'_>) {
        let topics: BTreeSet<String> = show::partitions(list).into_iter().map(|(topic, _)| topic).collect();
        for topic in topics {
            let _ = self.0.inner().fetch_metadata(Some(&topic), call.left()); // what is wrong shows in the call itself
        }
    }
}

pub(super) fn create_topic(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["partitions", "replication-factor", "assignment", "config"])?;
    let names = clients.names(call, 0, "the topic")?;
    let partitions = number(call.args, "partitions")?;
    let factor = number(call.args, "replication-factor")?.unwrap_or(1);
    let assignment: Vec<Vec<i32>> = call.args.list("assignment").iter().map(brokers).collect();
    let assignment: Vec<&[i32]> = assignment.iter().map(Vec::as_slice).collect();
    let config = pairs(call.args, "config");
    let topics = names.iter().map(|name| {
        let (count, replication) = if assignment.is_empty() {
            (partitions.unwrap_or(1), TopicReplication::Fixed(factor))
        } else {
            let count = i32::try_from(assignment.len()).unwrap_or(i32::MAX);
            (partitions.unwrap_or(count), TopicReplication::Variable(&assignment))
        };
        let mut topic = NewTopic::new(name, count, replication);
        topic.config = config.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        topic
    });
    let topics: Vec<NewTopic<'_>> = topics.collect();
    let admin = clients.admin()?;
    each(wait(admin.0.create_topics(&topics, &options(call))))
}

pub(super) fn delete_topic(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&[])?;
    let names = clients.names(call, 0, "the topic")?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    each(wait(clients.admin()?.0.delete_topics(&names, &options(call))))
}

pub(super) fn delete_group(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&[])?;
    let names = clients.names(call, 0, "the group")?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    each(wait(clients.admin()?.0.delete_groups(&names, &options(call))))
}

/// `create-partitions t=3`, or `t partitions=3`.
pub(super) fn create_partitions(clients: &mut Clients, call: &Call<'_>) -> Lines {
    let count = number(call.args, "partitions")?;
    let bare = match count {
        Some(count) => clients
            .names(call, 0, "the topic")?
            .into_iter()
            .map(|name| (name, count))
            .collect(),
        None => Vec::new(),
    };
    let named = call
        .args
        .named
        .iter()
        .filter(|(key, _)| !["partitions", "timeout"].contains(&key.as_str()));
    let named = named.filter_map(|(key, value)| Some((clients.unique(key), i32::try_from(value.int()?).ok()?)));
    let wanted: Vec<(String, i32)> = named.chain(bare).collect();
    if wanted.is_empty() {
        return Err(StepFailure::usage(
            "create-partitions wants t=3: the topic and its new count",
        ));
    }
    let wanted: Vec<NewPartitions<'_>> = wanted
        .iter()
        .map(|(name, count)| NewPartitions::new(name, usize::try_from(*count).unwrap_or(0)))
        .collect();
    each(wait(clients.admin()?.0.create_partitions(&wanted, &options(call))))
}

pub(super) fn delete_records(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&[])?;
    let list = clients.list(call, 0, Offset::End)?;
    clients.admin()?.acquaint(&list, call);
    match wait(clients.admin()?.0.delete_records(&list, &options(call))) {
        Ok(list) => Ok(show::offsets(&list, "low")),
        Err(error) => Ok(vec![failed(&error)]),
    }
}

pub(super) fn describe_config(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["keys", "broker", "group", "source"])?;
    let keys: Vec<String> = call.args.list("keys").iter().filter_map(Arg::text).collect();
    let source = call.args.text("source");
    let resource = resource(clients, call)?;
    let described = wait(
        clients
            .admin()?
            .0
            .describe_configs([&borrowed(&resource)], &options(call)),
    );
    let described = match described {
        Ok(mut resources) => resources.pop(),
        Err(error) => return Ok(vec![failed(&error)]),
    };
    match described {
        Some(Ok(config)) => Ok(entries(&config, &keys, source.as_deref())),
        Some(Err(code)) => Ok(vec![format!("{} error={}", name(&resource), errors::code(code))]),
        None => Ok(vec!["nothing".to_owned()]),
    }
}

/// librdkafka's AlterConfigs, the one that replaces the whole set. The crate drops what the broker said of each resource:
/// whether it was done is what `describe-config` shows afterwards.
pub(super) fn alter_config(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["config", "broker", "group"])?;
    let resource = resource(clients, call)?;
    let config = pairs(call.args, "config");
    let mut change = AlterConfig::new(borrowed(&resource));
    for (key, value) in &config {
        change = change.set(key, value);
    }
    let changed = wait(clients.admin()?.0.alter_configs([&change], &options(call)));
    Ok(match changed {
        Ok(_) => vec![format!("{} asked", name(&resource))],
        Err(error) => vec![failed(&error)],
    })
}

fn resource(clients: &Clients, call: &Call<'_>) -> Result<OwnedResourceSpecifier, StepFailure> {
    if let Some(broker) = number(call.args, "broker")? {
        return Ok(OwnedResourceSpecifier::Broker(broker));
    }
    if let Some(group) = call.args.text("group") {
        return Ok(OwnedResourceSpecifier::Group(clients.unique(&group)));
    }
    let mut names = clients.names(call, 0, "a topic, broker= or group=")?;
    Ok(OwnedResourceSpecifier::Topic(names.swap_remove(0)))
}

fn borrowed(resource: &OwnedResourceSpecifier) -> ResourceSpecifier<'_> {
    match resource {
        OwnedResourceSpecifier::Topic(name) => ResourceSpecifier::Topic(name),
        OwnedResourceSpecifier::Group(name) => ResourceSpecifier::Group(name),
        OwnedResourceSpecifier::Broker(id) => ResourceSpecifier::Broker(*id),
    }
}

fn name(resource: &OwnedResourceSpecifier) -> String {
    match resource {
        OwnedResourceSpecifier::Topic(name) | OwnedResourceSpecifier::Group(name) => name.clone(),
        OwnedResourceSpecifier::Broker(_) => "broker".to_owned(),
    }
}

/// Keys in order; all of them, those asked for, or those of one source.
fn entries(config: &ConfigResource, keys: &[String], source: Option<&str>) -> Vec<String> {
    let wanted = |name: &String, from: &str| {
        (keys.is_empty() || keys.contains(name)) && source.is_none_or(|source| source == from)
    };
    let mut lines: Vec<String> = config
        .entries
        .iter()
        .filter(|entry| wanted(&entry.name, source_name(&entry.source)))
        .map(|entry| {
            let value = show::bytes(entry.value.as_deref().map(str::as_bytes));
            let flags = [(entry.is_read_only, " read-only"), (entry.is_sensitive, " sensitive")];
            let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            let from = source_name(&entry.source);
            format!(
                "{} {}={value} source={from}{flags}",
                name(&config.specifier),
                entry.name
            )
        })
        .collect();
    lines.sort();
    if lines.is_empty() {
        lines.push(format!("{} has no such entries", name(&config.specifier)));
    }
    lines
}

fn source_name(source: &ConfigSource) -> &'static str {
    match source {
        ConfigSource::Unknown => "UNKNOWN",
        ConfigSource::DynamicTopic => "DYNAMIC_TOPIC",
        ConfigSource::DynamicBroker => "DYNAMIC_BROKER",
        ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER",
        ConfigSource::StaticBroker => "STATIC_BROKER",
        ConfigSource::Default => "DEFAULT",
    }
}

fn options(call: &Call<'_>) -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(call.timeout))
        .operation_timeout(Some(call.timeout / 2))
        .validate_only(call.args.flag("validate-only"))
}

/// Admin calls are futures; a step runs on a thread of its own, which may wait.
fn wait<T>(call: impl Future<Output = KafkaResult<T>>) -> KafkaResult<T> {
    tokio::runtime::Handle::current().block_on(call)
}

fn failed(error: &KafkaError) -> String {
    format!("error={}", errors::name(error))
}

/// One line for each name, in order.
fn each(results: KafkaResult<Vec<Result<String, (String, RDKafkaErrorCode)>>>) -> Lines {
    let results = match results {
        Ok(results) => results,
        Err(error) => return Ok(vec![failed(&error)]),
    };
    let mut lines: Vec<String> = results
        .into_iter()
        .map(|result| match result {
            Ok(name) => format!("{name} ok"),
            Err((name, code)) => format!("{name} error={}", errors::code(code)),
        })
        .collect();
    lines.sort();
    Ok(lines)
}

fn number(args: &Args, key: &str) -> Result<Option<i32>, StepFailure> {
    let number = args.int(key)?;
    let narrow = |number| i32::try_from(number).map_err(|_| StepFailure::usage(format!("{key}={number} is too large")));
    number.map(narrow).transpose()
}

fn brokers(replicas: &Arg) -> Vec<i32> {
    let ids = replicas.items().into_iter().filter_map(|id| id.int());
    ids.filter_map(|id| i32::try_from(id).ok()).collect()
}

fn pairs(args: &Args, key: &str) -> Vec<(String, String)> {
    match args.get(key) {
        Some(Arg::Record(fields)) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value.text().unwrap_or_default()))
            .collect(),
        _ => Vec::new(),
    }
}
