//! One call of a step: which connection, which version, which bytes; what the reply binds and shows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_fixtures::schema::Message;
use kafka_fixtures::value::{Struct, Value};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::capture::capture;
use super::fit::fit;
use super::lookup::CoordinatorOf;
use super::{Halt, PAUSE, Session, StepRun};
use crate::case::{Capture, Step, listener_of};
use crate::driver::wire::{Connection, Exchange, Pending, Reply, Request, schema_for, undecoded};
use crate::observe::lines_of;
use crate::run::event::{Direction, FrameReport};

/// What a coordinator answers while it is not ready.
const NOT_READY: &[&str] = &[
    "COORDINATOR_NOT_AVAILABLE",
    "COORDINATOR_LOAD_IN_PROGRESS",
    "NOT_COORDINATOR",
];

/// Which broker a request goes to where the step does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The first address.
    Any,
    /// A broker by its place in the list.
    Broker(usize),
    /// The same, by one more listener that it has.
    Listener(String, usize),
    /// The leader of a partition of a topic, by its name on the broker.
    Leader(String, i32),
    /// Of its replicas in the order of their assignment, the first that is in sync and does not lead.
    Follower(String, i32),
    /// The first replica of its assignment, whoever leads.
    Preferred(String, i32),
    /// The coordinator of a group, by its name on the broker.
    Coordinator(String),
    /// The coordinator of a transactional id, by its name on the broker.
    TxnCoordinator(String),
}

/// A step while it runs.
#[derive(Debug)]
pub struct Call<'a> {
    pub(super) session: &'a Session,
    connection: Option<&'a str>,
    job: Option<&'a str>,
    captures: &'a [Capture],
    sent: Option<oneshot::Sender<()>>,
    frames: Vec<FrameReport>,
    findings: Vec<String>,
    /// How long this step waits for a reply, where it says so.
    pub(super) within: Option<Duration>,
    /// Whether a coordinator that is not ready yet is asked again; `retry=none` says no.
    pub(super) retries_coordinator: bool,
    /// The version to ask at where the step names one; `api-version=9`.
    pub(super) version: Option<i16>,
}

impl<'a> Call<'a> {
    pub(super) fn new(session: &'a Session, step: &'a Step, sent: Option<oneshot::Sender<()>>) -> Self {
        Self {
            session,
            connection: step.connection.as_deref(),
            job: step.background.as_deref(),
            captures: &step.captures,
            sent,
            frames: Vec::new(),
            findings: Vec::new(),
            within: None,
            retries_coordinator: true,
            version: None,
        }
    }

    pub(super) fn finish(self) -> StepRun {
        StepRun {
            lines: Vec::new(),
            frames: self.frames,
            findings: self.findings,
            broken: None,
        }
    }

    /// A request of an API at this run's version, without the fields that the version lacks.
    pub(super) fn request(&self, api: &str, body: Struct) -> Result<Request, Halt> {
        let version = self.version.map_or_else(|| self.session.version(api), Ok)?;
        let mut request = Request::new(api, version, Value::Struct(body));
        if let Some(message) = schema_for(request.key(), version, Direction::Request) {
            fit(&message.fields, version, &mut request.body);
        }
        Ok(request)
    }

    /// Asks and returns the decoded body.
    pub(super) async fn ask(&mut self, request: &Request, place: &Place) -> Result<Value, Halt> {
        let correlation = self.session.next_correlation();
        let exchange = self.exchange(request, place, correlation).await?;
        if exchange.correlation_id != correlation {
            return Err(Halt::Undecodable(format!(
                "correlation id {} for {correlation}",
                exchange.correlation_id
            )));
        }
        Ok(exchange.body)
    }

