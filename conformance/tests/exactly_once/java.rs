//! Kafka's own clients in Java: its command line tools, and the two processors compiled from the programs beside this file.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::arena::{Arena, RECORDS, Seen};
use crate::child::{end_of, ended_within, output_of};

/// For a tool that writes or reads all records.
const TOOL: Duration = Duration::from_secs(120);
/// For the compiler, and for Maven where the jars are not here yet.
const BUILD: Duration = Duration::from_secs(600);

/// The command that copies until it is killed.
pub(crate) fn copy(address: &str) -> Command {
    let mut command = java("Copy");
    command.arg(address);
    command
}

/// The command that counts in Streams until it is killed; what it keeps on disk outlives it.
pub(crate) fn count(address: &str, state: &Path) -> Command {
    let mut command = java("Count");
    command.arg(address).arg(state);
    command
}

/// What `count` makes of these inputs.
pub(crate) fn counted(inputs: &Seen) -> Seen {
    let mut counts = BTreeMap::new();
    let mut count = |(key, value): &(String, String)| {
        let count = counts.entry(key.clone()).or_insert(0);
        *count += 1;
        (key.clone(), format!("{value} is {count}"))
    };
    inputs
        .iter()
        .map(|partition| partition.iter().map(&mut count).collect())
        .collect()
}

/// Inputs from the console producer.
pub(crate) fn type_in(arena: &Arena) {
    let mut producer = java("org.apache.kafka.tools.ConsoleProducer")
        .args(["--bootstrap-server", &arena.address(), "--topic", "in"])
        .args([
            "--reader-property",
            "parse.key=true",
            "--reader-property",
            "key.separator=:",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = producer.stdin.take().unwrap();
    for n in 0..RECORDS {
        writeln!(input, "{}:{n}", n % 7).unwrap();
    }
    drop(input);
    assert!(ended_within(producer, TOOL).status.success());
}

/// The outputs as the console consumer prints them: each value and how often.
pub(crate) fn printed(arena: &Arena) -> BTreeMap<String, usize> {
    let output = told(
        java("org.apache.kafka.tools.consumer.ConsoleConsumer")
            .args([
                "--bootstrap-server",
                &arena.address(),
                "--topic",
                "out",
                "--from-beginning",
            ])
            .args(["--isolation-level", "read_committed", "--timeout-ms", "30000"])
            .args(["--max-messages", &RECORDS.to_string()]),
    );
    tally(output.lines().map(str::to_owned))
}

/// Inputs from the VerifiableProducer, all of them acknowledged.
pub(crate) fn produce_verifiably(arena: &Arena) {
    let output = told(
        java("org.apache.kafka.tools.VerifiableProducer")
            .args(["--bootstrap-server", &arena.address(), "--topic", "in", "--acks", "-1"])
            .args(["--max-messages", &RECORDS.to_string(), "--repeating-keys", "7"]),
    );
    let acknowledged = events(&output, "producer_send_success").count();
    assert_eq!(acknowledged, RECORDS, "{output}");
}

/// The outputs as the VerifiableConsumer gets them: each value and how often.
pub(crate) fn consumed_verifiably(arena: &Arena) -> BTreeMap<String, usize> {
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(&config, "isolation.level=read_committed\n").unwrap();
    let output = told(
        java("org.apache.kafka.tools.VerifiableConsumer")
            .args([
                "--bootstrap-server",
                &arena.address(),
                "--topic",
                "out",
                "--group-id",
                "verifier",
                "--verbose",
            ])
            .args([
                "--reset-policy",
                "earliest",
                "--max-messages",
                &RECORDS.to_string(),
                "--command-config",
            ])
            .arg(config.path()),
    );
    tally(events(&output, "record_data").map(|event| event["value"].as_str().unwrap().to_owned()))
}

/// Each value of what was seen and how often.
pub(crate) fn tally(values: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    values.for_each(|value| *tally.entry(value).or_default() += 1);
    tally
}

fn events<'a>(output: &'a str, name: &'a str) -> impl Iterator<Item = serde_json::Value> + 'a {
    let parsed = output.lines().filter_map(|line| serde_json::from_str(line).ok());
    parsed.filter(move |event: &serde_json::Value| event["name"] == name)
}

fn told(tool: &mut Command) -> String {
    String::from_utf8(output_of(tool, TOOL).stdout).unwrap()
}

fn java(class: &str) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(class_path())
        .arg(class);
    java
}

/// What every Java here runs on, made once; asked for before a deadline begins.
pub(crate) fn class_path() -> &'static str {
    static CLASS_PATH: OnceLock<String> = OnceLock::new();
    CLASS_PATH.get_or_init(compiled)
}

/// Compiles the programs beside this file; answers the class path that has them and all that they need.
fn compiled() -> String {
    let jars = [jars(&["4.3.1"]), jars(&["--streams", "4.3.1"])].join(":");
    let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exactly-once-java");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exactly_once/java");
    let mut javac = Command::new("javac");
    javac
        .args(["-cp", &jars, "-d"])
        .arg(&classes)
        .args(["Copy.java", "Count.java", "Orphan.java"].map(|file| sources.join(file)));
    assert!(end_of(&mut javac, BUILD).success(), "the processors do not compile");
    format!("{}:{jars}", classes.display())
}

fn jars(arguments: &[&str]) -> String {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka-jars");
    let told = output_of(Command::new(script).args(arguments), BUILD);
    format!("{}/*", String::from_utf8(told.stdout).unwrap().trim())
}
