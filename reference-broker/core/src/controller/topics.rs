//! Topics come and go.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::partitions::Placed;
use super::placement;
use super::{
    Change, Controller, Decided, Intent, MAX_RECORDS_PER_REQUEST, Refusal, configs, partitions, plain,
    validate_topic_name,
};
use crate::config::describe::{Entry, describe_topic};
use crate::config::layers::Overrides;
use crate::records::{RemoveTopicRecord, TopicRecord};
use crate::units::{ErrorCode, TopicId};

/// A topic asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// A fresh id.
    pub id: TopicId,
    /// How many partitions; -1 for the default.
    pub partitions: i32,
    /// How many replicas of each; -1 for the default.
    pub replication_factor: i16,
    /// Partition by partition the brokers that keep it; where given, the two numbers must be -1.
    pub assignments: Vec<(i32, Vec<i32>)>,
    /// Overrides as the request has them.
    pub configs: Vec<(String, Option<String>)>,
}

/// What was created, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id.
    pub id: TopicId,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication_factor: i16,
    /// Its configs with what they fall back on.
    pub configs: Vec<Entry>,
}

/// What became of each topic by name, every name once.
pub type Created = Vec<(String, Result<CreatedTopic, Refusal>)>;

/// A topic named by name or by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRef {
    /// Its name, unless it is named by id.
    pub name: Option<String>,
    /// Its id; zero unless it is named by id.
    pub id: TopicId,
}

/// What became of a topic that was to be deleted.
pub type Deleted = Vec<(TopicRef, Result<(), Refusal>)>;

