//! Questions to other nodes: what a room asks goes out under a claim check, and its answer comes back to the room.
//!
//! A question has one answer, if only that nobody was reached: whoever carries it has the deadline, and a node that is told
//! nothing waits for nothing else than that. What is told twice, or to no question, is passed over.

use std::collections::{BTreeMap, HashSet};

use super::Node;
use super::replicas::Stood;
use crate::image::BrokerImage;
use crate::machine::Ticket;
use crate::peer::{AskId, Asked, Bound, Enlist, Peer, Question, Reply};
use crate::txn::TransactionalId;
use crate::units::{BrokerId, Now};

/// Which room asks, and so which one is told the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The broker's lifecycle: registration and heartbeats.
    Lifecycle,
    /// An observer's copy of the metadata log.
    Metadata,
    /// The fetcher of what that broker leads.
    Replicas(BrokerId),
    /// Where logs of that broker begin or end, for followers that stood there.
    Bounds(BrokerId, Bound, Stood),
    /// Leaders that want other in-sync replicas.
    InSync,
    /// The next block of producer ids.
    ProducerIds,
    /// Topics that are not there, by name.
    Topics(Vec<String>),
    /// Partitions that a coordinator elsewhere shall know of, and the request that waits for that.
    Enlisting(Enlist, Ticket),
    /// The markers of a transaction that this broker coordinates, at that leader; with when it began.
    Markers(TransactionalId, BrokerId, i64),
}

/// What has been asked and is not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    last_id: u64,
    open: BTreeMap<AskId, Purpose>,
    asked: Vec<Asked>,
}

impl Node {
    /// Asks another node. The answer is told to the room that the purpose names.
    pub fn ask(&mut self, peer: Peer, question: Question, purpose: Purpose) -> AskId {
        self.peers.last_id += 1;
        let id = AskId(self.peers.last_id);
        self.peers.open.insert(id, purpose);
        self.peers.asked.push(Asked { id, peer, question });
        id
    }

    /// What has been asked since the last call, in order.
    pub fn take_asked(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.peers.asked)
    }

    /// Where a peer listens, as far as this node knows.
    pub fn address_of(&self, peer: Peer) -> Option<(String, u16)> {
        match peer {
            Peer::Controller => {
                let voter = self.config.cluster.voter.as_ref();
                voter.map(|voter| (voter.host.clone(), voter.port))
            }
            Peer::Broker(id) => {
                let listener = self.image().broker(id).and_then(BrokerImage::among_brokers);
                listener.map(|listener| (listener.host.clone(), listener.port))
            }
        }
    }

    /// Is an answer to any question of this purpose still to come?
    pub fn is_asking(&self, purpose: &Purpose) -> bool {
        self.peers.open.values().any(|open| open == purpose)
    }

    /// Is an answer of that broker to come about where its logs begin or end?
    pub(super) fn is_asking_bounds(&self, leader: BrokerId) -> bool {
        let mut open = self.peers.open.values();
        open.any(|open| matches!(open, Purpose::Bounds(asked, ..) if *asked == leader))
    }

    /// The topics that are being asked for.
    pub(super) fn topics_asked_for(&self) -> HashSet<&str> {
        let names = self.peers.open.values().filter_map(|purpose| match purpose {
            Purpose::Topics(names) => Some(names),
            _ => None,
        });
        names.flatten().map(String::as_str).collect()
    }

    /// Tells what became of a question.
    pub fn answered(&mut self, id: AskId, reply: Reply, now: Now) {
        let Some(purpose) = self.peers.open.remove(&id) else {
            return;
        };
        match purpose {
            Purpose::Lifecycle => self.lifecycle_answered(reply, now),
            Purpose::Metadata => self.metadata_answered(reply, now),
            Purpose::Replicas(leader) => self.replicas_answered(leader, reply, now),
            Purpose::Bounds(leader, bound, stood) => self.bounds_answered(leader, bound, &stood, reply, now),
            Purpose::InSync => self.in_sync_answered(reply, now),
            Purpose::ProducerIds => self.producer_ids_answered(&reply),
            // Who wanted them looks again; if they are not there by then, they are asked for again.
            Purpose::Topics(_) => {}
            Purpose::Enlisting(asked, ticket) => self.enlisting_answered(asked, ticket, reply),
            Purpose::Markers(id, _, started) => self.markers_answered(&id, started, reply, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BrokerConfig;
    use crate::log::tests::identity;
    use crate::peer::BrokerEpoch;
    use crate::store::memory::MemoryStore;

    const NOW: Now = Now {
        unix_ms: 1,
        monotonic_ms: 0,
    };

    fn node() -> Node {
        let store = Box::new(MemoryStore::default());
        Node::open(store, BrokerConfig::default(), identity(3), NOW).expect("a fresh directory opens")
    }

    #[test]
    fn a_question_is_taken_up_once_and_answered_once() {
        let mut node = node();
        let asker = BrokerEpoch {
            broker: BrokerId(1),
            epoch: 7,
        };
        let question = Question::AllocateProducerIds(asker);
        let id = node.ask(Peer::Controller, question.clone(), Purpose::ProducerIds);
        let asked = Asked {
            id,
            peer: Peer::Controller,
            question,
        };
        assert_eq!((node.take_asked(), node.take_asked()), (vec![asked], vec![]));
        assert!(node.is_asking(&Purpose::ProducerIds));
        node.answered(id, Reply::Unreachable("nobody".into()), NOW);
        assert!(!node.is_asking(&Purpose::ProducerIds));
        node.answered(id, Reply::Unreachable("told twice".into()), NOW);
    }
}
