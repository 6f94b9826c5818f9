//! Lines in, lines out. A line is bounded; what is longer is passed over to its end, and refused.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::order::Order;
use super::{Doers, refused};

/// No order is longer.
const LONGEST: usize = 64 << 10;
/// So many may be connected; more wait unaccepted.
const CONNECTIONS: usize = 64;
/// Pause after a failed accept, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until it is aborted, which cuts every connection.
pub(super) async fn accept(door: TcpListener, doers: Doers) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = door.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((socket, _)) => drop(connections.spawn(converse(socket, doers.clone()))),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers line after line until the other side ends. How a connection breaks is nobody's concern.
async fn converse(socket: TcpStream, mut doers: Doers) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let mut line = Vec::new();
    while read_line(&mut socket, &mut line).await? {
        let answer = match read(&line) {
            Ok(order) => doers.answer(order).await,
            Err(why) => refused(why),
        };
        socket.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
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
