//! `junit.xml` of a delivery: one test case an anomaly.

use std::io;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::text::proof;
use crate::check::{Judgement, Promise, Row, Verdict};
use crate::history::History;

/// The whole document. What was broken is a failure with its first proof, what nobody promised is skipped; too little is an error.
pub fn junit(history: &History, judgement: &Judgement) -> io::Result<String> {
    let semantics = history.header.semantics.word();
    let mut suite = TestSuite::new(semantics);
    for row in &judgement.rows {
        let mut case = TestCase::new(row.anomaly.name(), status(row, history));
        case.set_classname(semantics);
        suite.add_test_case(case);
    }
    if let Verdict::TooLittle(why) = &judgement.verdict {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("too-little").set_message(why.join("; "));
        suite.add_test_case(TestCase::new("enough-happened", status));
    }
    let mut report = Report::new(history.header.target.as_str());
    report.add_test_suite(suite);
    report.to_string().map_err(io::Error::other)
}

fn status(row: &Row, history: &History) -> TestCaseStatus {
    match (row.promise, row.findings.first()) {
        (Promise::Never, None) => match &row.unseen {
            None => TestCaseStatus::success(),
            Some(why) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(why.as_str());
                status
            }
        },
        (Promise::Never, Some(first)) => {
            let lines: Vec<String> = proof(first, history)
                .map(|(number, text)| format!("{number}: {text}"))
                .collect();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(row.anomaly.name()).set_message(first.told.as_str());
            status.set_description(lines.join("\n"));
            status
        }
        (Promise::Shown | Promise::Open, _) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("not promised; seen {} times", row.findings.len()));
            status
        }
    }
}
