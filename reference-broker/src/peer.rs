//! The client side of a node: what it asks of others goes out over TCP in Kafka's own requests, and what becomes of each
//! question is told back.
//!
//! Each peer has a few lanes, one connection each, because a peer answers a connection's requests in order: a long poll must
//! not hold up a heartbeat. A lane carries one request at a time, with a deadline. Versions are those of Kafka 4.3.

use std::collections::HashMap;

use broker_core::peer::{AskId, Asked, Peer, Question, Reply};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use self::forward::{is_forwardable, is_forwarded};
use self::lane::{Errand, Line, Way};
pub(crate) use self::wire::{CLIENT_ID, ORDERED, ask_once};
use self::wire::{Exchange, REQUEST};
use crate::broker::{Job, Outgoing};
use crate::faults::Faults;

mod alter_partition;
mod bounds;
pub(crate) mod cluster_id;
mod create_topics;
mod enlist;
mod fetch;
mod forward;
mod heartbeat;
mod lane;
mod markers;
mod producer_ids;
mod register;
mod snapshot;
mod wire;

/// Where a peer listens.
pub(crate) type Address = (String, u16);

/// What must not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    /// Long polls, and a snapshot part by part: who lacks that asks for nothing else meanwhile.
    Fetch,
    /// A broker's registration and its signs of life.
    Lifecycle,
    /// What clients want of the controller.
    Forwards,
    /// Markers of transactions: their answers wait until they are replicated.
    Markers,
    /// Everything else.
    Others,
}

/// How many questions may wait for one peer; a node asks few at once.
const WAITING: usize = 1024;

/// The connections of one node to its peers.
pub(crate) struct Peers {
    lanes: HashMap<(Peer, Lane), mpsc::Sender<Errand>>,
    tasks: JoinSet<()>,
    tell: mpsc::UnboundedSender<(AskId, Reply)>,
    told: mpsc::UnboundedReceiver<(AskId, Reply)>,
    complain: fn(&str),
    faults: Faults,
    /// The controller's node id, if anyone has said so.
    voter: Option<i32>,
}

impl Peers {
    /// None yet; what goes wrong with them will be told to `complain`.
    pub(crate) fn new(complain: fn(&str), faults: Faults, voter: Option<i32>) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            lanes: HashMap::new(),
            tasks: JoinSet::new(),
            tell,
            told,
            complain,
            faults,
            voter,
        }
    }

    /// Sends a question on its way to where its peer listens now, for a node of that cluster.
    pub(crate) fn send(&mut self, asked: Asked, address: Option<Address>, cluster_id: &str) {
        let id = asked.id;
        let Some(address) = address else {
            return self.refuse(id, "nobody has said where it listens");
        };
        let exchange = match encode(&asked.question, cluster_id) {
            Ok(exchange) => exchange,
            Err(why) => return self.refuse(id, &why),
        };
        let key = (asked.peer, lane_of(&asked.question));
        let tell = self.tell.clone();
        let errand = Errand {
            way: Way {
                address,
                exchange,
                retry: None,
            },
            deliver: Box::new(move |body| deliver(&asked, body, &tell)),
        };
        if !self.run(key, errand) {
            self.refuse(id, "too much is waiting for it");
        }
    }

    /// Sends a client's request on its way to the controller, which answers the client.
    pub(crate) fn forward(&mut self, job: Job, address: Option<Address>) {
        let errand = address.ok_or_else(|| "nobody has said where the controller listens".to_owned());
        let errand = errand.and_then(|address| {
            let exchange = forward::request(&job)?;
            Ok((address, exchange))
        });
        let (address, exchange) = match errand {
            Ok(errand) => errand,
            // A connection that is gone by now needs no answer.
            Err(why) => return drop(job.reply.send(Outgoing::Close(why))),
        };
        let (key, version, reply) = (job.entry.key, job.version, job.reply);
        let deliver = move |body: Result<Bytes, String>| {
            let answer = body.and_then(|body| forward::answer(body, key, version));
            let (answer, told) = match answer {
                Ok(answer) => (answer, Ok(())),
                Err(why) => (Outgoing::Close(why.clone()), Err(why)),
            };
            drop(reply.send(answer));
            told
        };
        let errand = Errand {
            way: Way {
                address,
                exchange,
                retry: Some((Instant::now() + REQUEST, forward::is_misdirected)),
            },
            deliver: Box::new(deliver),
        };
        // What finds no room is dropped with its reply, and that closes the connection.
        self.run((Peer::Controller, Lane::Forwards), errand);
    }

    /// Is there room for it?
    fn run(&mut self, key: (Peer, Lane), errand: Errand) -> bool {
        let line = self.line(key.0);
        let lane = self.lanes.entry(key).or_insert_with(|| {
            let (lane, errands) = mpsc::channel(WAITING);
            self.tasks.spawn(lane::run(errands, line, self.complain));
            lane
        });
        lane.try_send(errand).is_ok()
    }

    /// The link to a peer, which a fault may cut.
    fn line(&self, peer: Peer) -> Line {
        let id = match peer {
            Peer::Controller => self.voter,
            Peer::Broker(id) => Some(id.0),
        };
        Line::new(&self.faults, id)
    }

    /// The next answer. Waits for ever where nothing is asked.
    pub(crate) async fn answer(&mut self) -> (AskId, Reply) {
        match self.told.recv().await {
            Some(told) => told,
            // This side holds a sender.
            None => std::future::pending().await,
        }
    }

    fn refuse(&self, id: AskId, why: &str) {
        // The receiver is ours.
        let _ = self.tell.send((id, Reply::Unreachable(why.to_owned())));
    }
}

