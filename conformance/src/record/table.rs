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
        let versions = case.cells().into_iter().map(|cell| cell.api.map(|(_, version)| version)).collect();
        Self { versions, rows: Vec::new() }
    }

    /// What stands in the file now: for each release what the lock says was recorded, and what its own blocks say.
    pub(super) fn standing(case: &Case, lock: &Lock) -> Self {
        let mut table = Self::empty(case);
        let mut releases: Vec<String> = vec![BASELINE.to_owned()];
        releases.extend(lock.releases(&case.name).map(str::to_owned));
        releases.extend(case.steps.iter().flat_map(|step| &step.answers).flat_map(|answer| answer.releases.clone()));
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
            let mut row: Row = table.versions.iter().map(|version| (*version, answers(*version))).collect();
            row.retain(|_, answers| answers.iter().zip(&case.steps).any(|(answer, step)| answer.is_some() && step.background.is_none()));
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
        self.rows.iter().map(|(release, _)| release.as_str()).filter(|release| *release != BASELINE)
    }

    /// Reads a text back as a case and makes sure that it says exactly what this table says.
    pub(super) fn verified(&self, name: &str, text: &str) -> Result<Case, String> {
        let case = parse(name, text).map_err(|error| format!("1: an answer cannot be written as a block: {error}"))?;
        for (release, row) in &self.rows {
            for (version, answers) in row {
                for (step, answer) in case.steps.iter().zip(answers) {
                    if answer.is_some() && step.recorded(release, &cell(&case, *version)) != answer.as_deref() {
                        let at = step.line;
                        return Err(format!("{at}: the answer cannot be written as a block, it reads back otherwise: {answer:?}"));
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

fn numbers(release: &str) -> Vec<u32> {
    release.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}
