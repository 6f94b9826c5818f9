//! One entry of `exclude`: what the target does not claim to be.

use kafka_fixtures::schema::Schemas;

use super::known::VersionRange;
use crate::case::{Case, Cell};
use crate::run::{is_named, is_of_family};

/// `family FCO`, `api 19`, `api Produce 12..13`, `PRO-22`, or a glob over case names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exclusion {
    text: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Family(String),
    Api {
        name: String,
        versions: Option<VersionRange>,
    },
    Glob(String),
}

impl Exclusion {
    /// The entry, or what was expected in its place.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let what = match words[..] {
            ["family", name] => What::Family(name.to_owned()),
            ["api", api] => What::Api {
                name: api_name(api)?,
                versions: None,
            },
            ["api", api, versions] => What::Api {
                name: api_name(api)?,
                versions: Some(VersionRange::parse(versions)?),
            },
            ["family" | "api", ..] | [] | [_, _, ..] => {
                return Err(format!(
                    "expected \"family FCO\", \"api 19\", \"api Produce 12..13\", a catalogue id or a glob over case names, found {text:?}"
                ));
            }
            [glob] => What::Glob(glob.to_owned()),
        };
        Ok(Self {
            text: text.to_owned(),
            what,
        })
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether this run is not claimed.
    pub(super) fn covers(&self, case: &Case, cell: &Cell) -> bool {
        match &self.what {
            What::Family(name) => is_of_family(case, name),
            What::Api { name, versions: None } => case.apis.iter().any(|api| api.name == *name),
            What::Api {
                name,
                versions: Some(range),
            } => cell.version_of(name).is_some_and(|version| range.contains(version)),
            What::Glob(glob) => is_named(case, cell, glob),
        }
    }
}

/// Kafka's name of an API, also where its key was written.
fn api_name(text: &str) -> Result<String, String> {
    let schemas = Schemas::latest();
    let name = match text.parse::<i16>() {
        Ok(key) => schemas.api_name(key),
        Err(_) => schemas.api_key(text).and_then(|key| schemas.api_name(key)),
    };
    name.map(str::to_owned).ok_or_else(|| {
        let near = super::read::nearest(text, schemas.apis().map(|(_, name)| name));
        format!("expected an API by Kafka's name or key, found {text:?}{near}")
    })
}
