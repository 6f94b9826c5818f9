//! A child process with everything that it starts: a group of its own, a log file, gone when dropped.
//! Knows nothing of Kafka.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::time::{Instant, sleep};

use super::TargetError;

/// How long a process may take to stand still.
const STANDS_STILL: Duration = Duration::from_secs(5);

/// Killed with all its descendants when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it prints goes to the end of `log`.
    pub(super) fn spawn(mut command: Command, log: &Path) -> io::Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// As `kill -9` of the whole group; returns when the process is gone.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// As `kill`, so that it can clean up; one that is not gone after `grace` is killed, which is an error.
    pub(super) async fn terminate(&mut self, grace: Duration) -> Result<(), TargetError> {
        self.signal(Signal::TERM);
        self.resume(); // one that stands still hears nothing
        let deadline = Instant::now() + grace;
        while self.ended().is_none() && Instant::now() < deadline {
            sleep(Duration::from_millis(10)).await;
        }
        let ended = self.ended();
        self.kill();
        ended.map(drop).ok_or_else(|| {
            let said = self.last_words();
            TargetError(format!(
                "it did not end within {grace:?} of SIGTERM and was killed. Its last words:\n{said}"
            ))
        })
    }

    /// Returns once it stands still: it keeps its connections and answers nothing. The signal stops one thread after the other, and
    /// on a busy machine that takes a while.
    pub(super) async fn pause(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + STANDS_STILL;
        while !self.stands_still() && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Does all of it stand still, or is it gone?
    fn stands_still(&self) -> bool {
        let looks = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let stopped = waitid(WaitId::Pid(Pid::from_child(&self.child)), looks);
        stopped.map_or(true, |status| status.is_some())
    }

    /// Goes on where it stood.
    pub(super) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// The last lines that it printed, for an error message.
    pub(super) fn last_words(&self) -> String {
        const LINES: usize = 12;
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal); // fails only when all are gone
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn said_something(process: &Process) {
        let deadline = Instant::now() + PATIENCE;
        while process.last_words().is_empty() && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_dropped_process_takes_its_descendants_with_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("log");
        let process = Process::spawn(shell("sleep 600 & echo $!; wait"), &log).expect("sh");
        said_something(&process).await;
        let pid: i32 = process.last_words().parse().expect("the sleeper's id");
        drop(process);
        let deadline = Instant::now() + PATIENCE;
        while runs(pid) && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(!runs(pid));
    }

    /// A killed orphan may stay a zombie where nobody reaps; it runs no more.
    fn runs(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_polite_signal_is_killed_after_the_grace() {
        let dir = tempfile::tempdir().expect("a directory");
        let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
        let mut process = Process::spawn(shell(script), &dir.path().join("log")).expect("sh");
        said_something(&process).await;
        let told = process.terminate(Duration::from_millis(50)).await;
        assert!(told.is_err_and(|error| error.to_string().contains("was killed")));
        assert!(process.ended().is_some());
    }
}
