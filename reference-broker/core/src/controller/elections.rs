//! Elections that somebody asks for, and those that the controller finds due: leaders go back to the preferred replicas
//! (`auto.leader.rebalance.enable`), and what nobody leads gets a leader at any price where its topic wants that.

use super::changes::Reach;
use super::{ByPartition, Change, Controller, Decided, MAX_RECORDS_PER_REQUEST, Refusal};
use crate::image::{PartitionImage, TopicImage};
use crate::units::{BrokerId, ErrorCode};

/// The most leaders that move in one go, as in Kafka.
const MAX_ELECTIONS: usize = 1_000;

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

    fn is_needed(self, partition: &PartitionImage) -> bool {
        match self {
            Self::Preferred => partition.leader != partition.preferred_leader(),
            Self::Unclean => partition.leader.0 < 0,
        }
    }
}

/// What became of the partitions that were named, or of all that needed a leader.
pub type Elections = Vec<ByPartition<Result<(), Refusal>>>;

impl Controller<'_> {
    /// ElectLeaders. Who names no partitions means all, and is told only of those that need one.
    pub fn elect_leaders(&self, asked: Option<&[(String, Vec<i32>)]>, election: Election) -> Decided<Elections> {
        let mut records = Vec::new();
        let answer = match asked {
            Some(topics) => topics
                .iter()
                .map(|(topic, partitions)| {
                    let elected = |index: &i32| (*index, self.elect(topic, *index, election, &mut records));
                    (topic.clone(), partitions.iter().map(elected).collect())
                })
                .collect(),
            None => self.elect_all(election, &mut records),
        };
        Decided { records, answer }
    }

    fn elect_all(&self, election: Election, records: &mut Vec<Change>) -> Elections {
        let topics = self.image.topics().map(|topic| {
            let needed = (0..)
                .zip(&topic.partitions)
                .filter(|(_, each)| election.is_needed(each));
            let elected = |(index, _)| (index, self.elect(&topic.name, index, election, records));
            (topic.name.to_string(), needed.map(elected).collect())
        });
        topics.collect()
    }

    fn elect(&self, topic: &str, index: i32, election: Election, records: &mut Vec<Change>) -> Result<(), Refusal> {
        let unknown = |what: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, what);
        let found = self.image.topic(topic);
        let found = found.ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
        let partition = found.partition(index);
        let partition = partition.ok_or_else(|| unknown(format!("No such partition as {topic}-{index}")))?;
        if !election.is_needed(partition) {
            let why = "Leader election not needed for topic partition.";
            return Err(Refusal::new(ErrorCode::ElectionNotNeeded, why));
        }
        if records.len() >= MAX_RECORDS_PER_REQUEST {
            return Err(Refusal::silent(ErrorCode::UnknownServerError));
        }
        let reach = match election {
            Election::Preferred => Reach::Preferred,
            Election::Unclean => Reach::Unclean,
        };
        let change = self.elected(found, index, reach);
        records.push(change.ok_or_else(|| not_elected(election))?);
        Ok(())
    }

    /// Leaders go back to the preferred replicas, as many as move in one go.
    pub fn balance_leaders(&self) -> Vec<Change> {
        self.elections_due(|partition| Election::Preferred.is_needed(partition), Reach::Preferred)
    }

    /// What nobody leads is led by whoever lives, where the topic prefers that to waiting.
    pub fn elect_unclean_leaders(&self) -> Vec<Change> {
        self.elections_due(|partition| Election::Unclean.is_needed(partition), Reach::Unclean)
    }

    fn elections_due(&self, is_due: impl Fn(&PartitionImage) -> bool, reach: Reach) -> Vec<Change> {
        let topics = self.image.topics();
        let topics = topics.filter(|topic| reach != Reach::Unclean || self.allows_unclean(&topic.name));
        let due = topics.flat_map(|topic| {
            let due = (0..).zip(&topic.partitions).filter(|(_, each)| is_due(each));
            due.map(move |(index, _)| (topic, index))
        });
        due.filter_map(|(topic, index)| self.elected(topic, index, reach))
            .take(MAX_ELECTIONS)
            .collect()
    }

    fn elected(&self, topic: &TopicImage, index: i32, reach: Reach) -> Option<Change> {
        let mut change = self.change_of(topic, index)?;
        change.reach = reach;
        change.record(self, |partition, broker: BrokerId| self.is_live(partition, broker))
    }
}

fn not_elected(election: Election) -> Refusal {
    let code = match election {
        Election::Preferred => ErrorCode::PreferredLeaderNotAvailable,
        Election::Unclean => ErrorCode::EligibleLeadersNotAvailable,
    };
    Refusal::new(code, "No replica of the partition can lead it now.")
}
