//! TOML becomes a profile, or a fault with its place and what was expected there.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::claim::Exclusion;
use super::known::{Known, VersionRange};
use super::{Profile, ProfileError};
use crate::case::{Case, Cell};

/// A fault before the file and the line are put to it.
pub(super) struct Fault {
    /// Byte in the text.
    at: usize,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    claims: Claims,
    #[serde(default)]
    known: Vec<Spanned<Entry>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Claims {
    #[serde(default)]
    exclude: Vec<Spanned<String>>,
}

/// Everything is optional here, so that what is missing is told in our words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: Option<Spanned<String>>,
    versions: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    link: Option<Spanned<String>>,
}

pub(super) fn profile(text: &str, cases: &[Case]) -> Result<Profile, Fault> {
    let document: Document = toml::from_str(text).map_err(|error| Fault {
        at: error.span().map_or(0, |span| span.start),
        message: error.message().to_owned(),
    })?;
    let exclude = document
        .claims
        .exclude
        .iter()
        .map(|entry| exclusion(entry, cases))
        .collect::<Result<_, _>>()?;
    let known = document
        .known
        .iter()
        .map(|entry| known(entry, cases))
        .collect::<Result<_, _>>()?;
    Ok(Profile { exclude, known })
}

fn exclusion(entry: &Spanned<String>, cases: &[Case]) -> Result<Exclusion, Fault> {
    let fault = |message| Fault {
        at: entry.span().start,
        message,
    };
    let exclusion = Exclusion::parse(entry.get_ref()).map_err(fault)?;
    if runs(cases).any(|(case, cell)| exclusion.covers(case, &cell)) {
        return Ok(exclusion);
    }
    let near = nearest(entry.get_ref(), cases.iter().map(|case| case.name.as_str()));
    Err(fault(format!(
        "no case fits {:?}: take the entry out, or mend it{near}",
        entry.get_ref()
    )))
}

fn known(entry: &Spanned<Entry>, cases: &[Case]) -> Result<Known, Fault> {
    let raw = entry.get_ref();
    let start = entry.span().start;
    let case = wanted(
        &raw.case,
        start,
        "case",
        "which cases differ, as a glob: case = \"produce/crc-*\"",
    )?;
    let reason = wanted(
        &raw.reason,
        start,
        "reason",
        "why it differs, in a sentence: reason = \"…\"",
    )?;
    let link = wanted(&raw.link, start, "link", "where this is tracked: link = \"https://…\"")?;
    if let Some(link) = raw.link.as_ref().filter(|link| !is_address(link.get_ref())) {
        return Err(Fault {
            at: link.span().start,
            message: format!(
                "expected a link that begins with https:// or http://, found {:?}",
                link.get_ref()
            ),
        });
    }
    let versions = raw.versions.as_ref().map(range).transpose()?;
    let known = Known {
        case,
        versions,
        reason,
        link,
    };
    fits(&known, raw, cases)?;
    Ok(known)
}

/// A key that must be there and say something.
fn wanted(value: &Option<Spanned<String>>, entry: usize, key: &str, what: &str) -> Result<String, Fault> {
    match value {
        None => Err(Fault {
            at: entry,
            message: format!("this entry has no {key}; expected {what}"),
        }),
        Some(value) if value.get_ref().trim().is_empty() => Err(Fault {
            at: value.span().start,
            message: format!("{key} is empty; expected {what}"),
        }),
        Some(value) => Ok(value.get_ref().clone()),
    }
}

fn range(text: &Spanned<String>) -> Result<VersionRange, Fault> {
    VersionRange::parse(text.get_ref()).map_err(|message| Fault {
        at: text.span().start,
        message,
    })
}

/// The glob must name a case, and the versions one that its matrix has.
fn fits(known: &Known, raw: &Entry, cases: &[Case]) -> Result<(), Fault> {
    if runs(cases).any(|(case, cell)| known.covers(case, &cell)) {
        return Ok(());
    }
    let anywhere = Known {
        versions: None,
        ..known.clone()
    };
    let at = |value: &Option<Spanned<String>>| value.as_ref().map_or(0, |value| value.span().start);
    match cases
        .iter()
        .find(|case| case.cells().iter().any(|cell| anywhere.covers(case, cell)))
    {
        Some(case) => Err(Fault {
            at: at(&raw.versions),
            message: format!("no run has such a version: {}", matrix(case)),
        }),
        None => {
            let near = nearest(&known.case, cases.iter().map(|case| case.name.as_str()));
            Err(Fault {
                at: at(&raw.case),
                message: format!("expected a glob that fits a case, and none is {:?}{near}", known.case),
            })
        }
    }
}

fn matrix(case: &Case) -> String {
    match case.matrix_api() {
        Some((api, low, high)) => format!("{} runs over {api} {low}..{high}", case.name),
        None => format!("{} does not run over versions", case.name),
    }
}

fn runs(cases: &[Case]) -> impl Iterator<Item = (&Case, Cell)> {
    cases
        .iter()
        .flat_map(|case| case.cells().into_iter().map(move |cell| (case, cell)))
}

fn is_address(text: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.trim().is_empty()))
}

/// `; did you mean "…"?`, where something is near enough to be meant.
pub(super) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> String {
    let scored = names.map(|name| (strsim::jaro_winkler(text, name), name));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, name)) if score > 0.8 => format!("; did you mean {name:?}?"),
        Some(_) | None => String::new(),
    }
}

impl Fault {
    pub(super) fn in_file(self, path: &Path, text: &str) -> ProfileError {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let text = text.lines().nth(line - 1).unwrap_or_default().to_owned();
        ProfileError {
            path: path.to_owned(),
            line: Some(line),
            text,
            message: self.message,
        }
    }
}
