//! The real binary as a process.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::said::where_it_listens;

/// Starts it and reads its first line, which says where it listens.
pub(crate) fn start(listen: SocketAddr, args: &[&OsStr]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reference-broker"))
        .args(["--listen", &listen.to_string()])
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let address = where_it_listens(child.stdout.take().expect("its output"));
    (child, address)
}