impl Controller<'_> {
    /// CreateTopics.
    pub fn create_topics(&self, topics: Vec<NewTopic>, intent: Intent) -> Decided<Created> {
        let (topics, mut answer) = admissible(topics);
        if self.partitions_asked(&topics) > MAX_RECORDS_PER_REQUEST as i64 {
            return refuse_all(topics, answer, "Excessively large number of partitions per request.");
        }
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(topics.len());
        for topic in &topics {
            results.push(self.create_topic(topic).map(|(made, created)| {
                records.extend(made);
                created
            }));
            if records.len() > MAX_RECORDS_PER_REQUEST {
                return refuse_all(topics, answer, "Unable to perform excessively large batch operation.");
            }
        }
        answer.extend(topics.into_iter().map(|topic| topic.name).zip(results));
        Decided { records, answer }.if_meant(intent)
    }

    fn partitions_asked(&self, topics: &[NewTopic]) -> i64 {
        let asked = |topic: &NewTopic| match (topic.assignments.len(), topic.partitions) {
            (0, -1) => i64::from(self.config.num_partitions),
            (0, partitions) => i64::from(partitions),
            (assigned, _) => assigned as i64,
        };
        topics.iter().map(asked).filter(|count| *count > 0).sum()
    }

    fn create_topic(&self, topic: &NewTopic) -> Result<(Vec<Change>, CreatedTopic), Refusal> {
        self.validate_new_name(&topic.name)?;
        let overrides = self.overrides(topic)?;
        let replicas = match topic.assignments.is_empty() {
            true => self.place(topic)?,
            false => self.assign(topic)?,
        };
        let created = CreatedTopic {
            id: topic.id,
            partitions: replicas.len() as i32,
            replication_factor: replicas.first().map_or(0, |first| first.len() as i16),
            configs: describe_topic(&overrides, self.layers()),
        };
        let mut records = vec![plain(TopicRecord {
            name: topic.name.clone(),
            topic_id: topic.id.0,
        })];
        records.extend(configs::creation_records(&topic.name, overrides));
        let how = Placed::of(!topic.assignments.is_empty());
        for (index, replicas) in (0..).zip(replicas) {
            records.push(partitions::record(self, topic.id, index, replicas, how)?);
        }
        Ok((records, created))
    }

    fn validate_new_name(&self, name: &str) -> Result<(), Refusal> {
        if self.image.topic(name).is_some() {
            return Err(Refusal::new(
                ErrorCode::TopicAlreadyExists,
                format!("Topic '{name}' already exists."),
            ));
        }
        validate_topic_name(name)?;
        match self.image.twin_of(name) {
            Some(twin) => {
                let why = format!("Topic '{name}' collides with existing topic: {twin}");
                Err(Refusal::new(ErrorCode::InvalidTopicException, why))
            }
            None => Ok(()),
        }
    }

    /// A key given twice counts as given last.
    fn overrides(&self, topic: &NewTopic) -> Result<Overrides, Refusal> {
        let refuse = |why: String| Refusal::new(ErrorCode::InvalidConfig, why);
        let nulls: Vec<_> = topic
            .configs
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        if !nulls.is_empty() {
            return Err(refuse(format!(
                "Null value not supported for topic configs: {}",
                nulls.join(",")
            )));
        }
        let given = topic
            .configs
            .iter()
            .cloned()
            .filter_map(|(name, value)| Some((name, value?)));
        let overrides: Overrides = given.collect();
        configs::within_size(&overrides)?;
        crate::config::topic::validate(&overrides, self.layers()).map_err(refuse)?;
        Ok(overrides)
    }

    fn place(&self, topic: &NewTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        let replication_factor = match topic.replication_factor {
            -1 => self.config.default_replication_factor,
            given if given > 0 => given,
            _ => {
                let why = "Replication factor must be larger than 0, or -1 to use the default value.";
                return Err(Refusal::new(ErrorCode::InvalidReplicationFactor, why));
            }
        };
        let partitions = match topic.partitions {
            -1 => self.config.num_partitions,
            given if given > 0 => given,
            _ => {
                let why = "Number of partitions was set to an invalid non-positive value.";
                return Err(Refusal::new(ErrorCode::InvalidPartitions, why));
            }
        };
        let wanted = placement::Wanted {
            partitions,
            replication_factor,
            seed: partitions::seed(topic.id, 0),
        };
        placement::place(self, wanted)
    }

    fn assign(&self, topic: &NewTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        let invalid = |what: &str| {
            let why = format!("A manual partition assignment was specified, but {what} was not set to -1.");
            Err(Refusal::new(ErrorCode::InvalidRequest, why))
        };
        if topic.replication_factor != -1 {
            return invalid("replication factor");
        }
        if topic.partitions != -1 {
            return invalid("numPartitions");
        }
        let refuse = |why: String| Refusal::new(ErrorCode::InvalidReplicaAssignment, why);
        let mut assigned: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let mut expected = None;
        for (partition, replicas) in &topic.assignments {
            if assigned.contains_key(partition) {
                return Err(refuse(format!(
                    "Found multiple manual partition assignments for partition {partition}"
                )));
            }
            partitions::validate_assignment(self, replicas, expected)?;
            expected = Some(replicas.len());
            assigned.insert(*partition, replicas.clone());
        }
        match assigned.keys().copied().eq(0..assigned.len() as i32) {
            true => Ok(assigned.into_values().collect()),
            false => Err(refuse(
                "partitions should be a consecutive 0-based integer sequence".into(),
            )),
        }
    }

    /// DeleteTopics. Names and ids that come twice are refused, and so is a topic named both ways.
    pub fn delete_topics(&self, topics: Vec<TopicRef>) -> Decided<Deleted> {
        let mut wanted = Wanted::default();
        let mut answer = wanted.sort_out(topics);
        let mut records = Vec::new();
        let mut by_id: HashSet<TopicId> = wanted.ids.iter().copied().collect();
        for name in wanted.names {
            let known = self.image.topic(&name).map(|topic| topic.id);
            let named = TopicRef {
                name: Some(name),
                id: known.unwrap_or_default(),
            };
            let result = match known {
                Some(id) if by_id.remove(&id) => {
                    let why = "The provided topic name maps to an ID that was already supplied.";
                    Err(Refusal::new(ErrorCode::InvalidRequest, why))
                }
                Some(id) => {
                    records.push(plain(RemoveTopicRecord { topic_id: id.0 }));
                    Ok(())
                }
                None => Err(Refusal::new(
                    ErrorCode::UnknownTopicOrPartition,
                    "This server does not host this topic-partition.",
                )),
            };
            answer.push((named, result));
        }
        for id in wanted.ids.into_iter().filter(|id| by_id.contains(id)) {
            let name = self.image.topic_by_id(id).map(|topic| topic.name.to_string());
            let result = match name {
                Some(_) => {
                    records.push(plain(RemoveTopicRecord { topic_id: id.0 }));
                    Ok(())
                }
                None => Err(Refusal::new(
                    ErrorCode::UnknownTopicId,
                    "This server does not host this topic ID.",
                )),
            };
            answer.push((TopicRef { name, id }, result));
        }
        Decided { records, answer }
    }
}

