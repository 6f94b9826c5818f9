//! The process that plays client steps for another one, spoken to as the suite does.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write;
use std::process::{Command, Stdio};

use conformance::case::parse;
use conformance::driver::apart::SUBCOMMAND;

/// What it answers to these steps, and that it ends with its input.
fn answers(steps: &[&str]) -> Vec<String> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg(SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = vec![r#"{"bootstrap":["127.0.0.1:1"],"prefix":"x-"}"#.to_owned()];
    for step in steps {
        let case = parse("step", &format!("# TOP-01  A step.\ndriver: client\n\n{step}\n")).unwrap();
        lines.push(serde_json::to_string(&case.steps[0].args).unwrap());
    }
    let input = lines.join("\n") + "\n";
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_step_is_answered_by_one_line_and_the_end_of_input_ends_it() {
    assert_eq!(answers(&[]), Vec::<String>::new());
    let told = answers(&["poll c1", "watermarks t/0 timeout=200ms"]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("{\"Err\":"), "{told:?}");
    assert!(told[1].starts_with("{\"Ok\":[\"t/0 error="), "{told:?}");
}
