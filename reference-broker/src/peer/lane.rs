//! One connection to one peer: made when it is needed, kept while it works, made anew with a growing pause when it does not.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::Address;
use super::wire::{Connection, Exchange, PeerError};

/// A request, where it goes, and who is told what came back. Telling may find that the answer is nonsense.
pub(super) struct Errand {
    pub(super) way: Way,
    pub(super) deliver: Deliver,
}

/// Says of an answer that another controller should be asked.
pub(super) type IsMisdirected = fn(&Bytes) -> bool;

/// Where a request goes, and how long one takes trouble with it.
pub(super) struct Way {
    pub(super) address: Address,
    pub(super) exchange: Exchange,
    /// Until when it is tried again by itself, and whether an answer is none to be content with.
    pub(super) retry: Option<(Instant, IsMisdirected)>,
}

/// Takes the body of the answer, or why there is none.
pub(super) type Deliver = Box<dyn FnOnce(Result<Bytes, String>) -> Result<(), String> + Send>;

/// `socket.connection.setup.timeout.ms`
const CONNECT: Duration = Duration::from_secs(10);
/// `reconnect.backoff.ms` and `reconnect.backoff.max.ms` of Kafka's clients.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Runs errands in order until nobody sends any more.
pub(super) async fn run(mut errands: mpsc::Receiver<Errand>, complain: fn(&str)) {
    let mut lane = Lane {
        connection: None,
        pause: FIRST_PAUSE,
        not_before: None,
        told: None,
        complain,
    };
    while let Some(errand) = errands.recv().await {
        lane.run(errand).await;
    }
}

struct Lane {
    connection: Option<(Address, Connection)>,
    pause: Duration,
    /// No new connection before then.
    not_before: Option<Instant>,
    /// What was complained of last: it is said once.
    told: Option<String>,
    complain: fn(&str),
}

impl Lane {
    async fn run(&mut self, errand: Errand) {
        let Errand { way, deliver } = errand;
        let (host, port) = &way.address;
        let whom = format!("{} to {host}:{port}", way.exchange.name());
        match self.ask_until_content(&way, &whom).await {
            Ok(body) => match deliver(Ok(body)) {
                Ok(()) => self.works(),
                Err(nonsense) => self.fails(format!("{whom}: {nonsense}")),
            },
            Err(error) => {
                let why = format!("{whom}: {error}");
                self.fails(why.clone());
                // It takes a failure as it is.
                let _ = deliver(Err(why));
            }
        }
    }

    async fn ask_until_content(&mut self, way: &Way, whom: &str) -> Result<Bytes, PeerError> {
        loop {
            let answer = self.ask(&way.address, &way.exchange).await;
            let Some((until, is_misdirected)) = way.retry.filter(|(until, _)| Instant::now() < *until) else {
                return answer;
            };
            let why = match &answer {
                Ok(body) if is_misdirected(body) => "it is not the controller".to_owned(),
                Ok(_) => return answer,
                Err(error) => error.to_string(),
            };
            self.fails(format!("{whom}: {why}"));
            // The pause comes before the next connection, and must not outlast who waits.
            self.not_before = self.not_before.map(|at| at.min(until));
        }
    }

    async fn ask(&mut self, address: &Address, exchange: &Exchange) -> Result<Bytes, PeerError> {
        let mut connection = match self.connection.take() {
            Some((connected_to, connection)) if connected_to == *address && !connection.is_over() => connection,
            _ => self.connect(address).await?,
        };
        let limit = exchange.timeout;
        let answered = timeout(limit, connection.exchange(exchange)).await;
        let body = answered.map_err(|_| PeerError::Silent(limit))??;
        self.connection = Some((address.clone(), connection));
        Ok(body)
    }

    async fn connect(&mut self, address: &Address) -> Result<Connection, PeerError> {
        if let Some(not_before) = self.not_before.take() {
            sleep_until(not_before).await;
        }
        let (host, port) = (address.0.as_str(), address.1);
        let connected = timeout(CONNECT, TcpStream::connect((host, port))).await;
        let socket = connected
            .map_err(|_| PeerError::Silent(CONNECT))?
            .map_err(PeerError::Connect)?;
        Ok(Connection::new(socket))
    }

    fn works(&mut self) {
        self.pause = FIRST_PAUSE;
        self.told = None;
    }

    fn fails(&mut self, why: String) {
        self.connection = None;
        self.not_before = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if self.told.as_ref() != Some(&why) {
            (self.complain)(&format!("{why}; it is tried again"));
            self.told = Some(why);
        }
    }
}
