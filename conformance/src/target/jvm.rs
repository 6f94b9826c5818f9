//! `jvm:VERSION`, `jvm:VERSIONx3` and `jvm:VERSION-zk`: a real Apache Kafka as Java processes: a node that is broker and controller, or
//! three brokers and a controller. Each owns its directory, its properties and its process; where jars and Java come from is told in `jvm/install.rs`.

mod install;
mod layout;
mod prepared;
mod zookeeper;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use tempfile::TempDir;
use tokio::time::Instant;

use super::layout::{CONTROLLER, Layout};
use super::post::Post;
use super::process::Process;
use super::{LaunchError, Listener, Needs, STARTUP_TIMEOUT, TargetError, ports, properties};
use install::Install;
use zookeeper::Zookeeper;

/// What a node prints, in its directory.
const LOG: &str = "server.log";

/// The nodes of one target.
#[derive(Debug)]
pub(super) struct Cluster {
    nodes: Vec<Node>,
    /// Goes after the brokers that need it.
    _behind: Behind,
}

/// Who keeps the metadata of brokers that do not.
#[derive(Debug)]
enum Behind {
    /// A node of its own, or nobody.
    Controller(#[expect(dead_code, reason = "it runs for as long as it is held")] Vec<Node>),
    ZooKeeper(#[expect(dead_code, reason = "it runs for as long as it is held")] Zookeeper),
}

impl Cluster {
    pub(super) async fn start(
        version: &str,
        brokers: usize,
        needs: &Needs,
        listeners: &[Listener],
    ) -> Result<Self, TargetError> {
        let install = Install::find(version).await?;
        let prepared = prepared::prepare(&install).await?;
        let layout = Layout::of(brokers, listeners)?;
        let laid_out = |id: usize, port: u16, own: Vec<(&str, String)>| {
            let mut node = Node::laid_out(install.clone(), port, properties::of(needs, &own, brokers))?;
            copied(&prepared.template, &node.data)
                .map_err(|e| cannot("copy a formatted directory to", &node.data, &e))?;
            layout::becomes(&node.data, id)?;
            node.archive.clone_from(&prepared.archive);
            Ok::<_, TargetError>(node)
        };
        let mut nodes = Vec::new();
        if layout.has_controller_apart() {
            nodes.push(laid_out(CONTROLLER, layout.controller, layout.controller())?);
        }
        for (id, port) in (1..).zip(&layout.brokers) {
            nodes.push(laid_out(id, *port, layout.broker(id))?);
        }
        // All at once: no broker is ready before its controller is.
        for node in &mut nodes {
            node.spawn_broker(node.archive_flag())?;
        }
        for node in &mut nodes {
            node.ready().await?;
        }
        let brokers = nodes.split_off(usize::from(layout.has_controller_apart()));
        Ok(Self {
            nodes: brokers,
            _behind: Behind::Controller(nodes),
        })
    }

    /// One broker that keeps its metadata in ZooKeeper.
    pub(super) async fn start_beside_zookeeper(version: &str, needs: &Needs) -> Result<Self, TargetError> {
        let install = Install::find(version).await?;
        let prepared = prepared::prepare(&install).await?;
        let zookeeper = Zookeeper::start(&install).await?;
        let port = ports::free()?;
        let own = layout::beside_zookeeper(port, zookeeper.port());
        let mut node = Node::laid_out(install, port, properties::of(needs, &own, 1))?;
        node.archive = prepared.archive;
        node.launch().await?;
        Ok(Self {
            nodes: vec![node],
            _behind: Behind::ZooKeeper(zookeeper),
        })
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.post.address().to_owned()).collect()
    }

    pub(super) fn node(&self, broker: usize) -> Option<&Node> {
        self.nodes.get(broker)
    }

    pub(super) fn node_mut(&mut self, broker: usize) -> Option<&mut Node> {
        self.nodes.get_mut(broker)
    }
}

#[derive(Debug)]
pub(super) struct Node {
    post: Post,
    install: Install,
    archive: Option<PathBuf>,
    data: PathBuf,
    dir: TempDir,
}

impl Node {
    /// A directory with everything in it but the process and the formatted log directory, which lies or will lie in `data`.
    fn laid_out(
        install: Install,
        port: u16,
        mut properties: std::collections::BTreeMap<String, String>,
    ) -> Result<Self, TargetError> {
        let dir = temporary()?;
        let data = dir.path().join("data");
        properties.insert("log.dirs".to_owned(), data.display().to_string());
        write(dir.path(), "server.properties", &properties::file(&properties))?;
        write(dir.path(), "log4j2.yaml", properties::LOG4J2)?;
        write(dir.path(), "log4j.properties", properties::RELOAD4J)?;
        Ok(Self {
            post: Post::new(port, dir.path().join(LOG), STARTUP_TIMEOUT),
            install,
            archive: None,
            data,
            dir,
        })
    }

    /// A node that is alone, with nothing that a case asks for.
    fn alone(install: Install) -> Result<Self, TargetError> {
        let layout = Layout::of(1, &[])?;
        let properties = properties::of(&Needs::default(), &layout.broker(1), 1);
        Self::laid_out(install, layout.brokers[0], properties)
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data
    }

    pub(super) fn post(&self) -> &Post {
        &self.post
    }

    pub(super) fn post_mut(&mut self) -> &mut Post {
        &mut self.post
    }

    /// Starts the broker on its port and data. A ZooKeeper that has not yet missed the one before refuses it for a while.
    pub(super) async fn launch(&mut self) -> Result<(), LaunchError> {
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        loop {
            self.spawn_broker(self.archive_flag())?;
            match self.ready().await {
                Err(LaunchError::Ended(said)) if said.contains("NodeExists") && Instant::now() < deadline => {}
                launched => return launched,
            }
        }
    }

    fn archive_flag(&self) -> Option<String> {
        let archive = self.archive.as_ref()?;
        Some(format!("-XX:SharedArchiveFile={}", archive.display()))
    }

    fn spawn_broker(&mut self, flag: Option<String>) -> Result<(), TargetError> {
        let mut command = self.java(flag);
        command.args(["-Xms256m", "-Xmx512m", "kafka.Kafka"]);
        command.arg(self.dir.path().join("server.properties"));
        self.post.spawn(command)
    }

    /// Waits until the broker answers.
    async fn ready(&mut self) -> Result<(), LaunchError> {
        let version = &self.install.version;
        let died = |status: ExitStatus, said: &str| died(version, &status.to_string(), said);
        self.post.ready(died).await
    }

    /// A Java command line on the jars of this release, without a class to run.
    fn java(&self, flag: Option<String>) -> Command {
        java(&self.install, self.dir.path(), flag)
    }

    fn spawn(&self, command: Command) -> Result<Process, TargetError> {
        let java = &self.install.java;
        Process::spawn(command, &self.dir.path().join(LOG)).map_err(|e| cannot("start", java, &e))
    }
}

fn java(install: &Install, dir: &Path, flag: Option<String>) -> Command {
    let mut command = Command::new(&install.java);
    command.current_dir(dir);
    let dir = dir.display();
    command
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(flag)
        .arg(format!("-Dlog4j2.configurationFile={dir}/log4j2.yaml"))
        .arg(format!("-Dlog4j.configuration=file:{dir}/log4j.properties"))
        .arg(format!("-Dkafka.logs.dir={dir}"))
        .arg("-cp")
        .arg(install.libs.join("*"));
    command
}

fn temporary() -> Result<TempDir, TargetError> {
    let made = tempfile::Builder::new().prefix("touchstone-").tempdir();
    made.map_err(|e| TargetError(format!("no temporary directory: {e}")))
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
