//! `conformance completions SHELL`

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Exit, Failure, print};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell to complete for.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut super::Cli::command(), "conformance", &mut script);
    print(&String::from_utf8_lossy(&script))
}
