//! What the page shows before anything is opened: the headline, the overview and the list of cases.

use std::collections::BTreeSet;
use std::time::Duration;

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

/// The sentence that says how it went, and what else needs a look.
pub(super) fn headline(collected: &Collected, overview: &Overview) -> (String, Vec<String>) {
    let cases = |words: &[&str]| {
        let named = collected
            .runs
            .iter()
            .filter(|run| words.contains(&run.verdict.word()))
            .map(|run| run.case.as_str());
        named.collect::<BTreeSet<_>>().len()
    };
    let asked = cases(&["passed", "differs", "known", "vanished"]);
    let (differs, vanished, broken) = (cases(&["differs"]), cases(&["vanished"]), cases(&["broken"]));
    let many = |count: usize| {
        if count == 1 {
            "1 case".to_owned()
        } else {
            format!("{count} cases")
        }
    };
    let mut sentences = Vec::new();
    if differs > 0 {
        sentences.push(format!("{differs} of {} answered otherwise than Kafka.", many(asked)));
    }
    if vanished > 0 {
        sentences.push(format!(
            "{} no longer {} a known difference.",
            many(vanished),
            if vanished == 1 { "shows" } else { "show" }
        ));
    }
    if broken > 0 {
        sentences.push(format!("{} could not be judged.", many(broken)));
    }
    if sentences.is_empty() {
        sentences.push(calm(asked, overview).to_owned());
    }
    (sentences.remove(0), sentences)
}

fn calm(asked: usize, overview: &Overview) -> &'static str {
    match (asked, overview.count("known")) {
        (0, _) => "Nothing was compared.",
        (_, 0) => "Every case that was asked answered as Kafka does.",
        (_, _) => "Nothing unexpected: every difference is a known one.",
    }
}

/// Where Kafka's answers come from, in words.
pub(super) fn origin(oracle: &str) -> String {
    match oracle.split_once(':') {
        Some(("recorded", release)) => {
            format!("what a real Apache Kafka {release} was recorded to answer to the same steps")
        }
        Some(("jvm" | "docker", _)) => {
            format!("what a real Apache Kafka ({oracle}) answered to the same steps in the same run")
        }
        Some(_) | None => format!("what {oracle} answered to the same steps in the same run"),
    }
}

/// The word whose colour the headline takes.
pub(super) fn tone(overview: &Overview) -> &'static str {
    let worst = ["differs", "vanished", "broken"]
        .into_iter()
        .find(|word| overview.count(word) > 0);
    worst.unwrap_or(if overview.count("passed") > 0 {
        "passed"
    } else {
        "unclaimed"
    })
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
    ids: String,
    intent: String,
    apis: String,
    driver: crate::run::event::DriverKind,
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
        ids: run.ids.join(" "),
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

/// `1m 04s`, `5.2 s`, `80 ms`
pub(super) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 60.0 => format!("{}m {:02}s", time.as_secs() / 60, time.as_secs() % 60),
        s if s >= 1.0 => format!("{s:.1} s"),
        s => format!("{:.0} ms", s * 1e3),
    }
}
