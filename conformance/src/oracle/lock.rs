//! `fixtures/recorded/cases.lock`: per case and Kafka release a digest of the steps and of the answers, when they were
//! recorded and from what. It proves that no answer was edited by hand and that no step changed without being asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use sha2::{Digest, Sha256};

use super::answers::recorded;
use crate::case::Case;

const HEAD: &str = "# case  release  digest-of-steps  digest-of-answers  day  asked    (written by `conformance record`)\n";

/// What was recorded of one case from one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// [`steps_digest`] at that time.
    pub steps: String,
    /// [`answers_digest`] at that time.
    pub answers: String,
    /// The day, `2026-11-22`.
    pub day: String,
    /// The oracle string: `jvm:4.3.1`.
    pub asked: String,
}

/// The whole file, by case and release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    entries: BTreeMap<(String, String), Entry>,
}

/// Why the lock file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The system refused.
    #[error("{0}: {1}")]
    Read(String, io::Error),
    /// A line is not an entry.
    #[error("{file}:{line}: expected `case release steps answers day asked`; `git checkout` the file or record anew")]
    Line {
        /// The path.
        file: String,
        /// From 1.
        line: usize,
    },
}

impl Lock {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// A file that cannot be read or is not a lock file.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LockError::Read(path.display().to_string(), error)),
        }
    }

    /// Reads the text of a lock file; `file` is its name for errors.
    ///
    /// # Errors
    /// The first line that is not an entry.
    pub fn parse(text: &str, file: &str) -> Result<Self, LockError> {
        let mut lock = Self::default();
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.splitn(6, ' ').collect();
            let [case, release, steps, answers, day, asked] = words[..] else {
                return Err(LockError::Line { file: file.to_owned(), line: at + 1 });
            };
            let [steps, answers, day, asked] = [steps, answers, day, asked].map(str::to_owned);
            lock.put(case, release, Entry { steps, answers, day, asked });
        }
        Ok(lock)
    }

    /// Replaces what is known of a case and release.
    pub fn put(&mut self, case: &str, release: &str, entry: Entry) {
        self.entries.insert((case.to_owned(), release.to_owned()), entry);
    }

    /// What was recorded of a case from a release.
    pub fn entry(&self, case: &str, release: &str) -> Option<&Entry> {
        self.entries.get(&(case.to_owned(), release.to_owned()))
    }

    /// The releases from which a case was recorded.
    pub fn releases(&self, case: &str) -> BTreeSet<String> {
        self.entries.keys().filter(|(name, _)| name == case).map(|(_, release)| release.clone()).collect()
    }

    /// Every case and release.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.keys().map(|(case, release)| (case.as_str(), release.as_str()))
    }

    /// Drops the entries of cases that there are no more.
    pub fn keep(&mut self, is_case: impl Fn(&str) -> bool) {
        self.entries.retain(|(case, _), _| is_case(case));
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((case, release), Entry { steps, answers, day, asked }) in &self.entries {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{case} {release} {steps} {answers} {day} {asked}");
        }
        text
    }

    /// What of this case does not agree with its file, one sentence each; empty when all is well.
    pub fn disagreements(&self, case: &Case) -> Vec<String> {
        let mut found = Vec::new();
        for release in self.releases(&case.name) {
            let Some(entry) = self.entry(&case.name, &release) else { continue };
            if entry.steps != steps_digest(case) {
                found.push(format!("{}: the steps changed since {release} was asked on {}", case.name, entry.day));
            } else if entry.answers != answers_digest(case, &release) {
                found.push(format!("{}: the answers are not those that {release} gave on {}", case.name, entry.day));
            }
        }
        found
    }
}

/// Of everything in the file that makes a run: all but comments, blank lines and answers.
pub fn steps_digest(case: &Case) -> String {
    let is_answer = |line: usize| case.steps.iter().any(|step| step.last_line < line && line <= step.answers_end);
    let mut hash = Sha256::new();
    for (at, line) in case.text.lines().enumerate() {
        if !line.trim().is_empty() && !line.starts_with('#') && !is_answer(at + 1) {
            hash.update(line.trim_end());
            hash.update("\n");
        }
    }
    short(hash)
}

/// Of what a release answers to every step at every cell, however the file groups it.
pub fn answers_digest(case: &Case, release: &str) -> String {
    let mut hash = Sha256::new();
    for cell in case.cells() {
        for (at, step) in case.steps.iter().enumerate() {
            let answer = recorded(step, release, &cell).map_or_else(|| "none".to_owned(), |lines| lines.join("\n"));
            hash.update(format!("{} {at}\n{answer}\n\n", case.run_id(&cell)));
        }
    }
    short(hash)
}

/// 128 bits are plenty against accidents, and the lines stay readable.
fn short(hash: Sha256) -> String {
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, Lock, answers_digest, steps_digest};
    use crate::case::parse;

    const FILE: &str = "# PRO-17  A b.\napis: Produce 3..4\n\nsend Produce {}\n----\na\n";

    #[test]
    fn a_changed_step_or_answer_is_noticed_and_a_comment_is_not() {
        let case = |text: &str| parse("produce/a", text).expect("a case");
        let first = case(FILE);
        let mut lock = Lock::default();
        let (steps, answers) = (steps_digest(&first), answers_digest(&first, "4.3.1"));
        let entry = Entry { steps, answers, day: "2026-11-22".to_owned(), asked: "exec:java -jar x".to_owned() };
        lock.put("produce/a", "4.3.1", entry);
        let lock = Lock::parse(&lock.text(), "cases.lock").expect("its own text");
        let told = |text: &str| lock.disagreements(&case(text)).join("; ");
        assert_eq!(told(FILE), "");
        assert_eq!(told(&FILE.replace("A b.", "Other words.\n# And more.")), "");
        assert!(told(&FILE.replace("\na\n", "\nb\n")).contains("answers"));
        assert!(told(&FILE.replace("{}", "{ Acks: 1 }")).contains("steps"));
        // The same answers grouped otherwise are the same answers.
        assert_eq!(told(&FILE.replace("----\na\n", "----\na\n---- v4\na\n")), "");
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let error = Lock::parse("# head\nproduce/a 4.3.1\n", "cases.lock").expect_err("two words");
        assert!(error.to_string().starts_with("cases.lock:2:"));
    }
}
