//! The lock: for each case and Kafka release what was recorded, when and from what, with a digest that no longer agrees
//! once somebody edits a step or types an answer. One line an entry, sorted, so that branches merge line by line.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use kafka_fixtures::schema::Schemas;
use sha2::{Digest, Sha256};

use super::day;
use super::table::{Version, cell, numbers};
use crate::case::{BASELINE, Case};
use crate::held;

/// Everything that was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    entries: BTreeMap<(String, String), Entry>,
}

/// What was recorded of one case from one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    span: Span,
    digest: String,
    day: String,
    from: String,
}

/// The versions of the matrix that were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// The case has no matrix.
    Bare,
    /// Both ends included.
    Versions(i16, i16),
}

/// A lock that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file could not be read.
    #[error("{0}: {1}")]
    Read(String, io::Error),
    /// A line is no entry.
    #[error("{file}:{line}: expected `CASE RELEASE vA..B DIGEST DAY ORACLE`: {text}")]
    Line {
        /// The lock.
        file: String,
        /// From 1.
        line: usize,
        /// The line.
        text: String,
    },
}

const HEAD: &str = "# What `conformance record` asked of a real Kafka: case, release, versions, digest of steps and answers, day, oracle.\n";

/// The lock of the case files that the binary carries.
const EMBEDDED: &str = include_str!("../../../fixtures/recorded/cases.lock");

impl Lock {
    /// What was recorded of the cases inside the binary.
    ///
    /// # Errors
    /// Names the line that is no entry.
    pub fn embedded() -> Result<Self, LockError> {
        Self::parse("cases.lock", EMBEDDED)
    }

    /// With the entries of another lock, which count where both have one.
    #[must_use]
    pub fn overlaid(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// Every release that anything was recorded from, by its numbers.
    pub fn all_releases(&self) -> Vec<&str> {
        let mut releases: Vec<&str> = self.entries.keys().map(|(_, release)| release.as_str()).collect();
        releases.sort_by_key(|release| numbers(release));
        releases.dedup();
        releases
    }

    /// Whether a case was recorded from a release.
    pub(crate) fn has(&self, case: &Case, release: &str) -> bool {
        self.entry(case, release).is_some()
    }

    /// Whether a release has an answer at a version: it was asked there, or would be if it were recorded now.
    pub(crate) fn reaches(&self, case: &Case, release: &str, version: Version) -> bool {
        let asked = self.entry(case, release).map(|entry| entry.span);
        let span = asked.or_else(|| expected(case, release));
        span.is_some_and(|span| span.contains(version))
    }

    /// Reads the file; one that is not there yet is empty.
    ///
    /// # Errors
    /// Names the line that is no entry.
    pub fn load(path: &Path) -> Result<Self, LockError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LockError::Read(file, error)),
        }
    }

    fn parse(file: &str, text: &str) -> Result<Self, LockError> {
        let mut entries = BTreeMap::new();
        for (index, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        {
            let (key, entry) = entry(line).ok_or_else(|| LockError::Line {
                file: file.to_owned(),
                line: index + 1,
                text: line.to_owned(),
            })?;
            entries.insert(key, entry);
        }
        Ok(Self { entries })
    }

    /// Where cases and lock do not agree, one sentence each with what to do; empty when all is well.
    pub fn disagreements(&self, cases: &[Case]) -> Vec<String> {
        let gone = self
            .entries
            .keys()
            .filter(|(name, _)| !cases.iter().any(|case| case.name == *name));
        let gone =
            gone.map(|(name, release)| format!("{name} {release}: there is no such case; delete the line of the lock"));
        gone.chain(cases.iter().flat_map(|case| self.disagreements_of(case)))
            .collect()
    }

    fn disagreements_of(&self, case: &Case) -> Vec<String> {
        let again = |release: &str| {
            format!(
                "`conformance record --oracle jvm:{release} --case {}` asks again",
                case.name
            )
        };
        let stale = self
            .releases(&case.name)
            .filter(|release| self.standing(case, release).is_none())
            .map(|release| {
                format!(
                    "{}: a step or an answer was edited since Kafka {release} was asked; {}",
                    case.name,
                    again(release)
                )
            });
        let mut all: Vec<String> = stale.collect();
        let expected = expected(case, BASELINE);
        if expected.is_some() && self.entry(case, BASELINE).map(|entry| entry.span) != expected {
            let told = expected.map(|span| span.to_string()).unwrap_or_default();
            all.push(format!(
                "{}: no answers of Kafka {BASELINE} at all its versions ({told}); {}",
                case.name,
                again(BASELINE)
            ));
        }
        all
    }

    /// The releases that a case was recorded from.
    pub(super) fn releases(&self, case: &str) -> impl Iterator<Item = &str> {
        self.entries
            .keys()
            .filter(move |(name, _)| name == case)
            .map(|(_, release)| release.as_str())
    }

    /// What was recorded of a case from a release, if what stands in the file is still that.
    pub(super) fn standing(&self, case: &Case, release: &str) -> Option<Span> {
        let entry = self.entry(case, release)?;
        (digest(case, release, &entry.span.versions()) == entry.digest).then_some(entry.span)
    }

    fn entry(&self, case: &Case, release: &str) -> Option<&Entry> {
        self.entries.get(&(case.name.clone(), release.to_owned()))
    }

    /// Takes an entry in; false where it says nothing new, then the old one stays with its day.
    pub(super) fn enter(&mut self, case: &str, release: &str, entry: Entry) -> bool {
        let key = (case.to_owned(), release.to_owned());
        let is_new = self
            .entries
            .get(&key)
            .is_none_or(|old| (&old.digest, old.span) != (&entry.digest, entry.span));
        if is_new {
            self.entries.insert(key, entry);
        }
        is_new
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(HEAD)?;
        for (
            (case, release),
            Entry {
                span,
                digest,
                day,
                from,
            },
        ) in &self.entries
        {
            writeln!(out, "{case} {release} {span} {digest} {day} {from}")?;
        }
        Ok(())
    }
}

