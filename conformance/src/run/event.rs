//! The one stream that every reporter reads. The executor emits it in order; no reporter computes a verdict.

use std::time::Duration;

use serde::Serialize;

use crate::case::DriverKind;
use crate::verdict::Verdict;

/// Something that happened in a run of the suite.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The plan stands; nothing has been asked yet.
    Started(Plan),
    /// One run has begun.
    RunStarted {
        /// `case@Api.vN`, or the bare case name where there is no matrix.
        id: String,
    },
    /// One run has its verdict.
    RunFinished(RunReport),
    /// No more events follow.
    Ended(Ending),
}

/// What is about to be asked, of whom, compared with what.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The target string as given.
    pub target: String,
    /// What the target says of itself: `reference-broker 0.1.0`, `Apache Kafka 4.3.1`, or its address.
    pub target_name: String,
    /// The oracle string as given: `recorded:4.3.1`, `jvm:4.3.1`, …
    pub oracle: String,
    /// The seed of this run.
    pub seed: u64,
    /// How many cases, and how many runs (a case over eleven versions is eleven runs).
    pub cases: usize,
    /// How many runs.
    pub runs: usize,
}

/// How the stream ended.
#[derive(Debug, Clone, Serialize)]
pub struct Ending {
    /// Wall time of the whole run.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// True after Ctrl-C: the report covers what ran.
    pub interrupted: bool,
}

/// One run with its verdict and everything that a reader needs to believe it.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// `case@Api.vN`, or the bare case name.
    pub id: String,
    /// Path of the case without its ending: `produce/crc-wrong`.
    pub case: String,
    /// The catalogue family of its first id: `PRO`.
    pub family: String,
    /// The catalogue ids that it claims: `PRO-17`.
    pub ids: Vec<String>,
    /// The one sentence of intent.
    pub intent: String,
    /// API names that it touches.
    pub apis: Vec<String>,
    /// The matrix cell: API name and version.
    pub version: Option<(String, i16)>,
    /// Which driver asked.
    pub driver: DriverKind,
    /// The judgement.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Wall time of this run.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// Its steps, as far as they ran.
    pub steps: Vec<StepReport>,
}

/// One step: what was asked, what Kafka answers, what the target answered.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Line of the step in the case file.
    pub line: usize,
    /// The step as written.
    pub source: String,
    /// Kafka's answer, one fact a line, normalised. None where the oracle has no answer for this step.
    pub expected: Option<Vec<String>>,
    /// The target's answer, likewise.
    pub actual: Vec<String>,
    /// The two side by side, only where they differ anywhere.
    pub difference: Vec<DiffLine>,
    /// Findings that are not a difference of the answer: bytes that do not re-encode to themselves.
    pub findings: Vec<String>,
    /// The frames of this step, in order.
    pub frames: Vec<FrameReport>,
}

/// One row of a side-by-side comparison. Both present and equal: context. Both present and unequal: a changed field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffLine {
    /// Kafka's line.
    pub expected: Option<String>,
    /// The target's line.
    pub actual: Option<String>,
}

/// One frame as it crossed the wire, without its length prefix.
#[derive(Debug, Clone, Serialize)]
pub struct FrameReport {
    /// Who sent it.
    pub direction: Direction,
    /// API name.
    pub api: String,
    /// API version.
    pub version: i16,
    /// Lower-case hex.
    pub hex: String,
    /// What each byte range is, in order; nested fields follow the struct that holds them.
    pub fields: Vec<FieldSpan>,
}

/// Who sent a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the suite to the target.
    Request,
    /// From the target to the suite.
    Response,
}

/// A named byte range of a frame.
#[derive(Debug, Clone, Serialize)]
pub struct FieldSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// `Responses[0].PartitionResponses[0].ErrorCode`
    pub path: String,
    /// The decoded value, short.
    pub value: String,
}

/// Times leave this program as milliseconds with three decimals, whichever report carries them.
fn milliseconds<S: serde::Serializer>(time: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64((time.as_secs_f64() * 1e6).round() / 1e3)
}
