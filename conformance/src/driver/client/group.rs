//! The verbs of group members. How one waits while the others are served is told in `turns.rs`.

use rdkafka::consumer::{CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::member::Member;
use super::turns::{TURN, let_go, poll, settle};
use super::{Call, Clients, Lines, StepFailure, config, errors, show};

pub(super) fn run(clients: &mut Clients, verb: &str, call: &Call<'_>) -> Lines {
    match verb {
        "subscribe" => subscribe(clients, call),
        "assign" => assign(clients, call),
        "settle" => settle(clients, call, &call.args.at(0, "a member, such as c1")?),
        "poll" => poll(clients, call),
        "commit" => commit(clients, call),
        "committed" => committed(clients, call),
        "unsubscribe" => unsubscribe(clients, call),
        "close" => close(clients, call),
        "assignment" | "subscription" | "position" | "protocol" | "seek" | "pause" | "resume" => {
            with_member(clients, verb, call)
        }
        _ => Err(StepFailure::usage(format!("the client driver has no verb {verb}"))),
    }
}

fn subscribe(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group", "wait"])?;
    let name = call.args.at(0, "a member, such as c1, and its topics")?;
    let topics = clients.names(call, 1, "a member, such as c1, and its topics")?;
    let member = clients.member(&name, call)?;
    member.topics.clone_from(&topics);
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    if let Err(error) = member.consumer.subscribe(&topics) {
        return Ok(vec![failed(&error)]);
    }
    if call.args.text("wait").as_deref() == Some("false") {
        return Ok(vec!["ok".to_owned()]);
    }
    settle(clients, call, &name)
}

fn assign(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group"])?;
    let name = call.args.at(0, "a member, such as c1, and its partitions")?;
    let list = clients.list(call, 1, Offset::Stored)?;
    let member = clients.member(&name, call)?;
    member.topics.clear();
    for element in list.elements() {
        member.moved(&(element.topic().to_owned(), element.partition()), element.offset());
    }
    Ok(told(member.consumer.assign(&list)))
}

impl Clients {
    /// The member of this name; made by the first step that says so.
    fn member(&mut self, name: &str, call: &Call<'_>) -> Result<&mut Member, StepFailure> {
        if !self.members.contains_key(name) {
            let group = call.args.text("group").unwrap_or_else(|| "g".to_owned());
            let mut given = config::properties(call.args)?;
            // Assignors order members by id, which starts with the client's: the same names, the same assignment.
            given.entry("client.id".to_owned()).or_insert_with(|| name.to_owned());
            let member = Member::new(&self.bootstrap, &self.unique(&group), &given)?;
            self.members.insert(name.to_owned(), member);
        }
        self.known(name)
    }

    pub(super) fn known(&mut self, name: &str) -> Result<&mut Member, StepFailure> {
        self.members
            .get_mut(name)
            .ok_or_else(|| StepFailure::usage(format!("no member {name}: subscribe or assign it first")))
    }
}

fn with_member(clients: &mut Clients, verb: &str, call: &Call<'_>) -> Lines {
    call.only(&[])?;
    let name = call.args.at(0, "a member, such as c1")?;
    let list = clients.list(call, 1, Offset::Invalid)?;
    let member = clients.known(&name)?;
    match verb {
        "assignment" => Ok(vec![show::joined(&member.owned())]),
        "subscription" => Ok(match member.consumer.subscription() {
            Ok(list) => subscribed(&list),
            Err(error) => vec![failed(&error)],
        }),
        "position" => Ok(match member.consumer.position() {
            Ok(list) => show::offsets(&list, "position"),
            Err(error) => vec![failed(&error)],
        }),
        "protocol" => Ok(vec![protocol(&member.consumer.rebalance_protocol()).to_owned()]),
        "seek" => Ok(seek(member, &list, call)),
        "pause" => {
            member.paused.extend(show::partitions(&list));
            Ok(told(member.consumer.pause(&list)))
        }
        _ => {
            let resumed = show::partitions(&list);
            member.paused.retain(|place| !resumed.contains(place));
            Ok(told(member.consumer.resume(&list)))
        }
    }
}

fn protocol(protocol: &RebalanceProtocol) -> &'static str {
    match protocol {
        RebalanceProtocol::None => "none",
        RebalanceProtocol::Eager => "eager",
        RebalanceProtocol::Cooperative => "cooperative",
    }
}

