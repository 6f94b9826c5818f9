//! The real binary as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// Starts it and reads its first line, which says where it listens.
pub(crate) fn start(listen: SocketAddr, args: &[&OsStr]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reference-broker"))
        .args(["--listen", &listen.to_string()])
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output"))
        .read_line(&mut line)
        .expect("its first line");
    let address = line.trim().strip_prefix("listening on ").expect("the contract");
    let address = address.parse().expect("an address");
    (child, address)
}
