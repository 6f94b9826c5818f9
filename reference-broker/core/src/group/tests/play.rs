//! A coordinator played by a transcript: `> command` lines, each followed by what it answers. `#n` is the answer to the
//! n-th join or sync, which was parked.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::GroupConfig;
use crate::group::*;
use crate::machine::{Machine, Reply, Ticket};
use crate::units::{ErrorCode, Now, TopicId};

/// Plays the commands of a transcript and compares what is said.
#[track_caller]
pub(super) fn transcript(expected: &str) {
    let lines: Vec<&str> = expected.lines().map(str::trim).collect();
    let lines = &lines[1..lines.len() - 1];
    let mut play = Play::new(GroupConfig::default());
    let mut said = String::new();
    for command in lines.iter().filter_map(|line| line.strip_prefix("> ")) {
        said.push_str(&format!("> {command}\n{}", play.command(command)));
    }
    assert_eq!(said.trim_end(), lines.join("\n").trim_end(), "said:\n{said}");
}

/// A coordinator with its log, its clock and the ids it will give out.
pub(super) struct Play {
    pub(super) coordinator: Coordinator,
    pub(super) now: Now,
    pub(super) log: Vec<Record>,
    shown: usize,
    asked: u64,
    said: String,
}

impl Play {
    pub(super) fn new(config: GroupConfig) -> Self {
        let mut play = Self {
            coordinator: Coordinator::new(config),
            now: Now {
                unix_ms: 1_700_000_000_000,
                monotonic_ms: 0,
            },
            log: Vec::new(),
            shown: 0,
            asked: 0,
            said: String::new(),
        };
        play.run(Command::Load(Vec::new()));
        play
    }

    fn command(&mut self, line: &str) -> String {
        self.said.clear();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = Words(rest.split(' ').collect());
        match verb {
            "join" => self.join(&mut words),
            "sync" => self.sync(&mut words),
            "beat" => self.beat(&mut words),
            "leave" => self.leave(&mut words),
            "commit" => self.commit(&mut words),
            "delete" => self.ask(Command::DeleteGroup(words.next())),
            "delete-offsets" => {
                let group = words.next();
                let partitions = words.0.iter().map(|word| partition(word)).collect();
                self.ask(Command::DeleteOffsets(group, partitions));
            }
            "drop" => self.ask(Command::TopicDeleted(words.next(), TopicId::ZERO)),
            "wait" => self.wait(words.next().parse().unwrap(), &[]),
            "wait-beating" => self.wait(words.next().parse().unwrap(), &["a-1", "b-2"]),
            "restart" => self.restart(),
            "max-size" => self.coordinator.config.max_size = words.next().parse().unwrap(),
            "two" => self.two(&words.next(), &words),
            "stable" => self.stable(&words.next(), &words),
            "static" => self.statics(&words.next()),
            "describe" => self.describe(&words.next()),
            "list" => self.list(),
            "offsets" => self.offsets(&words.next()),
            "log" => self.show_log(),
            other => panic!("no such command: {other}"),
        }
        std::mem::take(&mut self.said)
    }

    fn join(&mut self, words: &mut Words) {
        self.asked += 1;
        let protocols = words.option("protocols").unwrap_or_else(|| "range".into());
        let metadata = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff");
        let join = Join {
            member: words.option("id").unwrap_or_default(),
            instance: words.option("as"),
            protocol_type: words.option("type").unwrap_or_else(|| "consumer".into()),
            protocols: protocols
                .split(',')
                .filter(|name| !name.is_empty())
                .map(|name| Protocol {
                    name: name.into(),
                    metadata: metadata.clone(),
                })
                .collect(),
            session_timeout_ms: words.option("session").map_or(10_000, |ms| ms.parse().unwrap()),
            rebalance_timeout_ms: words.option("rebalance").map_or(20_000, |ms| ms.parse().unwrap()),
            fresh: self.asked.to_string().into(),
            ticket: Ticket(self.asked),
            requires_known_member: !words.flag("at-once"),
            skips_assignment: words.flag("skips"),
            timing: Timing::default(),
            group: words.next(),
            client_id: words.next(),
            client_host: "/127.0.0.1".into(),
        };
        self.ask(Command::Join(join));
    }

