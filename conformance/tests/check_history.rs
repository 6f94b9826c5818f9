//! `conformance check-history` through the binary: its exit codes, and what it tells of files that are no histories.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

const HEADER: &str = r#"{"history":1,"semantics":"idempotent","seed":7,"target":"elsewhere","version":"1"}"#;

/// A history of many sends, each read at its offset, and the partition read to its end.
fn good(count: u64) -> String {
    let mut text = format!("{HEADER}\n");
    for n in 0..count {
        let value = format!(r#"{{"producer":"p","run":0,"sequence":{n},"key":"k","checksum":{n}}}"#);
        let mut add = |event: &str| writeln!(text, r#"{{"at":{n},"process":"p","event":{event}}}"#).expect("room");
        add(&format!(r#""send","id":{n},"partition":"t/0","value":{value}"#));
        add(&format!(r#""done","id":{n},"outcome":"ok","offset":{n}"#));
        add(&format!(
            r#""poll","partition":"t/0","offset":{n},"value":{value},"since":0,"isolation":"committed""#
        ));
    }
    let read = format!(r#""read","partition":"t/0","from":0,"to":{count},"isolation":"committed""#);
    writeln!(text, r#"{{"at":9,"process":"p","event":{read}}}"#).expect("room");
    text
}

fn checked(dir: &Path, text: &str) -> (i32, String) {
    let file = dir.join("run.jsonl");
    std::fs::write(&file, text).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("check-history")
        .arg(&file)
        .arg("--report")
        .arg(dir.join("report"))
        .output()
        .expect("the binary runs");
    let said = [output.stdout, output.stderr].concat();
    // Sentences fold where the window ends.
    let text = String::from_utf8_lossy(&said);
    let words: Vec<&str> = text.split_whitespace().collect();
    (output.status.code().unwrap_or(-1), words.join(" "))
}

#[test]
fn a_history_that_keeps_its_promise_is_0_and_writes_junit() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, said) = checked(dir.path(), &good(200));
    assert_eq!((code, said.contains("idempotent held.")), (0, true), "{said}");
    let junit = std::fs::read_to_string(dir.path().join("report/junit.xml")).expect("a report");
    assert!(junit.contains(r#"name="lost-write""#), "{junit}");
}

#[test]
fn a_lost_value_is_1_with_its_lines() {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = good(200);
    let lost: String = whole
        .lines()
        .filter(|line| !(line.contains("poll") && line.contains(r#""offset":50,"#)))
        .fold(String::new(), |text, line| text + line + "\n");
    let (code, said) = checked(dir.path(), &lost);
    assert_eq!(
        (code, said.contains("lost-write: p.0.50 was acknowledged")),
        (1, true),
        "{said}"
    );
    assert!(said.contains("152: {"), "the send is line 152: {said}");
    let junit = std::fs::read_to_string(dir.path().join("report/junit.xml")).expect("a report");
    assert!(junit.contains("<failure"), "{junit}");
}

#[test]
fn too_little_is_4_in_words() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, said) = checked(dir.path(), &good(3));
    assert_eq!((code, said.contains("3 values were acknowledged")), (4, true), "{said}");
    let (code, said) = checked(dir.path(), &format!("{HEADER}\n"));
    assert_eq!(
        (code, said.contains("no partition was read to its end")),
        (4, true),
        "{said}"
    );
}

#[test]
fn what_is_no_history_is_2_with_file_and_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = good(3);
    let (code, said) = checked(dir.path(), &whole[..whole.len() - 20]);
    assert_eq!(
        (code, said.contains("run.jsonl:11: the file ends within this line")),
        (2, true),
        "{said}"
    );
    let (code, said) = checked(dir.path(), "hello\n");
    assert_eq!((code, said.contains("run.jsonl:1: not a header")), (2, true), "{said}");
    let missing = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["check-history", "/no/such/file"])
        .output()
        .expect("the binary runs");
    assert_eq!(missing.status.code(), Some(2));
}
