//! One connection to one peer: made when it is needed, kept while it works, made anew with a growing pause when it does not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::Address;
use super::wire::{Connection, Exchange, PeerError};
use crate::faults::{Faults, Links, Other};

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

impl Way {
    /// What is asked of whom.
    fn name(&self) -> String {
        let (host, port) = &self.address;
        format!("{} to {host}:{port}", self.exchange.name())
    }
}

/// Takes the body of the answer, or why there is none.
pub(super) type Deliver = Box<dyn FnOnce(Result<Bytes, String>) -> Result<(), String> + Send>;

/// `socket.connection.setup.timeout.ms`
const CONNECT: Duration = Duration::from_secs(10);
/// `reconnect.backoff.ms` and `reconnect.backoff.max.ms` of Kafka's clients.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Runs errands in order until nobody sends any more.
pub(super) async fn run(mut errands: mpsc::Receiver<Errand>, line: Line, complain: fn(&str)) {
    let mut lane = Lane {
        connection: None,
        line,
        pause: FIRST_PAUSE,
        not_before: None,
        told: None,
        complain,
    };
    while let Some(errand) = errands.recv().await {
        lane.run(errand).await;
    }
}

/// The link that a lane goes over, which a fault may cut.
pub(super) struct Line {
    links: Arc<Links>,
    to: Option<Other>,
}

impl Line {
    /// To the node with this id, if it has one.
    pub(super) fn new(faults: &Faults, id: Option<i32>) -> Self {
        Self {
            links: faults.links(),
            to: id.map(Other::Node),
        }
    }

    /// Returns when something may pass.
    async fn passes(&self) -> Result<(), PeerError> {
        match self.to {
            Some(to) if !self.links.passes(to).await => Err(PeerError::Cut),
            _ => Ok(()),
        }
    }

    /// Brings a request over and its answer back, as long as the link is not cut.
    async fn carry(&self, connection: &mut Connection, exchange: &Exchange) -> Result<Bytes, PeerError> {
        let Some(to) = self.to else {
            return connection.exchange(exchange).await;
        };
        let body = tokio::select! {
            answered = connection.exchange(exchange) => answered?,
            () = self.links.breaks(to) => return Err(PeerError::Cut),
        };
        self.passes().await?;
        Ok(body)
    }
}

struct Lane {
    connection: Option<(Address, Connection)>,
    line: Line,
    pause: Duration,
    /// Nothing is tried before then.
    not_before: Option<Instant>,
    /// What was complained of last: it is said once.
    told: Option<String>,
    complain: fn(&str),
}

impl Lane {
    async fn run(&mut self, errand: Errand) {
        let Errand { way, deliver } = errand;
        match self.ask_until_content(&way).await {
            Ok(body) => match deliver(Ok(body)) {
                Ok(()) => self.works(),
                Err(nonsense) => self.fails(format!("{}: {nonsense}", way.name())),
            },
            Err(error) => {
                let why = format!("{}: {error}", way.name());
                self.fails(why.clone());
                // It takes a failure as it is.
                let _ = deliver(Err(why));
            }
        }
    }

    async fn ask_until_content(&mut self, way: &Way) -> Result<Bytes, PeerError> {
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
            self.fails(format!("{}: {why}", way.name()));
            // The pause comes before the next attempt, and must not outlast who waits.
            self.not_before = self.not_before.map(|at| at.min(until));
        }
    }

    async fn ask(&mut self, address: &Address, exchange: &Exchange) -> Result<Bytes, PeerError> {
        if let Some(not_before) = self.not_before.take() {
            sleep_until(not_before).await;
        }
        let limit = exchange.timeout;
        let passes = timeout(limit, self.line.passes()).await;
        passes.map_err(|_| PeerError::Silent(limit))??;
        let mut connection = match self.connection.take() {
            Some((connected_to, connection)) if connected_to == *address && !connection.is_over() => connection,
            _ => connect(address).await?,
        };
        let answered = timeout(limit, self.line.carry(&mut connection, exchange)).await;
        let body = answered.map_err(|_| PeerError::Silent(limit))??;
        self.connection = Some((address.clone(), connection));
        Ok(body)
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

async fn connect(address: &Address) -> Result<Connection, PeerError> {
    let (host, port) = (address.0.as_str(), address.1);
    let connected = timeout(CONNECT, TcpStream::connect((host, port))).await;
    let socket = connected
        .map_err(|_| PeerError::Silent(CONNECT))?
        .map_err(PeerError::Connect)?;
    Ok(Connection::new(socket))
}
