//! What a step does: its verb is looked up, its names are bound, it is asked, and its answer becomes lines. It never sees
//! the expected answer.

mod call;
mod capture;
mod client;
mod commits;
mod configs;
mod consumer;
mod control;
mod disk;
mod facts;
mod fetch;
mod fit;
mod given;
mod group;
mod lookup;
mod offsets;
mod patience;
mod places;
mod produce;
mod producer;
mod read;
mod send;
mod session;
mod topics;
mod txn;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::case::{ArgError, Args, Step};
use crate::observe::project;
use crate::run::event::FrameReport;
use patience::Patience;

pub use call::{Call, Place};
pub use client::run_client;
pub use facts::Facts;
pub use given::{NotGiven, clean_up, given};
pub use session::{Limits, Session};

/// What came of one step.
#[derive(Debug, Clone, Default)]
pub struct StepRun {
    /// The answer, one fact a line.
    pub lines: Vec<String>,
    /// The frames, in order.
    pub frames: Vec<FrameReport>,
    /// What is odd about the bytes.
    pub findings: Vec<String>,
    /// Why the step could not be asked: the harness's fault, never the target's.
    pub broken: Option<String>,
}

/// Why a step has no ordinary answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The connection ended: an answer.
    Closed,
    /// Nothing came until the deadline: an answer.
    Silence,
    /// What came does not decode: an answer.
    Undecodable(String),
    /// The step is wrong, or we are.
    Broken(String),
}

