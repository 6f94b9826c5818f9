//! Faults on demand, as whoever writes a client has them: for requests of an API, for whole brokers, and over the control port.

mod child;
mod ports;
mod talk;

mod faults {
    mod api;
    mod brokers;
    mod control;
}