    /// Asks with a correlation id and returns the whole reply.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        place: &Place,
        correlation: i32,
    ) -> Result<Exchange, Halt> {
        let frame = self.encoded(request, correlation)?;
        let connection = self.connection(place).await?;
        let pending = connection.ask(&frame).await;
        self.told();
        let Reply::Frame(bytes) = self.reply(pending).await? else {
            return Err(Halt::Closed);
        };
        match Exchange::decode(request, &bytes) {
            Ok(exchange) => {
                self.frames.push(exchange.report(request, &bytes));
                self.findings.extend(exchange.findings.iter().cloned());
                self.capture(request, &exchange.body)?;
                Ok(exchange)
            }
            Err(error) => {
                self.frames.push(undecoded(request, &bytes));
                Err(Halt::Undecodable(error.to_string()))
            }
        }
    }

    fn capture(&self, request: &Request, body: &Value) -> Result<(), Halt> {
        let layout = schema_for(request.key(), request.version, Direction::Response);
        let fields = layout.map_or(&[][..], |message| &message.fields);
        let names = &mut self.session.symbols().names;
        capture(names, self.captures, &request.api, fields, body).map_err(Halt::Broken)
    }

    /// Asks the coordinator of a group, again while it says that it is not ready to be one.
    pub(super) async fn ask_coordinator(
        &mut self,
        request: &Request,
        group: &str,
        error: impl Fn(&Value) -> String + Send,
    ) -> Result<Value, Halt> {
        self.ask_transient(request, &Place::Coordinator(group.to_owned()), error)
            .await
    }

    /// Asks, again while a coordinator says that it is not ready; the frames of the last try remain.
    pub(super) async fn ask_transient(
        &mut self,
        request: &Request,
        place: &Place,
        error: impl Fn(&Value) -> String + Send,
    ) -> Result<Value, Halt> {
        let deadline = Instant::now() + self.session.limits().step;
        let (frames, findings) = (self.frames.len(), self.findings.len());
        loop {
            let reply = self.ask(request, place).await?;
            let is_passing = self.retries_coordinator && NOT_READY.contains(&error(&reply).as_str());
            if !is_passing || Instant::now() >= deadline {
                return Ok(reply);
            }
            self.frames.truncate(frames);
            self.findings.truncate(findings);
            // A client would look it up again, and the first look-up of all makes the topic that it lives in.
            match place {
                Place::Coordinator(group) => drop(self.session.coordinator(group, CoordinatorOf::Group).await),
                Place::TxnCoordinator(id) => drop(self.session.coordinator(id, CoordinatorOf::Transaction).await),
                Place::Any | Place::Broker(_) | Place::Listener(..) => {}
                Place::Leader(..) | Place::Follower(..) | Place::Preferred(..) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Asks each broker that is up, as an admin client does for what lies on all of them; only the one that the step names.
    pub(super) async fn ask_each(
        &mut self,
        request: &Request,
        error: impl Fn(&Value) -> String + Send + Copy,
    ) -> Result<Vec<Value>, Halt> {
        let is_named = self.connection.is_some_and(|name| self.place_named(name).is_some());
        if is_named || !self.session.is_spread() {
            return Ok(vec![self.ask_transient(request, &Place::Any, error).await?]);
        }
        let mut replies = Vec::new();
        for broker in 0..self.session.facts().brokers.len() {
            replies.push(self.ask_transient(request, &Place::Broker(broker), error).await?);
        }
        Ok(replies)
    }

    /// Sends a request that has no reply.
    pub(super) async fn tell(&mut self, request: &Request, place: &Place) -> Result<(), Halt> {
        let frame = self.encoded(request, self.session.next_correlation())?;
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let connection = self.connection(place).await?;
        let bytes = [&length.to_be_bytes(), frame.as_slice()].concat();
        let went_out = connection.tell_raw(&bytes).await;
        self.told();
        if went_out { Ok(()) } else { Err(Halt::Silence) }
    }

    /// Bytes as they are; the reply as it is.
    pub(super) async fn raw(&mut self, bytes: &[u8], place: &Place, awaits_reply: bool) -> Result<Option<Bytes>, Halt> {
        let connection = self.connection(place).await?;
        if !awaits_reply {
            let went_out = connection.tell_raw(bytes).await;
            self.told();
            return if went_out { Ok(None) } else { Err(Halt::Silence) };
        }
        let pending = connection.ask_raw(bytes).await;
        self.told();
        match self.reply(pending).await? {
            Reply::Frame(frame) => Ok(Some(frame)),
            Reply::Closed | Reply::Silence => Ok(None),
        }
    }

    /// The whole reply as lines.
    pub(super) fn lines(&self, request: &Request, body: &Value) -> Vec<String> {
        match schema_for(request.key(), request.version, Direction::Response) {
            Some(message) => lines_of(message, body, &mut self.session.symbols()),
            None => Vec::new(),
        }
    }

    /// The connection that this step names, or its own one in the background, or the first.
    pub(super) async fn connection(&self, place: &Place) -> Result<Arc<Connection>, Halt> {
        let (place, name) = self.seat(place);
        self.session.connection(&place, name.as_deref()).await
    }

    /// Where the step's `@…` points: a broker, a leader, a coordinator, or a name of a connection.
    pub(super) fn seat(&self, place: &Place) -> (Place, Option<String>) {
        let Some(name) = self.connection else {
            return (place.clone(), self.job.map(str::to_owned));
        };
        match self.place_named(name) {
            Some(place) => (place, None),
            None => (place.clone(), Some(name.to_owned())),
        }
    }

    /// `b1`, `EXTRA.b1`, `t/0`, `leader.t/0`, `follower.t/0`, `preferred.t/0`, `coordinator.g` and `txn-coordinator.x`.
    pub(super) fn place_named(&self, name: &str) -> Option<Place> {
        let unique = |name: &str| self.session.symbols().names.unique(name);
        if let Some((topic, partition)) = name.rsplit_once('/') {
            let (role, topic) = match topic.split_once('.') {
                Some((role @ ("leader" | "follower" | "preferred"), topic)) => (role, topic),
                _ => ("leader", topic),
            };
            let (topic, partition) = (unique(topic), partition.parse().ok()?);
            return Some(match role {
                "follower" => Place::Follower(topic, partition),
                "preferred" => Place::Preferred(topic, partition),
                _ => Place::Leader(topic, partition),
            });
        }
        if let Some((listener, broker)) = listener_of(name) {
            return Some(Place::Listener(listener.to_owned(), broker));
        }
        if let Some(group) = name.strip_prefix("coordinator.") {
            return Some(Place::Coordinator(unique(group)));
        }
        if let Some(id) = name.strip_prefix("txn-coordinator.") {
            return Some(Place::TxnCoordinator(unique(id)));
        }
        name.strip_prefix('b')?.parse().ok().map(Place::Broker)
    }

    async fn reply(&mut self, pending: Pending) -> Result<Reply, Halt> {
        let within = self.within.unwrap_or(self.session.limits().reply);
        match pending.reply(within).await {
            Reply::Closed => Err(Halt::Closed),
            Reply::Silence => Err(Halt::Silence),
            frame @ Reply::Frame(_) => Ok(frame),
        }
    }

    fn encoded(&mut self, request: &Request, correlation: i32) -> Result<Vec<u8>, Halt> {
        let frame = request
            .encode(correlation)
            .map_err(|error| Halt::Broken(format!("{} v{}: {error}", request.api, request.version)))?;
        self.frames.push(request.report(&frame));
        Ok(frame)
    }

    /// The request that the step is about is not the next one: nobody is told that it is on its way.
    pub(super) fn keep_quiet(&mut self) -> Option<oneshot::Sender<()>> {
        self.sent.take()
    }

    /// The next request is the one that the step is about.
    pub(super) fn speak_up(&mut self, sent: Option<oneshot::Sender<()>>) {
        self.sent = sent;
    }

    fn told(&mut self) {
        if let Some(sent) = self.sent.take() {
            // Nobody waits any more: the run is over.
            let _ = sent.send(());
        }
    }
}

/// The layout of a request, for a step that fills it by name.
pub(super) fn request_message(api: &str, version: i16) -> Result<&'static Message, Halt> {
    crate::driver::wire::Layout::api_key(api)
        .and_then(|key| schema_for(key, version, Direction::Request))
        .ok_or_else(|| Halt::Broken(format!("no Kafka release knows the API {api}")))
}
