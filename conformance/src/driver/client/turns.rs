//! The loop that serves every member of a case while one of them waits: for a rebalance to end, or for records.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use tokio::time::Instant;

use super::member::{Event, Member, Place, Polled};
use super::show::{self, Record};
use super::{Call, Clients, Lines, StepFailure, config, consume};

/// How long one member is listened to before the others get their turn.
pub(super) const TURN: Duration = Duration::from_millis(5);

/// Waits until the members of the group own every partition once and each has heard so.
pub(super) fn settle(clients: &mut Clients, call: &Call<'_>, name: &str) -> Lines {
    let group = clients.known(name)?.group.clone();
    let expected = clients.expected(&group, call)?;
    clients.members.values().for_each(Member::hold);
    let done = |members: &BTreeMap<String, Member>| {
        let failed = members.get(name).is_some_and(|member| member.watch().is_failing());
        failed || is_settled(members, &group, &expected)
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
fn is_settled(members: &BTreeMap<String, Member>, group: &str, expected: &BTreeSet<Place>) -> bool {
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

/// Records for one member: n of them, those of a time, or all up to the present ends.
pub(super) fn poll(clients: &mut Clients, call: &Call<'_>) -> Lines {
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
    let started = Instant::now();
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
