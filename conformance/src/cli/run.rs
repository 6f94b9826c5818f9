//! `conformance run`: the cases against a target, compared with an oracle, told to the reporters.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::interrupt::interrupted;
use super::{Exit, Failure, Format, select};
use crate::case::DriverKind;
use crate::driver::apart;
use crate::oracle::Oracle;
use crate::profile::Profile;
use crate::report::{Collected, Files, JsonLines, Look, Reporter, Terminal};
use crate::run::event::Event;
use crate::run::{Filters, Options, Plan, cores, execute, plan};
use crate::target::{Target, TargetError, hold_ground};
use crate::verdict::Verdict;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to test: reference[:N], HOST:PORT[,HOST:PORT], 'exec:CMD {port} {data}', docker:IMAGE[:TAG], jvm:VERSION or
    /// jvm:3.9.2-zk; three brokers are reference:3, jvm:4.3.1x3, docker:IMAGE:TAGx3, or an exec: that says {id}, {roles} and {controller}.
    #[arg(long, value_name = "T", default_value = "reference")]
    target: String,
    /// Who says what Kafka answers: recorded:VERSION, or a target string for a Kafka that is asked live.
    #[arg(long, value_name = "O", default_value = "recorded:4.3.1")]
    oracle: String,
    /// Only cases of this catalogue family, PRO for example; may be repeated.
    #[arg(long, value_name = "F")]
    family: Vec<String>,
    /// Only cases, runs or catalogue ids that match: produce/*, *@Produce.v12, PRO-17; may be repeated.
    #[arg(long, value_name = "GLOB")]
    case: Vec<String>,
    /// Adds the cases below a directory of yours.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Only cases of this driver.
    #[arg(long, value_enum)]
    driver: Option<Driver>,
    /// What the target claims, and which differences are known.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Counts what the target does not advertise as a difference, in the core families (FRM API MET PRO FET LOF TOP FCO CLG OFF).
    #[arg(long)]
    strict: bool,
    /// Runs each case at no more than this many versions of its matrix; the seed says which.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    sample: Option<u16>,
    /// How many runs at once; twice the cores unless said, and more for the reference broker.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The same seed gives the same run.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The longest that one run may take, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Where the page, JUnit and JSON go.
    #[arg(long, value_name = "DIR", default_value = "report")]
    report: PathBuf,
    /// What standard output is for: people, or programs (one event a line).
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Turns the reference broker into a known-wrong one, to prove that a case catches it.
    #[cfg(feature = "mutants")]
    #[arg(long, hide = true)]
    mutant: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Driver {
    /// Exact bytes from the schema tables.
    Wire,
    /// librdkafka, as an application would.
    Client,
}

