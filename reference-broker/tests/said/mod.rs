//! What a process says first, waited for with a deadline.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

/// For a start on a machine that others load too.
const LIMIT: Duration = Duration::from_secs(60);

/// Where it listens, which is its first line.
pub(crate) fn where_it_listens(output: impl Read + Send + 'static) -> SocketAddr {
    let line = first_line(output, "where it listens");
    let address = line.trim().strip_prefix("listening on ").expect("the contract");
    address.parse().expect("an address")
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
