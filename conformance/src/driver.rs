//! Who speaks to the broker: exact bytes, or a client library.

pub mod apart;
pub mod client;
pub mod wire;
