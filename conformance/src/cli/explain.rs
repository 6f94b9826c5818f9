//! `conformance explain CASE`: a case, why it exists, what each Kafka release answers.

use std::fmt::Write;
use std::path::PathBuf;

use super::{Exit, Failure, print, select};
use crate::case::{Answer, BASELINE, Case};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Its name, produce/crc-wrong for example, or a catalogue id: PRO-17 shows every case that claims it.
    case: String,
    /// Adds the cases below a directory of yours.
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let cases = select::load(arguments.cases.as_ref())?;
    let wanted = |case: &&Case| {
        case.name == arguments.case || case.ids.iter().any(|id| id.eq_ignore_ascii_case(&arguments.case))
    };
    let chosen: Vec<_> = cases.iter().filter(wanted).collect();
    if chosen.is_empty() {
        let hint = select::nearest(&cases, &arguments.case);
        return Err(Failure::usage(format!("no case is called '{}'{hint}", arguments.case)));
    }
    print(&chosen.into_iter().map(explained).collect::<Vec<_>>().join("\n"))
}

fn explained(case: &Case) -> String {
    let mut text = format!("{}  ({})\n{}\n", case.name, case.ids.join(", "), case.intent);
    for line in &case.why {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
    }
    for step in &case.steps {
        let _ = write!(text, "\n  {}\n", step.source.replace('\n', "\n  "));
        for answer in &step.answers {
            let _ = writeln!(text, "    {}:", who(answer));
            for line in &answer.lines {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    text
}

fn who(answer: &Answer) -> String {
    let releases = if answer.releases.is_empty() {
        BASELINE.to_owned()
    } else {
        answer.releases.join(", ")
    };
    match answer.versions {
        Some((low, high)) if low == high => format!("Kafka {releases} at v{low}"),
        Some((low, high)) => format!("Kafka {releases} at v{low}..{high}"),
        None => format!("Kafka {releases}"),
    }
}
