//! Targets that need more than Rust: a real Apache Kafka as a Java process and in a container. CI runs these with
//! `cargo test -p conformance --test live -- --ignored`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;

use conformance::target::{Needs, Running, Target, TargetError};

async fn started(target: &str, needs: &Needs) -> Running {
    Target::parse(target).unwrap().start(needs).await.unwrap()
}

async fn survives_a_kill(target: &str) -> Running {
    let needs = Needs {
        kill: true,
        config: vec![("num.partitions".into(), "3".into())],
        ..Needs::default()
    };
    let mut running = started(target, &needs).await;
    running.answers().await.unwrap();
    let before = running.bootstrap().to_vec();
    running.kill(0).await.unwrap();
    running.answers().await.unwrap_err();
    running.restart(0).await.unwrap();
    running.answers().await.unwrap();
    assert_eq!(running.bootstrap(), before);
    assert!(running.kill(1).await.unwrap_err().0.contains("broker 1"));
    running
}

/// Whether any process has this text on its command line.
fn someone_runs(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(text))
}

fn containers() -> String {
    let label = "label=org.testcontainers.managed-by=testcontainers";
    let list = Command::new("docker")
        .args(["ps", "-aq", "--filter", label])
        .output()
        .unwrap();
    String::from_utf8(list.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_java_broker_keeps_port_and_data_over_a_kill_and_leaves_nothing() {
    let running = survives_a_kill("jvm:4.3.1").await;
    assert_eq!(running.describe(), "Apache Kafka 4.3.1");
    let data = running.data_dir().unwrap().to_owned();
    assert!(data.join("__cluster_metadata-0").is_dir());
    let dir = data.parent().unwrap().to_str().unwrap().to_owned();
    assert!(someone_runs(&dir));
    running.stop().await;
    assert!(!someone_runs(&dir));
    assert!(!Path::new(&dir).exists());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn every_supported_release_starts_as_a_java_process() {
    for release in ["3.9.2", "4.4.0"] {
        started(&format!("jvm:{release}"), &Needs::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_configuration_that_kafka_refuses_is_told_in_its_own_words() {
    let needs = Needs {
        config: vec![("num.partitions".into(), "many".into())],
        ..Needs::default()
    };
    let target = Target::parse("jvm:4.3.1").unwrap();
    let TargetError(message) = target.start(&needs).await.unwrap_err();
    assert!(message.contains("num.partitions"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and the image of scripts/kafka-image"]
async fn a_container_keeps_its_port_over_a_kill_and_is_removed() {
    let running = survives_a_kill("docker:apache/kafka:4.3.1").await;
    assert!(!containers().is_empty());
    running.stop().await;
    assert_eq!(containers(), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn an_image_that_is_nowhere_is_named_with_what_to_do() {
    let target = Target::parse("docker:apache/kafka:0.0.1").unwrap();
    let TargetError(message) = target.start(&Needs::default()).await.unwrap_err();
    assert!(message.contains("scripts/kafka-image 0.0.1"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the binary of scripts/tansu"]
async fn a_foreign_broker_runs_from_its_command_line() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/tansu");
    let path = Command::new(script).output().unwrap().stdout;
    let tansu = String::from_utf8(path).unwrap();
    let command = format!(
        "exec:{} broker --listener-url tcp://127.0.0.1:{{port}} \
         --advertised-listener-url tcp://127.0.0.1:{{port}} --storage-engine memory://tansu/",
        tansu.trim()
    );
    let needs = Needs {
        kill: true,
        ..Needs::default()
    };
    let mut running = started(&command, &needs).await;
    running.kill(0).await.unwrap();
    running.restart(0).await.unwrap();
    assert_eq!(running.describe(), "tansu");
}
