//! The processor made of franz-go, built from the program beside this file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::child::end_of;

/// For the compiler, and for the modules where they are not here yet.
const BUILD: Duration = Duration::from_secs(600);

/// The processor, built once; asked for before a deadline begins.
pub(crate) fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// The command that processes until it is killed, as a member of a group of this protocol.
pub(crate) fn command(address: String, group_protocol: &str) -> Command {
    let mut command = Command::new(built());
    command.args([address.as_str(), group_protocol]);
    command
}

fn build() -> PathBuf {
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exactly-once-franz-go");
    let mut go = Command::new("go");
    go.args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exactly_once/franz-go"));
    let built = end_of(&mut go, BUILD);
    assert!(built.success(), "franz-go's processor does not build");
    binary
}
