//! What stands before the first step: the topics of the case, made and ready.

use kafka_fixtures::value::{Struct, Value};
use tokio::time::{Instant, sleep};

use super::{PAUSE, Place, Session};
use crate::case::GivenTopic;
use crate::driver::wire::Request;
use crate::observe::error_name;

/// Makes the topics and waits until every partition answers its leader's name and its end.
pub async fn given(session: &Session, topics: &[GivenTopic]) -> Result<(), NotGiven> {
    for topic in topics {
        create(session, topic).await.map_err(|not| {
            let of = |why: String| format!("line {}: given topic {}: {why}", topic.line, topic.name);
            match not {
                NotGiven::ByTarget(why) => NotGiven::ByTarget(of(why)),
                NotGiven::ByUs(why) => NotGiven::ByUs(of(why)),
            }
        })?;
    }
    Ok(())
}

/// Why a topic does not stand.
#[derive(Debug)]
pub enum NotGiven {
    /// The target was asked for it, and did something else.
    ByTarget(String),
    /// It was not asked.
    ByUs(String),
}

/// Takes the topics away again: a shared broker must not grow with every run. What comes of it is nobody's answer.
pub async fn clean_up(session: &Session, topics: &[GivenTopic]) {
    let Some(version) = session
        .facts()
        .common_version("DeleteTopics")
        .filter(|_| !topics.is_empty())
    else {
        return;
    };
    let names: Vec<String> = topics
        .iter()
        .map(|topic| session.symbols().names.unique(&topic.name))
        .collect();
    let mut body = Struct::new().with("TimeoutMs", 1_000);
    if version >= 6 {
        let entries: Vec<Struct> = names
            .iter()
            .map(|name| Struct::new().with("Name", name.as_str()))
            .collect();
        body.set("Topics", entries);
    } else {
        body.set("TopicNames", names);
    }
    session
        .quietly(Request::new("DeleteTopics", version, Value::Struct(body)), &Place::Any)
        .await;
}

async fn create(session: &Session, topic: &GivenTopic) -> Result<(), NotGiven> {
    let name = session.symbols().names.unique(&topic.name);
    let version = session
        .facts()
        .common_version("CreateTopics")
        .ok_or_else(|| NotGiven::ByUs("the target does not advertise CreateTopics".to_owned()))?;
    let brokers: Vec<i32> = session.facts().brokers.iter().map(|broker| broker.id).collect();
    let mut entry = Struct::new().with("Name", name.as_str());
    let assignment = assigned(session, topic);
    let partitions = if assignment.is_empty() {
        entry.set("NumPartitions", topic.partitions);
        entry.set("ReplicationFactor", topic.replication_factor);
        topic.partitions
    } else {
        entry.set("NumPartitions", -1);
        entry.set("ReplicationFactor", -1_i16);
        entry.set(
            "Assignments",
            assignments(&assignment, &brokers).map_err(NotGiven::ByUs)?,
        );
        i32::try_from(assignment.len()).unwrap_or(i32::MAX)
    };
    entry.set("Configs", configs(&topic.config));
    let body = Struct::new().with("Topics", vec![entry]).with("timeoutMs", 10_000);
    let reply = session
        .quietly(Request::new("CreateTopics", version, Value::Struct(body)), &Place::Any)
        .await
        .ok_or_else(|| NotGiven::ByTarget("no answer to CreateTopics that can be read".to_owned()))?;
    match reply.at("Topics[0].ErrorCode").and_then(Value::as_i64) {
        Some(0) => ready(session, &name, partitions).await.map_err(NotGiven::ByTarget),
        Some(code) => Err(NotGiven::ByTarget(error_name(code))),
        None => Err(NotGiven::ByTarget("an answer without the topic".to_owned())),
    }
}

/// Where its replicas lie, if that is for us to say. Of several brokers a case that says nothing of them has its topics on the first,
/// where its connections go.
fn assigned(session: &Session, topic: &GivenTopic) -> Vec<Vec<usize>> {
    let partitions = usize::try_from(topic.partitions).unwrap_or(0);
    match topic.assignment.is_empty() && topic.replication_factor == 1 && session.is_spread() {
        true => vec![vec![0]; partitions],
        false => topic.assignment.clone(),
    }
}

fn configs(pairs: &[(String, String)]) -> Vec<Struct> {
    pairs
        .iter()
        .map(|(key, value)| Struct::new().with("Name", key.as_str()).with("Value", value.as_str()))
        .collect()
}

fn assignments(assignment: &[Vec<usize>], brokers: &[i32]) -> Result<Vec<Struct>, String> {
    (0_i32..)
        .zip(assignment)
        .map(|(partition, replicas)| {
            let ids: Option<Vec<i32>> = replicas.iter().map(|index| brokers.get(*index).copied()).collect();
            let ids = ids.ok_or("the assignment names a broker that there is not")?;
            Ok(Struct::new().with("PartitionIndex", partition).with("BrokerIds", ids))
        })
        .collect()
}

/// Waits until a new topic can be used: a broker learns of it after it was created.
pub(super) async fn ready(session: &Session, name: &str, partitions: i32) -> Result<(), String> {
    let deadline = Instant::now() + session.limits().step;
    for partition in 0..partitions {
        while !answers(session, name, partition).await {
            if Instant::now() >= deadline {
                return Err(format!("partition {partition} has no leader that answers"));
            }
            sleep(PAUSE).await;
        }
    }
    let count = usize::try_from(partitions).unwrap_or(0);
    while session.facts().brokers.len() > 1 && !session.is_known_everywhere(name, count).await {
        if Instant::now() >= deadline {
            return Err("not every broker has heard of it".to_owned());
        }
        sleep(PAUSE).await;
    }
    if let Some(id) = session.topic_id(name).await {
        session.symbols().learn_topic(name, id);
    }
    Ok(())
}

async fn answers(session: &Session, name: &str, partition: i32) -> bool {
    if session.leader(name, partition).await.is_none() {
        return false;
    }
    let Some(version) = session.facts().common_version("ListOffsets") else {
        return true;
    };
    let partitions = vec![
        Struct::new()
            .with("PartitionIndex", partition)
            .with("Timestamp", -1_i64),
    ];
    let topics = vec![Struct::new().with("Name", name).with("Partitions", partitions)];
    let body = Struct::new().with("ReplicaId", -1).with("Topics", topics);
    let request = Request::new("ListOffsets", version, Value::Struct(body));
    let reply = session
        .quietly(request, &Place::Leader(name.to_owned(), partition))
        .await;
    reply.and_then(|reply| reply.at("Topics[0].Partitions[0].ErrorCode")?.as_i64()) == Some(0)
}
