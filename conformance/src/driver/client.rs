//! librdkafka as an application would use it: one session of clients a case, one verb a step, canonical lines back.
//!
//! What the broker did, also wrongly, is lines; [`StepFailure`] is left for what the case or this harness did wrong. Every
//! call has a deadline, `timeout=` of the step or 10 s. Any key with a dot is a librdkafka property of the client that the
//! step uses; steps with equal properties share one client.
//!
//! | verb | arguments | shows |
//! |---|---|---|
//! | `create-topic T…` | `partitions= replication-factor= assignment=[[1]] config={ k: v } validate-only` | `t ok` or `t error=…` |
//! | `delete-topic T…` | | the same |
//! | `create-partitions T=N…` | `validate-only` | the same |
//! | `describe-config T` | `keys=[k] broker= group= source=DYNAMIC_TOPIC` | `t k=v source=…` |
//! | `alter-config T` | `config={ k: v } broker= group= validate-only` | `t asked`; replaces the whole set |
//! | `delete-records T/P=OFFSET…` | | `t/0 low=3` |
//! | `delete-group G…` | | `g ok` |
//! | `metadata T…` | | a line a partition |
//! | `watermarks T/P…` | | `t/0 low=0 high=3` |
//! | `offsets-for-times T/P=MILLIS…` | | `t/0 offset=2` |
//! | `list-groups` | | the groups of this case |
//! | `describe-group G` | | state, protocol, and who owns what |
//! | `produce T[/P]` | `values= keys= headers= timestamps= acks= codec= idempotent= partitioner= producer= wait=false` | a line a record |
//! | `flush` | `producer=` | what `wait=false` left |
//! | `init-transactions`, `begin`, `commit-transaction`, `abort-transaction` | `producer=` | `ok` |
//! | `send-offsets M T/P=OFFSET…` | `producer=` | `ok` |
//! | `consume T[/P]…` | `from=beginning\|end\|N n= show=[timestamp]` | the records, to the end of the log or n of them; a time that the broker gave is `append-time=<now>` |
//! | `subscribe M T…` | `group= strategy= instance= wait=false` | who was assigned what |
//! | `assign M T/P=OFFSET…` | `group=` | `ok` |
//! | `settle M` | | the rebalance events until the members own all partitions |
//! | `poll M` | `n=`, or to the ends | records and events |
//! | `assignment M`, `subscription M`, `position M`, `protocol M` | | |
//! | `commit M [T/P=OFFSET…]` | `metadata= group=` | `ok` or `error=…` |
//! | `committed M [T/P…]` | `group=` | `t/0 offset=3` |
//! | `seek M T/P=OFFSET…`, `pause M T/P…`, `resume M T/P…`, `unsubscribe M`, `close M` | | |
//!
//! A bare name is made unique for the run, a quoted one is asked as it is. `M` names a member of a group in this case: `c1`. While one member waits, the others are served too, so that they take
//! part in a rebalance, but they receive no records.

mod admin;
mod config;
mod consume;
mod errors;
mod group;
mod lookup;
mod member;
mod produce;
mod show;
mod turns;

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::topic_partition_list::Offset;
use tokio::time::Instant;

use crate::case::{Arg, ArgError, Args};

/// Every verb, for checks of a case before it runs.
pub const VERBS: &[&str] = &[
    "create-topic",
    "delete-topic",
    "create-partitions",
    "describe-config",
    "alter-config",
    "delete-records",
    "delete-group",
    "metadata",
    "watermarks",
    "offsets-for-times",
    "list-groups",
    "describe-group",
    "produce",
    "flush",
    "init-transactions",
    "begin",
    "commit-transaction",
    "abort-transaction",
    "send-offsets",
    "consume",
    "subscribe",
    "assign",
    "settle",
    "poll",
    "assignment",
    "subscription",
    "position",
    "protocol",
    "commit",
    "committed",
    "seek",
    "pause",
    "resume",
    "unsubscribe",
    "close",
];

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the case or the harness did wrong; never the broker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StepFailure(pub String);

