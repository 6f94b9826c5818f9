//! Results of partitions, gathered under their topics in the order in which Kafka answers: what was refused for want of
//! such a partition comes first, then what the coordinator said.

use std::collections::HashMap;
use std::hash::Hash;

use broker_core::units::ErrorCode;

/// One topic of a request, with the result of each of its partitions.
pub(super) struct Asked<Topic> {
    pub(super) topic: Topic,
    /// Is there such a topic?
    pub(super) exists: bool,
    pub(super) partitions: Vec<(i32, Option<ErrorCode>)>,
}

/// Partitions with their error codes.
pub(super) type Coded = Vec<(i32, i16)>;

/// A topic that is named twice is answered twice where nothing is refused; otherwise all of it is one. A topic without
/// partitions is answered only where it does not exist.
pub(super) fn by_topic<Topic: Clone + Eq + Hash>(asked: &[Asked<Topic>]) -> Vec<(Topic, Coded)> {
    let mut topics: Vec<(Topic, Coded)> = Vec::new();
    let mut places = HashMap::new();
    let mut add = |topic: &Topic, coded: Coded, merges: bool| {
        let end = topics.len();
        let place = if merges {
            *places.entry(topic.clone()).or_insert(end)
        } else {
            end
        };
        match topics.get_mut(place) {
            Some((_, known)) => known.extend(coded),
            None => topics.push((topic.clone(), coded)),
        }
    };
    let mut refuses = false;
    for each in asked {
        let refused = coded(each, is_of_no_partition);
        if !refused.is_empty() || !each.exists {
            refuses = true;
            add(&each.topic, refused, true);
        }
    }
    for each in asked {
        let answered = coded(each, |result| !is_of_no_partition(result));
        if !answered.is_empty() {
            add(&each.topic, answered, refuses);
        }
    }
    topics
}

fn coded<Topic>(asked: &Asked<Topic>, belongs: impl Fn(Option<ErrorCode>) -> bool) -> Coded {
    let some = asked.partitions.iter().filter(|(_, result)| belongs(*result));
    some.map(|(partition, result)| (*partition, result.map_or(0, |error| error.code())))
        .collect()
}

fn is_of_no_partition(result: Option<ErrorCode>) -> bool {
    matches!(
        result,
        Some(ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(topic: &str, exists: bool, partitions: &[(i32, Option<ErrorCode>)]) -> Asked<String> {
        Asked {
            topic: topic.into(),
            exists,
            partitions: partitions.to_vec(),
        }
    }

    #[test]
    fn refused_partitions_come_first_and_each_topic_once() {
        let missing = Some(ErrorCode::UnknownTopicOrPartition);
        let request = [
            asked("t", true, &[(0, None)]),
            asked("t", true, &[(1, None), (7, missing)]),
            asked("u", true, &[]),
            asked("z", false, &[]),
        ];
        let answer = [("t".to_owned(), vec![(7, 3), (0, 0), (1, 0)]), ("z".to_owned(), vec![])];
        assert_eq!(by_topic(&request), answer);
    }

    #[test]
    fn where_nothing_is_refused_topics_stand_as_they_were_asked() {
        let request = [asked("t", true, &[(0, None)]), asked("t", true, &[(1, None)])];
        assert_eq!(
            by_topic(&request),
            [("t".to_owned(), vec![(0, 0)]), ("t".to_owned(), vec![(1, 0)])]
        );
    }
}
