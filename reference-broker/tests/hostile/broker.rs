//! The real binary on a port of its own, and one connection a question.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use crate::starter;

/// How long an answer may take. Requests that park (joins, long polls) count as answered by closing our side.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Broker {
    child: Child,
    address: SocketAddr,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A whole frame.
    Answer(Vec<u8>),
    /// The broker closed the connection.
    Closed,
    /// Neither, for as long as we would wait.
    Nothing,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ["--config".as_ref(), "group.initial.rebalance.delay.ms=0".as_ref()];
        let (child, address) = starter::start(any_port, &config);
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).expect("the broker accepts");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_nodelay(true).expect("no delay");
        socket
    }

    /// Sends one frame and closes our sending side, so that whatever waits for more bytes ends.
    pub(crate) fn tell(&self, frame: &[u8]) -> Heard {
        let mut bytes = i32::try_from(frame.len()).expect("a frame").to_be_bytes().to_vec();
        bytes.extend_from_slice(frame);
        self.tell_raw(&bytes)
    }

    pub(crate) fn tell_raw(&self, bytes: &[u8]) -> Heard {
        let mut socket = self.connect();
        // The broker may close before it has read everything: that is an answer too.
        let _ = socket.write_all(bytes);
        let _ = socket.shutdown(Shutdown::Write);
        hear(&mut socket)
    }

    /// Opens a connection that promises a frame and sends only its beginning.
    pub(crate) fn promise(&self, length: i32, sent: usize) -> TcpStream {
        let mut socket = self.connect();
        socket.write_all(&length.to_be_bytes()).expect("sent");
        socket.write_all(&vec![0; sent]).expect("sent");
        socket
    }

    pub(crate) fn serves(&self) -> bool {
        matches!(self.tell(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]), Heard::Answer(_))
    }

    /// Keys with their lowest and highest version.
    pub(crate) fn advertised(&self) -> Vec<(i16, i16, i16)> {
        let Heard::Answer(answer) = self.tell(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]) else {
            panic!("no ApiVersions")
        };
        let rows = answer[10..].chunks_exact(6);
        rows.map(|row| (int16(&row[..2]), int16(&row[2..4]), int16(&row[4..])))
            .collect()
    }

    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("its peak");
        line.split_whitespace()
            .next()
            .and_then(|kib| kib.parse().ok())
            .expect("a number")
    }
}

fn int16(bytes: &[u8]) -> i16 {
    i16::from_be_bytes([bytes[0], bytes[1]])
}

fn hear(socket: &mut TcpStream) -> Heard {
    let mut length = [0; 4];
    if let Err(error) = socket.read_exact(&mut length) {
        return if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
            Heard::Nothing
        } else {
            Heard::Closed
        };
    }
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).expect("a length")];
    match socket.read_exact(&mut answer) {
        Ok(()) => Heard::Answer(answer),
        Err(_) => Heard::Closed,
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        // SIGTERM, so that its temporary directory goes; it has nothing to say any more.
        let _ = Command::new("kill").arg(&pid).status();
        let _ = self.child.wait();
    }
}
