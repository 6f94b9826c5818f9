//! The edge: sockets, frames, headers. The only rooms that await.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod listener;
mod send;
