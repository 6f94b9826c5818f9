//! The commands, a contract that users' scripts depend on: one file a subcommand, and the exit codes.

mod check_history;
mod completions;
mod deliver;
mod explain;
mod interrupt;
mod list;
mod record;
mod run;
mod select;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::driver::apart;

/// Drives a Kafka broker and a real Apache Kafka with the same cases and compares what they answer.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Arguments,
}

const EXAMPLES: &str = "\
Examples:
  conformance                                              the reference broker against what Kafka 4.3.1 said
  conformance run --target localhost:9092 --family PRO     a broker that runs already, one family
  conformance run --target 'exec:./my-broker --port {port}' --profile my-broker.toml
  conformance run --oracle docker:apache/kafka:4.3.1       ask a real Kafka live and compare
  conformance run --target jvm:4.3.1x3 --family REP        three real brokers, the cases about replication
  conformance deliver --semantics exactly-once             does it hold under kills, pauses and cuts
  conformance check-history run.jsonl                      what is wrong with the history of a load
  conformance explain produce/crc-wrong                    a case, why it exists, what each Kafka answers

Exit codes:
  0  as expected           1  a difference nobody wrote down, or a known one that has vanished
  2  wrong usage           3  could not ask: the target never came up, or the harness failed
  4  nothing ran";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the cases against a target and compares with Kafka. The default.
    Run(run::Arguments),
    /// Lists the cases, with their catalogue ids and what they need.
    List(list::Arguments),
    /// Shows a case, why it exists and what each Kafka release answers.
    Explain(explain::Arguments),
    /// Asks a real Kafka and rewrites the recorded answers.
    Record(record::Arguments),
    /// Says whether a delivery promise holds while brokers and connections fail.
    Deliver(deliver::Arguments),
    /// Judges a history of a load, written by `deliver` or by anyone.
    CheckHistory(check_history::Arguments),
    /// Plays the client steps that another process of this binary sends.
    #[command(hide = true, name = apart::SUBCOMMAND)]
    ClientSession,
    /// Prints completions for a shell.
    Completions(completions::Arguments),
}

/// How the command ended; see the contract of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0
    AsExpected,
    /// 1
    Unexpected,
    /// 2
    Usage,
    /// 3
    CouldNotAsk,
    /// 4
    NothingRan,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::AsExpected => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::CouldNotAsk => 3,
            Exit::NothingRan => 4,
        })
    }
}

/// Why a command ended before it had anything to report: the code and one message that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.to_string(),
        }
    }

    pub(crate) fn unexpected(message: impl ToString) -> Self {
        Self {
            exit: Exit::Unexpected,
            message: message.to_string(),
        }
    }

    pub(crate) fn could_not_ask(message: impl ToString) -> Self {
        Self {
            exit: Exit::CouldNotAsk,
            message: message.to_string(),
        }
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::could_not_ask(format!("cannot start: {error}"))),
    };
    let done = runtime.block_on(async {
        match cli.command {
            None => run::run(cli.run).await,
            Some(Command::Run(arguments)) => run::run(arguments).await,
            Some(Command::List(arguments)) => list::run(&arguments),
            Some(Command::Explain(arguments)) => explain::run(&arguments),
            Some(Command::Record(arguments)) => record::run(arguments).await,
            Some(Command::Deliver(arguments)) => deliver::run(arguments).await,
            Some(Command::CheckHistory(arguments)) => check_history::run(&arguments),
            Some(Command::ClientSession) => apart::serve()
                .await
                .map(|()| Exit::AsExpected)
                .map_err(Failure::could_not_ask),
            Some(Command::Completions(arguments)) => completions::run(&arguments),
        }
    });
    crate::target::settle();
    // Threads that wait in a foreign library must not hold the exit up.
    runtime.shutdown_background();
    done.map_or_else(|failure| fail(&failure), ExitCode::from)
}

fn fail(failure: &Failure) -> ExitCode {
    // Where nobody reads it the code tells.
    let _ = writeln!(std::io::stderr(), "conformance: {failure}");
    failure.exit.into()
}

/// Writes to standard output; a reader that has seen enough is no error.
pub(crate) fn print(text: &str) -> Result<Exit, Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::could_not_ask(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(Exit::AsExpected),
    }
}

/// What `--format` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}
