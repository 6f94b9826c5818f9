//! One case on one broker, step by step, without a word about what was expected: used by the executor, by live oracles and
//! by `record`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Broker;
use super::event::FrameReport;
use crate::case::{Arg, Case, Cell, DriverKind, Step};
use crate::driver::apart::Clients;
use crate::step::{self, Limits, NotGiven, Session, StepRun};

/// What one step came to.
#[derive(Debug, Clone)]
pub struct StepObservation {
    /// Line of the step in the case file.
    pub line: usize,
    /// The answer, one fact a line.
    pub lines: Vec<String>,
    /// The frames, in order.
    pub frames: Vec<FrameReport>,
    /// What is odd about the bytes.
    pub findings: Vec<String>,
    /// Why the step could not be asked; no step after it ran.
    pub broken: Option<String>,
    /// Whether that is the target's doing, and so an answer: what the case takes for granted, it did not give.
    pub by_target: bool,
}

/// Runs every step of a case at a cell. Ends early after a step that could not be asked.
pub async fn observe_case(case: &Case, cell: &Cell, broker: &Broker) -> Vec<StepObservation> {
    let seen = Seen::default();
    observe_into(case, cell, broker, &seen).await;
    seen.take()
}

/// What a run has come to so far: also there when the run is given up.
#[derive(Debug, Default)]
pub(super) struct Seen {
    steps: std::sync::Mutex<Vec<StepObservation>>,
    from: OnceLock<Instant>,
    to: OnceLock<Instant>,
}

impl Seen {
    /// The run has its broker and starts.
    pub(super) fn start(&self) {
        self.from.get_or_init(Instant::now);
    }

    /// The run is over.
    pub(super) fn stop(&self) {
        self.to.get_or_init(Instant::now);
    }

    /// How long it took; nothing where it never had a broker.
    pub(super) fn elapsed(&self) -> Duration {
        match (self.from.get(), self.to.get()) {
            (Some(from), Some(to)) => *to - *from,
            (Some(from), None) => from.elapsed(),
            (None, _) => Duration::ZERO,
        }
    }

    /// The steps that are done.
    pub(super) fn take(&self) -> Vec<StepObservation> {
        std::mem::take(&mut self.steps.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, line: usize, run: StepRun) {
        let StepRun {
            lines,
            frames,
            findings,
            broken,
        } = run;
        let observation = StepObservation {
            line,
            lines,
            frames,
            findings,
            broken,
            by_target: false,
        };
        self.push(observation);
    }

    fn not_given(&self, line: usize, not: NotGiven) {
        let (why, by_target) = match not {
            NotGiven::ByTarget(why) => (why, true),
            NotGiven::ByUs(why) => (why, false),
        };
        self.push(StepObservation {
            line,
            lines: Vec::new(),
            frames: Vec::new(),
            findings: Vec::new(),
            broken: Some(why),
            by_target,
        });
    }

    fn push(&self, observation: StepObservation) {
        self.steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observation);
    }
}

/// Runs every step of a case and notes each when it is done.
pub(super) async fn observe_into(case: &Case, cell: &Cell, broker: &Broker, seen: &Seen) {
    let prefix = next_prefix();
    let limits = Limits::of(broker.facts().brokers.len());
    let session = Arc::new(Session::new(
        Arc::clone(broker.facts()),
        Arc::clone(broker.running()),
        cell.clone(),
        limits,
        &prefix,
        case.needs.brokers,
    ));
    let clients = Arc::new(Mutex::new(Clients::open(&broker.facts().bootstrap, &prefix)));
    let mut play = Play {
        session,
        clients,
        jobs: HashMap::new(),
    };
    if let Err(not) = step::given(&play.session, &case.topics).await {
        let line = case.topics.first().map_or(1, |topic| topic.line);
        return seen.not_given(line, not);
    }
    for step in &case.steps {
        let run = play.step(step).await;
        let is_broken = run.broken.is_some();
        seen.add(step.line, run);
        if is_broken {
            break;
        }
    }
    play.end_jobs();
    if case.needs.is_shared() {
        step::clean_up(&play.session, &case.topics).await;
    }
}

/// A case while it is played.
struct Play {
    session: Arc<Session>,
    clients: Arc<Mutex<Clients>>,
    jobs: HashMap<String, JoinHandle<StepRun>>,
}

impl Drop for Play {
    /// A run that is given up in the middle leaves nobody behind who goes on asking.
    fn drop(&mut self) {
        self.end_jobs();
    }
}

impl Play {
    fn end_jobs(&mut self) {
        self.jobs.drain().for_each(|(_, job)| job.abort());
    }

    async fn step(&mut self, step: &Step) -> StepRun {
        match &step.background {
            Some(job) => self.background(job, step).await,
            None if step.args.verb == "await" => self.await_job(step).await,
            None => run_one(Arc::clone(&self.session), Arc::clone(&self.clients), step.clone(), None).await,
        }
    }

    /// Starts a step and goes on once its request is on its way and the broker has had the time to take it up.
    async fn background(&mut self, job: &str, step: &Step) -> StepRun {
        let (sent, is_sent) = oneshot::channel();
        let (session, clients, owned) = (Arc::clone(&self.session), Arc::clone(&self.clients), step.clone());
        let handle = tokio::spawn(run_one(session, clients, owned, Some(sent)));
        self.jobs.insert(job.to_owned(), handle);
        if step.driver == DriverKind::Wire {
            let _ = tokio::time::timeout(self.session.limits().reply, is_sent).await;
            self.session.let_broker_settle().await;
        }
        StepRun::default()
    }

    async fn await_job(&mut self, step: &Step) -> StepRun {
        let job = step.args.positional.first().and_then(Arg::text).unwrap_or_default();
        match self.jobs.remove(&job) {
            None => broken(step, format!("no step above runs as &{job}")),
            Some(handle) => handle
                .await
                .unwrap_or_else(|error| broken(step, format!("the step &{job} failed: {error}"))),
        }
    }
}

async fn run_one(
    session: Arc<Session>,
    clients: Arc<Mutex<Clients>>,
    step: Step,
    sent: Option<oneshot::Sender<()>>,
) -> StepRun {
    match step.driver {
        DriverKind::Wire => step::run(&session, &step, sent).await,
        DriverKind::Client => step::run_client(&session, &mut *clients.lock().await, &step).await,
    }
}

fn broken(step: &Step, why: String) -> StepRun {
    StepRun {
        broken: Some(format!("line {}: {why}", step.line)),
        ..StepRun::default()
    }
}

/// A prefix that no other run has, always of the same length: twelve characters, legal in every name.
fn next_prefix() -> String {
    static RUN: AtomicU32 = AtomicU32::new(0);
    static PROCESS: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let process = PROCESS.get_or_init(|| {
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.subsec_nanos());
        (nanos ^ std::process::id().rotate_left(16)) & 0xff_ffff
    });
    format!("z{process:06x}{:04x}-", RUN.fetch_add(1, Ordering::Relaxed) & 0xffff)
}