impl StepFailure {
    fn usage(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<ArgError> for StepFailure {
    fn from(ArgError(message): ArgError) -> Self {
        Self(message)
    }
}

/// The clients of one run of one case.
#[derive(Debug)]
pub struct Session {
    /// None while a step runs, and for good when one was abandoned.
    clients: Option<Box<Clients>>,
}

#[derive(Debug)]
struct Clients {
    bootstrap: String,
    prefix: String,
    admin: Option<admin::Admin>,
    producers: BTreeMap<(String, config::Properties), produce::Producer>,
    readers: BTreeMap<(String, config::Properties), consume::Reader>,
    members: BTreeMap<String, member::Member>,
}

/// What every verb gets: its arguments and when to give up.
struct Call<'a> {
    args: &'a Args,
    timeout: Duration,
    deadline: Instant,
}

type Lines = Result<Vec<String>, StepFailure>;

impl Session {
    /// A session whose topics and groups start with `prefix`, also where a step leaves it out. No client is made yet.
    pub fn open(bootstrap: &[String], prefix: &str) -> Self {
        Self {
            clients: Some(Box::new(Clients {
                bootstrap: bootstrap.join(","),
                prefix: prefix.to_owned(),
                admin: None,
                producers: BTreeMap::new(),
                readers: BTreeMap::new(),
                members: BTreeMap::new(),
            })),
        }
    }
}

/// Closing a librdkafka client takes its time; nobody waits for it.
impl Drop for Session {
    fn drop(&mut self) {
        let clients = self.clients.take();
        if clients.as_ref().is_some_and(|clients| clients.any()) {
            std::thread::spawn(move || drop(clients));
        }
    }
}

/// Runs one step and shows what the application saw.
///
/// # Errors
/// The case asked for something that there is not, or the harness failed.
pub async fn run(session: &mut Session, verb: &str, args: &Args) -> Result<Vec<String>, StepFailure> {
    let mut clients = session
        .clients
        .take()
        .ok_or_else(|| StepFailure("an earlier step of this session was abandoned".to_owned()))?;
    let (verb, args) = (verb.to_owned(), args.clone());
    let step = tokio::task::spawn_blocking(move || {
        let lines = clients.run(&verb, &args);
        (clients, lines)
    });
    let (clients, lines) = step
        .await
        .map_err(|panic| StepFailure(format!("the client driver failed: {panic}")))?;
    session.clients = Some(clients);
    lines
}

impl Clients {
    fn run(&mut self, verb: &str, args: &Args) -> Lines {
        let timeout = config::timeout(args, TIMEOUT)?;
        let deadline = Instant::now() + timeout;
        let call = Call {
            args,
            timeout,
            deadline,
        };
        let lines = match verb {
            "create-topic" => admin::create_topic(self, &call),
            "delete-topic" => admin::delete_topic(self, &call),
            "create-partitions" => admin::create_partitions(self, &call),
            "describe-config" => admin::describe_config(self, &call),
            "alter-config" => admin::alter_config(self, &call),
            "delete-records" => admin::delete_records(self, &call),
            "delete-group" => admin::delete_group(self, &call),
            "metadata" => lookup::metadata(self, &call),
            "watermarks" => lookup::watermarks(self, &call),
            "offsets-for-times" => lookup::offsets_for_times(self, &call),
            "list-groups" => lookup::list_groups(self, &call),
            "describe-group" => lookup::describe_group(self, &call),
            "produce" => produce::produce(self, &call),
            "flush" => produce::flush(self, &call),
            "init-transactions" | "begin" | "commit-transaction" | "abort-transaction" => {
                produce::transaction(self, verb, &call)
            }
            "send-offsets" => produce::send_offsets(self, &call),
            "consume" => consume::consume(self, &call),
            _ => group::run(self, verb, &call),
        }?;
        Ok(lines.iter().map(|line| self.plain(line)).collect())
    }

