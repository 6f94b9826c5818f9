//! Targets that need more than Rust: a real Apache Kafka as a Java process and in a container. CI runs these with
//! `cargo test -p conformance --test live -- --ignored`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;

use conformance::case::parse;
use conformance::driver::client;
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
    let data = running.data_dir(0).unwrap().to_owned();
    assert!(data.join("__cluster_metadata-0").is_dir());
    let dir = data.parent().unwrap().to_str().unwrap().to_owned();
    assert!(someone_runs(&dir));
    running.stop().await;
    assert!(!someone_runs(&dir));
    assert!(!Path::new(&dir).exists());
}

/// One of three goes, stands still and comes back, and the others answer.
async fn one_of_three_comes_and_goes(target: &str) -> Running {
    let needs = Needs {
        brokers: 3,
        kill: true,
        pause: true,
        disk: true,
        ..Needs::default()
    };
    let mut running = started(target, &needs).await;
    assert_eq!(running.bootstrap().len(), 3);
    running.kill(0).await.unwrap();
    running.answers().await.unwrap_err();
    running.restart(0).await.unwrap();
    running.answers().await.unwrap();
    running.pause(0).await.unwrap();
    running.answers().await.unwrap_err();
    running.resume(0).await.unwrap();
    running.answers().await.unwrap();
    running.pause(2).await.unwrap();
    running.close(2).await.unwrap();
    for broker in 0..3 {
        assert!(running.data_dir(broker).unwrap().join("meta.properties").is_file());
    }
    assert!(running.kill(3).await.unwrap_err().0.contains("broker 3"));
    running
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn three_java_brokers_are_killed_one_by_one_and_leave_nothing() {
    let running = one_of_three_comes_and_goes("jvm:4.3.1x3").await;
    assert_eq!(running.describe(), "Apache Kafka 4.3.1, 3 nodes");
    let dirs: Vec<_> = (0..3)
        .map(|broker| running.data_dir(broker).unwrap().to_owned())
        .collect();
    running.stop().await;
    for dir in dirs {
        assert!(!someone_runs(dir.to_str().unwrap()) && !dir.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_broker_beside_a_zookeeper_keeps_its_data_over_a_kill() {
    let running = survives_a_kill("jvm:3.9.2-zk").await;
    assert_eq!(running.describe(), "Apache Kafka 3.9.2 with ZooKeeper");
    running.stop().await;
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
async fn containers_keep_their_ports_over_a_kill_and_are_removed() {
    let running = survives_a_kill("docker:apache/kafka:4.3.1").await;
    assert!(!containers().is_empty());
    running.stop().await;
    assert_eq!(containers(), "");
    let three = one_of_three_comes_and_goes("docker:apache/kafka:4.3.1x3").await;
    assert_eq!(containers().lines().count(), 4);
    three.stop().await;
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

/// What a client session shows for steps as a case writes them.
async fn shown(session: &mut client::Session, steps: &[&str]) -> Vec<String> {
    let text = format!("# TOP-01  Steps.\ndriver: client\n\n{}\n", steps.join("\n\n"));
    let mut lines = Vec::new();
    for step in parse("steps", &text).unwrap().steps {
        lines.extend(client::run(session, &step.args.verb, &step.args).await.unwrap());
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Java and the jars of scripts/kafka-jars"]
async fn a_group_is_seen_to_share_leave_and_resume_as_an_application_sees_it() {
    let kafka = started("jvm:4.3.1", &Needs::default()).await;
    let mut session = client::Session::open(kafka.bootstrap(), "run1-");
    let made = [
        "create-topic t partitions=2",
        "produce t/0 values=[a, b] codec=zstd",
        "produce t/1 values=[c] keys=[k]",
    ];
    assert_eq!(
        shown(&mut session, &made).await,
        ["t ok", "t/0 offset=0", "t/0 offset=1", "t/1 offset=0 key=k"]
    );
    let read = ["subscribe c1 t", "poll c1", "commit c1"];
    assert_eq!(
        shown(&mut session, &read).await,
        [
            "c1 assigned t/0 t/1",
            "t/0 offset=0 value=a",
            "t/0 offset=1 value=b",
            "t/1 offset=0 key=k value=c",
            "ok"
        ]
    );
    let shared = ["subscribe c2 t", "close c1", "settle c2"];
    assert_eq!(
        shown(&mut session, &shared).await,
        [
            "c1 revoked t/0 t/1",
            "c1 assigned t/0",
            "c2 assigned t/1",
            "c1 revoked t/0",
            "c1 closed",
            "c2 revoked t/1",
            "c2 assigned t/0 t/1"
        ]
    );
    let resumed = ["produce t/0 values=[d]", "poll c2", "committed c2", "delete-group g"];
    assert_eq!(
        shown(&mut session, &resumed).await,
        [
            "t/0 offset=2",
            "t/0 offset=2 value=d",
            "t/0 offset=2",
            "t/1 offset=1",
            "g error=NON_EMPTY_GROUP"
        ]
    );
}
