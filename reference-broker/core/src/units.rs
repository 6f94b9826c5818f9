//! Newtypes for Kafka's numbers, so that an offset is never taken for an epoch.

use std::fmt;
use std::sync::Arc;

pub use kafka_protocol::error::ResponseError as ErrorCode;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

unit!(
    /// Position of a record in a partition's log.
    Offset(i64)
);
unit!(
    /// Epoch of a partition's leader; -1 where none is known.
    LeaderEpoch(i32)
);
unit!(
    /// Identity of a producer, handed out in blocks by the controller.
    ProducerId(i64)
);
unit!(
    /// Incarnation of a producer id.
    ProducerEpoch(i16)
);
unit!(
    /// Node id of a broker.
    BrokerId(i32)
);
/// A producer as its client names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Producer {
    /// Its id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
}

impl Producer {
    /// A producer as requests name it.
    pub fn new(id: i64, epoch: i16) -> Self {
        Self {
            id: ProducerId(id),
            epoch: ProducerEpoch(epoch),
        }
    }
}

/// A topic's identity for life (KIP-516); all zero where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// An id from the 22 letters that it is shown as.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 22 {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'A'..=b'Z' => Some(byte - b'A'),
            b'a'..=b'z' => Some(byte - b'a' + 26),
            b'0'..=b'9' => Some(byte - b'0' + 52),
            b'-' => Some(62),
            b'_' => Some(63),
            _ => None,
        };
        let mut bits = 0u128;
        for (index, byte) in text.bytes().enumerate() {
            let value = u128::from(digit(byte)?);
            // The last letter has two bits of the id.
            bits = if index < 21 {
                (bits << 6) | value
            } else {
                (bits << 2) | (value >> 4)
            };
        }
        Some(Self(bits.to_be_bytes()))
    }

    /// The id that stands for no topic.
    pub const ZERO: Self = Self([0; 16]);
}

impl fmt::Display for TopicId {
    /// URL-safe base64 without padding, as Kafka writes ids in text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = u128::from_be_bytes(self.0);
        for digit in 0..22 {
            let shifted = if digit < 21 {
                bits >> (122 - 6 * digit)
            } else {
                bits << 4
            };
            write!(f, "{}", char::from(ALPHABET[(shifted & 63) as usize]))?;
        }
        Ok(())
    }
}

/// The name of a topic, cheap to clone.
pub type TopicName = Arc<str>;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: TopicName,
    /// Partition index.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition of that topic.
    pub fn new(topic: impl Into<TopicName>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// The time, passed in with every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Wall clock, milliseconds since the Unix epoch: what records are stamped with.
    pub unix_ms: i64,
    /// Milliseconds of a clock that never goes back: what deadlines are held against.
    pub monotonic_ms: i64,
}

impl Now {
    /// The monotonic time `ms` from now.
    pub fn plus_ms(self, ms: i64) -> Deadline {
        Deadline(self.monotonic_ms.saturating_add(ms.max(0)))
    }
}

/// A monotonic time at which something falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Deadline(pub i64);

impl Deadline {
    /// Has it fallen due?
    pub fn is_due(self, now: Now) -> bool {
        self.0 <= now.monotonic_ms
    }
}
