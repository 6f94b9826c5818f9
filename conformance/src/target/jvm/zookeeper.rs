//! The ZooKeeper in which a Kafka before 4 keeps its metadata: one Java process of the same jars.

use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::install::Install;
use super::{cannot, java, temporary, write};
use crate::target::process::Process;
use crate::target::{STARTUP_TIMEOUT, TargetError, ports, properties};

const BETWEEN_TRIES: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Zookeeper {
    process: Process,
    port: u16,
    _dir: TempDir,
}

impl Zookeeper {
    pub(super) async fn start(install: &Install) -> Result<Self, TargetError> {
        let (dir, port) = (temporary()?, ports::free()?);
        let data = dir.path().join("data").display().to_string();
        let text = format!(
            "dataDir={data}\nclientPort={port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nmaxClientCnxns=0\n"
        );
        write(dir.path(), "zookeeper.properties", &text)?;
        write(dir.path(), "log4j.properties", properties::RELOAD4J)?;
        let mut command = java(install, dir.path(), None);
        command.args(["-Xmx128m", "org.apache.zookeeper.server.quorum.QuorumPeerMain"]);
        command.arg(dir.path().join("zookeeper.properties"));
        let process = Process::spawn(command, &dir.path().join("zookeeper.log"))
            .map_err(|e| cannot("start", &install.java, &e))?;
        let mut zookeeper = Self {
            process,
            port,
            _dir: dir,
        };
        zookeeper.ready(&install.version).await?;
        Ok(zookeeper)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    async fn ready(&mut self, version: &str) -> Result<(), TargetError> {
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if self.process.ended().is_some() || Instant::now() >= deadline {
                let said = self.process.last_words();
                return Err(TargetError(format!(
                    "the ZooKeeper of Apache Kafka {version} does not take connections. Its last words:\n{said}"
                )));
            }
            sleep(BETWEEN_TRIES).await;
        }
        Ok(())
    }
}
