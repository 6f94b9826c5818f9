//! Golden frames as a by-product: of all exchanges of a recording the best one for each API and version. What makes an
//! exchange good is decided here; what a frame file looks like, by the fixtures.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use kafka_fixtures::frames::{Frame, Origin, path};
use kafka_fixtures::schema::Schemas;
use kafka_fixtures::{codec, frame, value::Value};

use super::table::Version;
use super::{day, replace};
use crate::case::{BASELINE, Case};
use crate::run::StepObservation;
use crate::run::event::{Direction, FrameReport};

/// An exchange that may become a golden frame.
#[derive(Debug)]
pub(super) struct Candidate {
    frame: Frame,
    rank: Rank,
}

/// The lower the better: no error in the answer, then by name, line and version, so that the choice is the same every time.
type Rank = (bool, String, usize, Version, usize);

/// The exchanges of a step that Kafka's own encoder would write the same way.
pub(super) fn candidates(case: &Case, version: Version, step: &StepObservation) -> Vec<Candidate> {
    let pairs = step.frames.windows(2).enumerate();
    pairs
        .filter_map(|(place, pair)| candidate(case, version, step.line, place, &pair[0], &pair[1]))
        .collect()
}

fn candidate(
    case: &Case,
    version: Version,
    line: usize,
    place: usize,
    request: &FrameReport,
    response: &FrameReport,
) -> Option<Candidate> {
    let is_exchange = (request.direction, response.direction) == (Direction::Request, Direction::Response)
        && (&request.api, request.version) == (&response.api, response.version);
    let key = Schemas::latest().api_key(&request.api)?;
    let known = Schemas::latest().request(key)?.versions.contains(request.version);
    if !is_exchange || !known {
        return None;
    }
    let origin = Origin {
        kafka: BASELINE.to_owned(),
        case: format!("{}:{line}", case.name),
        recorded: day::today(),
    };
    let (asked, answered) = (bytes(&request.hex)?, bytes(&response.hex)?);
    let frame = Frame {
        key,
        version: request.version,
        origin,
        request: asked,
        response: Some(answered),
    };
    frame.to_json().ok()?;
    let rank = (fails(&frame), case.name.clone(), line, version, place);
    Some(Candidate { frame, rank })
}

/// Writes the best exchange of each API and version where none stands yet, or one with an error although this has none;
/// anew everywhere if told so. Returns what went wrong.
pub(super) fn write(candidates: Vec<Candidate>, dir: &Path, renew: bool) -> Vec<String> {
    let mut best: BTreeMap<(i16, i16), Candidate> = BTreeMap::new();
    for candidate in candidates {
        let place = (candidate.frame.key, candidate.frame.version);
        if best.get(&place).is_none_or(|known| candidate.rank < known.rank) {
            best.insert(place, candidate);
        }
    }
    best.into_values()
        .filter_map(|candidate| put(&candidate, dir, renew).err())
        .collect()
}

fn put(candidate: &Candidate, dir: &Path, renew: bool) -> Result<(), String> {
    let file = dir.join(path(candidate.frame.key, candidate.frame.version));
    let standing = std::fs::read_to_string(&file)
        .ok()
        .and_then(|text| Frame::from_json(&text).ok());
    let is_better = standing.is_none_or(|standing| fails(&standing) && !candidate.rank.0);
    if renew || is_better {
        let text = candidate
            .frame
            .to_json()
            .map_err(|error| format!("{}: {error}", file.display()))?;
        replace(&file, &text)?;
    }
    Ok(())
}

/// Whether the answer says an error anywhere.
fn fails(frame: &Frame) -> bool {
    let body = frame.response.as_ref().and_then(|bytes| {
        let head = frame::decode_response_header(frame.key, frame.version, bytes).ok()?;
        codec::decode(
            Schemas::latest().response(frame.key)?,
            frame.version,
            &bytes[head.consumed..],
        )
        .ok()
    });
    body.is_none_or(|decoded| says_an_error(&decoded.value))
}

fn says_an_error(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(says_an_error),
        Value::Struct(fields) => fields.fields.iter().any(|(name, value)| {
            let is_code = name.eq_ignore_ascii_case("ErrorCode") && value.as_i64() != Some(0);
            is_code || says_an_error(value)
        }),
        _ => false,
    }
}

fn bytes(hex: &str) -> Option<Bytes> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{candidates, write};
    use crate::case::{Case, parse};
    use crate::run::StepObservation;
    use crate::run::event::{Direction, FrameReport};
    use kafka_fixtures::frames::Frame;

    fn case(name: &str) -> Case {
        parse(name, "# API-01  A b.\n\nsend ApiVersions v0 {}\n").expect("a case")
    }

    fn step(response: &str) -> StepObservation {
        let frame = |direction, hex: &str| FrameReport {
            direction,
            api: "ApiVersions".to_owned(),
            version: 0,
            hex: hex.to_owned(),
            fields: Vec::new(),
        };
        let frames = vec![
            frame(Direction::Request, "0012000000000007ffff"),
            frame(Direction::Response, response),
        ];
        StepObservation {
            line: 3,
            lines: Vec::new(),
            frames,
            findings: Vec::new(),
            broken: None,
            by_target: false,
        }
    }

    const GOOD: &str = "00000007000000000001001200000004";
    const FAILED: &str = "00000007002300000000";

    #[test]
    fn an_answer_without_error_wins_and_what_stands_is_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let put = |name: &str, response: &str, renew| {
            assert_eq!(
                write(candidates(&case(name), None, &step(response)), dir.path(), renew),
                [""; 0]
            );
            let text = std::fs::read_to_string(dir.path().join("18/0.json")).expect("a frame");
            Frame::from_json(&text).expect("a frame").origin.case
        };
        assert_eq!(put("a", FAILED, false), "a:3");
        assert_eq!(put("b", FAILED, false), "a:3");
        assert_eq!(put("c", GOOD, false), "c:3");
        assert_eq!(put("b", GOOD, false), "c:3");
        assert_eq!(put("b", GOOD, true), "b:3");
    }

    #[test]
    fn bytes_that_kafka_would_not_write_are_no_candidate() {
        assert!(candidates(&case("a"), None, &step("000000070000000000")).is_empty());
    }
}
