//! Elections that somebody asks for. With one broker the preferred replica is the only one: it leads, or nobody can.

use super::{Controller, Refusal};
use crate::image::PartitionImage;
use crate::units::{BrokerId, ErrorCode};

/// Who may become leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Election {
    /// The first replica, if it is in sync.
    Preferred,
    /// Any live replica, where nobody leads; what only others had is lost.
    Unclean,
}

impl Election {
    /// The election of that number.
    pub fn from_number(number: i8) -> Option<Self> {
        [Self::Preferred, Self::Unclean]
            .into_iter()
            .find(|election| *election as i8 == number)
    }
}

impl Controller<'_> {
    /// Why no leader is elected for a partition.
    pub fn elect_leader(&self, topic: &str, partition: i32, election: Election) -> Refusal {
        let unknown = |what: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, what);
        let Some(found) = self.image.topic(topic) else {
            return unknown(format!("No such topic as {topic}"));
        };
        match found.partition(partition) {
            Some(present) => not_elected(present, election),
            None => unknown(format!("No such partition as {topic}-{partition}")),
        }
    }
}

fn not_elected(partition: &PartitionImage, election: Election) -> Refusal {
    let preferred = partition.replicas.first().copied().unwrap_or(BrokerId(-1));
    let leads = match election {
        Election::Preferred => partition.leader == preferred,
        Election::Unclean => partition.leader.0 >= 0,
    };
    let code = match (leads, election) {
        (true, _) => ErrorCode::ElectionNotNeeded,
        (false, Election::Preferred) => ErrorCode::PreferredLeaderNotAvailable,
        (false, Election::Unclean) => ErrorCode::EligibleLeadersNotAvailable,
    };
    let why = match leads {
        true => "Leader election not needed for topic partition.",
        false => "No replica of the partition can lead it now.",
    };
    Refusal::new(code, why)
}
