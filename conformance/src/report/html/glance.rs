//! What a case tells before it is opened: the first difference of its worst run, or why it was not judged.

use serde::Serialize;

use crate::run::event::{DiffLine, RunReport};
use crate::verdict::Verdict;

/// One changed row, or one sentence.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Glance {
    /// The sentence; the row is empty then.
    note: Option<String>,
    /// Where the case is tracked.
    link: Option<String>,
    kafka: Option<String>,
    target: Option<String>,
    /// Changed rows and findings that are not shown.
    more: usize,
}

/// None where there is nothing to tell: the case passed.
pub(super) fn of(run: &RunReport) -> Option<Glance> {
    let note = |text: &str| {
        Some(Glance {
            note: Some(text.to_owned()),
            ..Glance::default()
        })
    };
    match &run.verdict {
        Verdict::Passed => None,
        Verdict::Differs => difference(run),
        Verdict::Known { reason, link } => Some(Glance {
            note: Some(reason.clone()),
            link: link.clone(),
            ..Glance::default()
        }),
        Verdict::Vanished { reason } => note(&format!("No longer seen: {reason}")),
        Verdict::Unclaimed { missing } => note(missing),
        Verdict::Unreachable { needs } => note(needs),
        Verdict::Broken { why } => note(why),
    }
}

fn difference(run: &RunReport) -> Option<Glance> {
    let changed = |row: &&DiffLine| row.expected != row.actual;
    let mut rows = run.steps.iter().flat_map(|step| &step.difference).filter(changed);
    let mut findings = run.steps.iter().flat_map(|step| &step.findings);
    let mut glance = match (rows.next(), findings.clone().next()) {
        (Some(row), _) => Glance {
            kafka: row.expected.clone(),
            target: row.actual.clone(),
            ..Glance::default()
        },
        (None, Some(_)) => Glance {
            note: findings.next().cloned(),
            ..Glance::default()
        },
        (None, None) => return None,
    };
    glance.more = rows.count() + findings.count();
    Some(glance)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Glance, of};
    use crate::run::event::{DiffLine, DriverKind, RunReport, StepReport};
    use crate::verdict::Verdict;

    fn run(rows: &[(&str, &str)], findings: &[&str]) -> RunReport {
        let rows = rows.iter().map(|(kafka, target)| DiffLine {
            expected: Some((*kafka).into()),
            actual: Some((*target).into()),
        });
        let step = StepReport {
            line: 1,
            source: String::new(),
            expected: None,
            actual: Vec::new(),
            difference: rows.collect(),
            findings: findings.iter().map(|finding| (*finding).to_owned()).collect(),
            frames: Vec::new(),
        };
        RunReport {
            id: String::new(),
            case: String::new(),
            family: String::new(),
            ids: Vec::new(),
            intent: String::new(),
            apis: Vec::new(),
            version: None,
            driver: DriverKind::Wire,
            verdict: Verdict::Differs,
            elapsed: Duration::ZERO,
            steps: vec![step],
        }
    }

    #[test]
    fn the_first_changed_row_is_shown_and_the_others_are_counted() {
        let seen = of(&run(&[("same", "same"), ("0", "1"), ("2", "3")], &["odd bytes"]));
        let row = Glance {
            kafka: Some("0".into()),
            target: Some("1".into()),
            more: 2,
            ..Glance::default()
        };
        assert_eq!(seen, Some(row));
        let alone = Glance {
            note: Some("odd bytes".into()),
            ..Glance::default()
        };
        assert_eq!(of(&run(&[("same", "same")], &["odd bytes"])), Some(alone));
    }
}
