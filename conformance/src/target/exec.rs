//! `exec:CMD…`: any broker that a command line can start. It is told its port and a directory, nothing else.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::process::Process;
use super::{LaunchError, STARTUP_TIMEOUT, TargetError, ports, ready};

/// How long a broker may take to stop cleanly.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Node {
    process: Option<Process>,
    words: Vec<String>,
    address: String,
    dir: TempDir,
}

impl Node {
    pub(super) async fn start(command: &str) -> Result<Self, TargetError> {
        let dir = tempfile::Builder::new()
            .prefix("touchstone-")
            .tempdir()
            .map_err(|e| TargetError(format!("no temporary directory: {e}")))?;
        let data = dir.path().join("data");
        std::fs::create_dir(&data).map_err(|e| TargetError(format!("cannot make {}: {e}", data.display())))?;
        let port = ports::free()?;
        let mut node = Self {
            process: None,
            words: words(command, port, &data)?,
            address: format!("127.0.0.1:{port}"),
            dir,
        };
        node.launch().await?;
        Ok(node)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The name of the program, without its directory.
    pub(super) fn program(&self) -> &str {
        let program = Path::new(&self.words[0]).file_name();
        program.and_then(|name| name.to_str()).unwrap_or("exec")
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// As SIGTERM.
    pub(super) async fn shut_down(&mut self) -> Result<(), TargetError> {
        match self.process.take() {
            Some(mut process) => process.terminate(GRACE).await,
            None => Ok(()),
        }
    }

    /// As SIGSTOP.
    pub(super) fn pause(&self) {
        self.process.as_ref().inspect(|process| process.pause());
    }

    /// As SIGCONT.
    pub(super) fn resume(&self) {
        self.process.as_ref().inspect(|process| process.resume());
    }

    /// Starts it again on the same port and directory.
    pub(super) async fn launch(&mut self) -> Result<(), LaunchError> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        let process = Process::spawn(command, &self.dir.path().join("log"))
            .map_err(|e| TargetError(format!("cannot start {}: {e}", self.words[0])))?;
        let program = self.program().to_owned();
        let process = self.process.insert(process);
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        ready::wait(&self.address, deadline, || {
            let status = process.ended();
            std::future::ready(status.map(|status| {
                let said = process.last_words();
                LaunchError::Ended(format!(
                    "{program} ended ({status}) before it answered. Its last words:\n{said}"
                ))
            }))
        })
        .await
    }
}

fn words(command: &str, port: u16, data: &Path) -> Result<Vec<String>, TargetError> {
    let words = shell_words::split(command).map_err(|e| TargetError(format!("exec: {e}")))?;
    let data = data.to_string_lossy();
    Ok(words
        .into_iter()
        .map(|word| word.replace("{port}", &port.to_string()).replace("{data}", &data))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_dies_early_is_reported_with_its_last_words() {
        let TargetError(message) = Node::start("sh -c 'echo port {port} is cursed >&2; exit 3'")
            .await
            .expect_err("it ends at once");
        assert!(message.contains("exit status: 3"), "{message}");
        assert!(message.contains("is cursed"), "{message}");
    }

    #[tokio::test]
    async fn a_command_that_does_not_exist_is_named() {
        let TargetError(message) = Node::start("/nowhere/broker {port}")
            .await
            .expect_err("there is no such program");
        assert!(message.contains("cannot start /nowhere/broker"), "{message}");
    }

    #[test]
    fn port_and_directory_are_filled_in_after_the_words_are_split() {
        let words = words("b --at 127.0.0.1:{port} {data}", 7, Path::new("/a b")).expect("words");
        assert_eq!(words, ["b", "--at", "127.0.0.1:7", "/a b"]);
    }
}
