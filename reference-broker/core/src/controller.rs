//! Decides metadata: what becomes of topics, partitions, configs, producer ids and brokers, and by which records.
//!
//! A decision reads the image and makes records; nothing has happened until they are appended and [`Image::apply`] has seen
//! them. One request is one decision: its items do not see each other, as in Kafka, where they are one batch of records.
//! It knows no API version; what a version means comes in as a word of the command.

use crate::config::BrokerConfig;
use crate::config::layers::Layers;
use crate::image::Image;
use crate::mutant::{self, Mutant};
use crate::records::MetadataRecord;
use crate::units::{BrokerId, ErrorCode};

use sessions::Sessions;

pub mod brokers;
mod changes;
pub mod configs;
pub mod elections;
pub mod features;
mod heartbeats;
mod isr;
pub mod loggers;
pub mod partitions;
mod placement;
pub mod producer_ids;
pub mod quotas;
pub mod reassignments;
pub mod scram;
pub mod sessions;
pub mod topics;
pub mod watch;

/// The most records that one request may make, as in Kafka's controller.
pub const MAX_RECORDS_PER_REQUEST: usize = 10_000;

/// The active controller: what it knows, and what its node was started with.
#[derive(Debug, Clone, Copy)]
pub struct Controller<'a> {
    /// What has been decided so far.
    pub image: &'a Image,
    /// What this node was started with.
    pub config: &'a BrokerConfig,
    /// Whom it has heard lately.
    pub sessions: &'a Sessions,
}

/// A decision: the records that make it true, and the answer. Nothing parks here.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Decided<Answer> {
    /// To be appended as one batch, then applied.
    pub records: Vec<Change>,
    /// What is answered once they are durable.
    pub answer: Answer,
}

/// A record with the version in which metadata.version 4.3-IV0 writes it.
pub type Change = (MetadataRecord, i16);

/// Something of the partitions of a topic: its name, and each by its index.
pub type ByPartition<T> = (String, Vec<(i32, T)>);

/// Whether a request is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Only say what would be answered.
    Validate,
    /// Do it.
    Commit,
}

/// Why an item of a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Kafka's error.
    pub code: ErrorCode,
    /// Kafka's explanation, where it gives one.
    pub message: Option<String>,
}

impl Intent {
    /// What a request wants that may ask for validation only.
    pub fn of(validate_only: bool) -> Self {
        match validate_only {
            true => Self::Validate,
            false => Self::Commit,
        }
    }
}

impl Refusal {
    /// In words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: Some(message.into()),
        }
    }

    /// Without a word.
    pub fn silent(code: ErrorCode) -> Self {
        Self { code, message: None }
    }
}

impl<'a> Controller<'a> {
    fn id(&self) -> BrokerId {
        BrokerId(self.config.node_id)
    }

    fn layers(&self) -> Layers<'a> {
        self.image.layers(self.id(), &self.config.fixed)
    }
}

impl<Answer> Decided<Answer> {
    /// Without records, where the request only asks what would become of it.
    fn if_meant(self, intent: Intent) -> Self {
        match intent {
            Intent::Validate if !mutant::on(Mutant::ValidateOnlyCommits) => Self::answer(self.answer),
            Intent::Validate | Intent::Commit => self,
        }
    }

    fn answer(answer: Answer) -> Self {
        Self {
            records: Vec::new(),
            answer,
        }
    }
}

fn plain(record: impl Into<MetadataRecord>) -> Change {
    (record.into(), 0)
}

/// Topics that brokers make for themselves (`isInternal` in Metadata): coordinators write them, producers may not.
pub fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}

/// May a topic have this name? The refusal is Kafka's.
pub fn validate_topic_name(name: &str) -> Result<(), Refusal> {
    let invalid = |why: String| {
        Err(Refusal::new(
            ErrorCode::InvalidTopicException,
            format!("Topic name is invalid: {why}"),
        ))
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if mutant::on(Mutant::TopicNameUnchecked) && !name.is_empty() {
        return Ok(());
    }
    match name {
        "" => invalid("the empty string is not allowed".into()),
        "." | ".." => invalid(format!("'{name}' is not allowed")),
        _ if name.chars().count() > 249 => invalid(format!(
            "the length of '{name}' is longer than the max allowed length 249"
        )),
        _ if !name.chars().all(legal) => invalid(format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        )),
        _ => Ok(()),
    }
}
