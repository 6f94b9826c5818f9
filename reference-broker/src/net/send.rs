//! How an answer leaves: small pieces gathered into one write, large ranges of log files from the page cache to the socket.

use std::io::{self, ErrorKind, IoSlice};

use bytes::{Bytes, BytesMut};
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
/// Pieces up to this size are cheaper to copy than to name.
const COPIED_BYTES: usize = 2 << 10;
/// How much one system call may send, so that other connections get their turn.
const TURN_BYTES: usize = 1 << 20;

/// Sends the size, the response header and the body.
pub(super) async fn send(socket: &mut TcpStream, header: &[u8], body: Vec<Piece>) -> Result<(), Closed> {
    let length: usize = body.iter().map(Piece::len).sum();
    let size = i32::try_from(header.len() + length).map_err(|_| Closed::Body("the answer exceeds 2 GiB".into()))?;
    let mut gathered = Gathered {
        before: Vec::new(),
        small: BytesMut::with_capacity(copied(&body) + header.len() + 4),
    };
    gathered.small.extend_from_slice(&size.to_be_bytes());
    gathered.small.extend_from_slice(header);
    let gathers = if length <= WHOLE_BYTES {
        WHOLE_BYTES
    } else {
        GATHER_BYTES
    };
    for part in body {
        let source = match part {
            // It is in memory as it is.
            Piece::Bytes(bytes) => {
                gathered.put(bytes);
                continue;
            }
            Piece::Source(source) => source,
        };
        let is_large = source.length() > gathers;
        if is_large || gathered.len() > gathers {
            gathered.leave(socket).await?;
        }
        if is_large {
            pass(socket, &source).await?;
        } else {
            copy(&source, &mut gathered.small)?;
        }
    }
    gathered.leave(socket).await
}

/// How much room the small pieces of an answer take.
fn copied(body: &[Piece]) -> usize {
    let small = |piece: &&Piece| match piece {
        Piece::Bytes(bytes) => bytes.len() < COPIED_BYTES,
        Piece::Source(_) => false,
    };
    body.iter()
        .filter(small)
        .map(Piece::len)
        .sum::<usize>()
        .min(GATHER_BYTES)
}

/// What leaves in one write: small pieces copied together, larger ones as they are between them.
struct Gathered {
    before: Vec<Bytes>,
    small: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.before.iter().map(Bytes::len).sum::<usize>() + self.small.len()
    }

    fn put(&mut self, bytes: Bytes) {
        if bytes.len() < COPIED_BYTES {
            return self.small.extend_from_slice(&bytes);
        }
        let small = self.small.split().freeze();
        self.before.extend([small, bytes]);
    }

    async fn leave(&mut self, socket: &mut TcpStream) -> Result<(), Closed> {
        let small = self.small.split();
        let before = std::mem::take(&mut self.before);
        let parts = before.iter().map(|part| &**part).chain([&*small]);
        let mut slices: Vec<IoSlice<'_>> = parts.filter(|part| !part.is_empty()).map(IoSlice::new).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match socket.write_vectored(rest).await? {
                0 => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                written => IoSlice::advance_slices(&mut rest, written),
            }
        }
        Ok(())
    }
}

fn copy(source: &Source, into: &mut BytesMut) -> Result<(), Closed> {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn small_pieces_and_large_ones_arrive_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let reading = tokio::spawn(async move {
            let mut client = TcpStream::connect(address).await.expect("connected");
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.expect("all of it");
            all
        });
        let (mut socket, _) = listener.accept().await.expect("the client");
        let sizes = [0, 10, COPIED_BYTES, 1, 20 << 10, 0, 300 << 10, 7];
        let pieces: Vec<Bytes> = (1..).zip(sizes).map(|(n, size)| vec![n; size].into()).collect();
        let expected = pieces.concat();
        let body = pieces.into_iter().map(Piece::Bytes).collect();
        send(&mut socket, &[42], body).await.expect("sent");
        drop(socket);
        let all = reading.await.expect("read");
        let size = u32::try_from(expected.len() + 1).expect("small");
        assert_eq!(all[..4], size.to_be_bytes());
        assert_eq!(all[4], 42);
        assert!(all[5..] == expected);
    }
}
