//! The one loop that owns a [`Node`]: a request in, an answer out; a deadline in, parked answers out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use broker_core::config::ConnectionLimits;
use broker_core::node::{Released, Stage};
use broker_core::peer::Peer;
use broker_core::units::{Deadline, ErrorCode};
use broker_core::{Node, Now, Reply, StoreError, Ticket};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use crate::api::{Answer, Call, Entry, Listener, Part};
use crate::faults::Faults;
use crate::flushing::{Flushing, Synced};
use crate::peer::{Peers, is_forwarded};
use crate::refusable::Refusable;
use crate::store::{Keeping, Source, Sources};

/// A request on its way to the node.
pub(crate) struct Job {
    pub(crate) entry: &'static Entry,
    pub(crate) version: i16,
    pub(crate) client_id: String,
    pub(crate) client_host: Arc<str>,
    pub(crate) listener: Listener,
    pub(crate) listener_name: Arc<str>,
    pub(crate) body: Bytes,
    pub(crate) reply: oneshot::Sender<Outgoing>,
}

/// What the connection does with the answer.
pub(crate) enum Outgoing {
    /// Send it.
    Body(Vec<Piece>),
    /// Send nothing, read on.
    Nothing,
    /// Close, for this reason.
    Close(String),
}

/// A piece of an answer that is ready to leave.
pub(crate) enum Piece {
    /// Encoded here.
    Bytes(Bytes),
    /// In a file that was opened when the answer was made: what becomes of its name since does not matter.
    Source(Source),
}

impl Piece {
    /// Its length on the wire.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Source(source) => source.length(),
        }
    }
}

impl Outgoing {
    /// Opens the ranges of files in an answer.
    pub(crate) fn of(answer: Answer, sources: &dyn Sources) -> Self {
        match answer {
            Answer::Reply(body) => match pieces(body.parts, sources) {
                Ok(pieces) => Self::Body(pieces),
                Err(error) => Self::Close(error.to_string()),
            },
            Answer::Silent => Self::Nothing,
            Answer::Close(reason) => Self::Close(reason),
            Answer::Parked(..) | Answer::Again(_) => Self::Close("an answer was parked twice".into()),
        }
    }
}

/// What was appended just now is at hand; everything else is in files.
fn pieces(parts: Vec<Part>, sources: &dyn Sources) -> Result<Vec<Piece>, StoreError> {
    let mut pieces = Vec::with_capacity(parts.len() + 1);
    for part in parts {
        match part {
            Part::Bytes(bytes) => pieces.push(Piece::Bytes(bytes)),
            Part::Span(span) => match sources.kept(&span) {
                Some(kept) => pieces.extend(kept.map(Piece::Bytes)),
                None => pieces.push(Piece::Source(sources.open(&span)?)),
            },
        }
    }
    Ok(pieces)
}

