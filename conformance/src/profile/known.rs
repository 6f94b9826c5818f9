//! One `[[known]]` entry: a difference that someone wrote down, with a reason and where it is tracked.

use crate::case::{Case, Cell};
use crate::run::is_named;

/// A known difference.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    /// Glob over case names, run ids or catalogue ids.
    pub(super) case: String,
    /// Versions of the case's matrix API; None covers every run.
    pub(super) versions: Option<VersionRange>,
    /// Why it differs.
    pub(super) reason: String,
    /// Where it is tracked.
    pub(super) link: String,
}

impl Known {
    /// Whether this run is to show the difference.
    pub(super) fn covers(&self, case: &Case, cell: &Cell) -> bool {
        let version = cell.api.as_ref().map(|(_, version)| *version);
        let in_range = |range: &VersionRange| version.is_some_and(|version| range.contains(version));
        is_named(case, cell, &self.case) && self.versions.as_ref().is_none_or(in_range)
    }
}

/// `3..8`, `3..`, `..8` or `8`, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VersionRange {
    low: i16,
    high: i16,
}

impl VersionRange {
    /// The range, or what was expected in its place.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected API versions such as \"3..8\", \"3..\", \"..8\" or \"8\", found {text:?}");
        let bound = |text: &str, open: i16| match text {
            "" => Ok(open),
            number => number.parse().map_err(|_| wrong()),
        };
        let (low, high) = match text.split_once("..") {
            Some((low, high)) if !(low.is_empty() && high.is_empty()) => (bound(low, 0)?, bound(high, i16::MAX)?),
            Some(_) => return Err(wrong()),
            None => text.parse().map(|only| (only, only)).map_err(|_| wrong())?,
        };
        if low > high {
            Err(wrong())
        } else {
            Ok(Self { low, high })
        }
    }

    pub(super) fn contains(self, version: i16) -> bool {
        (self.low..=self.high).contains(&version)
    }
}
