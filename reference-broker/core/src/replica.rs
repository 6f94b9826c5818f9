//! What a broker is to a partition that others keep too: its leader, who knows how far each replica is, or a follower, who
//! fetches from it. A partition that nobody else keeps has no such role: all of it is replicated as soon as it is appended.
//!
//! It knows no log and no clock: offsets and times are passed in, and all of it is forgotten at a stop. What of it must
//! last is decided by the controller.

pub mod follower;
pub mod isr;
pub mod leader;
pub mod watermark;

use follower::Follower;
use leader::Leader;

/// This broker's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It takes what producers send, and tells followers.
    Leader(Leader),
    /// It keeps what the leader has.
    Follower(Follower),
}

impl Role {
    /// The leader's part, if it is that.
    pub fn leader(&self) -> Option<&Leader> {
        match self {
            Self::Leader(leader) => Some(leader),
            Self::Follower(_) => None,
        }
    }

    /// The follower's part, if it is that.
    pub fn follower(&self) -> Option<&Follower> {
        match self {
            Self::Leader(_) => None,
            Self::Follower(follower) => Some(follower),
        }
    }
}
