//! The data that the page draws from, made small: every text stands once in a table, and the frames, which few readers
//! open, are compressed and unpacked by the browser when the first one is.

use std::collections::HashMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Value, json};

use super::list::Entry;
use crate::report::kept;
use crate::run::event::{DiffLine, FrameReport, RunReport, StepReport};
use crate::verdict::Verdict;

/// Two texts, each safe inside a `script` element.
pub(super) struct Packed {
    /// JSON.
    pub(super) text: String,
    /// Base64 of gzipped JSON.
    pub(super) frames: String,
}

pub(super) fn pack(entries: &[Entry<'_>]) -> io::Result<Packed> {
    let mut pack = Packing::default();
    let cases: Vec<Value> = entries.iter().map(|entry| pack.case(entry)).collect();
    let text = serde_json::to_string(&json!({ "texts": pack.texts.all, "cases": cases }))?;
    let frames = json!({ "texts": pack.names.all, "frames": pack.frames });
    Ok(Packed {
        text: text.replace('<', "\\u003c"),
        frames: base64(&gzip(&serde_json::to_vec(&frames)?)?),
    })
}

#[derive(Default)]
struct Packing {
    texts: Table,
    names: Table,
    frames: Vec<Value>,
}

/// Each text once, named by its place.
#[derive(Default)]
struct Table {
    all: Vec<String>,
    places: HashMap<String, usize>,
}

impl Table {
    fn place(&mut self, text: &str) -> usize {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        self.all.push(text.to_owned());
        self.places.insert(text.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }

    fn places(&mut self, texts: &[String]) -> Vec<usize> {
        texts.iter().map(|text| self.place(text)).collect()
    }
}

/// The short names are read by page.js.
#[derive(Serialize)]
struct Step {
    line: usize,
    source: usize,
    expected: Option<Vec<usize>>,
    /// None where it is the same as `expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<Vec<usize>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    difference: Vec<[Option<usize>; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<usize>,
    /// The first frame and how many follow it.
    frames: [usize; 2],
}

impl Packing {
    fn case(&mut self, entry: &Entry<'_>) -> Value {
        let run = entry.first();
        let runs: Vec<Value> = entry.runs.iter().map(|run| self.run(run)).collect();
        json!({ "name": run.case, "ids": run.ids, "intent": run.intent, "runs": runs })
    }

    fn run(&mut self, run: &RunReport) -> Value {
        let steps: Vec<Step> = run.steps.iter().map(|step| self.step(step)).collect();
        let mut value = json!({
            "id": run.id,
            "version": run.version.as_ref().map(|(_, version)| version),
            "api": run.version.as_ref().map(|(api, _)| api),
            "verdict": run.verdict.word(),
            "ms": (run.elapsed.as_secs_f64() * 1e4).round() / 10.0,
            "steps": steps,
        });
        if let Some((note, link)) = note(&run.verdict) {
            value["note"] = json!(note);
            value["link"] = json!(link);
        }
        value
    }

    fn step(&mut self, step: &StepReport) -> Step {
        let first = self.frames.len();
        for frame in &step.frames {
            let frame = self.frame(frame);
            self.frames.push(frame);
        }
        let same = step.expected.as_ref() == Some(&step.actual);
        let row = |row: &DiffLine, texts: &mut Table| {
            [
                row.expected.as_deref().map(|t| texts.place(t)),
                row.actual.as_deref().map(|t| texts.place(t)),
            ]
        };
        Step {
            line: step.line,
            source: self.texts.place(&step.source),
            expected: step.expected.as_ref().map(|lines| self.texts.places(lines)),
            actual: (!same).then(|| self.texts.places(&step.actual)),
            difference: step.difference.iter().map(|r| row(r, &mut self.texts)).collect(),
            findings: self.texts.places(&step.findings),
            frames: [first, step.frames.len()],
        }
    }

    fn frame(&mut self, frame: &FrameReport) -> Value {
        let (hex, size) = kept(frame);
        let fields = frame.fields.iter().filter(|field| 2 * field.start < hex.len().max(1));
        let fields: Vec<usize> = fields
            .flat_map(|f| [f.start, f.end, self.names.place(&f.path), self.names.place(&f.value)])
            .collect();
        json!({
            "direction": frame.direction,
            "api": frame.api,
            "version": frame.version,
            "size": size,
            "hex": hex,
            "fields": fields,
        })
    }
}

/// What a verdict says beside its word.
fn note(verdict: &Verdict) -> Option<(&str, Option<&str>)> {
    match verdict {
        Verdict::Passed | Verdict::Differs => None,
        Verdict::Known { reason, link } => Some((reason, link.as_deref())),
        Verdict::Vanished { reason } => Some((reason, None)),
        Verdict::Unclaimed { missing } => Some((missing, None)),
        Verdict::Unreachable { needs } => Some((needs, None)),
        Verdict::Broken { why } => Some((why, None)),
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads_as_the_browser_expects() {
        assert_eq!(
            [base64(b""), base64(b"f"), base64(b"fo"), base64(b"foo")],
            ["", "Zg==", "Zm8=", "Zm9v"]
        );
    }
}
