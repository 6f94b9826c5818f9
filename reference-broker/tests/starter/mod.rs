//! The real binary as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// For a start on a machine that others load too.
const STARTS: Duration = Duration::from_secs(60);

/// Starts it and reads its first line, which says where it listens.
pub(crate) fn start(listen: SocketAddr, args: &[&OsStr]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reference-broker"))
        .args(["--listen", &listen.to_string()])
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let line = first_line(child.stdout.take().expect("its output"));
    let address = line.trim().strip_prefix("listening on ").expect("the contract");
    let address = address.parse().expect("an address");
    (child, address)
}

fn first_line(output: impl Read + Send + 'static) -> String {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let _ = tell.send(line);
    });
    told.recv_timeout(STARTS).expect("its first line, in time")
}