impl From<Driver> for DriverKind {
    fn from(driver: Driver) -> Self {
        match driver {
            Driver::Wire => Self::Wire,
            Driver::Client => Self::Client,
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    #[cfg(feature = "mutants")]
    become_mutant(arguments.mutant.as_deref())?;
    let target = Target::parse(&arguments.target).map_err(Failure::usage)?;
    let lock = select::lock(arguments.cases.as_deref())?;
    let oracle = Oracle::parse(&arguments.oracle, lock).map_err(Failure::usage)?;
    if !matches!(
        target,
        Target::Reference { .. } | Target::Jvm { .. } | Target::JvmZooKeeper { .. }
    ) {
        apart::use_processes().map_err(Failure::could_not_ask)?;
    }
    let cases = select::load(arguments.cases.as_ref())?;
    let filters = Filters {
        families: arguments.family.clone(),
        cases: arguments.case.clone(),
        driver: arguments.driver.map(DriverKind::from),
    };
    select::check(&cases, &filters)?;
    let profile = match &arguments.profile {
        Some(path) => Profile::load(path, &cases).map_err(Failure::usage)?,
        None => Profile::default(),
    };
    let mut plan = plan(cases, &filters);
    plan.keep_covered(&oracle);
    if let Some(versions) = arguments.sample {
        plan.sample(usize::from(versions), arguments.seed);
    }
    plan.gather(&target);
    let reporters = reporters(&arguments)?;
    perform(plan, target, oracle, profile, &arguments, reporters).await
}

fn reporters(arguments: &Arguments) -> Result<Vec<Box<dyn Reporter>>, Failure> {
    let files = Files::create(&arguments.report)
        .map_err(|error| Failure::usage(format!("--report {}: {error}", arguments.report.display())))?;
    let page = arguments.report.join("index.html").display().to_string();
    let told: Box<dyn Reporter> = match arguments.format {
        Format::Human => Box::new(Terminal::new(io::stdout(), Look::of_stdout(), Some(page))),
        Format::Json => Box::new(JsonLines(io::stdout())),
    };
    Ok(vec![Box::new(files), told])
}

async fn perform(
    plan: Plan,
    target: Target,
    oracle: Oracle,
    profile: Profile,
    arguments: &Arguments,
    reporters: Vec<Box<dyn Reporter>>,
) -> Result<Exit, Failure> {
    let options = Options {
        jobs: arguments
            .jobs
            .map_or_else(|| default_jobs(&target, &oracle), usize::from),
        seed: arguments.seed,
        timeout: Duration::from_secs(arguments.timeout),
        strict: arguments.strict,
        target_text: arguments.target.clone(),
        oracle_text: arguments.oracle.clone(),
    };
    let (sink, events) = mpsc::unbounded_channel();
    let (cancel, cancelled) = watch::channel(false);
    let interrupt = tokio::spawn(async move {
        if interrupted().await.is_ok() {
            // A run that has ended needs no cancelling.
            let _ = cancel.send(true);
        }
    });
    let _ground = hold_ground().map_err(|TargetError(message)| Failure::could_not_ask(message))?;
    // An oracle that does not come up is told once, and not by every run.
    unless_cancelled(&cancelled, oracle.warm_up()).await?;
    let running = execute(
        plan,
        target,
        Arc::new(oracle),
        Arc::new(profile),
        options,
        sink,
        cancelled,
    );
    let (ran, collected) = tokio::join!(running, follow(events, reporters));
    interrupt.abort();
    ran.map_err(|TargetError(message)| Failure::could_not_ask(message))?;
    let collected = collected?;
    match collected.ending.as_ref().is_none_or(|ending| ending.interrupted) {
        // What was not asked was not shown to be right.
        true => Ok(Exit::CouldNotAsk),
        false => Ok(exit_of(&collected)),
    }
}

/// Waits for what has to stand before the first case; an interrupt drops it, which stops what was being started.
async fn unless_cancelled(
    cancelled: &watch::Receiver<bool>,
    coming_up: impl Future<Output = Result<(), TargetError>>,
) -> Result<(), Failure> {
    let mut cancelled = cancelled.clone();
    tokio::select! {
        up = coming_up => up.map_err(|TargetError(message)| Failure::could_not_ask(format!("the oracle: {message}"))),
        _ = cancelled.wait_for(|cancelled| *cancelled) => Err(Failure::could_not_ask("interrupted before anything was asked")),
    }
}

/// Most runs wait most of their time. The reference broker starts another in a millisecond; a real Kafka is a heavy neighbour.
fn default_jobs(target: &Target, oracle: &Oracle) -> usize {
    match (target, oracle) {
        (Target::Reference { .. }, Oracle::Recorded { .. }) => 8 * cores(),
        _ => 2 * cores(),
    }
}

/// Hands every event to every reporter. One whose reader has gone is left out from then on.
async fn follow(
    mut events: mpsc::UnboundedReceiver<Event>,
    mut reporters: Vec<Box<dyn Reporter>>,
) -> Result<Collected, Failure> {
    let mut collected = Collected::default();
    let mut failed = None;
    while let Some(event) = events.recv().await {
        collected.add_without_frames(&event);
        reporters.retain_mut(|reporter| match reporter.see(&event) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
            Err(error) => {
                failed.get_or_insert(error);
                false
            }
        });
    }
    match failed {
        Some(error) => Err(Failure::could_not_ask(format!(
            "the report could not be written: {error}"
        ))),
        None => Ok(collected),
    }
}

fn exit_of(collected: &Collected) -> Exit {
    let any = |wanted: fn(&Verdict) -> bool| collected.runs.iter().any(|run| wanted(&run.verdict));
    if any(|verdict| matches!(verdict, Verdict::Differs | Verdict::Vanished { .. })) {
        Exit::Unexpected
    } else if any(|verdict| matches!(verdict, Verdict::Broken { .. })) {
        Exit::CouldNotAsk
    } else if any(|verdict| matches!(verdict, Verdict::Passed | Verdict::Known { .. })) {
        Exit::AsExpected
    } else {
        Exit::NothingRan
    }
}

#[cfg(feature = "mutants")]
pub(super) fn become_mutant(mutant: Option<&str>) -> Result<(), Failure> {
    match mutant {
        Some(name) if !reference_broker::mutant::become_mutant(name) => {
            Err(Failure::usage(format!("no mutant is called '{name}'")))
        }
        _ => Ok(()),
    }
}
