//! The processor made of franz-go, built from the program beside this file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The command that processes until it is killed, as a member of a group of this protocol.
pub(crate) fn command(address: String, group_protocol: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BUILT.get_or_init(build));
    command.args([address.as_str(), group_protocol]);
    command
}

fn build() -> PathBuf {
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exactly-once-franz-go");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exactly_once/franz-go"))
        .status()
        .expect("Go is installed");
    assert!(built.success(), "franz-go's processor does not build");
    binary
}
