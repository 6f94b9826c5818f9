//! The deadlines of one coordinator, each under a name, so that setting one again replaces it.

use std::collections::{BTreeSet, HashMap};

use super::{GroupId, MemberId};
use crate::units::{Deadline, Now};

/// What falls due.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// A member, or one that was promised an id, has not been heard of for its session timeout.
    Session(GroupId, MemberId),
    /// The time of a member of the consumer protocol to give up partitions is over.
    Revocation(GroupId, MemberId),
    /// A classic member in a group of the consumer protocol was told to join again, and its time is over.
    MemberJoin(GroupId, MemberId),
    /// It has joined, and its time to ask for its assignment is over.
    MemberSync(GroupId, MemberId),
    /// The time to join is over.
    Join(GroupId),
    /// The time to sync is over.
    Sync(GroupId),
    /// Committed offsets are looked over for ones that have outlived their retention.
    Retention,
}

impl Timer {
    /// The group whose deadline it is.
    pub(crate) fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Session(group, _)
            | Self::Revocation(group, _)
            | Self::MemberJoin(group, _)
            | Self::MemberSync(group, _)
            | Self::Join(group)
            | Self::Sync(group) => Some(group),
            Self::Retention => None,
        }
    }
}

/// Deadlines by name and by time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_name: HashMap<Timer, Deadline>,
    by_time: BTreeSet<(Deadline, Timer)>,
}

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, deadline: Deadline) {
        self.cancel(&timer);
        self.by_time.insert((deadline, timer.clone()));
        self.by_name.insert(timer, deadline);
    }

    pub(super) fn set_if_absent(&mut self, timer: Timer, deadline: Deadline) {
        if !self.by_name.contains_key(&timer) {
            self.set(timer, deadline);
        }
    }

    pub(super) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, deadline)) = self.by_name.remove_entry(timer) {
            self.by_time.remove(&(deadline, timer));
        }
    }

    pub(super) fn next(&self) -> Option<Deadline> {
        self.by_time.first().map(|(deadline, _)| *deadline)
    }

    pub(super) fn due(&self, now: Now) -> Option<&Timer> {
        self.by_time
            .first()
            .filter(|(deadline, _)| deadline.is_due(now))
            .map(|(_, timer)| timer)
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &Timer> {
        self.by_name.keys()
    }

    #[cfg(test)]
    pub(super) fn is_set(&self, timer: &Timer) -> bool {
        self.by_name.contains_key(timer)
    }
}
