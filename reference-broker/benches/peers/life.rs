//! A broker as a process, from its start to its end, and what the system says of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const STARTUP_TIMEOUT: Duration = Duration::from_secs(180);
/// Before its memory is read.
const IDLE: Duration = Duration::from_millis(300);

pub(crate) struct Life {
    process: Child,
    pub(crate) address: SocketAddr,
    _data: TempDir,
}

impl Life {
    /// Starts it; answers how long it took to the first answer.
    pub(crate) fn begin(command: &str) -> Result<(Self, Duration), String> {
        Self::begin_several(command, 1)
    }

    /// Starts brokers that listen on ports in a row; answers how long it took until each had answered.
    pub(crate) fn begin_several(command: &str, brokers: u16) -> Result<(Self, Duration), String> {
        let data = tempfile::tempdir().map_err(|error| error.to_string())?;
        let address = free_addresses(brokers);
        let command = command
            .replace("{port}", &address.port().to_string())
            .replace("{data}", &data.path().display().to_string());
        let mut words = command.split_whitespace();
        let began = Instant::now();
        let process = Command::new(words.next().ok_or("no command")?)
            .args(words)
            // A broker that is killed leaves what it keeps in a temporary directory: this one is removed.
            .env("TMPDIR", data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start '{command}': {error}"))?;
        let mut life = Self {
            process,
            address,
            _data: data,
        };
        for broker in 0..brokers {
            life.first_answer(SocketAddr::new(address.ip(), address.port() + broker), began)?;
        }
        Ok((life, began.elapsed()))
    }

    /// Tries until an ApiVersions v0 request is answered.
    fn first_answer(&mut self, address: SocketAddr, began: Instant) -> Result<(), String> {
        const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
        while began.elapsed() < STARTUP_TIMEOUT {
            let Ok(mut socket) = TcpStream::connect(address) else {
                if let Ok(Some(status)) = self.process.try_wait() {
                    return Err(format!("ended at its start, {status}"));
                }
                // Short beside any start, and leaves the processor to who starts.
                thread::sleep(Duration::from_micros(100));
                continue;
            };
            let mut length = [0; 4];
            if socket
                .write_all(&REQUEST)
                .and_then(|()| socket.read_exact(&mut length))
                .is_ok()
            {
                return Ok(());
            }
        }
        Err(format!("no answer within {STARTUP_TIMEOUT:?} of its start"))
    }

    /// Its resident memory when nobody asks it anything.
    pub(crate) fn idle_mib(&self) -> f64 {
        thread::sleep(IDLE);
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) / 1024.0
    }

    /// What its threads have had of the processors so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id()));
        let times = threads.into_iter().flatten().flatten().filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(times.sum())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Gone already is as good as killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The first of so many ports in a row that nobody listens on.
fn free_addresses(count: u16) -> SocketAddr {
    const TRIES: usize = 100;
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let mut tries = (0..TRIES).filter_map(|_| {
        let first = listen(0).expect("a free port");
        let address = first.local_addr().expect("its address");
        let others = (1..count).map(|n| listen(address.port().checked_add(n)?).ok());
        others.collect::<Option<Vec<_>>>().map(|_| address)
    });
    tries.next().expect("free ports in a row")
}
