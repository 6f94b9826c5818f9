//! `conformance deliver`: whether a delivery promise holds while brokers and connections fail.

use std::path::PathBuf;
use std::time::Duration;

use super::check_history::told;
use super::interrupt::interrupted;
use super::{Exit, Failure};
use crate::deliver::{Failed, Order, deliver};
use crate::fault::Kind;
use crate::history::Semantics;
use crate::target::{Target, TargetError, hold_ground};

/// What `deliver` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Whom to deliver to: reference[:N], HOST:PORT[,HOST:PORT], 'exec:CMD {port} {data}', docker:IMAGE[:TAG], jvm:VERSION or
    /// jvm:3.9.2-zk; three brokers are reference:3, jvm:4.3.1x3, docker:IMAGE:TAGx3, or an exec: that says {id}, {roles} and {controller}.
    #[arg(long, value_name = "T", default_value = "reference")]
    target: String,
    /// What is promised, and therefore judged.
    #[arg(long, value_enum)]
    semantics: Semantics,
    /// What is done meanwhile; all that the target lets us do unless said. none leaves everything alone.
    #[arg(long, value_name = "FAULTS", value_delimiter = ',', value_parser = fault)]
    faults: Option<Vec<Asked>>,
    /// How long producers send, in seconds.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// The same seed gives the same plan of operations and faults.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Where the history goes, as JSON lines; `check-history` reads them.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Where junit.xml goes.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// How long the target may take to settle after healing, in seconds.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    /// Turns the reference broker into a known-wrong one, to prove that this catches it.
    #[cfg(feature = "mutants")]
    #[arg(long, hide = true)]
    mutant: Option<String>,
}

const EXAMPLES: &str = "\
Faults:
  kill       brokers are killed (-9) and started again, now and then while no member of the group is there
  pause      brokers stand still for a while
  disconnect brokers are cut off from all other nodes for a while (reference:N and containers)
  partition  nothing passes between clients and a broker, or between one client and all brokers
  cut        connections are cut before a request or its answer arrives, or the request arrives late
A broker given by its address has its connections disturbed and nothing else.

Examples:
  conformance deliver --semantics exactly-once
  conformance deliver --target jvm:4.3.1 --semantics idempotent --faults kill,cut --duration 60
  conformance deliver --target localhost:9092 --semantics at-least-once --history run.jsonl --seed 7

Exit codes:
  0  everything promised held, and every contrast was shown
  1  an anomaly, told with its proof; or a broker that did not survive a fault
  2  wrong usage           3  could not ask: the target never came up, or the harness failed
  4  too little happened to tell";

/// One word of `--faults`.
#[derive(Debug, Clone, Copy)]
struct Asked(Option<Kind>);

fn fault(word: &str) -> Result<Asked, String> {
    if word == "none" {
        return Ok(Asked(None));
    }
    let kind = <Kind as clap::ValueEnum>::from_str(word, false);
    let hint = |_| "there are kill, pause, disconnect, partition, cut and none".to_owned();
    kind.map(|kind| Asked(Some(kind))).map_err(hint)
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    #[cfg(feature = "mutants")]
    super::run::become_mutant(arguments.mutant.as_deref())?;
    let target = Target::parse(&arguments.target).map_err(Failure::usage)?;
    let order = Order {
        target,
        target_text: arguments.target.clone(),
        semantics: arguments.semantics,
        kinds: arguments
            .faults
            .map(|asked| asked.into_iter().filter_map(|Asked(kind)| kind).collect()),
        length: Duration::from_secs(arguments.duration),
        seed: arguments.seed,
        history: arguments.history,
        patience: Duration::from_secs(arguments.patience),
    };
    let _ground = hold_ground().map_err(|TargetError(message)| Failure::could_not_ask(message))?;
    let delivered = tokio::select! {
        delivered = deliver(&order) => delivered,
        _ = interrupted() => {
            let why = "interrupted: --history has what happened until then, and check-history judges it";
            return Err(Failure::could_not_ask(why));
        }
    };
    match delivered {
        Ok(history) => told(&history, arguments.report.as_deref()),
        Err(Failed::Usage(why)) => Err(Failure::usage(why)),
        Err(Failed::CouldNotAsk(why)) => Err(Failure::could_not_ask(why)),
        Err(Failed::Died(why)) => Err(Failure::unexpected(why)),
    }
}
