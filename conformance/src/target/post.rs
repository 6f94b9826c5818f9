//! An address at which a process serves, whether one runs there or not: it is started, killed, paused, stopped and started again.
//! Knows nothing of whose process it is.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tokio::time::Instant;

use super::process::Process;
use super::{LaunchError, STARTUP_TIMEOUT, TargetError, ready};

/// What runs there is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Post {
    address: String,
    log: PathBuf,
    grace: Duration,
    process: Option<Process>,
}

impl Post {
    /// Nobody runs there yet; what is printed there goes to the end of `log`, and who is to stop may take as long as `grace`.
    pub(super) fn new(port: u16, log: PathBuf, grace: Duration) -> Self {
        Self {
            address: format!("127.0.0.1:{port}"),
            log,
            grace,
            process: None,
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn spawn(&mut self, command: Command) -> Result<(), TargetError> {
        // What ran before must have let go of its port.
        self.kill();
        let program = command.get_program().to_string_lossy().into_owned();
        let process =
            Process::spawn(command, &self.log).map_err(|e| TargetError(format!("cannot start {program}: {e}")))?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until what was started answers. Where it ends before, `died` tells of it by its status and its last words.
    pub(super) async fn ready(&mut self, died: impl Fn(ExitStatus, &str) -> String) -> Result<(), LaunchError> {
        let Some(process) = &mut self.process else {
            return Err(TargetError("a broker that was not started does not answer".to_owned()).into());
        };
        ready::wait(&self.address, Instant::now() + STARTUP_TIMEOUT, || {
            let status = process.ended();
            let died = |status| LaunchError::Ended(died(status, &process.last_words()));
            std::future::ready(status.map(died))
        })
        .await
    }

    /// As SIGKILL.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// As SIGSTOP; returns once it stands still.
    pub(super) async fn pause(&self) {
        if let Some(process) = &self.process {
            process.pause().await;
        }
    }

    /// As SIGCONT.
    pub(super) fn resume(&self) {
        self.process.as_ref().inspect(|process| process.resume());
    }

    /// As SIGTERM. Returns when it is gone; that it had to be killed is an error.
    pub(super) async fn shut_down(&mut self) -> Result<(), TargetError> {
        match self.process.take() {
            Some(mut process) => process.terminate(self.grace).await,
            None => Ok(()),
        }
    }
}
