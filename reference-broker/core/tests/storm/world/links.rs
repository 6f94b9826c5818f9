//! Questions and answers between nodes: how long each takes, and whether it comes.

use broker_core::fetch::FetchOutcome;
use broker_core::peer::{AskId, Asked, PartitionAltered, Question, ReplicaFetch, Reply};
use broker_core::units::ErrorCode;
use broker_core::{Reply as Served, Ticket};

use super::super::network::{Answer, Fate, TIMEOUT_MS, fate};
use super::super::serve::serve;
use super::{Event, World};
use crate::wire;

/// Who waits for an answer: a node, in one of its lives.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) node: i32,
    pub(super) life: u32,
    pub(super) id: AskId,
}

/// A follower's fetch that its leader lets wait.
pub(super) struct Parked {
    pub(super) asker: Asker,
    wanted: ReplicaFetch,
}

impl World {
    /// A question arrives, or what becomes of it instead.
    pub(super) fn asked(&mut self, asker: Asker, to: i32, asked: Asked) -> Result<(), String> {
        if let Some(later) = self.paused_for(to) {
            self.schedule(later, Event::Question { asker, to, asked });
            return Ok(());
        }
        self.note(b"ask", to, asked.id.0);
        if self.is_overtaken(asker, &asked.question) {
            return Ok(());
        }
        let is_cut = self.is_cut(asker.node, to);
        match fate(&mut self.chance, &asked.question, is_cut, self.is_chaotic) {
            Fate::Lost => self.lost(to, asker, "lost"),
            Fate::Late(late) => {
                self.lost(to, asker, "lost");
                self.schedule(late, Event::Question { asker, to, asked });
            }
            Fate::Heard(answer) => {
                if let Some(reply) = self.heard(asker, to, &asked) {
                    self.answer(to, asker, reply, answer);
                }
                self.after(to)?;
            }
        }
        Ok(())
    }

    /// Was a later question of who is in sync refused? Leaders rest on it, Kafka's too, that one which came too late is not heard after
    /// that: what was refused they take for undone.
    fn is_overtaken(&self, asker: Asker, question: &Question) -> bool {
        let later = self.refused.get(&(asker.node, asker.life));
        matches!(question, Question::AlterPartitions(_)) && later.is_some_and(|later| *later > asker.id)
    }

    /// What a node says to a question, where it says something at once.
    fn heard(&mut self, asker: Asker, to: i32, asked: &Asked) -> Option<Reply> {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&to) else {
            self.reply(to, asker, Reply::Unreachable("dead".into()), 5);
            return None;
        };
        let Question::Fetch(wanted) = &asked.question else {
            return Some(serve(node, &asked.question, now));
        };
        match wire::fetch(node, wanted, now) {
            Served::Now(outcome) => Some(wire::fetched(outcome, wanted, &self.disks[&to])),
            Served::Parked(ticket) => {
                let wanted = wanted.clone();
                self.parked.insert((to, ticket), Parked { asker, wanted });
                None
            }
        }
    }

    fn answer(&mut self, from: i32, asker: Asker, reply: Reply, answer: Answer) {
        let is_fetched = matches!(reply, Reply::Fetched(_));
        match answer {
            Answer::Lost => self.lost(from, asker, "its answer was lost"),
            Answer::Slow(more) => {
                let delay = more + self.delay(from, asker.node, false);
                self.reply(from, asker, reply, delay);
            }
            Answer::Usual => {
                let delay = self.delay(from, asker.node, is_fetched);
                self.reply(from, asker, reply, delay);
            }
        }
    }

    /// What a follower waited for.
    pub(super) fn release_fetch(&mut self, id: i32, ticket: Ticket, outcome: FetchOutcome) {
        let Some(Parked { asker, wanted }) = self.parked.remove(&(id, ticket)) else {
            return;
        };
        let reply = wire::fetched(outcome, &wanted, &self.disks[&id]);
        let answer = if self.is_cut(id, asker.node) {
            Answer::Lost
        } else {
            Answer::Usual
        };
        self.answer(id, asker, reply, answer);
    }

    /// An answer arrives.
    pub(super) fn told(&mut self, from: i32, asker: Asker, reply: Reply) -> Result<(), String> {
        if let Some(later) = self.paused_for(asker.node) {
            self.reply(from, asker, reply, later);
            return Ok(());
        }
        let (now, to) = (self.now, asker.node);
        let is_same = self.lives.get(&to) == Some(&asker.life);
        if let Some(node) = self.nodes.get_mut(&to).filter(|_| is_same) {
            if is_refused(&reply) {
                self.refused.insert((to, asker.life), asker.id);
            }
            node.answered(asker.id, reply, now);
            self.note(b"told", to, asker.id.0);
            return self.after(to);
        }
        Ok(())
    }

    /// Nobody answers: the asker waits as long as it has patience.
    fn lost(&mut self, from: i32, asker: Asker, why: &str) {
        self.reply(from, asker, Reply::Unreachable(why.into()), TIMEOUT_MS);
    }

    pub(super) fn reply(&mut self, from: i32, asker: Asker, reply: Reply, delay: i64) {
        self.schedule(delay, Event::Reply { from, asker, reply });
    }

    /// How long something is on its way: fetches, and what they bring, take longer over a slow link.
    pub(super) fn delay(&mut self, from: i32, to: i32, is_fetch: bool) -> i64 {
        let slow = self.slow.get(&link(from, to)).filter(|_| is_fetch);
        let slow = slow.copied().unwrap_or(0);
        let is_slow = self.is_chaotic && self.chance.percent(2);
        let most = if is_slow { 300 } else { 5 };
        slow + 1 + self.chance.below(most) as i64
    }

    fn is_cut(&self, a: i32, b: i32) -> bool {
        self.cut.contains(&link(a, b))
    }

    /// How much longer a node does nothing.
    fn paused_for(&self, id: i32) -> Option<i64> {
        let until = self.paused.get(&id)?;
        Some(until - self.now.monotonic_ms)
    }
}

/// Is it a controller's word that somebody cannot be in sync now, as the metadata are?
fn is_refused(reply: &Reply) -> bool {
    let undone = [ErrorCode::IneligibleReplica, ErrorCode::OperationNotAttempted];
    let refused = |one: &PartitionAltered| one.result.as_ref().is_err_and(|error| undone.contains(error));
    matches!(reply, Reply::PartitionsAltered(Ok(altered)) if altered.iter().any(refused))
}

/// A link, the same in both directions.
fn link(a: i32, b: i32) -> (i32, i32) {
    (a.min(b), a.max(b))
}