/// Takes out what is refused before the topics are looked at: repeated names and the metadata log itself.
fn admissible(topics: Vec<NewTopic>) -> (Vec<NewTopic>, Created) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for topic in &topics {
        *times.entry(topic.name.clone()).or_default() += 1;
    }
    let refused = |name: &str, why: String| (name.to_owned(), Err(Refusal::new(ErrorCode::InvalidRequest, why)));
    let (mut admitted, mut answer) = (Vec::new(), Vec::new());
    for topic in topics {
        match times.get(&topic.name) {
            Some(1..) if topic.name == "__cluster_metadata" => {
                let why = format!("Creation of internal topic {} is prohibited.", topic.name);
                answer.push(refused(&topic.name, why));
                times.remove(&topic.name);
            }
            Some(1) => admitted.push(topic),
            // The first of the repeated ones speaks for all.
            Some(2..) => {
                answer.push(refused(&topic.name, "Duplicate topic name.".into()));
                times.remove(&topic.name);
            }
            Some(0) | None => {}
        }
    }
    (admitted, answer)
}

fn refuse_all(topics: Vec<NewTopic>, mut answer: Created, why: &str) -> Decided<Created> {
    answer.extend(
        topics
            .into_iter()
            .map(|topic| (topic.name, Err(Refusal::new(ErrorCode::PolicyViolation, why)))),
    );
    Decided::answer(answer)
}

#[derive(Default)]
struct Wanted {
    names: Vec<String>,
    ids: Vec<TopicId>,
}

impl Wanted {
    /// Keeps what is asked for once and in one way; the rest is answered.
    fn sort_out(&mut self, topics: Vec<TopicRef>) -> Deleted {
        let refuse = |topic: TopicRef, why: &str| (topic, Err(Refusal::new(ErrorCode::InvalidRequest, why)));
        let mut answer = Vec::new();
        let (mut names, mut ids): (BTreeMap<String, usize>, BTreeMap<TopicId, usize>) = Default::default();
        for topic in topics {
            match (&topic.name, topic.id) {
                (Some(_), id) if id != TopicId::ZERO => {
                    answer.push(refuse(topic, "You may not specify both topic name and topic id."));
                }
                (Some(name), _) => *names.entry(name.clone()).or_default() += 1,
                (None, TopicId::ZERO) => answer.push(refuse(topic, "Neither topic name nor id were specified.")),
                (None, id) => *ids.entry(id).or_default() += 1,
            }
        }
        for (name, times) in names {
            match times {
                1 => self.names.push(name),
                _ => answer.push(refuse(
                    TopicRef {
                        name: Some(name),
                        id: TopicId::ZERO,
                    },
                    "Duplicate topic name.",
                )),
            }
        }
        for (id, times) in ids {
            match times {
                1 => self.ids.push(id),
                _ => answer.push(refuse(TopicRef { name: None, id }, "Duplicate topic id.")),
            }
        }
        answer
    }
}
