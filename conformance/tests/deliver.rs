//! `conformance deliver` through the binary: every promise holds on the reference while it is killed and its connections are
//! cut, and what cannot be done is told.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use conformance::history::{Event, Semantics, load};

const PATIENCE: Duration = Duration::from_secs(240);

fn deliver(arguments: &[&str], history: &Path) -> (Option<i32>, String) {
    let said = history.with_extension("said");
    let out = File::create(&said).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("deliver")
        .args(arguments)
        .arg("--history")
        .arg(history)
        .stdout(out.try_clone().expect("a second handle"))
        .stderr(out)
        .spawn()
        .expect("the binary runs");
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill().expect("it runs");
            panic!("{arguments:?} does not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    (status.code(), std::fs::read_to_string(said).expect("text"))
}

fn holds(semantics: Semantics, seed: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("run.jsonl");
    let options = ["--duration", "6", "--faults", "kill,cut,partition"];
    let arguments = [&["--semantics", semantics.word(), "--seed", seed], options.as_slice()].concat();
    let (code, said) = deliver(&arguments, &file);
    assert_eq!(code, Some(0), "{said}");
    let history = load(&file).expect("a history");
    assert_eq!(history.header.semantics, semantics);
    let took_effect = |wanted: &str| {
        let mut lines = history.lines.iter();
        lines.any(|line| matches!(&line.event, Event::Fault { fault, effect: 1.., .. } if fault == wanted))
    };
    assert!(took_effect("kill") && took_effect("cut"), "{said}");
}

#[test]
fn at_most_once_holds_on_the_reference() {
    holds(Semantics::AtMostOnce, "1");
}

#[test]
fn at_least_once_holds_on_the_reference() {
    holds(Semantics::AtLeastOnce, "1");
}

#[test]
fn idempotence_holds_on_the_reference() {
    holds(Semantics::Idempotent, "2");
}

#[test]
fn exactly_once_holds_on_the_reference() {
    holds(Semantics::ExactlyOnce, "1");
}

#[test]
fn what_cannot_be_done_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("run.jsonl");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let nobody = free.expect("a port").to_string();
    let idempotent = ["--semantics", "idempotent"];
    for (arguments, expected, hint) in [
        (&["--target", &nobody, "--faults", "pause"][..], 2, "cannot give pause"),
        (
            &["--faults", "quake"][..],
            2,
            "kill, pause, disconnect, partition, cut and none",
        ),
        (
            &["--target", &nobody, "--faults", "kill"][..],
            2,
            "cannot give kill and restart",
        ),
        (&["--target", &nobody][..], 3, &nobody),
    ] {
        let (code, said) = deliver(&[&idempotent[..], arguments].concat(), &file);
        assert_eq!(
            (code, said.contains(hint)),
            (Some(expected), true),
            "{arguments:?}: {said}"
        );
    }
}
