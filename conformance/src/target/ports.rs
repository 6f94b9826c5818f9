//! Free ports. Below 32768, because the kernel lends those above to outgoing connections: a broker that is to come back on
//! the same port after a kill must not find it taken by a client.

use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use super::TargetError;

const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

/// A port that nobody listens on, and that this process has not given out lately.
pub(super) fn free() -> Result<u16, TargetError> {
    free_in_a_row(1)
}

/// The first of so many such ports, one after the other.
pub(super) fn free_in_a_row(count: u16) -> Result<u16, TargetError> {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    // Two processes that start together begin at different places.
    let next = NEXT.get_or_init(|| AtomicU16::new(uuid::Uuid::new_v4().as_u64_pair().0 as u16));
    let is_free = |port: u16| TcpListener::bind(("0.0.0.0", port)).is_ok();
    (0..COUNT)
        .map(|_| FIRST + next.fetch_add(count, Ordering::Relaxed) % COUNT)
        .find(|first| (*first..first.saturating_add(count)).all(is_free))
        .ok_or_else(|| TargetError(format!("no free port between {FIRST} and {}", FIRST + COUNT)))
}
