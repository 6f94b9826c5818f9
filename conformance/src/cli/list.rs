//! `conformance list`: the cases, with their catalogue ids and what they need.

use std::path::PathBuf;

use serde_json::json;

use super::{Exit, Failure, Format, print, select};
use crate::case::Case;
use crate::run::{Filters, plan};
use crate::target::Needs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only cases of this catalogue family, PRO for example; may be repeated.
    #[arg(long, value_name = "FAMILY")]
    family: Vec<String>,
    /// Adds the cases below a directory of yours.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let cases = select::load(arguments.cases.as_ref())?;
    let filters = Filters {
        families: arguments.family.clone(),
        ..Filters::default()
    };
    select::check(&cases, &filters)?;
    let mut chosen: Vec<_> = plan(cases, &filters).runs.into_iter().map(|run| run.case).collect();
    chosen.dedup_by(|a, b| a.name == b.name);
    match arguments.format {
        Format::Human => print(&chosen.iter().map(|case| line(case)).collect::<String>()),
        Format::Json => {
            let all: Vec<_> = chosen.iter().map(|case| record(case)).collect();
            let text = serde_json::to_string_pretty(&all).map_err(Failure::could_not_ask)?;
            print(&(text + "\n"))
        }
    }
}

fn line(case: &Case) -> String {
    let apis: Vec<_> = case.apis.iter().map(api).collect();
    let needs = words(&case.needs);
    let needs = if needs.is_empty() {
        String::new()
    } else {
        format!("  needs {}", needs.join(", "))
    };
    format!(
        "{}  {}\n    {}\n    {}{needs}\n",
        case.name,
        case.ids.join(" "),
        case.intent,
        apis.join(", ")
    )
}

fn api(api: &crate::case::ApiUse) -> String {
    match api.versions {
        Some((low, high)) => format!("{} {low}..{high}", api.name),
        None => api.name.clone(),
    }
}

fn record(case: &Case) -> serde_json::Value {
    json!({
        "case": case.name,
        "ids": case.ids,
        "intent": case.intent,
        "apis": case.apis.iter().map(api).collect::<Vec<_>>(),
        "driver": case.driver,
        "needs": words(&case.needs),
        "runs": case.cells().len(),
    })
}

/// What a case needs, in the words of its file.
fn words(needs: &Needs) -> Vec<String> {
    let flags = [
        ("fresh", needs.fresh),
        ("kill", needs.kill),
        ("pause", needs.pause),
        ("disk", needs.disk),
    ];
    let mut words: Vec<String> = flags
        .iter()
        .filter(|(_, on)| *on)
        .map(|(word, _)| (*word).to_owned())
        .collect();
    words.extend(needs.config.iter().map(|(key, value)| format!("config {key}={value}")));
    if needs.brokers > 1 {
        words.push(format!("brokers {}", needs.brokers));
    }
    for (name, on) in &needs.listeners {
        let on: Vec<String> = on.iter().map(usize::to_string).collect();
        words.push(format!("listener {name}={}", on.join(",")));
    }
    words
}
