//! The wire driver: one connection that carries exact bytes and says what came back. It knows frames, not messages.

mod capabilities;
mod exchange;

pub use capabilities::Capabilities;
pub(crate) use exchange::undecoded;
pub use exchange::{Exchange, Layout, Request, schema_for};

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// Larger frames than this are taken for garbage: the connection counts as broken.
const MAX_FRAME: usize = 256 << 20;

/// What came back for one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A frame, without its length prefix.
    Frame(Bytes),
    /// The connection ended, by close or by reset.
    Closed,
    /// Nothing until the deadline.
    Silence,
}

/// A connection that is open for requests; replies are matched to them in order.
#[derive(Debug)]
pub struct Connection {
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    /// How long the other side may take to make room for what we write.
    patience: Duration,
    /// It did not: half a frame is out, and nothing that is asked here from now on can be understood.
    stuck: AtomicBool,
    inbox: Arc<Mutex<Inbox>>,
    closed: watch::Receiver<bool>,
    reader: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Inbox {
    waiting: VecDeque<oneshot::Sender<Bytes>>,
    unasked: Vec<Bytes>,
    ended: bool,
}

/// A request that is on its way; its reply comes when all before it have theirs. None: it never went out whole.
#[derive(Debug)]
pub struct Pending(Option<oneshot::Receiver<Bytes>>);

impl Connection {
    /// Connects to `host:port`; `within` is also how long a frame may take to go out.
    pub async fn open(address: &str, within: Duration) -> io::Result<Self> {
        let stream = timeout(within, TcpStream::connect(address))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let (tell, closed) = watch::channel(false);
        let reader = tokio::spawn(receive(read, Arc::clone(&inbox), tell));
        Ok(Self {
            writer: tokio::sync::Mutex::new(write),
            patience: within,
            stuck: AtomicBool::new(false),
            inbox,
            closed,
            reader,
        })
    }

    /// Sends one frame with its length prefix and expects one reply.
    pub async fn ask(&self, frame: &[u8]) -> Pending {
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.ask_raw(&[&length.to_be_bytes(), frame].concat()).await
    }

    /// Sends bytes exactly as given and expects one reply.
    pub async fn ask_raw(&self, bytes: &[u8]) -> Pending {
        let mut writer = self.writer.lock().await;
        let (reply, pending) = oneshot::channel();
        {
            let mut inbox = lock(&self.inbox);
            if !inbox.ended {
                inbox.waiting.push_back(reply);
            }
        }
        let went_out = self.write(&mut writer, bytes).await;
        Pending(went_out.then_some(pending))
    }

    /// Sends bytes exactly as given and expects no reply. False where the other side stopped reading.
    pub async fn tell_raw(&self, bytes: &[u8]) -> bool {
        let mut writer = self.writer.lock().await;
        self.write(&mut writer, bytes).await
    }

    /// A failed write is a closed connection: the reader ends, and with it every reply that is awaited.
    async fn write(&self, writer: &mut OwnedWriteHalf, bytes: &[u8]) -> bool {
        if self.stuck.load(Ordering::Relaxed) {
            return false;
        }
        let went_out = timeout(self.patience, writer.write_all(bytes)).await.is_ok();
        self.stuck.store(!went_out, Ordering::Relaxed);
        went_out
    }

    /// Whether the other side ended it.
    pub fn has_ended(&self) -> bool {
        *self.closed.borrow()
    }

    /// Waits for the connection to end.
    pub async fn closes_within(&self, within: Duration) -> bool {
        let mut closed = self.closed.clone();
        timeout(within, closed.wait_for(|closed| *closed)).await.is_ok()
    }

    /// Frames that came without having been asked for.
    pub fn unasked(&self) -> Vec<Bytes> {
        std::mem::take(&mut lock(&self.inbox).unasked)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Pending {
    /// The reply, the end of the connection, or silence until the deadline.
    pub async fn reply(self, within: Duration) -> Reply {
        let Some(reply) = self.0 else {
            return Reply::Silence;
        };
        match timeout(within, reply).await {
            Ok(Ok(frame)) => Reply::Frame(frame),
            Ok(Err(_)) => Reply::Closed,
            Err(_) => Reply::Silence,
        }
    }
}

async fn receive(mut read: OwnedReadHalf, inbox: Arc<Mutex<Inbox>>, tell: watch::Sender<bool>) {
    while let Ok(frame) = read_frame(&mut read).await {
        let mut inbox = lock(&inbox);
        match inbox.waiting.pop_front() {
            Some(asker) => {
                // An asker whose deadline passed is gone; its late reply is nobody's.
                let _ = asker.send(frame);
            }
            None => inbox.unasked.push(frame),
        }
    }
    let mut inbox = lock(&inbox);
    inbox.ended = true;
    // Told first: whoever learns that its reply will not come must not take this connection for an open one.
    let _ = tell.send(true);
    inbox.waiting.clear();
}

async fn read_frame(read: &mut OwnedReadHalf) -> io::Result<Bytes> {
    let length = usize::try_from(read.read_i32().await?).map_err(|_| io::ErrorKind::InvalidData)?;
    if length > MAX_FRAME {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = BytesMut::zeroed(length);
    read.read_exact(&mut frame).await?;
    Ok(frame.freeze())
}

fn lock(inbox: &Mutex<Inbox>) -> std::sync::MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::{Connection, Reply};

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn replies_go_to_their_askers_in_order_and_an_end_is_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let connection = Connection::open(&address, SOON).await.expect("someone listens");
        let (mut peer, _) = listener.accept().await.expect("one connects");
        let (first, second) = (connection.ask(b"a").await, connection.ask(b"b").await);
        let third = connection.ask(b"c").await;
        peer.write_all(b"\0\0\0\x01x\0\0\0\x01y").await.expect("open");
        assert_eq!(first.reply(SOON).await, Reply::Frame("x".into()));
        assert_eq!(second.reply(SOON).await, Reply::Frame("y".into()));
        drop(peer);
        assert_eq!(third.reply(SOON).await, Reply::Closed);
        assert!(connection.closes_within(SOON).await);
    }

    #[tokio::test]
    async fn a_peer_that_stops_reading_is_silent_and_holds_nobody_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let connection = Connection::open(&address, Duration::from_millis(500)).await;
        let connection = connection.expect("someone listens");
        let (_deaf, _) = listener.accept().await.expect("one connects");
        let asked = connection.ask(&vec![0; 64 << 20]).await;
        assert_eq!(asked.reply(SOON).await, Reply::Silence);
        assert_eq!(connection.ask(b"a").await.reply(SOON).await, Reply::Silence);
        assert!(!connection.tell_raw(b"a").await && !connection.has_ended());
    }

    #[tokio::test]
    async fn silence_ends_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let connection = Connection::open(&address, SOON).await.expect("someone listens");
        let asked = connection.ask(b"a").await;
        assert_eq!(asked.reply(Duration::from_millis(1)).await, Reply::Silence);
    }
}