    fn sync(&mut self, words: &mut Words) {
        self.asked += 1;
        let sync = Sync {
            instance: words.option("as"),
            protocol_type: words.option("type"),
            protocol: words.option("protocol"),
            ticket: Ticket(self.asked),
            group: words.next(),
            member: words.next(),
            generation: words.next().parse().unwrap(),
            assignments: words.next().split(',').filter_map(assignment).collect(),
        };
        self.ask(Command::Sync(sync));
    }

    fn beat(&mut self, words: &mut Words) {
        let instance = words.option("as");
        let (group, member, generation) = (words.next(), words.next(), words.next().parse().unwrap());
        self.ask(Command::Heartbeat(Heartbeat {
            group,
            member,
            instance,
            generation,
        }));
    }

    fn leave(&mut self, words: &mut Words) {
        let group = words.next();
        let leaver = |word: &&str| match word.split_once('@') {
            Some((member, instance)) => Leaver {
                member: member.into(),
                instance: Some(instance.into()),
            },
            None => Leaver {
                member: (*word).into(),
                instance: None,
            },
        };
        let members = words.0.iter().map(leaver).collect();
        self.ask(Command::Leave(Leave { group, members }));
    }

    fn commit(&mut self, words: &mut Words) {
        let instance = words.option("as");
        let retention_ms = words.option("retention").map(|ms| ms.parse().unwrap());
        let tells_unknown_group = words.flag("tells");
        let (group, member, generation) = (words.next(), words.next(), words.next().parse().unwrap());
        let offset = |word: &&str| {
            let (key, value) = word.split_once('=').unwrap();
            let (topic, partition) = partition(key);
            let metadata = if value == "long" { "m".repeat(4097) } else { "m".into() };
            OffsetToCommit {
                topic,
                topic_id: TopicId::ZERO,
                partition,
                offset: value.parse().unwrap_or(0),
                leader_epoch: -1,
                metadata: Some(metadata.into()),
            }
        };
        let offsets = words.0.iter().map(offset).collect();
        self.ask(Command::Commit(Commit {
            group,
            member,
            instance,
            generation,
            retention_ms,
            tells_unknown_group,
            offsets,
        }));
    }

    /// Two members whose generation has begun.
    fn two(&mut self, group: &str, words: &Words) {
        let options = words.0.join(" ");
        self.command(&format!("join {group} a at-once {options}"));
        self.command(&format!("join {group} b at-once {options}"));
        self.command("wait 6000");
        self.shown = self.log.len();
    }

    fn stable(&mut self, group: &str, words: &Words) {
        let first = self.asked + 1;
        self.two(group, words);
        let (a, b) = (format!("a-{first}"), format!("b-{}", first + 1));
        self.command(&format!("sync {group} {b} 1"));
        self.command(&format!("sync {group} {a} 1 {a}=x,{b}=y"));
        self.shown = self.log.len();
    }

    fn statics(&mut self, group: &str) {
        self.command(&format!("join {group} a as=ia"));
        self.command(&format!("join {group} b as=ib"));
        self.command("wait 6000");
        self.shown = self.log.len();
        self.command(&format!("sync {group} ib-2 1 as=ib"));
        self.command(&format!("sync {group} ia-1 1 as=ia ia-1=x,ib-2=y"));
        self.said.clear();
    }

