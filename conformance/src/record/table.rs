//! What every Kafka release answered to one case, as one table: release × version × step. Knows nothing of how it is written.

use std::collections::BTreeMap;

use super::lock::Lock;
use crate::case::{BASELINE, Case, Cell, Step, parse};

/// The version of the matrix API; None for a case without a matrix.
pub(super) type Version = Option<i16>;

/// The answers of one release: by version, then by step. None where a step has no answer on record.
pub(super) type Row = BTreeMap<Version, Vec<Option<Vec<String>>>>;

/// Everything that is on record for one case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// The matrix.
    pub(super) versions: Vec<Version>,
    rows: Vec<(String, Row)>,
}

impl Table {
    /// A case without any answer.
    pub(super) fn empty(case: &Case) -> Self {
        let versions = case
            .cells()
            .into_iter()
            .map(|cell| cell.api.map(|(_, version)| version))
            .collect();
        Self {
            versions,
            rows: Vec::new(),
        }
    }

    /// What stands in the file now: for each release what the lock says was recorded, and what its own blocks say.
    pub(super) fn standing(case: &Case, lock: &Lock) -> Self {
        let mut table = Self::empty(case);
        let mut releases: Vec<String> = vec![BASELINE.to_owned()];
        releases.extend(lock.releases(&case.name).map(str::to_owned));
        releases.extend(
            case.steps
                .iter()
                .flat_map(|step| &step.answers)
                .flat_map(|answer| answer.releases.clone()),
        );
        releases.sort();
        releases.dedup();
        for release in releases {
            let locked = lock.standing(case, &release);
            let answers = |version: Version| -> Vec<Option<Vec<String>>> {
                let is_locked = locked.is_some_and(|span| span.contains(version));
                let told = |step: &Step| match is_locked {
                    true => step.recorded(&release, &cell(case, version)).map(<[String]>::to_vec),
                    false => step.recorded_only(&release, version).map(<[String]>::to_vec),
                };
                case.steps.iter().map(told).collect()
            };
            let mut row: Row = table
                .versions
                .iter()
                .map(|version| (*version, answers(*version)))
                .collect();
            row.retain(|_, answers| {
                answers
                    .iter()
                    .zip(&case.steps)
                    .any(|(answer, step)| answer.is_some() && step.background.is_none())
            });
            table.put(&release, row);
        }
        table
    }

    /// Replaces all that a release answered. Releases stay in the order of their numbers.
    pub(super) fn put(&mut self, release: &str, row: Row) {
        self.rows.retain(|(known, _)| known != release);
        if !row.is_empty() {
            self.rows.push((release.to_owned(), row));
            self.rows.sort_by_key(|(release, _)| numbers(release));
        }
    }

    /// What a release answered to a step, by version.
    pub(super) fn of_step(&self, release: &str, step: usize) -> BTreeMap<Version, &[String]> {
        let row = self.rows.iter().find(|(known, _)| known == release).map(|(_, row)| row);
        row.into_iter()
            .flatten()
            .filter_map(|(version, answers)| Some((*version, answers.get(step)?.as_deref()?)))
            .collect()
    }

    /// Every release but the baseline.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .map(|(release, _)| release.as_str())
            .filter(|release| *release != BASELINE)
    }

    /// Reads a text back as a case and makes sure that it says exactly what this table says.
    pub(super) fn verified(&self, name: &str, text: &str) -> Result<Case, String> {
        let case = parse(name, text).map_err(|error| format!("1: an answer cannot be written as a block: {error}"))?;
        for (release, row) in &self.rows {
            for (version, answers) in row {
                for (step, answer) in case.steps.iter().zip(answers) {
                    if answer.is_some() && step.recorded(release, &cell(&case, *version)) != answer.as_deref() {
                        let at = step.line;
                        return Err(format!(
                            "{at}: the answer cannot be written as a block, it reads back otherwise: {answer:?}"
                        ));
                    }
                }
            }
        }
        Ok(case)
    }
}

/// The run of a case at a version.
pub(super) fn cell(case: &Case, version: Version) -> Cell {
    match (case.matrix_api(), version) {
        (Some((api, ..)), Some(version)) => Cell::of(api, version),
        _ => Cell::bare(),
    }
}

/// The numbers of a release, by which releases are in order.
pub(super) fn numbers(release: &str) -> Vec<u32> {
    release
        .split('.')
        .map(|part| part.parse().unwrap_or(u32::MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Row, Table};
    use crate::case::{Case, Cell, parse};
    use crate::record::blocks::rewritten;
    use crate::record::lock::{Entry, Lock};

    fn case(text: &str) -> Case {
        parse("produce/x", text).expect("a case")
    }

    fn row(answer: &str, versions: std::ops::RangeInclusive<i16>) -> Row {
        versions
            .map(|version| (Some(version), vec![Some(vec![answer.to_owned()])]))
            .collect()
    }

    fn record(text: &str, lock: &mut Lock, release: &str, row: Row) -> String {
        let before = case(text);
        let mut table = Table::standing(&before, lock);
        let versions: Vec<_> = row.keys().copied().collect();
        table.put(release, row);
        let text = rewritten(&before, &table);
        let after = table.verified("produce/x", &text).expect("it reads back");
        lock.enter("produce/x", release, Entry::of(&after, release, &versions, "jvm"));
        text
    }

    const ASKS: &str = "# PRO-17  A b.\napis: Produce 3..5\n\nproduce t/0 values=[a]\n";

    #[test]
    fn a_release_keeps_its_answer_when_the_baseline_comes_to_answer_otherwise() {
        let mut lock = Lock::default();
        let text = record(ASKS, &mut lock, "4.3.1", row("old", 3..=5));
        let text = record(&text, &mut lock, "3.9.2", row("old", 3..=4));
        assert!(!text.contains("3.9.2"), "{text}");
        let text = record(&text, &mut lock, "4.3.1", row("new", 3..=5));
        assert!(text.ends_with("----\nnew\n---- 3.9.2 v3..4\nold\n"), "{text}");
        assert_eq!(lock.disagreements(&[case(&text)]), [""; 0]);
    }

    #[test]
    fn answers_to_a_step_that_was_edited_are_not_taken_for_those_of_another_release() {
        let mut lock = Lock::default();
        let text = record(ASKS, &mut lock, "4.3.1", row("old", 3..=5));
        let text = record(&text, &mut lock, "3.9.2", row("old", 3..=5)).replace("[a]", "[b]");
        let text = record(&text, &mut lock, "4.3.1", row("new", 3..=5));
        assert!(text.ends_with("----\nnew\n"), "{text}");
        assert!(lock.disagreements(&[case(&text)])[0].contains("since Kafka 3.9.2 was asked"));
        assert_eq!(
            case(&text).steps[0].recorded("3.9.2", &Cell::of("Produce", 3)),
            Some(["new".to_owned()].as_slice())
        );
    }
}
