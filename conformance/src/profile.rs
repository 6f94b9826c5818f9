//! What a target claims and which differences from Kafka are known, as its authors write them down in a file. It knows
//! nothing of answers: the executor asks it, and makes the verdict.
//!
//! A profile does not rot: an entry that fits no case is an error, and so is a known difference that no longer shows.

mod claim;
mod known;
mod read;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::case::{Case, Cell};
use crate::run::Profiled;
use claim::Exclusion;
use known::Known;

/// One profile file; the default claims everything and knows of no difference.
#[derive(Debug, Default)]
pub struct Profile {
    exclude: Vec<Exclusion>,
    known: Vec<Known>,
}

/// A profile that cannot be used: where it is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The file as given.
    pub path: PathBuf,
    /// From 1; None where the file as a whole could not be read.
    pub line: Option<usize>,
    /// The line itself.
    pub text: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Profile {
    /// Reads a profile; `cases` are all that there are, whatever a run picks of them.
    pub fn load(path: &Path, cases: &[Case]) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|error| ProfileError {
            path: path.to_owned(),
            line: None,
            text: String::new(),
            message: format!("the profile cannot be read: {error}"),
        })?;
        Self::parse(path, &text, cases)
    }

    /// The same from a text; `path` is only for the words of an error.
    pub fn parse(path: &Path, text: &str, cases: &[Case]) -> Result<Self, ProfileError> {
        read::profile(text, cases).map_err(|fault| fault.in_file(path, text))
    }
}

impl Profiled for Profile {
    fn unclaimed(&self, case: &Case, cell: &Cell) -> Option<String> {
        let excluded = self.exclude.iter().find(|exclusion| exclusion.covers(case, cell))?;
        Some(format!("the profile does not claim {}", excluded.text()))
    }

    fn known(&self, case: &Case, cell: &Cell) -> Option<(String, Option<String>)> {
        let known = self.known.iter().find(|known| known.covers(case, cell))?;
        Some((known.reason.clone(), Some(known.link.clone())))
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            text,
            message,
        } = self;
        match line {
            None => write!(out, "{}: {message}", path.display()),
            Some(line) => write!(out, "{}:{line}: {message}\n  {}", path.display(), text.trim_end()),
        }
    }
}

impl std::error::Error for ProfileError {}

#[cfg(test)]
mod tests;