impl From<ArgError> for Halt {
    fn from(error: ArgError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Errors that pass by themselves soon after a topic or group was made, or a leader moved.
pub(crate) const TRANSIENT: &[&str] = &[
    "UNKNOWN_TOPIC_OR_PARTITION",
    "UNKNOWN_TOPIC_ID",
    "NOT_LEADER_OR_FOLLOWER",
    "LEADER_NOT_AVAILABLE",
    "COORDINATOR_NOT_AVAILABLE",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR",
    "OFFSET_NOT_AVAILABLE",
    "CONCURRENT_TRANSACTIONS",
    "UNSTABLE_OFFSET_COMMIT",
];

/// Between two tries of a step that is repeated until its answer is the awaited one.
const PAUSE: Duration = Duration::from_millis(20);

/// A step on its way; boxed, so that steps can be spawned whatever they borrow.
pub type Running<'a> = Pin<Box<dyn Future<Output = StepRun> + Send + 'a>>;

/// Runs one step to its answer. `sent` is told when its request is on its way.
pub fn run<'a>(session: &'a Session, step: &'a Step, sent: Option<oneshot::Sender<()>>) -> Running<'a> {
    Box::pin(to_the_answer(session, step, sent))
}

async fn to_the_answer(session: &Session, step: &Step, mut sent: Option<oneshot::Sender<()>>) -> StepRun {
    let deadline = Instant::now() + session.limits().step;
    loop {
        let (run, again) = once(session, step, sent.take()).await;
        if !again || Instant::now() >= deadline {
            return run;
        }
        sleep(PAUSE).await;
    }
}

/// One try; true with it when the step says that this answer is not yet the one.
async fn once(session: &Session, step: &Step, sent: Option<oneshot::Sender<()>>) -> (StepRun, bool) {
    let started = Instant::now();
    let mut call = Call::new(session, step, sent);
    let (result, patience) = ask(&mut call, &step.args).await;
    let mut run = call.finish();
    let lines = match result {
        Ok(lines) => lines,
        Err(Halt::Closed) => vec!["closed".to_owned()],
        Err(Halt::Silence) => vec!["silence".to_owned()],
        Err(Halt::Undecodable(why)) => vec![format!("undecodable: {why}")],
        Err(Halt::Broken(why)) => {
            run.broken = Some(format!("line {}: {why}", step.line));
            return (run, false);
        }
    };
    let again = patience.wants_more(&lines);
    run.lines = project(lines, &step.projection);
    run.lines.extend(patience.timed(started.elapsed()));
    (run, again)
}

async fn ask(call: &mut Call<'_>, args: &Args) -> (Result<Vec<String>, Halt>, Patience) {
    let bound = call
        .session
        .bind(args)
        .await
        .and_then(|mut args| Ok((Patience::take(&mut args)?, args)));
    match bound {
        Err(error) => (Err(error.into()), Patience::default()),
        Ok((patience, args)) => {
            call.retries_coordinator = !patience.takes_the_first_answer;
            call.version = patience.version;
            (dispatch(call, &args).await, patience)
        }
    }
}

/// Every verb of the wire driver, for checks and the language's page.
pub const VERBS: &[&str] = &[
    "send",
    "raw",
    "frame",
    "closed",
    "unasked",
    "disconnect",
    "await",
    "kill",
    "stop",
    "restart",
    "pause",
    "resume",
    "files",
    "damage",
    "dump",
    "api-versions",
    "metadata",
    "create-topic",
    "delete-topic",
    "create-partitions",
    "describe-configs",
    "alter-configs",
    "produce",
    "fetch",
    "list-offsets",
    "end-offset",
    "epoch-end",
    "delete-records",
    "init-producer",
    "add-partitions",
    "add-offsets",
    "txn-commit",
    "end-txn",
    "write-marker",
    "describe-txn",
    "list-txns",
    "describe-producers",
    "find-coordinator",
    "join",
    "enter",
    "sync",
    "heartbeat",
    "leave",
    "consumer-heartbeat",
    "consumer-describe",
    "describe-group",
    "list-groups",
    "delete-group",
    "commit",
    "offsets",
    "offset-delete",
];

async fn dispatch(call: &mut Call<'_>, args: &Args) -> Result<Vec<String>, Halt> {
    match args.verb.as_str() {
        "send" => send::run(call, args).await,
        "raw" | "frame" => control::raw(call, args).await,
        "closed" => control::closed(call, args).await,
        "unasked" => control::unasked(call, args).await,
        "disconnect" => control::disconnect(call, args).await,
        "kill" | "stop" | "restart" | "pause" | "resume" => control::broker(call, args).await,
        "files" => disk::files(call, args).await,
        "damage" => disk::damage(call, args).await,
        "dump" => disk::dump(call, args).await,
        "api-versions" => producer::api_versions(call, args).await,
        "init-producer" => producer::init(call, args).await,
        "metadata" => topics::metadata(call, args).await,
        "create-topic" => topics::create(call, args).await,
        "delete-topic" => topics::delete(call, args).await,
        "create-partitions" => topics::create_partitions(call, args).await,
        "describe-configs" => configs::describe(call, args).await,
        "alter-configs" => configs::alter(call, args).await,
        "produce" => produce::run(call, args).await,
        "fetch" => fetch::run(call, args).await,
        "list-offsets" => offsets::list(call, args).await,
        "end-offset" => offsets::end(call, args).await,
        "epoch-end" => offsets::epoch_end(call, args).await,
        "delete-records" => offsets::delete_records(call, args).await,
        "add-partitions" => txn::add_partitions(call, args).await,
        "add-offsets" => txn::add_offsets(call, args).await,
        "txn-commit" => txn::commit(call, args).await,
        "end-txn" => txn::end(call, args).await,
        "write-marker" => txn::write_marker(call, args).await,
        "describe-txn" => txn::describe(call, args).await,
        "list-txns" => txn::list(call, args).await,
        "describe-producers" => txn::producers(call, args).await,
        "find-coordinator" => commits::find_coordinator(call, args).await,
        "join" => group::join(call, args).await,
        "enter" => group::enter(call, args).await,
        "sync" => group::sync(call, args).await,
        "heartbeat" => group::heartbeat(call, args).await,
        "leave" => group::leave(call, args).await,
        "consumer-heartbeat" => consumer::heartbeat(call, args).await,
        "consumer-describe" => consumer::describe(call, args).await,
        "describe-group" => group::describe(call, args).await,
        "list-groups" => group::list(call, args).await,
        "delete-group" => group::delete(call, args).await,
        "commit" => commits::commit(call, args).await,
        "offsets" => commits::fetch(call, args).await,
        "offset-delete" => commits::delete(call, args).await,
        other => Err(Halt::Broken(format!(
            "{other} is no verb; the verbs are {}",
            VERBS.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::VERBS;

    #[test]
    fn the_page_of_the_language_tells_every_verb() {
        let page = include_str!("../cases/README.md");
        let tells = |verb: &str| {
            page.lines().any(|line| {
                let words = line.trim_start_matches([' ', '#']).split([' ', '`']);
                words.take(2).any(|word| word == verb) || line.contains(&format!("    {verb} "))
            })
        };
        let untold: Vec<_> = VERBS.iter().filter(|verb| !tells(verb)).collect();
        assert!(untold.is_empty(), "cases/README.md says nothing of {untold:?}");
    }
}
