//! Children of a test, waited for with a deadline and killed where they, or the test, do not come to their end.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Killed when dropped.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // One that has ended is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How it ended and what it printed where that is piped.
pub(crate) fn ended_within(mut child: Child, patience: Duration) -> Output {
    let stdout = child.stdout.take().map(all);
    let stderr = child.stderr.take().map(all);
    let (mut held, deadline) = (Held(child), Instant::now() + patience);
    let status = loop {
        if let Some(status) = held.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "does not end within {patience:?}");
        thread::sleep(Duration::from_millis(10));
    };
    let text = |reader: Option<JoinHandle<Vec<u8>>>| reader.map(|reader| reader.join().unwrap());
    Output {
        status,
        stdout: text(stdout).unwrap_or_default(),
        stderr: text(stderr).unwrap_or_default(),
    }
}

/// How this command ends.
pub(crate) fn end_of(command: &mut Command, patience: Duration) -> ExitStatus {
    ended_within(command.spawn().unwrap(), patience).status
}

/// What this command prints; it has to succeed.
pub(crate) fn output_of(command: &mut Command, patience: Duration) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = ended_within(command.spawn().unwrap(), patience);
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// Reads on a thread, so that a full pipe holds nobody up.
fn all(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until it failed is told.
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}
