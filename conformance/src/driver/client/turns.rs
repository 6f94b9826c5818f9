//! The loop that serves every member of a case while one of them waits: for a rebalance to end, or for records.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use tokio::time::Instant;

use super::member::{Member, Place};
use super::show::{self, Record};
use super::{Call, Clients, Lines, StepFailure, config, consume};

/// How long one member is listened to before the others get their turn.
pub(super) const TURN: Duration = Duration::from_millis(5);
/// How long nothing may come before librdkafka's word that a partition ends is believed.
const QUIET: Duration = Duration::from_millis(300);

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
    let mut lines = clients.events(name);
    if !in_time {
        lines.push(format!("{name} timed out"));
    } else if lines.is_empty() {
        lines.push("settled".to_owned());
    }
    Ok(lines)
}

/// Waits until a member owns nothing any more.
pub(super) fn let_go(clients: &mut Clients, call: &Call<'_>, name: &str) -> Vec<String> {
    let done = |members: &BTreeMap<String, Member>| members.get(name).is_none_or(|member| member.owned().is_empty());
    let in_time = turns(clients, call, done);
    let mut lines = clients.events(name);
    lines.push(if in_time {
        "ok".to_owned()
    } else {
        format!("{name} timed out")
    });
    lines
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
    let until = match (wanted, only_for) {
        (Some(wanted), _) => Until::Records(wanted),
        (None, Some(time)) => Until::Time(Instant::now() + time),
        (None, None) => Until::Ends(clients.ends(&name, call)),
    };
    hold_others(clients, &name);
    let (records, in_time) = receive(clients, call, &name, until);
    release_others(clients, &name);
    let mut lines = show::records(records, consume::with_time(call));
    lines.extend(clients.events(&name));
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

/// What is still to come before a `poll` is over.
enum Until {
    Records(usize),
    Time(Instant),
    /// Where each partition ends; those read to there are taken out.
    Ends(BTreeMap<Place, i64>),
}

/// Takes records for one member until that; false where the time ran out first.
fn receive(clients: &mut Clients, call: &Call<'_>, name: &str, mut until: Until) -> (Vec<Record>, bool) {
    let mut records: Vec<Record> = Vec::new();
    let mut quiet_since = Instant::now();
    loop {
        let others = clients.members.iter_mut().filter(|(other, _)| *other != name);
        others.for_each(|(_, member)| member.serve(Duration::ZERO));
        let Some(member) = clients.members.get_mut(name) else {
            return (records, true);
        };
        let over = until.is_over(member, records.len(), quiet_since.elapsed()) || member.watch().is_failing();
        if over || call.left().is_zero() {
            return (records, over);
        }
        if let Some(record) = member.held.pop_front().or_else(|| member.poll(TURN)) {
            quiet_since = Instant::now();
            until.came(&record);
            records.push(record);
        }
    }
}

impl Until {
    /// An end counts as reached too when librdkafka says so and nothing more comes: the last offsets of a partition may be
    /// transaction markers, which no application sees.
    fn is_over(&mut self, member: &Member, records: usize, quiet: Duration) -> bool {
        match self {
            Self::Records(wanted) => records >= *wanted,
            Self::Time(end) => Instant::now() >= *end,
            Self::Ends(ends) => {
                let owned = member.owned();
                ends.retain(|place, _| owned.contains(place) && !(quiet >= QUIET && member.is_at_end(place)));
                ends.is_empty()
            }
        }
    }

    fn came(&mut self, record: &Record) {
        if let Self::Ends(ends) = self {
            ends.retain(|place, end| {
                (&place.0, place.1) != (&record.topic, record.partition) || record.offset() + 1 < *end
            });
        }
    }
}

impl Member {
    /// Serves its callbacks; a record that comes all the same waits for its turn.
    fn serve(&mut self, wait: Duration) {
        let record = self.poll(wait);
        self.held.extend(record);
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

    /// Where each partition that a member reads ends now; those that are empty or read to there already are left out.
    fn ends(&mut self, name: &str, call: &Call<'_>) -> BTreeMap<Place, i64> {
        let Some(member) = self.members.get(name) else {
            return BTreeMap::new();
        };
        let read = member.read_to(call.left());
        let open = member
            .owned()
            .into_iter()
            .filter(|place| !member.paused.contains(place));
        open.filter_map(|place| {
            let (start, end) = member.span_of(&place, call.left())?;
            (*read.get(&place).unwrap_or(&start) < end).then_some((place, end))
        })
        .collect()
    }

    /// What happened to every member, by name, in a step of the one named. What went wrong with another waits for its own
    /// step: it may come a heartbeat sooner or later.
    fn events(&self, acting: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, member) in &self.members {
            let events = member.watch().take(name == acting);
            // How many rebalances give nothing to a cooperative member depends on timing.
            let told = events
                .iter()
                .filter(|event| !(member.is_cooperative() && event.is_empty()));
            lines.extend(told.map(|event| format!("{name} {}", event.line())));
        }
        lines
    }
}
