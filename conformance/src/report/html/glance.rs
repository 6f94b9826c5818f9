//! What a case tells before it is opened: the first difference of its worst run, or why it was not judged.

use serde::Serialize;

use crate::run::event::{DiffLine, RunReport, StepReport};
use crate::verdict::Verdict;

/// One changed row, or one sentence.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Glance {
    /// The sentence; the row is empty then.
    note: Option<String>,
    /// Where the case is tracked.
    link: Option<String>,
    /// The step, as far as its first line tells it.
    asked: Option<String>,
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
    let mut troubled = run
        .steps
        .iter()
        .filter(|step| changes(step).next().is_some() || !step.findings.is_empty());
    let step = troubled.next()?;
    let hidden: usize = troubled.map(|step| changes(step).count() + step.findings.len()).sum();
    let own = changes(step).count() + step.findings.len();
    let (glance, shown) = match stretch(step) {
        [] => (
            Glance {
                note: step.findings.first().cloned(),
                ..Glance::default()
            },
            1,
        ),
        rows => {
            let kafka = rows.iter().find_map(|row| row.expected.clone());
            let target = rows.iter().find_map(|row| row.actual.clone());
            let first = |row: &DiffLine| row.expected == kafka || row.actual == target;
            let shown = rows.iter().filter(|row| first(row)).count();
            (
                Glance {
                    asked: Some(first_line(&step.source)),
                    kafka,
                    target,
                    ..Glance::default()
                },
                shown,
            )
        }
    };
    Some(Glance {
        more: hidden + own - shown,
        ..glance
    })
}

fn changes(step: &StepReport) -> impl Iterator<Item = &DiffLine> {
    step.difference.iter().filter(|row| row.expected != row.actual)
}

/// The first changed rows that stand together: `closed` in place of an answer comes after the lines that it replaces.
fn stretch(step: &StepReport) -> &[DiffLine] {
    let parts = step.difference.split(|row| row.expected == row.actual);
    parts.into_iter().find(|rows| !rows.is_empty()).unwrap_or_default()
}

fn first_line(source: &str) -> String {
    match source.split_once('\n') {
        Some((first, _)) => format!("{first} …"),
        None => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Glance, of};
    use crate::case::DriverKind;
    use crate::run::event::{DiffLine, RunReport, StepReport};
    use crate::verdict::Verdict;

    fn run(rows: &[(Option<&str>, Option<&str>)], findings: &[&str]) -> RunReport {
        let text = |side: &Option<&str>| side.map(str::to_owned);
        let rows = rows.iter().map(|(kafka, target)| DiffLine {
            expected: text(kafka),
            actual: text(target),
        });
        let step = StepReport {
            line: 1,
            source: "ask\n  more".to_owned(),
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

    fn row(kafka: Option<&str>, target: Option<&str>, more: usize) -> Option<Glance> {
        let text = |side: Option<&str>| side.map(str::to_owned);
        Some(Glance {
            asked: Some("ask …".into()),
            kafka: text(kafka),
            target: text(target),
            more,
            ..Glance::default()
        })
    }

    #[test]
    fn the_first_changed_row_is_shown_and_the_others_are_counted() {
        let same = (Some("same"), Some("same"));
        let seen = of(&run(
            &[same, (Some("0"), Some("1")), (Some("2"), Some("3"))],
            &["odd bytes"],
        ));
        assert_eq!(seen, row(Some("0"), Some("1"), 2));
        let alone = Glance {
            note: Some("odd bytes".into()),
            ..Glance::default()
        };
        assert_eq!(of(&run(&[same], &["odd bytes"])), Some(alone));
    }

    #[test]
    fn what_came_in_place_of_an_answer_stands_beside_it() {
        let closed = [(Some("0"), None), (Some("2"), None), (None, Some("closed"))];
        assert_eq!(of(&run(&closed, &[])), row(Some("0"), Some("closed"), 1));
        assert_eq!(of(&run(&[(Some("0"), None)], &[])), row(Some("0"), None, 0));
    }
}
