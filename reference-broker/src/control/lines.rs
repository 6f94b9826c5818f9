//! Lines in, lines out. A line is bounded; what is longer is passed over to its end, and refused.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::order::Order;
use super::{Doers, refused};

/// No order is longer.
const LONGEST: usize = 64 << 10;
/// So many may be connected; then whoever has waited longest for an order makes room for the next.
const CONNECTIONS: usize = 64;
/// Pause after a failed accept, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who does not read its answers for so long is no longer answered.
const READS: Duration = Duration::from_secs(10);

/// Accepts until it is aborted, which cuts every connection.
pub(super) async fn accept(door: TcpListener, doers: Doers) {
    let mut connections = JoinSet::new();
    let idle = Arc::new(Idle::default());
    loop {
        tokio::select! {
            accepted = door.accept() => match accepted {
                Ok((socket, _)) if connections.len() < CONNECTIONS || idle.end_longest() => {
                    connections.spawn(converse(socket, doers.clone(), Arc::clone(&idle)));
                }
                Ok((socket, _)) => turn_away(socket),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Connections that wait for an order, the one that has waited longest first. Each goes when its sender does.
#[derive(Default)]
struct Idle(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    last: u64,
    by_number: BTreeMap<u64, oneshot::Sender<()>>,
}

impl Idle {
    /// One more: its number, and what resolves when it is to go.
    fn begin(&self) -> (u64, oneshot::Receiver<()>) {
        let (ends, ended) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.last += 1;
        let number = waiting.last;
        waiting.by_number.insert(number, ends);
        (number, ended)
    }

    /// It has an order, or is gone.
    fn end(&self, number: u64) {
        self.lock().by_number.remove(&number);
    }

    /// Has the first of them go; false where all are busy.
    fn end_longest(&self) -> bool {
        self.lock().by_number.pop_first().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All are busy. What does not fit into an empty socket was not heard by anyone.
fn turn_away(socket: TcpStream) {
    let why = refused(format!("{CONNECTIONS} connections are at work; come back later"));
    if let Ok(mut socket) = socket.into_std() {
        let _ = io::Write::write(&mut socket, format!("{why}\n").as_bytes());
    }
}

/// Answers line after line until the other side ends, or this one has to make room. How a connection breaks is nobody's concern.
async fn converse(socket: TcpStream, mut doers: Doers, idle: Arc<Idle>) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut line = Vec::new();
    loop {
        let (number, ended) = idle.begin();
        let is_line = tokio::select! {
            // An order that is there is carried out.
            biased;
            is_line = read_line(&mut socket, &mut line) => is_line,
            _ = ended => return Ok(()),
        };
        idle.end(number);
        if !is_line? {
            return Ok(());
        }
        let answer = match read(&line) {
            Ok(order) => doers.answer(order).await,
            Err(why) => refused(why),
        };
        let answer = format!("{answer}\n");
        timeout(READS, socket.write_all(answer.as_bytes())).await??;
    }
}

fn read(line: &[u8]) -> Result<Order, String> {
    if line.len() > LONGEST {
        return Err(format!("a line has at most {LONGEST} bytes"));
    }
    let value = serde_json::from_slice(line).map_err(|error| format!("this is no JSON object: {error}"))?;
    Order::read(value)
}

/// Reads a line, of which no more is kept than tells that it is too long; false where none follows.
async fn read_line(socket: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let most = LONGEST as u64 + 1;
    (&mut *socket).take(most).read_until(b'\n', line).await?;
    let is_whole = line.last() == Some(&b'\n');
    if is_whole {
        line.pop();
    } else if line.len() > LONGEST {
        pass_over(socket).await?;
    }
    // What the other side leaves unfinished is not done.
    Ok(is_whole || line.len() > LONGEST)
}

async fn pass_over(socket: &mut BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let held = socket.fill_buf().await?;
        if held.is_empty() {
            return Ok(());
        }
        let end = held.iter().position(|byte| *byte == b'\n');
        let passed = end.map_or(held.len(), |end| end + 1);
        socket.consume(passed);
        if end.is_some() {
            return Ok(());
        }
    }
}
