//! Names, places in a log, and the values that a load writes there.

use std::fmt;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A short name that many lines share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// A partition, `t/0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Its topic.
    pub topic: Name,
    /// Its number.
    pub partition: i32,
}

/// Which value: `p1.0.17` is the 17th of the first life of p1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Who sent it.
    pub producer: Name,
    /// In which life: a client that was made anew starts another.
    pub run: u32,
    /// Counts all that this life sent.
    pub sequence: u64,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Value {
    /// Who sent it.
    pub producer: Name,
    /// In which life.
    pub run: u32,
    /// Counts all that this life sent.
    pub sequence: u64,
    /// The key of its record.
    pub key: Name,
    /// CRC-32C of the record's bytes, by the sender's count in a send and by the reader's in a poll.
    pub checksum: u32,
    /// The value that it was made of, where an application read one and wrote another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Identity>,
}

impl Value {
    /// Which one it is.
    pub fn identity(&self) -> Identity {
        Identity {
            producer: self.producer.clone(),
            run: self.run,
            sequence: self.sequence,
        }
    }
}

impl Name {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Place {
    /// Reads `t/0`.
    pub fn parse(text: &str) -> Option<Self> {
        let (topic, partition) = text.rsplit_once('/')?;
        let partition = partition.parse().ok()?;
        (!topic.is_empty() && partition >= 0).then(|| Self {
            topic: topic.into(),
            partition,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl Identity {
    /// Reads `p1.0.17`.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, sequence) = text.rsplit_once('.')?;
        let (producer, run) = rest.rsplit_once('.')?;
        Some(Self {
            producer: producer.into(),
            run: run.parse().ok()?,
            sequence: sequence.parse().ok()?,
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.producer, self.run, self.sequence)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no partition such as \"t/0\"")))
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no value such as \"p1.0.17\"")))
    }
}