    fn wait(&mut self, ms: i64, beating: &[&str]) {
        let end = self.now.monotonic_ms + ms;
        while let Some(due) = self
            .coordinator
            .deadline()
            .map(|deadline| deadline.0)
            .filter(|due| *due <= end)
        {
            self.pass(due.max(self.now.monotonic_ms) - self.now.monotonic_ms);
            for member in beating {
                let beat = Heartbeat {
                    group: "g".into(),
                    member: (*member).into(),
                    instance: None,
                    generation: 1,
                };
                self.run(Command::Heartbeat(beat));
            }
            if let Some(timer) = self.coordinator.due(self.now) {
                self.run(Command::Expire(timer));
            }
        }
        self.pass(end - self.now.monotonic_ms);
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now.monotonic_ms += ms;
        self.now.unix_ms += ms;
    }

    /// All that a broker keeps is its log.
    pub(super) fn restart(&mut self) {
        let config = self.coordinator.config.clone();
        self.coordinator = Coordinator::new(config);
        for record in &self.log {
            let (key, value) = encode(record).unwrap();
            let read = decode(&key, value.as_deref()).unwrap();
            assert_eq!(read.as_ref(), Some(record));
            self.coordinator.apply(&Change::Durable(record.clone()));
        }
        self.run(Command::Load(Vec::new()));
    }

    fn ask(&mut self, command: Command) {
        let released = std::mem::take(&mut self.said);
        let said = match self.run(command) {
            Reply::Now(outcome) => show(&outcome),
            Reply::Parked(ticket) => format!("parked #{}", ticket.0),
        };
        self.said = format!("{released}{said}\n{}", self.said);
    }

    /// What the node does with a command; all released tickets are said.
    pub(super) fn run(&mut self, command: Command) -> Reply<Outcome> {
        let released = &mut Vec::new();
        let reply = self.step(command, released);
        while let Some(follows) = self.coordinator.unsettled() {
            self.step(follows, released);
        }
        for (ticket, outcome) in released {
            self.said.push_str(&format!("#{} {}\n", ticket.0, show(outcome)));
        }
        assert_eq!(self.coordinator.check(), Ok(()));
        reply
    }

    fn step(&mut self, command: Command, released: &mut Vec<(Ticket, Outcome)>) -> Reply<Outcome> {
        let step = self.coordinator.decide(command, self.now);
        for change in &step.changes {
            if let Change::Durable(record) = change {
                self.log.push(record.clone());
            }
            self.coordinator.apply(change);
        }
        released.extend(step.released);
        step.reply
    }

    fn describe(&mut self, group: &str) {
        let said = self.coordinator.describe(group).map(|group| {
            let (state, protocol_type, protocol) = (group.state, group.protocol_type, group.protocol);
            let members: Vec<_> = group.members.iter().map(show_member).collect();
            format!(
                "{state} type={protocol_type} protocol={protocol} members=[{}]\n",
                members.join(" ")
            )
        });
        self.said.push_str(&said.unwrap_or_default());
    }

    fn list(&mut self) {
        for listed in self.coordinator.list() {
            writeln!(self.said, "{} {}", listed.group, listed.state).unwrap();
        }
        if self.said.is_empty() {
            self.said.push('\n');
        }
    }

    fn offsets(&mut self, group: &str) {
        let offsets = self.coordinator.all_committed(group, View::Replicated);
        let said: Vec<_> = offsets
            .map(|(topic, partition, value)| format!("{topic}/{partition}={}", value.offset))
            .collect();
        writeln!(self.said, "{}", said.join(" ")).unwrap();
    }

    fn show_log(&mut self) {
        for record in &self.log[self.shown..] {
            let said = match record {
                Record::Group(id, Some(value)) => show_group(id, value),
                other => format!("{other:?}"),
            };
            writeln!(self.said, "{said}").unwrap();
        }
        self.shown = self.log.len();
    }
}

struct Words<'a>(Vec<&'a str>);