/// The clock of a running broker: what its node is told of time comes from here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time that a request came: the next whole millisecond, so that no wait counted from it ends early.
    pub(crate) fn now(&self) -> Now {
        let passed = self.passed();
        Now {
            monotonic_ms: passed.monotonic_ms.saturating_add(1),
            ..passed
        }
    }

    /// The whole milliseconds that have passed: what deadlines are held against.
    fn passed(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            unix_ms: millis(unix),
            monotonic_ms: millis(self.0.elapsed()),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A node with its inbox and the requests that wait for a later step.
pub(crate) struct Broker {
    node: Node,
    sources: Arc<dyn Sources>,
    clock: Clock,
    /// Tells the listener how many connections there may be.
    limits: watch::Sender<ConnectionLimits>,
    /// Tells who waits for it how many brokers take part, this one among them.
    seen: watch::Sender<usize>,
    complain: fn(&str),
    parked: HashMap<Ticket, Waiting>,
    /// Requests that are served again when their ticket is released.
    again: HashMap<Ticket, Job>,
    /// Answers of this event, and of earlier ones, that wait for replicas.
    kept: Kept,
    replicating: HashMap<Ticket, Kept>,
    flushing: Flushing,
    peers: Peers,
    faults: Faults,
    /// Until when the controller may take to let it go.
    leaving: Option<Deadline>,
    /// How many may be parked before those are looked for whose client is gone.
    sweep_at: usize,
}

/// So many parked requests are not worth a sweep.
const FEW_PARKED: usize = 64;

/// Of larger requests nothing is shared with answers: a slow reader must not hold much memory.
pub(crate) const SHARED_BYTES: usize = 64 << 10;

struct Waiting {
    refusable: Option<Refusable>,
    reply: oneshot::Sender<Outgoing>,
    continuation: Box<dyn FnOnce(Released) -> Answer + Send>,
}

/// What a broker tells of itself while it runs.
pub(crate) struct Told {
    /// What its listeners obey.
    pub(crate) limits: watch::Receiver<ConnectionLimits>,
    /// How many brokers take part, this one among them; 0 before it does.
    pub(crate) seen: watch::Receiver<usize>,
}

impl Broker {
    /// The broker, and what it will tell.
    pub(crate) fn new(
        mut node: Node,
        sources: Arc<dyn Sources>,
        clock: Clock,
        complain: fn(&str),
        faults: Faults,
    ) -> (Self, Told) {
        let (limits, obeyed) = watch::channel(node.config().dynamic.connections.clone());
        let (seen, seen_by_others) = watch::channel(0);
        node.flush_elsewhere();
        let voter = node.config().cluster.voter.as_ref().map(|voter| voter.id);
        let broker = Self {
            node,
            flushing: Flushing::new(sources.clone()),
            peers: Peers::new(complain, faults.clone(), voter),
            faults,
            sources,
            clock,
            complain,
            limits,
            seen,
            leaving: None,
            parked: HashMap::new(),
            again: HashMap::new(),
            kept: Vec::new(),
            replicating: HashMap::new(),
            sweep_at: FEW_PARKED,
        };
        let told = Told {
            limits: obeyed,
            seen: seen_by_others,
        };
        (broker, told)
    }

    /// Serves the inbox until every sender is gone or `stop` resolves; gives the node back for a clean stop.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Job>,
        mut stop: oneshot::Receiver<Stop>,
    ) -> (Node, Stop) {
        loop {
            self.node
                .take_complaints()
                .iter()
                .for_each(|what| (self.complain)(what));
            self.ask_peers();
            self.tell_seen();
            if self.may_go() || self.node.has_given_up() {
                return (self.node, Stop::Clean);
            }
            let due = self.until_next_deadline();
            self.flushing.begin(&mut self.node);
            tokio::select! {
                biased;
                how = &mut stop, if self.leaving.is_none() => match how.unwrap_or(Stop::Clean) {
                    Stop::Kill => return (self.node, Stop::Kill),
                    Stop::Clean => self.begin_to_leave(),
                },
                () = self.faults.called_to_stand_still() => {
                    self.faults.stand_still();
                    // An order to stop goes first.
                    continue;
                }
                done = self.flushing.done() => self.flushed(done),
                (id, reply) = self.peers.answer() => self.node.answered(id, reply, self.clock.now()),
                job = inbox.recv() => match job {
                    Some(job) => self.serve(job),
                    None => return (self.node, Stop::Clean),
                },
                () = sleep_or_forever(due) => {}
            }
            // Also when the inbox is never empty: what has fallen due does not wait for it.
            let passed = self.clock.passed();
            if self
                .node
                .next_deadline()
                .is_some_and(|deadline| deadline.is_due(passed))
            {
                self.node.tick(passed);
            }
            self.answer_released();
            self.sources.keep(Keeping::Nothing);
            self.tell_limits();
        }
    }

    /// Others take over what this broker leads, as far as there are any; then it goes.
    fn begin_to_leave(&mut self) {
        let now = self.clock.now();
        self.leaving = Some(now.plus_ms(self.node.config().cluster.session_timeout_ms));
        self.node.begin_to_leave(now);
    }

    fn may_go(&self) -> bool {
        let late = |deadline: Deadline| deadline.is_due(self.clock.passed());
        self.leaving
            .is_some_and(|deadline| self.node.has_left() || late(deadline))
    }

    fn tell_seen(&self) {
        let takes_part = self.node.stage() == Stage::Running && self.node.is_caught_up();
        let brokers = self
            .node
            .image()
            .brokers()
            .filter(|broker| !broker.fenced && takes_part);
        let now = brokers.count();
        self.seen.send_if_modified(|seen| std::mem::replace(seen, now) != now);
    }

    fn tell_limits(&self) {
        let wanted = &self.node.config().dynamic.connections;
        self.limits.send_if_modified(|present| {
            let changed = present != wanted;
            if changed {
                present.clone_from(wanted);
            }
            changed
        });
    }

    fn until_next_deadline(&self) -> Option<Duration> {
        let deadline = self.node.next_deadline().into_iter().chain(self.leaving).min()?;
        let wait_ms = deadline.0.saturating_sub(self.clock.passed().monotonic_ms).max(0);
        Some(Duration::from_millis(wait_ms.unsigned_abs()))
    }

    fn serve(&mut self, job: Job) {
        if self.node.follows_a_controller() && is_forwarded(&job, self.node.broker_id()) {
            let address = self.node.address_of(Peer::Controller);
            return self.peers.forward(job, address);
        }
        let now = self.clock.now();
        // A record that waits to leave holds the whole request that it came in.
        self.sources.keep(match job.body.len() <= SHARED_BYTES {
            true => Keeping::Appends,
            false => Keeping::Nothing,
        });
        let mut call = Call {
            version: job.version,
            client_id: &job.client_id,
            client_host: &job.client_host,
            listener: job.listener,
            listener_name: &job.listener_name,
            node: &mut self.node,
            now,
        };
        let answer = job.entry.serve(job.body.clone(), &mut call);
        let promises = self.node.take_promises();
        // What is parked until others have it waits for this disk too.
        let is_parked = matches!(answer, Answer::Parked(..));
        if !promises.is_empty() && !is_parked {
            return self
                .flushing
                .hold(promises, Outgoing::of(answer, &*self.sources), job.reply);
        }
        match answer {
            Answer::Again(ticket) => drop(self.again.insert(ticket, job)),
            Answer::Parked(ticket, continuation) => {
                self.parked.insert(
                    ticket,
                    Waiting {
                        refusable: Refusable::of_parked(&job),
                        reply: job.reply,
                        continuation,
                    },
                );
                self.sweep();
            }
            answer => {
                let refusable = Refusable::of(&job);
                self.give(refusable, Outgoing::of(answer, &*self.sources), job.reply);
            }
        }
    }

    /// Sends an answer, or keeps it until what a coordinator wrote for it is on the replicas in sync. Others' answers are never
    /// kept: by a replica's question a coordinator may go on and write, and the answer to it is what replicates that.
    fn give(&mut self, refusable: Option<Refusable>, answer: Outgoing, reply: oneshot::Sender<Outgoing>) {
        match refusable.filter(|_| self.node.has_unreplicated()) {
            Some(refusable) => self.kept.push((refusable, answer, reply)),
            // A connection that is gone by now needs no answer.
            None => drop(reply.send(answer)),
        }
    }

    /// Whoever was answered by this event waits for what coordinators wrote in it.
    fn keep_for_replicas(&mut self) {
        let (written, timeout_ms) = self.node.take_unreplicated();
        if self.kept.is_empty() {
            return;
        }
        let kept = std::mem::take(&mut self.kept);
        let now = self.clock.now();
        match self.node.await_replicas(written, timeout_ms, now) {
            Reply::Now(results) => give_all(kept, &results),
            Reply::Parked(ticket) => drop(self.replicating.insert(ticket, kept)),
        }
    }

    fn ask_peers(&mut self) {
        for asked in self.node.take_asked() {
            let address = self.node.address_of(asked.peer);
            self.peers.send(asked, address, self.node.cluster_id());
        }
    }

    fn flushed(&mut self, done: Vec<Synced>) {
        let now = self.clock.now();
        for (flush, synced) in done {
            self.node.flushed(&flush, synced, now);
        }
        self.flushing.release(&self.node);
    }

    /// Forgets the long polls of clients that are gone, so that coming and going costs no memory.
    fn sweep(&mut self) {
        if self.parked.len() < self.sweep_at {
            return;
        }
        let gone: Vec<Ticket> = self
            .parked
            .iter()
            .filter(|(_, waiting)| waiting.reply.is_closed())
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in gone {
            self.parked.remove(&ticket);
            self.node.cancel_fetch(ticket);
        }
        self.sweep_at = FEW_PARKED.max(2 * self.parked.len());
    }

    fn answer_released(&mut self) {
        // A request that is served again may release others.
        loop {
            let released = self.node.take_released();
            if released.is_empty() {
                break;
            }
            for (ticket, released) in released {
                self.answer_one(ticket, released);
            }
        }
        self.keep_for_replicas();
    }

    fn answer_one(&mut self, ticket: Ticket, released: Released) {
        if let Some(job) = self.again.remove(&ticket) {
            self.serve(job);
        } else if let Some(waiting) = self.parked.remove(&ticket) {
            let answer = Outgoing::of((waiting.continuation)(released), &*self.sources);
            self.give(waiting.refusable, answer, waiting.reply);
        } else if let (Some(kept), Released::Produce(results)) = (self.replicating.remove(&ticket), released) {
            give_all(kept, &results);
        }
    }
}

/// Answers that wait to be sent.
type Kept = Vec<(Refusable, Outgoing, oneshot::Sender<Outgoing>)>;

/// What is not replicated has not happened, for all that the client may know.
fn give_all(kept: Kept, results: &[Result<(), ErrorCode>]) {
    let failed = results.iter().find_map(|result| result.err());
    for (refusable, answer, reply) in kept {
        // A connection that is gone by now needs no answer.
        drop(reply.send(failed.map_or(answer, |error| refusable.refused(error))));
    }
}

/// How a broker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Everything is written down and marked as whole.
    Clean,
    /// As by kill -9: nothing more is written.
    Kill,
}

async fn sleep_or_forever(duration: Option<Duration>) {
    match duration {
        Some(duration) => sleep(duration).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_ends_early_wherever_in_a_millisecond_it_began() {
        let clock = Clock::start();
        for _ in 0..50 {
            let began = Instant::now();
            let deadline = clock.now().plus_ms(1);
            while !deadline.is_due(clock.passed()) {
                std::hint::spin_loop();
            }
            assert!(began.elapsed() >= Duration::from_millis(1));
        }
    }
}
