//! The rules of Kafka, and nothing else.
//!
//! This crate decides; the `reference-broker` crate does. Nothing here names a runtime, a socket, a file, a clock or a
//! source of chance: bytes are kept by whoever implements [`Store`], time arrives as [`Now`], fresh ids arrive with the
//! command that needs them. The same sequence of calls gives the same sequence of answers.
//!
//! A reader's way in: [`machine`] has the two verbs that all rooms share, [`node`] composes the rooms of one broker, and
//! each room is a file named for Kafka's own word: `log`, `fetch`, `group`, `controller`, `image`, `config`.

pub mod config;
pub mod controller;
pub mod fetch;
pub mod group;
pub mod image;
pub mod log;
pub mod machine;
pub mod mutant;
pub mod node;
pub mod pattern;
pub mod peer;
pub mod records;
pub mod replica;
pub mod store;
pub mod txn;
pub mod units;

pub use machine::{Machine, Reply, Step, Ticket};
pub use node::Node;
pub use store::{Span, Store, StoreError};
pub use units::Now;
