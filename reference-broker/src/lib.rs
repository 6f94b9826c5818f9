//! A small and readable Kafka broker: a thin shell around `broker-core`, which has the rules.
//!
//! A request's itinerary is the list of files: [`net`] reads a frame, its header and guards its body; [`broker`] takes it to
//! the node; [`api`] has one file per API key; [`store`] keeps the bytes; [`peer`] brings the node's own questions to other nodes;
//! [`faults`] stands in the way where it is told to, by [`control`] or by a test in this process.

mod api;
mod broker;
mod cluster;
mod control;
mod faults;
mod flushing;
mod messages;
mod net;
mod peer;
mod refusable;
mod store;

pub use broker_core::mutant;
pub use cluster::{Cluster, Config, Listen, NodeConfig, RunningNode, StartError};
pub use control::Control;
pub use faults::{Act, Cut, Fault, FaultError, FaultId, Faults, Moment, Other, Side, Standing, When};
