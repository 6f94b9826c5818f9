//! A case: the shape of one transcript, with the place of every part in its file. It knows nothing of brokers or answers.

mod args;
mod bind;
pub(crate) mod consumers;
mod embedded;
mod listeners;
mod matrix;
mod parse;

pub use args::{Arg, ArgError, Args, Capture};
pub use bind::{Identity, Names, WrittenTime};
pub use embedded::{LoadError, Loaded, load_dir, load_each, load_embedded};
pub(crate) use listeners::{is_listener_name, listener_of};
pub use matrix::{Cell, Releases};
pub use parse::{ParseError, parse};

use serde::Serialize;

use crate::target::Needs;

/// One parsed case file.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Path below the cases directory, without its ending: `produce/crc-wrong`.
    pub name: String,
    /// The whole file, as read.
    pub text: String,
    /// Catalogue ids, one to three: `PRO-17`.
    pub ids: Vec<String>,
    /// The one sentence of intent.
    pub intent: String,
    /// The further comment lines of the head: why the case exists.
    pub why: Vec<String>,
    /// The APIs that it touches, as the head names them; the first with a range is the matrix.
    pub apis: Vec<ApiUse>,
    /// Who asks where a step does not say.
    pub driver: DriverKind,
    /// What control of the broker it wants.
    pub needs: Needs,
    /// The Kafka releases for which the case makes sense.
    pub releases: Releases,
    /// Topics that stand before the first step.
    pub topics: Vec<GivenTopic>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// Which client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DriverKind {
    /// Exact bytes from the schema tables.
    Wire,
    /// librdkafka through `rdkafka`, as an application would.
    Client,
}

/// One entry of the `apis:` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUse {
    /// Kafka's name of the API: `Produce`.
    pub name: String,
    /// The versions that the case runs over, both included; None where the API is only used on the way.
    pub versions: Option<(i16, i16)>,
}

/// `given topic t partitions=1 config retention.ms=1`
#[derive(Debug, Clone, PartialEq)]
pub struct GivenTopic {
    /// Line in the file, from 1.
    pub line: usize,
    /// The name that the steps use.
    pub name: String,
    /// How many partitions; ignored where `assignment` says it.
    pub partitions: i32,
    /// Replicas of each partition.
    pub replication_factor: i16,
    /// Replicas by partition, by broker index from 0, where the case wants them placed.
    pub assignment: Vec<Vec<usize>>,
    /// Topic configuration.
    pub config: Vec<(String, String)>,
}

/// One step with the answers that stand below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// First line of the step in the file, from 1.
    pub line: usize,
    /// Last line of the step's own text; answer blocks start on the next one.
    pub last_line: usize,
    /// Last line of its answer blocks; equal to `last_line` where none stand below it.
    pub answers_end: usize,
    /// The step as written, lines joined by `\n`.
    pub source: String,
    /// `&j1`: runs on while the next steps go; its answer comes with `await j1`.
    pub background: Option<String>,
    /// `@c2`: the connection that carries it; the first one where it does not say.
    pub connection: Option<String>,
    /// Who asks: the case's driver, or the `client` / `wire` word before the verb.
    pub driver: DriverKind,
    /// The verb and what follows it.
    pub args: Args,
    /// `-> $m1`: what the answer binds.
    pub captures: Vec<Capture>,
    /// `| Field, Field`: the only facts that the answer shows; empty shows all.
    pub projection: Vec<String>,
    /// Recorded answers, in file order.
    pub answers: Vec<Answer>,
}

/// One recorded answer: `---- [RELEASE…] [vA..B]` and the lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Line of its `----`.
    pub line: usize,
    /// Kafka releases that gave it; empty means the baseline, 4.3.1.
    pub releases: Vec<String>,
    /// Matrix versions that gave it, both ends included; None means all that no other block of the release names.
    pub versions: Option<(i16, i16)>,
    /// The answer, one fact a line.
    pub lines: Vec<String>,
}

/// The Kafka release whose answers stand inline.
pub const BASELINE: &str = "4.3.1";

impl Case {
    /// The family of its first id: `PRO`.
    pub fn family(&self) -> &str {
        self.ids.first().and_then(|id| id.split('-').next()).unwrap_or("")
    }

    /// The API that the case runs over, with its version range.
    pub fn matrix_api(&self) -> Option<(&str, i16, i16)> {
        self.apis
            .iter()
            .find_map(|api| api.versions.map(|(low, high)| (api.name.as_str(), low, high)))
    }

    /// One cell for each version of the matrix API, or the one bare cell.
    pub fn cells(&self) -> Vec<Cell> {
        match self.matrix_api() {
            Some((api, low, high)) => (low..=high).map(|version| Cell::of(api, version)).collect(),
            None => vec![Cell::bare()],
        }
    }

    /// Whether its steps end with a broker that was killed, stopped, paused or refused to start.
    pub(crate) fn leaves_a_broker_down(&self) -> bool {
        let mut down = Vec::new();
        for step in &self.steps {
            let place = step.args.positional.first();
            match step.args.verb.as_str() {
                "kill" | "stop" | "pause" => down.push(place),
                // One that is not named is the one that is down.
                "restart" | "resume" if !step.args.flag("refused") => {
                    down.retain(|other| place.is_some() && place != *other);
                }
                _ => {}
            }
        }
        !down.is_empty()
    }

    /// `case@Api.vN`, or the bare case name.
    pub fn run_id(&self, cell: &Cell) -> String {
        match &cell.api {
            Some((api, version)) => format!("{}@{api}.v{version}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Step {
    /// The answer recorded for a release at a cell: the narrowest block wins; a release without a block of its own
    /// answers as the baseline does. A background step shows nothing, its `await` does. None where nothing is recorded.
    pub fn recorded(&self, release: &str, cell: &Cell) -> Option<&[String]> {
        let version = cell.api.as_ref().map(|(_, version)| *version);
        self.recorded_only(release, version).or_else(|| {
            (release != BASELINE)
                .then(|| self.recorded_only(BASELINE, version))
                .flatten()
        })
    }

    /// Likewise, without a look at the baseline.
    pub(crate) fn recorded_only(&self, release: &str, version: Option<i16>) -> Option<&[String]> {
        match self.background {
            Some(_) => Some(&[]),
            None => self
                .recorded_exactly(release, version)
                .map(|answer| answer.lines.as_slice()),
        }
    }

    fn recorded_exactly(&self, release: &str, version: Option<i16>) -> Option<&Answer> {
        let of_release = |answer: &&Answer| answer.speaks_for(release);
        let ranged = |answer: &&Answer| match (answer.versions, version) {
            (Some((low, high)), Some(version)) => (low..=high).contains(&version),
            (Some(_), None) | (None, _) => false,
        };
        let mut of = self.answers.iter().filter(of_release);
        of.clone()
            .find(ranged)
            .or_else(|| of.find(|answer| answer.versions.is_none()))
    }
}

impl Answer {
    fn speaks_for(&self, release: &str) -> bool {
        if self.releases.is_empty() {
            release == BASELINE
        } else {
            self.releases.iter().any(|named| named == release)
        }
    }
}