impl Entry {
    /// What a case says now of a release that was asked today.
    pub(super) fn of(case: &Case, release: &str, versions: &[Version], from: &str) -> Self {
        let span = match (versions.iter().flatten().min(), versions.iter().flatten().max()) {
            (Some(low), Some(high)) => Span::Versions(*low, *high),
            _ => Span::Bare,
        };
        Self {
            span,
            digest: digest(case, release, versions),
            day: day::today(),
            from: from.to_owned(),
        }
    }
}

impl Span {
    pub(super) fn contains(self, version: Version) -> bool {
        self.versions().contains(&version)
    }

    fn versions(self) -> Vec<Version> {
        match self {
            Self::Bare => vec![None],
            Self::Versions(low, high) => (low..=high).map(Some).collect(),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare => out.write_str("-"),
            Self::Versions(low, high) => write!(out, "v{low}..{high}"),
        }
    }
}

/// Keeps other recorders out while a case file and the lock are rewritten. Released when dropped.
pub(super) async fn hold(lock: &Path) -> io::Result<File> {
    let dir = lock.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    held::hold(File::open(dir)?, HELD_FOR).await
}

/// Others write one file at a time, or at the end all golden frames.
const HELD_FOR: Duration = Duration::from_secs(60);

fn entry(line: &str) -> Option<((String, String), Entry)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [case, release, span, digest, day, from @ ..] = words.as_slice() else {
        return None;
    };
    let span = match span.strip_prefix('v') {
        None => (*span == "-").then_some(Span::Bare)?,
        Some(range) => {
            let (low, high) = range.split_once("..")?;
            Span::Versions(low.parse().ok()?, high.parse().ok()?)
        }
    };
    let is_digest = digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    let (digest, day, from) = (
        is_digest.then(|| (*digest).to_owned())?,
        (*day).to_owned(),
        from.join(" "),
    );
    (!from.is_empty()).then(|| {
        (
            ((*case).to_owned(), (*release).to_owned()),
            Entry {
                span,
                digest,
                day,
                from,
            },
        )
    })
}