fn subscribed(list: &TopicPartitionList) -> Vec<String> {
    let mut topics: Vec<String> = list
        .elements()
        .iter()
        .map(|element| element.topic().to_owned())
        .collect();
    topics.sort();
    if topics.is_empty() {
        vec!["nothing".to_owned()]
    } else {
        topics
    }
}

fn seek(member: &mut Member, list: &TopicPartitionList, call: &Call<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for element in list.elements() {
        let place = (element.topic().to_owned(), element.partition());
        member.moved(&place, element.offset());
        let sought = member.consumer.seek(&place.0, place.1, element.offset(), call.left());
        lines.push(match sought {
            Ok(()) => format!("{}/{} ok", place.0, place.1),
            Err(error) => format!("{}/{} {}", place.0, place.1, failed(&error)),
        });
    }
    lines
}

/// With a member: what it has read, or the offsets given. With `group=` alone: as an application without subscription.
fn commit(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group", "metadata"])?;
    let (skip, member) = named_member(clients, call);
    let list = clients.list(call, skip, Offset::Invalid)?;
    if let Some(metadata) = call.args.text("metadata") {
        list.elements()
            .iter_mut()
            .for_each(|element| element.set_metadata(&metadata));
    }
    let done = match member {
        Some(name) if list.count() == 0 => clients.known(&name)?.consumer.commit_consumer_state(CommitMode::Sync),
        Some(name) => clients.known(&name)?.consumer.commit(&list, CommitMode::Sync),
        None => clients.reader(call)?.0.commit(&list, CommitMode::Sync),
    };
    Ok(told(done))
}

fn committed(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["group"])?;
    let (skip, member) = named_member(clients, call);
    let list = clients.list(call, skip, Offset::Invalid)?;
    let found = match member {
        Some(name) if list.count() == 0 => clients.known(&name)?.consumer.committed(call.left()),
        Some(name) => clients.known(&name)?.consumer.committed_offsets(list, call.left()),
        None => clients.reader(call)?.0.committed_offsets(list, call.left()),
    };
    Ok(match found {
        Ok(list) => show::offsets(&list, "offset"),
        Err(error) => vec![failed(&error)],
    })
}

/// The member that the first word names, and how many words that takes.
fn named_member(clients: &Clients, call: &Call<'_>) -> (usize, Option<String>) {
    let first = call.args.positional.first().and_then(|arg| arg.text());
    match first.filter(|name| clients.members.contains_key(name)) {
        Some(name) => (1, Some(name)),
        None => (0, None),
    }
}

/// Waits until the application was told what it lost: only then does librdkafka leave the group.
fn unsubscribe(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&[])?;
    let name = call.args.at(0, "a member, such as c1")?;
    let member = clients.known(&name)?;
    member.topics.clear();
    member.consumer.unsubscribe();
    Ok(let_go(clients, call, &name))
}

/// Leaves the group, but for a static member, and tells what was taken from it.
fn close(clients: &mut Clients, call: &Call<'_>) -> Lines {
    let name = call.args.at(0, "a member, such as c1")?;
    clients.known(&name)?;
    let Some(member) = clients.members.remove(&name) else {
        return Ok(Vec::new());
    };
    let watch = member.consumer.context().clone();
    if member.consumer.close_queue().is_ok() {
        while !member.consumer.closed() && !call.left().is_zero() {
            member.consumer.poll(TURN);
        }
    }
    drop(member);
    let mut lines: Vec<String> = watch
        .take(true)
        .iter()
        .map(|event| format!("{name} {}", event.line()))
        .collect();
    lines.push(format!("{name} closed"));
    Ok(lines)
}

fn told(done: KafkaResult<()>) -> Vec<String> {
    vec![done.map_or_else(|error| failed(&error), |()| "ok".to_owned())]
}

fn failed(error: &KafkaError) -> String {
    format!("error={}", errors::name(error))
}
