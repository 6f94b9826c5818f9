//! Groups of the consumer protocol as an administrator sees them.

use std::sync::Arc;

use super::beat::preferred;
use super::{ConsumerGroup, Member, MemberState, Partitions, Refusal, Subscription, assign};
use crate::group::{Coordinator, GroupId, MemberId};

/// A group and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerDescribed {
    /// Kafka's name of its state.
    pub state: &'static str,
    /// Its epoch.
    pub epoch: i32,
    /// The epoch of its target assignment.
    pub assignment_epoch: i32,
    /// The assignor in use.
    pub assignor: &'static str,
    /// Its members.
    pub members: Vec<ConsumerMember>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMember {
    /// Its id.
    pub member: MemberId,
    /// Its epoch.
    pub epoch: i32,
    /// Who it is and what it wants.
    pub subscription: Subscription,
    /// What it has, and has yet to give up.
    pub assigned: Partitions,
    /// What it should have.
    pub target: Partitions,
}

impl Coordinator {
    /// ConsumerGroupDescribe, one group.
    ///
    /// # Errors
    /// There is no such group, or it is a classic one.
    pub fn describe_consumer(&self, id: &GroupId) -> Result<ConsumerDescribed, Refusal> {
        let group = self.consumer_group(id)?;
        let members = group.members.iter().map(|(id, member)| ConsumerMember {
            member: Arc::clone(id),
            epoch: member.current.epoch,
            subscription: member.subscription.clone(),
            assigned: assign::collect(member.current.held()),
            target: group.target_of(id),
        });
        let subscriptions = group.members.values().map(|member| &member.subscription);
        Ok(ConsumerDescribed {
            state: group.state(),
            epoch: group.epoch,
            assignment_epoch: group.target_epoch(),
            assignor: preferred(subscriptions, &self.config.consumer_assignors).name(),
            members: members.collect(),
        })
    }
}

impl ConsumerGroup {
    /// Kafka's name of the state that it is in.
    pub(in crate::group) fn state(&self) -> &'static str {
        let is_reconciled = |member: &Member| {
            member.current.state == MemberState::Stable && member.current.epoch == self.target_epoch()
        };
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.target_epoch() {
            "Assigning"
        } else if self.members.values().all(is_reconciled) {
            "Stable"
        } else {
            "Reconciling"
        }
    }
}
