//! `reference-broker node` as a process.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::child::Held;
use crate::said::where_it_listens;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Node(pub(crate) Held);

impl Node {
    /// Starts one on a directory; what it complains of goes where the test says.
    pub(crate) fn start(args: &[impl AsRef<OsStr>], data: &Path, complaints: Stdio) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_reference-broker"))
            .arg("node")
            .args(args)
            .arg("--data-dir")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn();
        Self(Held(child.expect("the binary runs")))
    }

    /// Its first line, once it takes part.
    pub(crate) fn listens(&mut self) -> SocketAddr {
        where_it_listens(self.0.0.stdout.take().expect("its output"))
    }

    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.0.terminate(LIMIT)
    }
}
