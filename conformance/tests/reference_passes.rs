//! The main job as a test: every case passes on the reference broker, against what a real Kafka was recorded to say.

use std::process::Command;

#[test]
fn every_case_passes_on_the_reference_broker() {
    let report = tempfile::tempdir().expect("a directory");
    let run = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("run")
        .arg("--report")
        .arg(report.path())
        .output()
        .expect("the suite runs");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(
        !told.contains("unclaimed"),
        "a case that the reference does not claim:\n{told}"
    );
    assert!(report.path().join("index.html").is_file(), "the page is written");
}
