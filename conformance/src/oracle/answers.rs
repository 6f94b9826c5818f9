//! All recorded answers of one case as a table, release × cell × step: what the blocks of a file say when they are spelt out.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{BASELINE, Case, Cell, Step};

/// The answer to every step at one cell; None where the step has none.
type Column = Vec<Option<Vec<String>>>;

/// What each release answers at each cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    releases: BTreeMap<String, BTreeMap<Cell, Column>>,
}

impl Answers {
    /// What the file says of the releases that it was recorded from; one without a block of its own answers as the
    /// baseline does.
    pub fn of(case: &Case, recorded: &BTreeSet<String>) -> Self {
        let column = |release: &String, cell: &Cell| case.steps.iter().map(|step| self::recorded(step, release, cell)).collect();
        let cells = |release: &String| case.cells().into_iter().map(|cell| (cell.clone(), column(release, &cell))).collect();
        Self { releases: recorded.iter().map(|release| (release.clone(), cells(release))).collect() }
    }

    /// Puts what a release answered in the place of what was known of it.
    pub fn replace(&mut self, release: &str, cells: BTreeMap<Cell, Column>) {
        self.releases.insert(release.to_owned(), cells);
    }

    /// The releases that it knows.
    pub fn releases(&self) -> impl Iterator<Item = &str> {
        self.releases.keys().map(String::as_str)
    }

    /// The answer of a release to a step at a cell.
    pub fn answer(&self, release: &str, cell: &Cell, step: usize) -> Option<&[String]> {
        self.releases.get(release)?.get(cell)?.get(step)?.as_deref()
    }

    /// The cells at which a release was asked.
    pub fn cells(&self, release: &str) -> impl Iterator<Item = &Cell> {
        self.releases.get(release).into_iter().flat_map(BTreeMap::keys)
    }

    /// Whether the baseline is among them: without it other releases have nothing to differ from.
    pub fn has_baseline(&self) -> bool {
        self.releases.contains_key(BASELINE)
    }
}

/// The recorded answer to a step. A step in the background shows its answer where it is awaited.
pub(super) fn recorded(step: &Step, release: &str, cell: &Cell) -> Option<Vec<String>> {
    if step.background.is_some() {
        return Some(Vec::new());
    }
    step.recorded(release, cell).map(<[String]>::to_vec)
}
