//! `index.html`: one file that needs nothing else. The overview and the list of cases are in the markup; what a case opens
//! to is drawn by the page itself from the embedded data, so that thousands of runs open at once.

mod data;
mod glance;
mod headline;
mod list;

use std::io;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use crate::report::{Collected, Overview};
use crate::run::event::Plan;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// What the template is filled with.
#[derive(Serialize)]
struct View<'a> {
    style: &'static str,
    script: &'static str,
    tool: &'static str,
    plan: Option<&'a Plan>,
    headline: String,
    besides: Vec<String>,
    origin: String,
    tone: &'static str,
    interrupted: bool,
    elapsed: String,
    words: Vec<&'static str>,
    rows: Vec<list::Row>,
    total: list::Row,
    apis: Vec<&'a str>,
    sections: Vec<list::Section>,
    text: String,
    frames: String,
}

/// The whole page.
pub fn page(collected: &Collected) -> io::Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", PAGE).map_err(io::Error::other)?;
    let template = environment.get_template("page").map_err(io::Error::other)?;
    template.render(Serde(view(collected)?)).map_err(io::Error::other)
}

fn view(collected: &Collected) -> io::Result<View<'_>> {
    let overview = collected.overview();
    let shown: Vec<usize> = (0..7).filter(|at| *at < 2 || overview.total.runs[*at] > 0).collect();
    let entries = list::entries(collected);
    let packed = data::pack(&entries)?;
    let (headline, besides) = headline::of(collected, &overview);
    let ending = collected.ending.as_ref();
    Ok(View {
        style: STYLE,
        script: SCRIPT,
        tool: env!("CARGO_PKG_VERSION"),
        plan: collected.plan.as_ref(),
        headline,
        besides,
        origin: collected
            .plan
            .as_ref()
            .map_or_else(String::new, |plan| headline::origin(&plan.oracle)),
        tone: headline::tone(&overview),
        interrupted: ending.is_none_or(|ending| ending.interrupted),
        elapsed: ending.map_or_else(String::new, |ending| headline::time(ending.elapsed)),
        words: shown.iter().map(|at| Overview::WORDS[*at]).collect(),
        rows: overview
            .families
            .iter()
            .map(|family| list::row(family, &shown))
            .collect(),
        total: list::row(&overview.total, &shown),
        apis: list::apis(&entries).into_iter().collect(),
        sections: list::sections(&entries),
        text: packed.text,
        frames: packed.frames,
    })
}
