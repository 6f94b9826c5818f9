//! `reference-broker node` as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a process.
const PAUSE: Duration = Duration::from_millis(20);

/// Killed when dropped.
pub(crate) struct Node(pub(crate) Child);

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
        Self(child.expect("the binary runs"))
    }

    /// Its first line, once it takes part.
    pub(crate) fn listens(&mut self) -> SocketAddr {
        let output = self.0.stdout.take().expect("its output");
        let line = first_line(output, "it takes part");
        let address = line.trim().strip_prefix("listening on ").expect("the contract");
        address.parse().expect("an address")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("it is there");
    }

    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().expect("it is ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "it stops in time");
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
