//! Start and idle memory beside a peer, as ratios taken in turn in one run: `scripts/peers`.
//!
//! `PEER` is the peer's command with `{port}` filled in; without it only the reference is measured.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const STARTUP_TIMEOUT: Duration = Duration::from_secs(10);

fn main() {
    let reference = format!("{} --listen 127.0.0.1:{{port}}", env!("CARGO_BIN_EXE_reference-broker"));
    let peer = std::env::var("PEER").ok();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measure(&reference));
        theirs.extend(peer.as_deref().map(measure));
    }
    report("reference-broker", &ours);
    if !theirs.is_empty() {
        report("peer", &theirs);
        let mut ratios: Vec<f64> = ours
            .iter()
            .zip(&theirs)
            .map(|(a, b)| a.start.as_secs_f64() / b.start.as_secs_f64())
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "start, reference ÷ peer: median {:.2}, {:.2} to {:.2} over {ROUNDS} pairs",
            ratios[ratios.len() / 2],
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
}

struct Measured {
    start: Duration,
    idle_kib: u64,
}

fn report(name: &str, measured: &[Measured]) {
    let mut starts: Vec<_> = measured.iter().map(|run| run.start).collect();
    let mut idles: Vec<_> = measured.iter().map(|run| run.idle_kib).collect();
    starts.sort_unstable();
    idles.sort_unstable();
    let (start, idle) = (starts[starts.len() / 2], idles[idles.len() / 2]);
    println!(
        "{name}: first answer {start:.1?} after start, {:.1} MiB idle (medians)",
        idle as f64 / 1024.0
    );
}

fn measure(command: &str) -> Measured {
    let port = free_port();
    let command = command.replace("{port}", &port.to_string());
    let mut words = command.split_whitespace();
    let began = Instant::now();
    let child = Command::new(words.next().expect("a command"))
        .args(words)
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start '{command}': {error}"));
    let mut child = Ended(child);
    first_answer(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), began);
    let start = began.elapsed();
    let idle_kib = resident_kib(child.0.id());
    child.end();
    Measured { start, idle_kib }
}

/// Tries until an ApiVersions v0 request is answered.
fn first_answer(address: SocketAddr, began: Instant) {
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    while began.elapsed() < STARTUP_TIMEOUT {
        let Ok(mut socket) = TcpStream::connect(address) else {
            std::hint::spin_loop();
            continue;
        };
        let mut length = [0; 4];
        if socket
            .write_all(&REQUEST)
            .and_then(|()| socket.read_exact(&mut length))
            .is_ok()
        {
            return;
        }
    }
    panic!("no answer on {address} within {STARTUP_TIMEOUT:?}");
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        // Gone already is as good as killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}
