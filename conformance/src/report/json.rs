//! `result.json`: one run of the suite for programs. The schema is described in `RESULT.md` beside this file and is
//! stable: a field is never renamed or taken away without raising [`SCHEMA`].

use std::io;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::report::{Collected, Family, Overview, kept};
use crate::run::event::{FrameReport, RunReport};

/// The number under `schema`.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    tool: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a crate::run::event::Plan>,
    elapsed_ms: f64,
    interrupted: bool,
    totals: Map<String, Value>,
    families: Vec<Map<String, Value>>,
    runs: Vec<Value>,
}

/// The whole document, ending with a newline.
pub fn document(collected: &Collected) -> io::Result<String> {
    let overview = collected.overview();
    let ending = collected.ending.as_ref();
    let document = Document {
        schema: SCHEMA,
        tool: json!({ "name": "conformance", "version": env!("CARGO_PKG_VERSION") }),
        plan: collected.plan.as_ref(),
        elapsed_ms: ending.map_or(0.0, |e| (e.elapsed.as_secs_f64() * 1e6).round() / 1e3),
        // A stream that just stops was interrupted, whoever did it.
        interrupted: ending.is_none_or(|e| e.interrupted),
        totals: counts(&overview.total),
        families: overview.families.iter().map(family).collect(),
        runs: collected.runs.iter().map(run).collect::<Result<_, _>>()?,
    };
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

fn family(family: &Family) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("family".to_owned(), json!(family.name));
    row.append(&mut counts(family));
    row
}

fn counts(family: &Family) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("cases".to_owned(), json!(family.cases));
    row.insert("runs".to_owned(), json!(family.runs.iter().sum::<usize>()));
    for (word, count) in Overview::WORDS.iter().zip(family.runs) {
        row.insert((*word).to_owned(), json!(count));
    }
    row
}

/// The run with its frames cut to size, and without their field maps: those follow from the bytes and would be nine
/// tenths of the file.
fn run(run: &RunReport) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(run)?;
    for (step, shown) in array(&mut value, "steps").iter_mut().zip(&run.steps) {
        step["frames"] = shown.frames.iter().map(frame).collect();
    }
    Ok(value)
}

fn frame(frame: &FrameReport) -> Value {
    let (hex, size) = kept(frame);
    json!({ "direction": frame.direction, "api": frame.api, "version": frame.version, "size": size, "hex": hex })
}

fn array<'a>(value: &'a mut Value, name: &str) -> &'a mut [Value] {
    value
        .get_mut(name)
        .and_then(Value::as_array_mut)
        .map_or(&mut [], Vec::as_mut_slice)
}
