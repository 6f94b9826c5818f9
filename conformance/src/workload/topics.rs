//! The topics of a load: made before it, and removed after it where others live on.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use super::clients;
use super::plan::PARTITIONS;
use super::stage::Stage;

/// How often the segments of the topics roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    /// As the target has it.
    Default,
    /// Several times a second: what is forgotten there shows.
    Rolling,
}

const PATIENCE: Duration = Duration::from_secs(30);

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>, String> {
    clients::admin(bootstrap).create().map_err(|error| error.to_string())
}

/// Makes the topics, with as many replicas as there are brokers, three at most.
///
/// # Errors
/// The target refused one, in its words.
pub async fn create(stage: &Stage, bootstrap: &str, brokers: usize, segments: Segments) -> Result<(), String> {
    let replicas = i32::try_from(brokers.clamp(1, 3)).unwrap_or(1);
    let in_sync = if replicas == 3 { "2" } else { "1" };
    let names = [stage.input_topic(), stage.output_topic()];
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .map(|name| {
            let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(replicas))
                .set("min.insync.replicas", in_sync)
                .set("unclean.leader.election.enable", "false");
            match segments {
                Segments::Rolling => topic.set("segment.ms", "250"),
                Segments::Default => topic,
            }
        })
        .collect();
    let made = admin(bootstrap)?.create_topics(&topics, &options()).await;
    refused(made.map_err(|error| error.to_string())?)
}

/// Removes them.
///
/// # Errors
/// The target refused one, in its words.
pub async fn delete(stage: &Stage, bootstrap: &str) -> Result<(), String> {
    let names = [stage.input_topic(), stage.output_topic()];
    let names = [names[0].as_str(), names[1].as_str()];
    let gone = admin(bootstrap)?.delete_topics(&names, &options()).await;
    refused(gone.map_err(|error| error.to_string())?)
}

fn refused(results: Vec<rdkafka::admin::TopicResult>) -> Result<(), String> {
    for result in results {
        result.map_err(|(topic, code)| format!("{topic}: {code}"))?;
    }
    Ok(())
}
