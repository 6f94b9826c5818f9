//! Which generation, or member epoch, each client was told. librdkafka does not say it; the answers that pass a proxy do.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use kafka_fixtures::value::Value;

/// By client id. A client here has one group, and its group one topic.
#[derive(Debug, Default)]
pub struct Generations(Mutex<HashMap<String, Told>>);

/// What one client was told.
#[derive(Debug, Default)]
struct Told {
    /// The generation or epoch of the last answer.
    last: i32,
    /// By partition, as the consumer protocol gives them. The application hears of it later, and its member may be in another epoch by then.
    given: HashMap<i64, Given>,
}

#[derive(Debug)]
struct Given {
    /// Of the answer that was the first to give it, since when all have.
    epoch: i32,
    is_still: bool,
}

/// JoinGroup and ConsumerGroupHeartbeat.
pub(super) const KEYS: [i16; 2] = [11, 68];

impl Generations {
    /// In which one this client was given the partition; the last that it was told, where answers do not name partitions.
    pub fn of(&self, client: &str, partition: i32) -> Option<i32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = known.get(client)?;
        let given = told.given.get(&i64::from(partition));
        Some(given.map_or(told.last, |given| given.epoch))
    }

    /// Takes an answer to one of [`KEYS`].
    pub(super) fn hear(&self, client: &str, answer: &Value) {
        let number = |field| answer.get(field).and_then(Value::as_i64);
        let epoch = number("GenerationId").or_else(|| number("MemberEpoch"));
        let epoch = epoch.and_then(|epoch| i32::try_from(epoch).ok());
        if let (Some(0), Some(epoch @ 1..)) = (number("ErrorCode"), epoch) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let told = known.entry(client.to_owned()).or_default();
            told.last = epoch;
            if let Some(assignment) = answer.get("Assignment").filter(|assignment| !assignment.is_null()) {
                told.give(&partitions(assignment), epoch);
            }
        }
    }
}

impl Told {
    fn give(&mut self, partitions: &HashSet<i64>, epoch: i32) {
        for (partition, given) in &mut self.given {
            given.is_still &= partitions.contains(partition);
        }
        for partition in partitions {
            let given = self.given.entry(*partition).or_insert(Given { epoch, is_still: true });
            if !given.is_still {
                *given = Given { epoch, is_still: true };
            }
        }
    }
}

fn partitions(assignment: &Value) -> HashSet<i64> {
    let array = |value: &Value, field| value.get(field).and_then(Value::as_array).unwrap_or_default().to_vec();
    let topics = array(assignment, "TopicPartitions");
    let partitions = topics.iter().flat_map(|topic| array(topic, "Partitions"));
    partitions.filter_map(|partition| partition.as_i64()).collect()
}

#[cfg(test)]
mod tests {
    use kafka_fixtures::value::Struct;

    use super::*;

    fn beat(epoch: i64, assignment: Option<&[i64]>) -> Value {
        let assignment = assignment.map_or(Value::Null, |partitions| {
            let partitions: Vec<Value> = partitions.iter().map(|partition| Value::Int(*partition)).collect();
            let topic = Struct::new().with("Partitions", Value::Array(partitions));
            let topics = vec![Value::Struct(topic)];
            Value::Struct(Struct::new().with("TopicPartitions", Value::Array(topics)))
        });
        let answer = Struct::new().with("ErrorCode", Value::Int(0));
        Value::Struct(
            answer
                .with("MemberEpoch", Value::Int(epoch))
                .with("Assignment", assignment),
        )
    }

    #[test]
    fn a_partition_is_of_the_epoch_that_gave_it_though_the_member_is_in_another() {
        let generations = Generations::default();
        generations.hear("c", &beat(3, Some(&[0, 1])));
        generations.hear("c", &beat(4, Some(&[0])));
        generations.hear("c", &beat(5, None));
        assert_eq!((generations.of("c", 0), generations.of("c", 1)), (Some(3), Some(3)));
        generations.hear("c", &beat(6, Some(&[0, 1])));
        assert_eq!((generations.of("c", 0), generations.of("c", 1)), (Some(3), Some(6)));
        assert_eq!((generations.of("c", 2), generations.of("d", 0)), (Some(6), None));
    }

    #[test]
    fn a_generation_of_the_classic_protocol_is_of_all_partitions() {
        let generations = Generations::default();
        let joined = Struct::new().with("ErrorCode", Value::Int(0));
        generations.hear("c", &Value::Struct(joined.with("GenerationId", Value::Int(7))));
        assert_eq!(generations.of("c", 1), Some(7));
    }
}
