//! The verbs of group members, and the loop that serves all members of a case while one of them waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::member::{Event, Member, Place, Polled};
use super::show::{self, Record};
use super::{Call, Clients, Lines, StepFailure, config, consume, errors};

/// How long one member is listened to before the others get their turn.
const TURN: Duration = Duration::from_millis(5);

pub(super) fn run(clients: &mut Clients, verb: &str, call: &Call<'_>) -> Lines {
    match verb {
        "subscribe" => subscribe(clients, call),
        "assign" => assign(clients, call),
        "settle" => settle(clients, call, &call.args.at(0, "a member, such as c1")?),
        "poll" => poll(clients, call),
        "commit" => commit(clients, call),
        "committed" => committed(clients, call),
        "close" => close(clients, call),
        "assignment" | "subscription" | "position" | "protocol" | "seek" | "pause" | "resume" | "unsubscribe" => {
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

/// Waits until the members of the group own every partition once and each has heard so.
fn settle(clients: &mut Clients, call: &Call<'_>, name: &str) -> Lines {
    let group = clients.known(name)?.group.clone();
    let expected = clients.expected(&group, call)?;
    clients.members.values().for_each(Member::hold);
    let done = |members: &BTreeMap<String, Member>| {
        let failed = members.get(name).is_some_and(|member| member.watch().is_failing());
        failed || settled(members, &group, &expected)
    };
    let in_time = turns(clients, call, done);
    clients.members.values().for_each(Member::release);
    let mut lines = clients.events();
    if !in_time {
        lines.push(format!("{name} timed out"));
    } else if lines.is_empty() {
        lines.push("settled".to_owned());
    }
    Ok(lines)
}

fn turns(clients: &mut Clients, call: &Call<'_>, done: impl Fn(&BTreeMap<String, Member>) -> bool) -> bool {
    loop {
        for member in clients.members.values_mut() {
            member.serve(TURN);
        }
        if done(&clients.members) {
            return true;
        }
        if call.left().is_zero() {
            return false;
        }
    }
}

/// A member that failed is none any more. A cooperative one that was given nothing, where there is enough for all, will
/// get what others are yet to give up.
fn settled(members: &BTreeMap<String, Member>, group: &str, expected: &BTreeSet<Place>) -> bool {
    let of_group = members
        .values()
        .filter(|member| member.group == group && !member.topics.is_empty());
    let alive: Vec<&Member> = of_group.filter(|member| !member.watch().has_dropped_out()).collect();
    let owned: Vec<Vec<Place>> = alive.iter().map(|member| member.owned()).collect();
    let all: Vec<&Place> = owned.iter().flatten().collect();
    let once: BTreeSet<&Place> = all.iter().copied().collect();
    let cooperative = alive.iter().any(|member| member.is_cooperative());
    let waiting = owned.iter().any(Vec::is_empty) && cooperative && expected.len() >= alive.len();
    alive.iter().all(|member| member.watch().is_assigned())
        && !waiting
        && all.len() == once.len()
        && once.into_iter().eq(expected)
}

fn poll(clients: &mut Clients, call: &Call<'_>) -> Lines {
    call.only(&["n", "for", "show"])?;
    let name = call.args.at(0, "a member, such as c1")?;
    let wanted = call.args.int("n")?.and_then(|n| usize::try_from(n).ok());
    let only_for = config::duration_of(call.args, "for")?;
    clients.known(&name)?;
    let ends = if wanted.is_none() && only_for.is_none() {
        clients.ends(&name, call)
    } else {
        BTreeMap::new()
    };
    hold_others(clients, &name);
    let (records, in_time) = receive(clients, call, &name, wanted, only_for, &ends);
    release_others(clients, &name);
    let mut lines = show::records(records, consume::with_time(call));
    lines.extend(clients.events());
    if !in_time {
        lines.push(format!("{name} timed out"));
    } else if lines.is_empty() {
        lines.push("no records".to_owned());
    }
    Ok(lines)
}

fn hold_others(clients: &Clients, name: &str) {
    let others = clients.members.iter().filter(|(other, _)| *other != name);
    others.for_each(|(_, member)| member.hold());
}

fn release_others(clients: &Clients, name: &str) {
    let others = clients.members.iter().filter(|(other, _)| *other != name);
    others.for_each(|(_, member)| member.release());
}

/// Takes n records, or what comes in a time, or all up to the ends known at the start.
fn receive(
    clients: &mut Clients,
    call: &Call<'_>,
    name: &str,
    wanted: Option<usize>,
    only_for: Option<Duration>,
    ends: &BTreeMap<Place, i64>,
) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    let mut open: BTreeSet<Place> = ends.keys().cloned().collect();
    let started = tokio::time::Instant::now();
    loop {
        for (other, member) in &mut clients.members {
            if other != name {
                member.serve(Duration::ZERO);
            }
        }
        let Some(member) = clients.members.get_mut(name) else {
            return (records, true);
        };
        let over = match (wanted, only_for) {
            (Some(wanted), _) => records.len() >= wanted,
            (None, Some(time)) => started.elapsed() >= time,
            (None, None) => open.is_empty(),
        };
        let over = over || member.watch().is_failing();
        if over || call.left().is_zero() {
            return (records, over);
        }
        match member.next(TURN) {
            Polled::Record(record) => {
                let place = (record.topic.clone(), record.partition);
                if ends.get(&place).is_some_and(|end| record.offset() + 1 >= *end) {
                    open.remove(&place);
                }
                records.push(record);
            }
            Polled::End(partition) => consume::ended(&mut open, partition),
            Polled::Nothing => {}
        }
    }
}

impl Member {
    /// Serves its callbacks; a record that comes all the same waits for its turn.
    fn serve(&mut self, wait: Duration) {
        if let Polled::Record(record) = self.poll(wait) {
            self.held.push_back(record);
        }
    }

    fn next(&mut self, wait: Duration) -> Polled {
        match self.held.pop_front() {
            Some(record) => Polled::Record(record),
            None => self.poll(wait),
        }
    }
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

    fn known(&mut self, name: &str) -> Result<&mut Member, StepFailure> {
        self.members
            .get_mut(name)
            .ok_or_else(|| StepFailure::usage(format!("no member {name}: subscribe or assign it first")))
    }

    /// Every partition of what the members of a group subscribed to.
    fn expected(&mut self, group: &str, call: &Call<'_>) -> Result<BTreeSet<Place>, StepFailure> {
        let members = self.members.values().filter(|member| member.group == group);
        let topics: BTreeSet<String> = members.flat_map(|member| member.topics.clone()).collect();
        let mut expected = BTreeSet::new();
        for topic in topics {
            let of_group = self.members.values().find(|member| member.topics.contains(&topic));
            let metadata = of_group.map(|member| member.consumer.fetch_metadata(Some(&topic), call.left()));
            if let Some(Ok(metadata)) = metadata {
                let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
                expected.extend(partitions.map(|partition| (topic.clone(), partition.id())));
            }
        }
        Ok(expected)
    }

    /// Where each partition that a member reads ends now; those read to there already are left out.
    fn ends(&mut self, name: &str, call: &Call<'_>) -> BTreeMap<Place, i64> {
        let Some(member) = self.members.get(name) else {
            return BTreeMap::new();
        };
        let open = member
            .owned()
            .into_iter()
            .filter(|place| !member.paused.contains(place));
        let read = member.read_to(call.left());
        open.filter_map(|place| member.end_of(&place, call.left()).map(|end| (place, end)))
            .filter(|(place, end)| read.get(place).is_none_or(|read| read < end))
            .collect()
    }

    /// What happened to every member, by name. A cooperative member hears of rebalances that give it nothing; how many
    /// depends on timing, so they are left out.
    fn events(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, member) in &self.members {
            let mut events = member.watch().take();
            if member.is_cooperative() {
                events.retain(|event| !matches!(event, Event::Assigned(places) if places.is_empty()));
            }
            lines.extend(events.iter().map(|event| format!("{name} {}", event.line())));
        }
        lines
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
        "unsubscribe" => {
            member.topics.clear();
            member.consumer.unsubscribe();
            Ok(vec!["ok".to_owned()])
        }
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
        .take()
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
