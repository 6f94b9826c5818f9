//! A follower whose log ends where its leader's log is not: the leader has deleted more than the follower ever had, or has lost what
//! the follower has. The leader is asked where its log begins and, if that does not tell, where it ends. It is Kafka's way too:
//! an answer that says OFFSET_OUT_OF_RANGE says nothing more.

use std::collections::BTreeMap;

use super::Node;
use crate::node::Purpose;
use crate::peer::{AskBounds, Bound, Peer, Question, Reply};
use crate::replica::Role;
use crate::units::{BrokerId, ErrorCode, LeaderEpoch, Now, Offset, TopicPartition};

/// Followers that lost their way: in which epoch, and where their logs ended.
pub(crate) type Stood = BTreeMap<TopicPartition, (LeaderEpoch, Offset)>;

impl Node {
    pub(super) fn ask_bounds(&mut self, leader: BrokerId, bound: Bound, stood: Stood) {
        if stood.is_empty() || self.is_asking_bounds(leader) {
            return;
        }
        let partitions = stood.iter().map(|(tp, (epoch, _))| (tp.clone(), *epoch));
        let question = Question::Bounds(AskBounds {
            replica: self.broker_id(),
            bound,
            partitions: partitions.collect(),
        });
        self.ask(Peer::Broker(leader), question, Purpose::Bounds(leader, bound, stood));
    }

    /// Who gets no answer fetches again, is told the same, and asks again.
    pub(in crate::node) fn bounds_answered(
        &mut self,
        leader: BrokerId,
        bound: Bound,
        stood: &Stood,
        reply: Reply,
        now: Now,
    ) {
        let Reply::Bounds(answers) = reply else {
            return;
        };
        let mut unexplained = Stood::new();
        for (tp, answer) in answers {
            let stands = stood
                .get(&tp)
                .filter(|stands| self.still_wants(leader, &tp, Some(stands)));
            let (Ok(offset), Some(stands)) = (answer, stands) else {
                continue;
            };
            match self.moved_to(&tp, bound, offset, stands.1, now) {
                Ok(true) => self.fetch_at_once(&tp),
                Ok(false) if bound == Bound::Start => drop(unexplained.insert(tp, *stands)),
                // What is wrong with its leader or its log is found by the next question.
                Ok(false) | Err(_) => {}
            }
        }
        self.ask_bounds(leader, Bound::End, unexplained);
        self.fetch_from_leaders(now);
    }

    fn moved_to(
        &mut self,
        tp: &TopicPartition,
        bound: Bound,
        offset: Offset,
        end: Offset,
        now: Now,
    ) -> Result<bool, ErrorCode> {
        match bound {
            Bound::Start if offset > end => self.restart_log(tp, offset, now).map(|_| true),
            Bound::End if offset < end => self.truncate_log(tp, offset, now).map(|_| true),
            Bound::Start | Bound::End => Ok(false),
        }
    }

    fn fetch_at_once(&mut self, tp: &TopicPartition) {
        if let Some(Role::Follower(follower)) = self.replicas.roles.get_mut(tp) {
            follower.not_before = None;
        }
    }
}
