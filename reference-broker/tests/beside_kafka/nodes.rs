//! The processes: a controller alone, Kafka's or ours, two brokers of Kafka, and one of ours.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::child::Held;
use crate::ports::free_ports;

const RELEASE: &str = "4.3.1";
const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";
const CONTROLLER: i32 = 100;
/// The broker that is ours.
pub(crate) const OURS: i32 = 3;
/// For Maven, where the jars are not here yet.
const JARS: Duration = Duration::from_secs(600);
const TOOL: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);

/// Failures are seen soon, and internal topics have few partitions.
const SETTINGS: [&str; 13] = [
    "broker.session.timeout.ms=3000",
    "broker.heartbeat.interval.ms=300",
    "replica.lag.time.max.ms=3000",
    "replica.fetch.wait.max.ms=200",
    "replica.fetch.backoff.ms=100",
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.num.partitions=3",
    "offsets.topic.replication.factor=3",
    "transaction.state.log.num.partitions=3",
    "transaction.state.log.replication.factor=3",
    "transaction.state.log.min.isr=2",
    "min.insync.replicas=2",
    "unclean.leader.election.enable=false",
];

/// Who comes back leads again at once.
const REBALANCE: &str = "leader.imbalance.check.interval.seconds=1\nleader.imbalance.per.broker.percentage=0";

