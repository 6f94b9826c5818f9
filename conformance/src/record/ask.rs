//! One case, asked twice at every version that this Kafka advertises. Two answers that are not the same are a gap in the
//! normalisation, told with both; nothing is chosen between them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Recorder;
use super::frames::{self, Candidate};
use super::table::{Row, Version};
use crate::case::{Case, Cell};
use crate::observe::compare;
use crate::run::{StepObservation, observe_case, unadvertised};

/// What a case came to.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The answers; no version at all where this Kafka does not have what the case is about.
    pub(super) row: Row,
    /// What it does not have, if anything.
    pub(super) missing: String,
    /// Exchanges that may become golden frames.
    pub(super) candidates: Vec<Candidate>,
}

/// Why a cell is not recorded: the line of the file, and what to say about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Refusal {
    line: usize,
    version: Version,
    why: String,
}

/// For one run of one case.
const LIMIT: Duration = Duration::from_secs(180);

impl Recorder {
    /// Asks at every version; the error lists every line that keeps the case from being recorded.
    pub(super) async fn ask(self: &Arc<Self>, case: &Arc<Case>) -> Result<Asked, String> {
        let path = self.place.file(&case.name).display().to_string();
        if let Err(missing) = self.pool.target().provides(&case.needs) {
            return Err(format!("{path}:1: {} cannot give {missing}", self.from));
        }
        let mut asked = Asked::default();
        let mut tasks = JoinSet::new();
        for cell in case.cells() {
            match unadvertised(case, &cell, &self.facts) {
                Some(missing) => asked.missing = missing,
                None => {
                    let (recorder, case) = (Arc::clone(self), Arc::clone(case));
                    tasks.spawn(async move { (version_of(&cell), recorder.cell(&case, &cell).await) });
                }
            }
        }
        let mut refusals = Vec::new();
        while let Some(done) = tasks.join_next().await {
            let (version, told) = done.map_err(|error| format!("{path}:1: the run failed: {error}"))?;
            match told {
                Ok(observed) => {
                    asked
                        .candidates
                        .extend(observed.iter().flat_map(|step| frames::candidates(case, version, step)));
                    asked
                        .row
                        .insert(version, observed.into_iter().map(|step| Some(step.lines)).collect());
                }
                Err((line, why)) => refusals.push(Refusal { line, version, why }),
            }
        }
        if refusals.is_empty() {
            Ok(asked)
        } else {
            Err(told(&path, refusals))
        }
    }

    async fn cell(&self, case: &Case, cell: &Cell) -> Result<Vec<StepObservation>, (usize, String)> {
        let first = self.observe(case, cell).await?;
        let second = self.observe(case, cell).await?;
        for (one, other) in first.iter().zip(&second) {
            if one.lines != other.lines {
                return Err((one.line, both(&one.lines, &other.lines)));
            }
        }
        Ok(first)
    }

    /// One observation without a fault: every step asked, nothing odd about the bytes, Kafka alive afterwards.
    async fn observe(&self, case: &Case, cell: &Cell) -> Result<Vec<StepObservation>, (usize, String)> {
        let needs = &case.needs;
        let alone = !needs.is_shared();
        let room = if alone { &self.starts } else { &self.permits };
        let _permit = room.acquire().await.map_err(|error| (1, error.to_string()))?;
        let broker = self.pool.lease(needs).await.map_err(|error| (1, error.to_string()))?;
        let asked = timeout(LIMIT, observe_case(case, cell, &broker)).await;
        let observed = asked.map_err(|_| (1, format!("not done after {LIMIT:?}")))?;
        for step in &observed {
            if let Some(why) = &step.broken {
                let placed = format!("line {}: ", step.line);
                return Err((step.line, why.strip_prefix(&placed).unwrap_or(why).to_owned()));
            }
            if let Some(finding) = step.findings.first() {
                return Err((step.line, finding.clone()));
            }
        }
        if !alone {
            broker
                .still_answers()
                .await
                .map_err(|why| (1, format!("Kafka no longer answers afterwards: {why}")))?;
        }
        Ok(observed)
    }
}

fn version_of(cell: &Cell) -> Version {
    cell.api.as_ref().map(|(_, version)| *version)
}

/// Both answers of a step: `-` only the first time, `+` only the second.
fn both(first: &[String], second: &[String]) -> String {
    let mut text = "it answered otherwise the second time: what varies wants a name in src/observe/normalise.rs, or the case a wait".to_owned();
    for row in compare(first, second) {
        let shown = match (&row.expected, &row.actual) {
            (Some(one), Some(other)) if one == other => format!("\n      {one}"),
            (one, other) => {
                let one = one.iter().map(|line| format!("\n    - {line}"));
                one.chain(other.iter().map(|line| format!("\n    + {line}"))).collect()
            }
        };
        text.push_str(&shown);
    }
    text
}

/// One paragraph a line of the file: what happened at the first version, and at how many more.
fn told(path: &str, mut refusals: Vec<Refusal>) -> String {
    refusals.sort();
    let lines: BTreeSet<usize> = refusals.iter().map(|refusal| refusal.line).collect();
    let mut text = String::new();
    for line in lines {
        let mut here = refusals.iter().filter(|refusal| refusal.line == line);
        let Some(Refusal { version, why, .. }) = here.next() else {
            continue;
        };
        let at = version.map_or(String::new(), |version| format!(" v{version}:"));
        let more: Vec<String> = here
            .filter_map(|refusal| refusal.version)
            .map(|version| format!("v{version}"))
            .collect();
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("\n    (and at {})", more.join(", "))
        };
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{gap}{path}:{line}:{at} {why}{more}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Refusal, both, told};

    #[test]
    fn two_answers_are_told_side_by_side() {
        let lines = |last: &str| vec!["error=NONE".to_owned(), last.to_owned()];
        let text = both(&lines("id=1"), &lines("id=2"));
        assert!(text.ends_with("\n      error=NONE\n    - id=1\n    + id=2"), "{text}");
    }

    #[test]
    fn the_same_line_at_many_versions_is_told_once() {
        let refusal = |line, version| Refusal {
            line,
            version: Some(version),
            why: "odd".to_owned(),
        };
        let text = told("a.case", vec![refusal(8, 4), refusal(8, 3), refusal(6, 5)]);
        assert_eq!(text, "a.case:6: v5: odd\na.case:8: v3: odd\n    (and at v4)");
    }
}
