//! Cases × versions become a stream of events.

pub mod event;
