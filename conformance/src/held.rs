//! A lock between processes: one holds a file, the others wait for it, but not for ever.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::time::{Instant, sleep};

/// The system tells nobody when a lock is free in a way that could be given up at a deadline.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Holds a file until what is returned is dropped.
///
/// # Errors
/// The system refuses it, or another one held it all the time.
pub(crate) async fn hold(file: File, within: Duration) -> io::Result<File> {
    let deadline = Instant::now() + within;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => sleep(BETWEEN_TRIES).await,
            Err(Errno::WOULDBLOCK) => {
                let why = format!("another process has held the lock for {within:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, why));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::time::Duration;

    use super::hold;

    #[tokio::test]
    async fn one_holds_it_and_another_gives_up_at_the_deadline() {
        let dir = tempfile::tempdir().expect("a directory");
        let open = || File::open(dir.path()).expect("it is there");
        let held = hold(open(), Duration::ZERO).await.expect("it is free");
        let error = hold(open(), Duration::from_millis(30)).await.expect_err("it is held");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(held);
        assert!(hold(open(), Duration::ZERO).await.is_ok());
    }
}