fn lane_of(question: &Question) -> Lane {
    match question {
        Question::Fetch(_) | Question::Snapshot(_) => Lane::Fetch,
        Question::Register(_) | Question::Heartbeat(_) => Lane::Lifecycle,
        Question::WriteMarkers(..) => Lane::Markers,
        Question::Bounds(_)
        | Question::Enlist(_)
        | Question::AlterPartitions(_)
        | Question::AllocateProducerIds(_)
        | Question::CreateTopics(_) => Lane::Others,
    }
}

fn encode(question: &Question, cluster_id: &str) -> Result<Exchange, String> {
    match question {
        Question::Fetch(wanted) => fetch::request(wanted, cluster_id),
        Question::Bounds(wanted) => bounds::request(wanted),
        Question::Snapshot(wanted) => snapshot::request(wanted, cluster_id),
        Question::WriteMarkers(marked, partitions) => markers::request(marked, partitions),
        Question::Enlist(wanted) => enlist::request(wanted),
        Question::AlterPartitions(wanted) => alter_partition::request(wanted),
        Question::Register(registration) => register::request(registration),
        Question::Heartbeat(heartbeat) => heartbeat::request(heartbeat),
        Question::AllocateProducerIds(broker) => producer_ids::request(*broker),
        Question::CreateTopics(topics) => create_topics::request(topics),
    }
}

/// Tells the node what its question brought; the error is for whoever runs the node.
fn deliver(
    asked: &Asked,
    body: Result<Bytes, String>,
    tell: &mpsc::UnboundedSender<(AskId, Reply)>,
) -> Result<(), String> {
    let is_answer = body.is_ok();
    let decoded = body.and_then(|body| match &asked.question {
        Question::Fetch(wanted) => fetch::reply(body, wanted),
        Question::Bounds(wanted) => bounds::reply(body, wanted),
        Question::Snapshot(wanted) => snapshot::reply(body, wanted),
        Question::WriteMarkers(_, partitions) => markers::reply(body, partitions),
        Question::Enlist(wanted) => enlist::reply(body, wanted),
        Question::AlterPartitions(wanted) => alter_partition::reply(body, wanted),
        Question::Register(_) => register::reply(body),
        Question::Heartbeat(_) => heartbeat::reply(body),
        Question::AllocateProducerIds(_) => producer_ids::reply(body),
        Question::CreateTopics(_) => create_topics::reply(body),
    });
    let (reply, told) = match decoded {
        Ok(reply) => (reply, Ok(())),
        Err(why) if is_answer => (Reply::Unreachable(why.clone()), Err(why)),
        Err(why) => (Reply::Unreachable(why), Ok(())),
    };
    // A node that is gone wants no answer.
    let _ = tell.send((asked.id, reply));
    told
}

#[cfg(test)]
mod tests;
