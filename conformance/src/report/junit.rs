//! `junit.xml`: a suite per family and a test case per run, for the CI servers that read it.

use std::io;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::report::Collected;
use crate::run::event::{DiffLine, RunReport};
use crate::verdict::Verdict;

/// The whole document. Differs and Vanished are failures, Broken is an error; Known, Unclaimed and Unreachable are skipped.
pub fn junit(collected: &Collected) -> io::Result<String> {
    let name = collected
        .plan
        .as_ref()
        .map_or("conformance", |plan| plan.target.as_str());
    let mut report = Report::new(name);
    if let Some(ending) = &collected.ending {
        report.set_time(ending.elapsed);
    }
    for runs in collected.runs.chunk_by(|a, b| a.family == b.family) {
        report.add_test_suite(suite(runs));
    }
    report.to_string().map_err(io::Error::other)
}

fn suite(runs: &[RunReport]) -> TestSuite {
    let mut suite = TestSuite::new(runs[0].family.as_str());
    suite.set_time(runs.iter().map(|run| run.elapsed).sum());
    suite.add_test_cases(runs.iter().map(case));
    suite
}

fn case(run: &RunReport) -> TestCase {
    let mut case = TestCase::new(run.id.as_str(), status(run));
    case.set_classname(run.case.replace('/', "."));
    case.set_time(run.elapsed);
    case.add_property(("ids", run.ids.join(" ").as_str()));
    case
}

fn status(run: &RunReport) -> TestCaseStatus {
    let failed = |kind, message: &str, text: String| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(run.verdict.word()).set_message(message);
        if !text.is_empty() {
            status.set_description(text);
        }
        status
    };
    let skipped = |message: String| {
        let mut status = TestCaseStatus::skipped();
        status.set_type(run.verdict.word()).set_message(message);
        status
    };
    match &run.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Differs => failed(NonSuccessKind::Failure, &run.intent, differences(run)),
        Verdict::Vanished { reason } => failed(
            NonSuccessKind::Failure,
            &format!("a known difference no longer shows: {reason}"),
            String::new(),
        ),
        Verdict::Broken { why } => failed(NonSuccessKind::Error, why, String::new()),
        Verdict::Known {
            reason,
            link: Some(link),
        } => skipped(format!("known difference: {reason} ({link})")),
        Verdict::Known { reason, link: None } => skipped(format!("known difference: {reason}")),
        Verdict::Unclaimed { missing } => skipped(format!("not claimed: {missing}")),
        Verdict::Unreachable { needs } => skipped(format!("needs {needs}")),
    }
}

/// Kafka's lines with `-`, the target's with `+`, context with a space: what every reader of patches knows.
fn differences(run: &RunReport) -> String {
    let mut lines = Vec::new();
    for step in run
        .steps
        .iter()
        .filter(|s| !s.difference.is_empty() || !s.findings.is_empty())
    {
        lines.push(format!("line {}: {}", step.line, step.source));
        lines.extend(step.difference.iter().flat_map(signed));
        lines.extend(step.findings.iter().map(|finding| format!("! {finding}")));
    }
    lines.join("\n")
}

fn signed(row: &DiffLine) -> Vec<String> {
    if row.expected == row.actual {
        return row.expected.iter().map(|line| format!("  {line}")).collect();
    }
    let kafka = row.expected.iter().map(|line| format!("- {line}"));
    kafka.chain(row.actual.iter().map(|line| format!("+ {line}"))).collect()
}