impl Words<'_> {
    fn next(&mut self) -> Arc<str> {
        if self.0.is_empty() {
            "".into()
        } else {
            self.0.remove(0).into()
        }
    }

    fn option(&mut self, name: &str) -> Option<Arc<str>> {
        let index = self
            .0
            .iter()
            .position(|word| word.split_once('=').is_some_and(|(key, _)| key == name))?;
        self.0.remove(index).split_once('=').map(|(_, value)| value.into())
    }

    fn flag(&mut self, name: &str) -> bool {
        let index = self.0.iter().position(|word| *word == name);
        index.map(|index| self.0.remove(index)).is_some()
    }
}

fn partition(word: &str) -> (Arc<str>, i32) {
    let (topic, partition) = word.split_once('/').unwrap();
    (topic.into(), partition.parse().unwrap())
}

fn assignment(word: &str) -> Option<(Arc<str>, Bytes)> {
    let (member, bytes) = word.split_once('=')?;
    Some((member.into(), Bytes::copy_from_slice(bytes.as_bytes())))
}

fn show(outcome: &Outcome) -> String {
    let result = |result: &Option<ErrorCode>| result.map_or("ok".into(), |error| format!("{error:?}"));
    let results = |results: &[Option<ErrorCode>]| results.iter().map(result).collect::<Vec<_>>().join(" ");
    match outcome {
        Outcome::Joined(joined) => show_joined(joined),
        Outcome::JoinRefused(member, error) => format!("refused {member} {error:?}"),
        Outcome::Synced(synced) => {
            let name = |name: &Option<Arc<str>>| name.clone().unwrap_or_default();
            let assignment = String::from_utf8_lossy(&synced.assignment);
            format!(
                "synced type={} protocol={} assignment={assignment}",
                name(&synced.protocol_type),
                name(&synced.protocol)
            )
        }
        Outcome::Beaten(beaten) => format!("beaten {beaten:?}"),
        Outcome::RefusedWith(error, _) => format!("refused {error:?}"),
        Outcome::Done => "done".into(),
        Outcome::Refused(error) => format!("refused {error:?}"),
        Outcome::Left(left) => format!("left {}", results(left)),
        Outcome::Offsets(offsets) => results(offsets),
    }
}

fn show_joined(joined: &Joined) -> String {
    let name = |name: &Option<Arc<str>>| name.clone().unwrap_or_default();
    let instance = |member: &JoinedMember| {
        member
            .instance
            .as_ref()
            .map_or(String::new(), |instance| format!("/{instance}"))
    };
    let members: Vec<_> = joined
        .members
        .iter()
        .map(|member| format!("{}{}", member.member, instance(member)))
        .collect();
    let mut said = format!(
        "joined {} generation={} type={} protocol={} leader={}",
        joined.member,
        joined.generation,
        name(&joined.protocol_type),
        name(&joined.protocol),
        name(&joined.leader),
    );
    if !members.is_empty() {
        write!(said, " members=[{}]", members.join(" ")).unwrap();
    }
    if joined.skip_assignment { said + " skip" } else { said }
}

fn show_member(member: &DescribedMember) -> String {
    match &*member.assignment {
        [] => member.member.to_string(),
        bytes => format!("{}={}", member.member, String::from_utf8_lossy(bytes)),
    }
}

fn show_group(id: &str, value: &GroupValue) -> String {
    let member = |member: &MemberValue| {
        let instance = member
            .instance_id
            .as_ref()
            .map_or(String::new(), |instance| format!("/{instance}"));
        format!(
            "{}{instance}={}",
            member.member_id,
            String::from_utf8_lossy(&member.assignment)
        )
    };
    let members: Vec<_> = value.members.iter().map(member).collect();
    let mut said = format!(
        "group {id} generation={} type={}",
        value.generation, value.protocol_type
    );
    for (name, text) in [("protocol", &value.protocol), ("leader", &value.leader)] {
        if let Some(text) = text {
            write!(said, " {name}={text}").unwrap();
        }
    }
    said + &format!(" members=[{}]", members.join(" "))
}