/// Log4j prints nothing below ERROR by itself, and then a broker that dies says nothing.
const LOG4J: &str = "\
Configuration:
  Appenders:
    Console: {name: O, PatternLayout: {pattern: \"[%d] %p %m (%c)%n\"}}
  Loggers:
    Root: {level: INFO, AppenderRef: [{ref: O}]}
";

/// Whose the controller is.
#[derive(Clone, Copy)]
pub(crate) enum Controller {
    Kafka,
    Ours,
}

/// A cluster whose brokers 1 and 2 are Kafka's, and whose broker 3 is ours.
pub(crate) struct Mixed {
    dir: TempDir,
    jars: String,
    whose: Controller,
    /// Where the controller listens.
    controller_at: SocketAddr,
    at: [SocketAddr; 3],
    brokers: [Option<Held>; 3],
    controller: Option<Held>,
}

impl Mixed {
    pub(crate) fn start(whose: Controller) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("log4j2.yaml"), LOG4J).expect("written");
        let [controller_at, at @ ..] = free_ports::<4>();
        let mut started = Self {
            dir,
            jars: jars(),
            whose,
            controller_at,
            at,
            brokers: [None, None, None],
            controller: None,
        };
        started.prepare();
        started.launch_controller();
        (1..=3).for_each(|id| started.launch(id));
        started
    }

    fn prepare(&self) {
        for (id, directory) in [(1, "m3t66wA_jFmMaKuN5EViHw"), (2, "LZZ8_XIDJzxZd2d9CqjHRQ")] {
            let listeners = format!("listeners=PLAINTEXT://{}", self.address(id));
            self.write_properties(id, &format!("process.roles=broker\n{listeners}"));
            self.write_meta(id, directory);
        }
        match self.whose {
            Controller::Ours => self.write_meta(CONTROLLER, "oi7gAoGRQwCz_iKcrETcQA"),
            Controller::Kafka => {
                let listeners = format!("listeners=CONTROLLER://{}", self.controller_at);
                let own = format!("process.roles=controller\n{listeners}\n{REBALANCE}");
                let properties = self.write_properties(CONTROLLER, &own);
                let mut format = self.java("kafka.tools.StorageTool");
                format.args(["format", "-t", CLUSTER_ID, "-c"]).arg(&properties);
                output_of(format, TOOL);
            }
        }
    }

    /// Starts the controller on its port and data.
    pub(crate) fn launch_controller(&mut self) {
        let mut command = match self.whose {
            Controller::Kafka => self.kafka(CONTROLLER),
            Controller::Ours => {
                let at = self.controller_at.to_string();
                let mut node = self.ours(CONTROLLER);
                node.args(["--roles", "controller", "--controller-listen", &at]);
                node
            }
        };
        self.controller = Some(spawn(&mut command, &self.log(CONTROLLER)));
    }

    /// As kill -9.
    pub(crate) fn kill_controller(&mut self) {
        self.controller = None;
    }

    pub(crate) fn address(&self, id: i32) -> String {
        self.at[id as usize - 1].to_string()
    }

    pub(crate) fn addresses(&self) -> String {
        [1, 2, 3].map(|id| self.address(id)).join(",")
    }

    /// The log directory of a broker.
    pub(crate) fn data(&self, id: i32) -> PathBuf {
        self.dir.path().join(id.to_string())
    }

    /// Starts a broker on its port and data; it answers when it does.
    pub(crate) fn launch(&mut self, id: i32) {
        let mut command = match id {
            OURS => {
                let mut node = self.ours(OURS);
                node.args(["--roles", "broker", "--listen", &self.address(OURS)]);
                node
            }
            id => self.kafka(id),
        };
        self.brokers[id as usize - 1] = Some(spawn(&mut command, &self.log(id)));
    }

    fn kafka(&self, id: i32) -> Command {
        let mut kafka = self.java("kafka.Kafka");
        kafka.arg(self.dir.path().join(format!("{id}.properties")));
        kafka
    }

    fn ours(&self, id: i32) -> Command {
        let mut node = Command::new(env!("CARGO_BIN_EXE_reference-broker"));
        let voters = format!("{CONTROLLER}@{}", self.controller_at);
        node.args(["node", "--id", &id.to_string(), "--voters", &voters, "--data-dir"])
            .arg(self.data(id));
        for setting in SETTINGS {
            node.args(["--config", setting]);
        }
        node
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!(
                "-Dlog4j2.configurationFile={}/log4j2.yaml",
                self.dir.path().display()
            ))
            .args(["-cp", &self.jars, class]);
        java
    }

    /// As kill -9.
    pub(crate) fn kill(&mut self, id: i32) {
        self.brokers[id as usize - 1] = None;
    }

    /// As SIGTERM; it goes once others have taken over.
    pub(crate) fn stop(&mut self, id: i32) {
        let mut process = self.brokers[id as usize - 1].take().expect("it runs");
        process.terminate(STOP);
    }

    /// The last words of every process.
    pub(crate) fn said(&self) -> String {
        let of = |id: i32| {
            let log = fs::read_to_string(self.log(id)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            format!("{id}:\n{}\n", lines[lines.len().saturating_sub(8)..].join("\n"))
        };
        [CONTROLLER, 1, 2, 3].map(of).concat()
    }

    fn log(&self, id: i32) -> PathBuf {
        self.dir.path().join(format!("{id}.log"))
    }

    fn write_properties(&self, id: i32, own: &str) -> PathBuf {
        let path = self.dir.path().join(format!("{id}.properties"));
        let text = format!(
            "node.id={id}\n{own}\ncontroller.quorum.voters={CONTROLLER}@{}\n\
             controller.listener.names=CONTROLLER\nlog.dirs={}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n{}\n",
            self.controller_at,
            self.data(id).display(),
            SETTINGS.join("\n"),
        );
        fs::write(&path, text).expect("written");
        path
    }

    /// What a format leaves of a directory that holds nothing.
    fn write_meta(&self, id: i32, directory: &str) {
        let meta = format!("version=1\nnode.id={id}\ncluster.id={CLUSTER_ID}\ndirectory.id={directory}\n");
        fs::create_dir(self.data(id)).expect("made");
        fs::write(self.data(id).join("meta.properties"), meta).expect("written");
    }
}

fn jars() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka-jars");
    let mut script = Command::new(script);
    script.arg(RELEASE);
    let libs = String::from_utf8(output_of(script, JARS).stdout).expect("a path");
    format!("{}/*", libs.trim())
}

fn spawn(command: &mut Command, log: &Path) -> Held {
    let log = File::options().create(true).append(true).open(log).expect("a log");
    let said = log.try_clone().expect("a second handle");
    let child = command.stdin(Stdio::null()).stdout(said).stderr(log).spawn();
    Held(child.expect("it starts"))
}

/// What it prints on standard output, which is little; it has to succeed.
fn output_of(mut command: Command, limit: Duration) -> Output {
    let mut child = Held(command.stdout(Stdio::piped()).spawn().expect("it starts"));
    let status = child.ended_within(limit);
    let mut stdout = Vec::new();
    let mut printed = child.0.stdout.take().expect("it is piped");
    std::io::Read::read_to_end(&mut printed, &mut stdout).expect("it is read");
    assert!(status.success(), "{command:?}: {status}");
    Output {
        status,
        stdout,
        stderr: Vec::new(),
    }
}
