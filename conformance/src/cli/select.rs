//! Which cases a command is about: loading them, and saying what was meant when a name matches nothing.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::case::{Case, load_dir, load_embedded};
use crate::record::{Lock, Place};
use crate::run::{Filters, is_named, is_of_family};

/// The cases inside the binary and, with a directory, one's own.
pub(super) fn load(directory: Option<&PathBuf>) -> Result<Vec<Case>, Failure> {
    let mut cases = load_embedded().map_err(Failure::usage)?;
    if let Some(directory) = directory {
        let own = load_dir(directory).map_err(Failure::usage)?;
        // A case of one's own replaces the embedded one of its name.
        cases.retain(|case| own.iter().all(|mine| mine.name != case.name));
        cases.extend(own);
    }
    Ok(cases)
}

/// What was recorded of those cases.
pub(super) fn lock(directory: Option<&Path>) -> Result<Lock, Failure> {
    let embedded = Lock::embedded().map_err(Failure::usage)?;
    let Some(directory) = directory else {
        return Ok(embedded);
    };
    let place = Place::find(Some(directory), directory).map_err(Failure::usage)?;
    Ok(embedded.overlaid(Lock::load(&place.lock).map_err(Failure::usage)?))
}

/// Refuses a family or a case name that matches nothing, with the nearest that would.
pub(super) fn check(cases: &[Case], filters: &Filters) -> Result<(), Failure> {
    for family in &filters.families {
        if !cases.iter().any(|case| is_of_family(case, family)) {
            let mut known: Vec<&str> = cases
                .iter()
                .flat_map(|case| &case.ids)
                .filter_map(|id| id.split('-').next())
                .collect();
            known.sort_unstable();
            known.dedup();
            return Err(Failure::usage(format!(
                "no case is of family '{family}'; the families are {}",
                known.join(", ")
            )));
        }
    }
    for name in &filters.cases {
        let named = |case: &Case| case.cells().iter().any(|cell| is_named(case, cell, name));
        if !cases.iter().any(named) {
            return Err(Failure::usage(format!(
                "no case matches '{name}'{}",
                nearest(cases, name)
            )));
        }
    }
    Ok(())
}

/// `; did you mean 'produce/crc-wrong'?`, or where to look.
pub(super) fn nearest(cases: &[Case], name: &str) -> String {
    let names = cases.iter().map(|case| case.name.as_str());
    let best = names
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, known)) if likeness > 0.7 => format!("; did you mean '{known}'?"),
        _ => "; `conformance list` shows them all".to_owned(),
    }
}
