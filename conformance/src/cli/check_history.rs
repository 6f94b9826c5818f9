//! `conformance check-history FILE`: the checkers alone, on a history from anywhere.

use std::path::PathBuf;

use super::{Exit, Failure, print};
use crate::check::{Judgement, Verdict, judge};
use crate::history::{self, History};
use crate::report::{Look, delivery_junit, delivery_text};

/// What `check-history` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// JSON lines as conformance/src/history/HISTORY.md describes them; `deliver --history` writes them.
    file: PathBuf,
    /// Where junit.xml goes.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  conformance check-history run.jsonl                    every anomaly, with its shortest proof
  conformance check-history run.jsonl --report report    the same as JUnit, report/junit.xml

Exit codes:
  0  everything promised held, and every contrast was shown
  1  an anomaly, told with its proof
  2  no such file, or it is no history: told by file and line
  4  too little happened to tell";

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let history = history::load(&arguments.file).map_err(Failure::usage)?;
    told(&history, arguments.report.as_deref())
}

/// Judges, shows, and says how to exit.
pub(super) fn told(history: &History, report: Option<&std::path::Path>) -> Result<Exit, Failure> {
    let judgement = judge(history);
    if let Some(dir) = report {
        written(history, &judgement, dir)
            .map_err(|error| Failure::could_not_ask(format!("--report {}: {error}", dir.display())))?;
    }
    print(&delivery_text(history, &judgement, Look::of_stdout()))?;
    Ok(match judgement.verdict {
        Verdict::Held => Exit::AsExpected,
        Verdict::Broken => Exit::Unexpected,
        Verdict::TooLittle(_) => Exit::NothingRan,
    })
}

fn written(history: &History, judgement: &Judgement, dir: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    std::fs::write(dir.join("junit.xml"), delivery_junit(history, judgement)?)
}
