//! The two brokers on a directory of the test's: the reference in this process, Kafka as a Java process.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use reference_broker::{Cluster, Config};

use super::traffic;
use crate::child::{end_of, output_of};

/// How a broker ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    Clean,
    Kill,
}

/// For a tool of Kafka's.
const TOOL: Duration = Duration::from_secs(120);
/// For a clean stop on a machine that others load too.
const STOP: Duration = Duration::from_secs(120);
/// For Maven, where the jars are not here yet.
const JARS: Duration = Duration::from_secs(600);

/// So that segments roll, and old ones are compacted while the traffic goes on.
const SETTINGS: [(&str, &str); 8] = [
    // One that was killed is soon forgotten by its controller, which is itself.
    ("broker.session.timeout.ms", "2000"),
    ("broker.heartbeat.interval.ms", "500"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("log.cleaner.backoff.ms", "50"),
    ("num.partitions", "2"),
];

pub(crate) async fn reference(data: &Path) -> Cluster {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let config = Config {
        data_dir: Some(data.to_owned()),
        properties: SETTINGS.iter().map(own).collect(),
        ..Config::default()
    };
    Cluster::start(config).await.unwrap()
}

/// A Kafka on a directory that one of them has formatted.
pub(crate) struct Java {
    process: Child,
    pub(crate) address: String,
}

impl Java {
    pub(crate) fn start(data: &Path) -> Self {
        let (port, controller) = (free_port(), free_port());
        let properties = write_properties(data, port, controller);
        let log = fs::File::create(data.with_extension("log")).unwrap();
        let process = java("kafka.Kafka")
            .arg(properties)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started = Self {
            process,
            address: format!("127.0.0.1:{port}"),
        };
        let deadline = Instant::now() + Duration::from_secs(120);
        while !traffic::answers(&started.address) {
            let told = || fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            assert!(started.process.try_wait().unwrap().is_none(), "Kafka ended: {}", told());
            assert!(Instant::now() < deadline, "Kafka does not answer: {}", told());
        }
        started
    }

    pub(crate) fn stop(mut self, how: Stop) {
        match how {
            Stop::Kill => self.process.kill().unwrap(),
            Stop::Clean => {
                let id = self.process.id().to_string();
                assert!(Command::new("kill").arg(id).status().unwrap().success());
            }
        }
        let deadline = Instant::now() + STOP;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "Kafka does not end within {STOP:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        // One that was stopped is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A new directory, as Kafka's own tool makes it.
pub(crate) fn formatted(data: &Path) {
    let properties = write_properties(data, 1, 2);
    let mut format = java("kafka.tools.StorageTool");
    format
        .args(["format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c"])
        .arg(properties)
        .stdout(Stdio::null());
    assert!(end_of(&mut format, TOOL).success());
}

/// What DumpLogSegments tells of every file, each with the decoder that it wants.
pub(crate) fn dumped(data: &Path) -> String {
    let mut told = String::new();
    for (decoder, of) in [
        ("--print-data-log", None),
        ("--offsets-decoder", Some("__consumer_offsets")),
        ("--transaction-log-decoder", Some("__transaction_state")),
        ("--cluster-metadata-decoder", Some("__cluster_metadata")),
    ] {
        let files = files(data, of);
        if files.is_empty() {
            continue;
        }
        let mut dump = java("org.apache.kafka.tools.DumpLogSegments");
        dump.args(["--deep-iteration", decoder, "--files", &files.join(",")]);
        let output = output_of(&mut dump, TOOL);
        told += &String::from_utf8_lossy(&output.stdout);
        told += &String::from_utf8_lossy(&output.stderr);
    }
    told
}

/// The files with something in them, of Kafka's own topic or of all others.
fn files(data: &Path, of: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    for directory in fs::read_dir(data)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        let name = directory.file_name().to_string_lossy().into_owned();
        if !of.map_or(!name.starts_with("__"), |topic| name.starts_with(topic)) {
            continue;
        }
        let kinds = ["log", "index", "timeindex", "txnindex", "snapshot"];
        let wanted = |path: &PathBuf| {
            path.extension()
                .is_some_and(|kind| kinds.iter().any(|known| kind == *known))
        };
        let paths = fs::read_dir(directory.path())
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        found.extend(
            paths
                .filter(wanted)
                .filter(|path| fs::metadata(path).unwrap().len() > 0)
                .map(|path| path.display().to_string()),
        );
    }
    found
}

fn write_properties(data: &Path, port: u16, controller: u16) -> PathBuf {
    let path = data.with_extension("properties");
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\nlog.dirs={}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n",
        data.display()
    );
    SETTINGS
        .iter()
        .for_each(|(key, value)| text += &format!("{key}={value}\n"));
    fs::write(&path, text).unwrap();
    path
}

fn java(class: &str) -> Command {
    let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka-jars");
    let libs = output_of(Command::new(jars).arg("4.3.1"), JARS);
    let libs = String::from_utf8(libs.stdout).unwrap();
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(format!("{}/*", libs.trim()))
        .arg(class);
    java
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
