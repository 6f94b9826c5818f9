//! `conformance record`: asks a real Kafka and rewrites the recorded answers.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::interrupt::interrupted;
use super::{Exit, Failure, print};
use crate::record::{Order, Outcome, Place, record};
use crate::run::{Filters, cores};
use crate::target::Target;

/// What `record` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The Kafka to ask: jvm:VERSION or docker:apache/kafka:VERSION; with x3 the cases that need three brokers, and only they.
    #[arg(long, value_name = "O")]
    oracle: String,
    /// Only cases or catalogue ids that match: produce/*, PRO-17; may be repeated. A case is recorded at all its versions.
    #[arg(long, value_name = "GLOB")]
    case: Vec<String>,
    /// The directory of the cases; conformance/cases of the checkout around the current directory unless said.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// How many runs at once; twice the cores unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Writes golden frames anew where there are some already.
    #[arg(long)]
    frames: bool,
}

const EXAMPLES: &str = "\
Every version is asked twice; a case that answers otherwise the second time is not written.

Examples:
  conformance record --oracle jvm:4.3.1 --case 'produce/*'   the answers that stand inline
  conformance record --oracle jvm:4.3.1x3                    those that need three brokers
  conformance record --oracle jvm:3.9.2                      another release: blocks only where it differs";

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let oracle = Target::parse(&arguments.oracle).map_err(Failure::usage)?;
    if crate::record::release_of(&oracle).is_none() {
        return Err(Failure::usage(format!(
            "{oracle} does not say which Kafka it is; record from jvm:4.3.1 or docker:apache/kafka:4.3.1"
        )));
    }
    let here = std::env::current_dir().map_err(Failure::could_not_ask)?;
    let place = Place::find(arguments.cases.as_deref(), &here).map_err(Failure::usage)?;
    let order = Order {
        oracle,
        filters: Filters {
            cases: arguments.case,
            ..Filters::default()
        },
        jobs: arguments.jobs.map_or_else(|| 2 * cores(), usize::from),
        renew_frames: arguments.frames,
    };
    let (sink, outcomes) = mpsc::unbounded_channel();
    tokio::select! {
        (done, exit) = async { tokio::join!(record(order, place, sink), told(outcomes)) } => {
            done.map_err(Failure::could_not_ask)?;
            exit
        }
        _ = interrupted() => Err(Failure::could_not_ask("interrupted: cases told above are written, the others are as they were")),
    }
}

/// Shows every outcome as it comes; what could not be recorded decides the exit code.
async fn told(mut outcomes: mpsc::UnboundedReceiver<Outcome>) -> Result<Exit, Failure> {
    let (mut recorded, mut changed, mut skipped, mut refused) = (0, 0, 0, 0);
    while let Some(outcome) = outcomes.recv().await {
        let line = match outcome {
            Outcome::Recorded {
                case,
                changed: is_changed,
            } => {
                recorded += 1;
                changed += usize::from(is_changed);
                format!("{} {case}\n", if is_changed { "written  " } else { "same     " })
            }
            Outcome::Skipped { case, why } => {
                skipped += 1;
                format!("skipped   {case}: {why}\n")
            }
            Outcome::Refused { case, why } => {
                refused += 1;
                format!("refused   {case}\n  {}\n", why.replace('\n', "\n  "))
            }
        };
        print(&line)?;
    }
    print(&format!(
        "{recorded} recorded ({changed} written anew), {skipped} skipped, {refused} refused\n"
    ))?;
    Ok(match (recorded, refused) {
        (_, 1..) => Exit::CouldNotAsk,
        (0, 0) => Exit::NothingRan,
        _ => Exit::AsExpected,
    })
}
