//! DeleteRecords is answered once every replica that is alive has let go of what was deleted, or the time is up. What the leader
//! has deleted stays deleted either way.

use std::collections::BTreeMap;

use super::Node;
use crate::machine::{Reply, Ticket};
use crate::node::Released;
use crate::replica::Role;
use crate::units::{Deadline, ErrorCode, Now, Offset, TopicPartition};

/// Where the log of a partition begins on the replica that has most of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowWatermark {
    /// The first offset that any replica has; -1 where this broker does not lead.
    pub offset: Offset,
    /// Why that is not what was asked for.
    pub error: Option<ErrorCode>,
}

/// Everyone who waits.
#[derive(Debug, Default)]
pub(super) struct Lows(BTreeMap<Ticket, Waiting>);

#[derive(Debug)]
struct Waiting {
    deadline: Deadline,
    wanted: Vec<(TopicPartition, Offset)>,
}

impl Lows {
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.0.values().map(|waiting| waiting.deadline).min()
    }
}

impl Node {
    /// Answers once each partition begins at its offset, or behind it, on all replicas. One answer a partition, in order.
    pub fn await_low_watermarks(
        &mut self,
        wanted: Vec<(TopicPartition, Offset)>,
        timeout_ms: i32,
        now: Now,
    ) -> Reply<Vec<LowWatermark>> {
        if self.have_come(&wanted) {
            return Reply::Now(self.low_watermarks(&wanted));
        }
        let ticket = self.issue_ticket();
        let deadline = now.plus_ms(timeout_ms.into());
        self.replicas.lows.0.insert(ticket, Waiting { deadline, wanted });
        Reply::Parked(ticket)
    }

    /// A replica has said where its log begins, or is not waited for any more.
    pub(in crate::node) fn lows_may_have_moved(&mut self) {
        let all = self.replicas.lows.0.iter();
        let come = all.filter(|(_, waiting)| self.have_come(&waiting.wanted));
        for ticket in come.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            self.release_lows(ticket);
        }
    }

    /// Answers those whose time is up.
    pub(super) fn lows_tick(&mut self, now: Now) {
        let all = self.replicas.lows.0.iter();
        let due = all.filter(|(_, waiting)| waiting.deadline.is_due(now));
        for ticket in due.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            self.release_lows(ticket);
        }
    }

    /// Forgets a request whose client is gone.
    pub(in crate::node) fn cancel_low_watermarks(&mut self, ticket: Ticket) {
        self.replicas.lows.0.remove(&ticket);
    }

    fn release_lows(&mut self, ticket: Ticket) {
        if let Some(waiting) = self.replicas.lows.0.remove(&ticket) {
            let lows = self.low_watermarks(&waiting.wanted);
            self.release(ticket, Released::Deleted(lows));
        }
    }

    /// Nothing is left to wait for.
    fn have_come(&self, wanted: &[(TopicPartition, Offset)]) -> bool {
        let is_there =
            |(tp, offset): &(TopicPartition, Offset)| self.low_watermark(tp).is_none_or(|low| low >= *offset);
        wanted.iter().all(is_there)
    }

    fn low_watermarks(&self, wanted: &[(TopicPartition, Offset)]) -> Vec<LowWatermark> {
        let answer = |(tp, wanted): &(TopicPartition, Offset)| match self.low_watermark(tp) {
            None => LowWatermark {
                offset: Offset(-1),
                error: Some(ErrorCode::NotLeaderOrFollower),
            },
            Some(offset) => LowWatermark {
                offset,
                error: (offset < *wanted).then_some(ErrorCode::RequestTimedOut),
            },
        };
        wanted.iter().map(answer).collect()
    }

    /// None where this broker does not lead.
    fn low_watermark(&self, tp: &TopicPartition) -> Option<Offset> {
        let own = self.log(tp)?.log_start();
        match self.role(tp) {
            None => Some(own),
            Some(Role::Follower(_)) => None,
            Some(Role::Leader(leader)) => {
                let remotes = leader.remotes.iter();
                let alive = remotes.filter(|(id, _)| self.image().broker(**id).is_some_and(|broker| !broker.fenced));
                alive.map(|(_, remote)| remote.log_start).chain([own]).min()
            }
        }
    }
}
