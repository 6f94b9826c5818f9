//! What tells a command to end: Ctrl-C, and the polite signal of who runs it. Either way it takes along what it has started.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the user or the system wants an end.
///
/// # Errors
/// The system does not tell of its signals.
pub(super) async fn interrupted() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}
