//! Ports for nodes that are killed and come back to them.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports in a row that nobody has, from below those that the kernel lends to clients: who comes back must find its own free.
pub(crate) fn free_ports<const N: usize>() -> [SocketAddr; N] {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 5_000;
    static TRIED: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let tried = TRIED.fetch_add(N as u32, Ordering::Relaxed);
        let first = FIRST + std::process::id().wrapping_add(tried) % COUNT;
        let row: [_; N] = std::array::from_fn(|n| SocketAddr::from(([127, 0, 0, 1], first as u16 + n as u16)));
        if row.iter().all(|address| TcpListener::bind(address).is_ok()) {
            return row;
        }
    }
    panic!("no {N} ports in a row are free");
}
