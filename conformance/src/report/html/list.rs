//! What the page shows before anything is opened, below its head: the overview and the list of cases.

use std::collections::BTreeSet;

use serde::Serialize;

use super::glance::{self, Glance};
use crate::report::{Collected, Family, Group, Overview};
use crate::run::event::RunReport;

/// One case of the list with all its runs.
pub(super) struct Entry<'a> {
    pub(super) runs: Vec<&'a RunReport>,
}

impl<'a> Entry<'a> {
    pub(super) fn first(&self) -> &'a RunReport {
        self.runs[0]
    }

    fn with(&self, word: &str) -> Vec<&'a RunReport> {
        self.runs
            .iter()
            .filter(|run| run.verdict.word() == word)
            .copied()
            .collect()
    }

    /// The verdict that a reader should see first.
    fn worst(&self) -> &'static str {
        const ORDER: [&str; 7] = [
            "broken",
            "differs",
            "vanished",
            "known",
            "unclaimed",
            "unreachable",
            "passed",
        ];
        let has = |word: &&&str| self.runs.iter().any(|run| run.verdict.word() == **word);
        ORDER.iter().find(has).copied().unwrap_or("passed")
    }
}

/// One entry a case, in the order of the collected runs.
pub(super) fn entries(collected: &Collected) -> Vec<Entry<'_>> {
    collected
        .runs
        .chunk_by(|a, b| a.case == b.case)
        .map(|runs| Entry {
            runs: runs.iter().collect(),
        })
        .collect()
}

/// A line of the overview.
#[derive(Serialize)]
pub(super) struct Row {
    name: String,
    cases: usize,
    runs: usize,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    word: &'static str,
    count: usize,
    percent: f64,
}

pub(super) fn row(family: &Family, shown: &[usize]) -> Row {
    let runs = family.runs.iter().sum::<usize>();
    let cell = |at: &usize| Cell {
        word: Overview::WORDS[*at],
        count: family.runs[*at],
        percent: (family.runs[*at] as f64 * 1000.0 / runs.max(1) as f64).round() / 10.0,
    };
    Row {
        name: family.name.clone(),
        cases: family.cases,
        runs,
        cells: shown.iter().map(cell).collect(),
    }
}

/// Every API that some case touches.
pub(super) fn apis<'a>(entries: &[Entry<'a>]) -> BTreeSet<&'a str> {
    entries
        .iter()
        .flat_map(|entry| entry.first().apis.iter().map(String::as_str))
        .collect()
}

/// A heading of the list and what stands below it.
#[derive(Serialize)]
pub(super) struct Section {
    title: String,
    cases: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    index: usize,
    name: String,
    family: String,
    ids: Vec<String>,
    intent: String,
    apis: String,
    driver: crate::case::DriverKind,
    /// Those of the worst verdict.
    versions: String,
    /// All, where that is more.
    of_versions: String,
    worst: &'static str,
    verdicts: String,
    glance: Option<Glance>,
}

/// First what someone should look at, then every family.
pub(super) fn sections(entries: &[Entry<'_>]) -> Vec<Section> {
    let items: Vec<Item> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| item(index, entry))
        .collect();
    let (urgent, calm): (Vec<Item>, Vec<Item>) = items
        .into_iter()
        .partition(|item| matches!(item.worst, "differs" | "vanished" | "broken"));
    let mut sections = Vec::new();
    if !urgent.is_empty() {
        sections.push(Section {
            title: "To look at".to_owned(),
            cases: urgent,
        });
    }
    for item in calm {
        match sections.last_mut().filter(|section| section.title == item.family) {
            Some(section) => section.cases.push(item),
            None => sections.push(Section {
                title: item.family.clone(),
                cases: vec![item],
            }),
        }
    }
    sections
}

fn item(index: usize, entry: &Entry<'_>) -> Item {
    let worst = entry.worst();
    let (of_worst, run): (Vec<&RunReport>, _) = (entry.with(worst), entry.first());
    let verdicts: BTreeSet<&str> = entry.runs.iter().map(|run| run.verdict.word()).collect();
    Item {
        index,
        name: run.case.clone(),
        family: run.family.clone(),
        ids: run.ids.clone(),
        intent: run.intent.clone(),
        apis: run.apis.join(" "),
        driver: run.driver,
        glance: of_worst.first().and_then(|run| glance::of(run)),
        of_versions: if of_worst.len() < entry.runs.len() {
            versions(&entry.runs)
        } else {
            String::new()
        },
        versions: match &run.version {
            Some((api, _)) => format!("{api} {}", versions(&of_worst)),
            None => String::new(),
        },
        worst,
        verdicts: verdicts.into_iter().collect::<Vec<_>>().join(" "),
    }
}

/// `v3..9, v11`
fn versions(runs: &[&RunReport]) -> String {
    let named = Group { runs: runs.to_vec() }.versions();
    named
        .and_then(|named| named.split_once(' ').map(|(_, versions)| versions.to_owned()))
        .unwrap_or_default()
}