/// Over what is asked and what was answered: the head as far as it decides, every step, every answer at every version.
fn digest(case: &Case, release: &str, versions: &[Version]) -> String {
    let mut hash = Sha256::new();
    let mut take = |part: &str| {
        hash.update(part.as_bytes());
        hash.update([0]);
    };
    let first_step = case.steps.first().map_or(0, |step| step.line - 1);
    let decides = |line: &&str| line.starts_with("given ") || line.starts_with("needs:") || line.starts_with("driver:");
    case.text.lines().take(first_step).filter(decides).for_each(&mut take);
    for step in &case.steps {
        take(&step.source);
        for version in versions {
            take(&version.map_or("----".to_owned(), |version| format!("---- v{version}")));
            match step.recorded(release, &cell(case, *version)) {
                Some(lines) => lines.iter().for_each(|line| take(line)),
                None => take("---- none"),
            }
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What can be on record from a release: the versions of the matrix that it has. None for a case that is not for it.
fn expected(case: &Case, release: &str) -> Option<Span> {
    let schemas = Schemas::release(release).unwrap_or_else(Schemas::latest);
    let advertised = |api: &str| {
        let message = schemas.request(schemas.api_key(api)?)?;
        let last = message.versions.max - i16::from(message.unstable);
        (message.versions.min <= last).then_some((message.versions.min, last))
    };
    if !case.releases.contains(release) || case.apis.iter().any(|api| advertised(&api.name).is_none()) {
        return None;
    }
    match case.matrix_api() {
        None => Some(Span::Bare),
        Some((api, low, high)) => {
            let (first, last) = advertised(api)?;
            let (low, high) = (low.max(first), high.min(last));
            (low <= high).then_some(Span::Versions(low, high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Lock};
    use crate::case::{Case, parse};

    fn case(answer: &str) -> Case {
        let text = format!("# PRO-17  A b.\napis: Produce 3..13\n\nproduce t/0 values=[a]\n----\n{answer}\n");
        parse("produce/crc", &text).expect("a case")
    }

    fn recorded(case: &Case) -> Lock {
        let versions: Vec<_> = (3..=13).map(Some).collect();
        let mut lock = Lock::default();
        assert!(lock.enter(&case.name, "4.3.1", Entry::of(case, "4.3.1", &versions, "jvm:4.3.1")));
        lock
    }

    #[test]
    fn a_lock_reads_back_and_agrees_with_what_was_recorded() {
        let lock = recorded(&case("t/0 error=NONE"));
        assert_eq!(Lock::parse("lock", &lock.to_string()).expect("what was written"), lock);
        assert_eq!(lock.disagreements(&[case("t/0 error=NONE")]), [""; 0]);
    }

    #[test]
    fn a_typed_answer_a_removed_case_and_one_never_asked_are_told() {
        let lock = recorded(&case("t/0 error=NONE"));
        assert!(lock.disagreements(&[case("t/0 error=CORRUPT_MESSAGE")])[0].contains("was edited since Kafka 4.3.1"));
        assert!(lock.disagreements(&[])[0].contains("no such case"));
        assert!(Lock::default().disagreements(&[case("x")])[0].contains("no answers of Kafka 4.3.1"));
    }

    #[test]
    fn the_same_answer_again_keeps_the_day() {
        let case = case("t/0 error=NONE");
        let mut lock = recorded(&case);
        let versions: Vec<_> = (3..=13).map(Some).collect();
        assert!(!lock.enter(
            &case.name,
            "4.3.1",
            Entry::of(&case, "4.3.1", &versions, "docker:apache/kafka:4.3.1")
        ));
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let error = Lock::parse("cases.lock", "# head\n<<<<<<< ours\n").expect_err("no entry");
        assert!(error.to_string().starts_with("cases.lock:2: expected"), "{error}");
    }
}