    fn any(&self) -> bool {
        self.admin.is_some() || !(self.producers.is_empty() && self.readers.is_empty() && self.members.is_empty())
    }

    /// The name on the broker; a name that has the prefix already keeps it, and so does one of Kafka's own.
    fn unique(&self, name: &str) -> String {
        if name.starts_with(&self.prefix) || name.is_empty() || name.starts_with("__") {
            name.to_owned()
        } else {
            format!("{}{name}", self.prefix)
        }
    }

    fn plain(&self, line: &str) -> String {
        if self.prefix.is_empty() {
            line.to_owned()
        } else {
            line.replace(&self.prefix, "")
        }
    }

    /// `t/0` as topic and partition.
    fn place(&self, text: &str) -> Result<(String, i32), StepFailure> {
        let parsed = text
            .rsplit_once('/')
            .and_then(|(topic, partition)| Some((self.unique(topic), partition.parse().ok()?)));
        parsed.ok_or_else(|| StepFailure::usage(format!("{text}: say TOPIC/PARTITION, such as t/0")))
    }

    /// The `t/0` and `t/0=offset` arguments of a step as a list; those without an offset get `otherwise`.
    fn list(&self, call: &Call<'_>, skip: usize, otherwise: Offset) -> Result<TopicPartitionList, StepFailure> {
        let bare = call.args.positional.iter().skip(skip).flat_map(Arg::items);
        let bare = bare.map(|arg| (arg.text().unwrap_or_default(), otherwise));
        let with_offset = call.args.named.iter().filter(|(key, _)| key.contains('/'));
        let with_offset: Vec<_> = with_offset
            .map(|(key, value)| Ok((key.clone(), offset(value)?)))
            .collect::<Result<_, StepFailure>>()?;
        let mut list = TopicPartitionList::new();
        for (text, offset) in bare.chain(with_offset) {
            let (topic, partition) = self.place(&text)?;
            let mut element = list.add_partition(&topic, partition);
            element
                .set_offset(offset)
                .map_err(|_| StepFailure::usage(format!("{text}: an offset is 0 or more")))?;
        }
        Ok(list)
    }

    /// The names among the positional arguments, lists flattened, made unique but for quoted ones.
    fn names(&self, call: &Call<'_>, skip: usize, what: &str) -> Result<Vec<String>, StepFailure> {
        let items = call.args.positional.iter().skip(skip).flat_map(Arg::items);
        let items = items.filter(|arg| !FLAGS.iter().any(|flag| *arg == Arg::Word((*flag).to_owned())));
        let names: Vec<String> = items
            .filter_map(|arg| match arg {
                Arg::Text(quoted) => Some(quoted),
                other => other.text().map(|name| self.unique(&name)),
            })
            .collect();
        if names.is_empty() {
            return Err(StepFailure::usage(format!("{} wants {what}", call.args.verb)));
        }
        Ok(names)
    }
}

/// Words that stand alone and are no names.
const FLAGS: [&str; 1] = ["validate-only"];

/// `beginning`, `end`, `stored`, `tail-3` or a number.
fn offset(arg: &Arg) -> Result<Offset, StepFailure> {
    let text = arg.text().unwrap_or_default();
    let number = |text: &str| text.parse::<i64>().ok();
    match text.as_str() {
        "beginning" => Ok(Offset::Beginning),
        "end" => Ok(Offset::End),
        "stored" => Ok(Offset::Stored),
        _ => match text.strip_prefix("tail-") {
            Some(tail) => number(tail).map(Offset::OffsetTail),
            None => number(&text).map(Offset::Offset),
        }
        .ok_or_else(|| {
            StepFailure::usage(format!(
                "{text:?}: an offset is beginning, end, stored, tail-N or a number"
            ))
        }),
    }
}

impl Call<'_> {
    /// What is left of the time of this step.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn only(&self, keys: &[&str]) -> Result<(), StepFailure> {
        config::only(self.args, keys)
    }
}
