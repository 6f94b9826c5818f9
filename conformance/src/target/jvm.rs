//! `jvm:VERSION`: a real Apache Kafka as a Java process, one node that is broker and controller.
//! Owns its directory, its properties and its process; where jars and Java come from is told in `jvm/install.rs`.

mod install;
mod prepared;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use tempfile::TempDir;
use tokio::time::Instant;

use super::process::Process;
use super::{LaunchError, Needs, STARTUP_TIMEOUT, TargetError, ports, properties, ready};
use install::Install;

#[derive(Debug)]
pub(super) struct Node {
    process: Option<Process>,
    install: Install,
    archive: Option<PathBuf>,
    address: String,
    data: PathBuf,
    dir: TempDir,
}

impl Node {
    pub(super) async fn start(version: &str, needs: &Needs) -> Result<Self, TargetError> {
        let install = Install::find(version).await?;
        let prepared = prepared::prepare(&install).await?;
        let mut node = Self::laid_out(install, needs, |data| {
            copied(&prepared.template, data).map_err(|e| cannot("copy a formatted directory to", data, &e))
        })?;
        node.archive = prepared.archive;
        node.launch().await?;
        Ok(node)
    }

    /// A directory with everything in it but the process; `fill` puts the formatted log directory there.
    fn laid_out(
        install: Install,
        needs: &Needs,
        fill: impl FnOnce(&Path) -> Result<(), TargetError>,
    ) -> Result<Self, TargetError> {
        let dir = tempfile::Builder::new()
            .prefix("touchstone-")
            .tempdir()
            .map_err(|e| TargetError(format!("no temporary directory: {e}")))?;
        let data = dir.path().join("data");
        fill(&data)?;
        let (port, controller) = (ports::free()?, ports::free()?);
        let own = [
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", "1".to_owned()),
            ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            (
                "listeners",
                format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
            ),
            ("log.dirs", data.display().to_string()),
        ];
        let text = properties::file(&properties::of(needs, &own));
        write(dir.path(), "server.properties", &text)?;
        write(dir.path(), "log4j2.yaml", properties::LOG4J2)?;
        write(dir.path(), "log4j.properties", properties::RELOAD4J)?;
        Ok(Self {
            process: None,
            install,
            archive: None,
            address: format!("127.0.0.1:{port}"),
            data,
            dir,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// As SIGTERM.
    pub(super) async fn shut_down(&mut self) -> Result<(), TargetError> {
        match self.process.take() {
            Some(mut process) => process.terminate(STARTUP_TIMEOUT).await,
            None => Ok(()),
        }
    }

    /// Starts the broker on its port and data.
    pub(super) async fn launch(&mut self) -> Result<(), LaunchError> {
        let flag = self
            .archive
            .as_ref()
            .map(|archive| format!("-XX:SharedArchiveFile={}", archive.display()));
        self.launch_with(flag).await
    }

    async fn launch_with(&mut self, flag: Option<String>) -> Result<(), LaunchError> {
        let mut command = self.java(flag);
        command.args(["-Xms256m", "-Xmx512m", "kafka.Kafka"]);
        command.arg(self.dir.path().join("server.properties"));
        let process = self.spawn(command)?;
        let process = self.process.insert(process);
        let version = &self.install.version;
        ready::wait(&self.address, Instant::now() + STARTUP_TIMEOUT, || {
            let status = process.ended();
            let died = |status: ExitStatus| died(version, &status.to_string(), &process.last_words());
            std::future::ready(status.map(died).map(LaunchError::Ended))
        })
        .await
    }

    /// A Java command line on the jars of this release, without a class to run.
    fn java(&self, flag: Option<String>) -> Command {
        let dir = self.dir.path().display();
        let mut command = Command::new(&self.install.java);
        command
            .current_dir(self.dir.path())
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(flag)
            .arg(format!("-Dlog4j2.configurationFile={dir}/log4j2.yaml"))
            .arg(format!("-Dlog4j.configuration=file:{dir}/log4j.properties"))
            .arg(format!("-Dkafka.logs.dir={dir}"))
            .arg("-cp")
            .arg(self.install.libs.join("*"));
        command
    }

    fn spawn(&self, command: Command) -> Result<Process, TargetError> {
        let java = &self.install.java;
        Process::spawn(command, &self.dir.path().join("server.log")).map_err(|e| cannot("start", java, &e))
    }
}

fn died(version: &str, status: &str, last_words: &str) -> String {
    let hint = if last_words.contains("UnsupportedClassVersionError") {
        "\nThis Java is too old: Kafka 4 needs Java 17 or later. Set JAVA_HOME to one."
    } else {
        ""
    };
    format!("Apache Kafka {version} ended ({status}) before it answered. Its last words:\n{last_words}{hint}")
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> TargetError {
    TargetError(format!("cannot {what} {}: {error}", path.display()))
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), TargetError> {
    let path = dir.join(name);
    fs::write(&path, text).map_err(|e| cannot("write", &path, &e))
}

/// A formatted directory is flat but for nothing; what is nested is copied too.
fn copied(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copied(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
