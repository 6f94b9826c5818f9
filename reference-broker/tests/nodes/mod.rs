//! `reference-broker node` as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::child::Held;

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
        let output = self.0.0.stdout.take().expect("its output");
        let line = first_line(output, "it takes part");
        let address = line.trim().strip_prefix("listening on ").expect("the contract");
        address.parse().expect("an address")
    }

    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.0.terminate(LIMIT)
    }
}

pub(crate) fn first_line(output: impl Read + Send + 'static, what: &str) -> String {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let _ = tell.send(line);
    });
    told.recv_timeout(LIMIT)
        .unwrap_or_else(|_| panic!("{what}: not in time"))
}
