//! What the stream has said so far, and the few ways to order it that more than one report shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::run::event::{Ending, Event, Plan, RunReport, StepReport};
use crate::verdict::Verdict;

/// Everything that a run has told.
#[derive(Debug, Default)]
pub struct Collected {
    /// What was planned; None until the stream starts.
    pub plan: Option<Plan>,
    /// The runs in the order in which they finished, or by case once [`Collected::sort`] was called.
    pub runs: Vec<RunReport>,
    /// How it ended; None while it runs.
    pub ending: Option<Ending>,
}

impl Collected {
    /// Keeps what this event says.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Started(plan) => self.plan = Some(plan.clone()),
            Event::RunStarted { .. } => {}
            Event::RunFinished(run) => self.runs.push(run.clone()),
            Event::Ended(ending) => {
                self.ending = Some(ending.clone());
                self.sort();
            }
        }
    }

    /// The same without frames, which only the files show: they are most of what a run says.
    pub fn add_without_frames(&mut self, event: &Event) {
        self.add(event);
        if let (Event::RunFinished(_), Some(run)) = (event, self.runs.last_mut()) {
            run.steps.iter_mut().for_each(|step| step.frames = Vec::new());
        }
    }

    /// Orders the runs by case, then API, then version, so that two reports of one suite can be compared.
    pub fn sort(&mut self) {
        self.runs.sort_by(|a, b| {
            (&a.family, &a.case, &a.version, a.driver).cmp(&(&b.family, &b.case, &b.version, b.driver))
        });
    }

    /// Families × verdicts.
    pub fn overview(&self) -> Overview {
        Overview::of(&self.runs)
    }

    /// Runs of one case that came to the same end in the same way, as one.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for run in &self.runs {
            match groups
                .iter_mut()
                .rev()
                .take_while(|g| g.first().case == run.case)
                .find(|g| g.takes(run))
            {
                Some(group) => group.runs.push(run),
                None => groups.push(Group { runs: vec![run] }),
            }
        }
        groups
    }

    /// The cases that took longest in a single run, slowest first.
    pub fn slowest(&self, count: usize) -> Vec<&RunReport> {
        let mut worst: BTreeMap<&str, &RunReport> = BTreeMap::new();
        for run in &self.runs {
            let entry = worst.entry(&run.case).or_insert(run);
            if run.elapsed > entry.elapsed {
                *entry = run;
            }
        }
        let mut worst: Vec<_> = worst.into_values().collect();
        worst.sort_by_key(|run| std::cmp::Reverse(run.elapsed));
        worst.truncate(count);
        worst
    }
}

/// How many runs of a family came to which verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Family {
    /// Its prefix in the catalogue: `PRO`.
    pub name: String,
    /// Distinct cases.
    pub cases: usize,
    /// Runs by verdict, in the order of [`Overview::WORDS`].
    pub runs: [usize; 7],
}

/// The table that opens every report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// One row a family, by name.
    pub families: Vec<Family>,
    /// Their sum.
    pub total: Family,
}

impl Overview {
    /// Every verdict, in the order in which reports show them.
    pub const WORDS: [&'static str; 7] = [
        "passed",
        "differs",
        "known",
        "vanished",
        "unclaimed",
        "unreachable",
        "broken",
    ];

    fn of(runs: &[RunReport]) -> Self {
        let mut families: BTreeMap<&str, (std::collections::BTreeSet<&str>, [usize; 7])> = BTreeMap::new();
        for run in runs {
            let (cases, counts) = families.entry(&run.family).or_default();
            cases.insert(&run.case);
            counts[column(&run.verdict)] += 1;
        }
        let families: Vec<Family> = families
            .into_iter()
            .map(|(name, (cases, runs))| Family {
                name: name.to_owned(),
                cases: cases.len(),
                runs,
            })
            .collect();
        let mut total = Family {
            name: "all".to_owned(),
            ..Family::default()
        };
        for family in &families {
            total.cases += family.cases;
            for (sum, runs) in total.runs.iter_mut().zip(family.runs) {
                *sum += runs;
            }
        }
        Self { families, total }
    }

    /// The sum under this word.
    pub fn count(&self, word: &str) -> usize {
        Self::WORDS
            .iter()
            .position(|w| *w == word)
            .map_or(0, |at| self.total.runs[at])
    }
}

fn column(verdict: &Verdict) -> usize {
    Overview::WORDS
        .iter()
        .position(|word| *word == verdict.word())
        .unwrap_or(0)
}

/// Runs of one case with one verdict and one way of differing.
#[derive(Debug)]
pub struct Group<'a> {
    /// At least one run.
    pub runs: Vec<&'a RunReport>,
}

impl<'a> Group<'a> {
    /// The run that stands for all of them.
    pub fn first(&self) -> &'a RunReport {
        self.runs[0]
    }

    fn takes(&self, run: &RunReport) -> bool {
        let first = self.first();
        let api = |run: &RunReport| run.version.as_ref().map(|(api, _)| api.clone());
        first.verdict == run.verdict
            && first.driver == run.driver
            && api(first) == api(run)
            && troubles(first).eq(troubles(run))
    }

    /// `Produce v3..9, v11`; None where the case has no matrix.
    pub fn versions(&self) -> Option<String> {
        let (api, _) = self.first().version.as_ref()?;
        let mut versions: Vec<i16> = self
            .runs
            .iter()
            .filter_map(|run| run.version.as_ref().map(|(_, v)| *v))
            .collect();
        versions.sort_unstable();
        versions.dedup();
        Some(format!("{api} {}", ranges(&versions)))
    }
}

/// The parts of a run that make it differ from another run of the same case.
fn troubles(run: &RunReport) -> impl Iterator<Item = (usize, &[crate::run::event::DiffLine], &[String])> {
    let needs_words = |step: &&StepReport| !step.difference.is_empty() || !step.findings.is_empty();
    run.steps
        .iter()
        .filter(needs_words)
        .map(|step| (step.line, &step.difference[..], &step.findings[..]))
}

/// `v3..9, v11` of sorted, distinct versions.
fn ranges(versions: &[i16]) -> String {
    let mut out = String::new();
    for run in versions.chunk_by(|a, b| a + 1 == *b) {
        let comma = if out.is_empty() { "" } else { ", " };
        let (first, last) = (run[0], run[run.len() - 1]);
        // Writing to a String cannot fail.
        let _ = if first == last {
            write!(out, "{comma}v{first}")
        } else {
            write!(out, "{comma}v{first}..{last}")
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn neighbouring_versions_are_written_as_a_range() {
        assert_eq!(ranges(&[3, 4, 5, 7, 9, 10]), "v3..5, v7, v9..10");
        assert_eq!(ranges(&[0]), "v0");
    }
}
