//! How an answer leaves: small pieces gathered into one write, large ranges of log files from the page cache to the socket.

use std::io::{self, ErrorKind};

use rustix::fs::sendfile;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use super::connection::Closed;
use crate::broker::Piece;
use crate::store::Source;

/// An answer up to this size is gathered whole: one write, and one read at the other end, are worth more than the copy.
const WHOLE_BYTES: usize = 64 << 10;
/// Of a longer one parts up to this size are gathered with what surrounds them: a slow reader must not hold much memory.
const GATHER_BYTES: usize = 16 << 10;
/// How much one system call may send, so that other connections get their turn.
const TURN_BYTES: usize = 1 << 20;

/// Sends the size, the response header and the body.
pub(super) async fn send(socket: &mut TcpStream, header: &[u8], body: Vec<Piece>) -> Result<(), Closed> {
    let length: usize = body.iter().map(Piece::len).sum();
    let size = i32::try_from(header.len() + length).map_err(|_| Closed::Body("the answer exceeds 2 GiB".into()))?;
    let mut gathered = size.to_be_bytes().to_vec();
    gathered.extend_from_slice(header);
    let gathers = if length <= WHOLE_BYTES {
        WHOLE_BYTES
    } else {
        GATHER_BYTES
    };
    for part in body {
        let is_large = part.len() > gathers;
        if is_large || gathered.len() > gathers {
            socket.write_all(&gathered).await?;
            gathered.clear();
        }
        match part {
            Piece::Bytes(bytes) => gathered.extend_from_slice(&bytes),
            Piece::Source(source) if is_large => pass(socket, &source).await?,
            Piece::Source(source) => copy(&source, &mut gathered)?,
        }
    }
    socket.write_all(&gathered).await?;
    Ok(())
}

fn copy(source: &Source, into: &mut Vec<u8>) -> Result<(), Closed> {
    let (mut filled, end) = (into.len(), into.len() + source.length());
    let start = filled;
    into.resize(end, 0);
    while filled < end {
        match source.read(filled - start, &mut into[filled..])? {
            0 => return Err(too_short()),
            read => filled += read,
        }
    }
    Ok(())
}

/// Bytes go from the file to the socket without passing through this process.
async fn pass(socket: &TcpStream, source: &Source) -> Result<(), Closed> {
    let (mut position, end) = (source.start(), source.start() + source.length() as u64);
    while position < end {
        socket.writable().await?;
        let turn = usize::try_from(end - position).unwrap_or(usize::MAX).min(TURN_BYTES);
        let sent = socket.try_io(Interest::WRITABLE, || {
            sendfile(socket, source.file(), Some(&mut position), turn).map_err(io::Error::from)
        });
        match sent {
            Ok(0) => return Err(too_short()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn too_short() -> Closed {
    Closed::Body("a log file is shorter than its index says".into())
}
