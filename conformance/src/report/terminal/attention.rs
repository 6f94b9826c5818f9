//! What a reader must act on: differences in full, what could not be asked by name. Passed and Known runs stay silent.

use std::collections::BTreeMap;

use super::paint::Paint;
use super::sides;
use crate::report::{Collected, Group};
use crate::run::event::StepReport;
use crate::verdict::Verdict;

/// More rows than this of one step are for the page.
const ROWS: usize = 16;
/// So many that need attention are told in full.
const WHOLE: usize = 25;

pub(super) fn write(out: &mut String, collected: &Collected, width: usize, paint: Paint) {
    let groups = collected.groups();
    let target = collected
        .plan
        .as_ref()
        .map_or("target", |plan| plan.target_name.as_str());
    let urgent = |group: &&Group<'_>| matches!(group.first().verdict.word(), "differs" | "vanished" | "broken");
    for group in groups.iter().filter(urgent).take(WHOLE) {
        block(out, group, target, width, paint);
    }
    the_rest(out, groups.iter().filter(urgent).skip(WHOLE), width, paint);
    by_name(out, "Unclaimed", &groups, width, paint, |verdict| match verdict {
        Verdict::Unclaimed { missing } => Some(missing),
        _ => None,
    });
    by_name(out, "Unreachable", &groups, width, paint, |verdict| match verdict {
        Verdict::Unreachable { needs } => Some(needs),
        _ => None,
    });
}

/// Names alone, by verdict: a broker that is far from Kafka must not bury the table.
fn the_rest<'a>(out: &mut String, groups: impl Iterator<Item = &'a Group<'a>>, width: usize, paint: Paint) {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for group in groups {
        names
            .entry(group.first().verdict.word())
            .or_default()
            .push(&group.first().case);
    }
    for (word, mut names) in names {
        names.dedup();
        out.push_str(&format!(
            "\n{}  {} more, each on the page\n",
            paint.bad(word),
            names.len()
        ));
        wrapped(out, &names.join(", "), 2, width);
    }
}

fn block(out: &mut String, group: &Group<'_>, target: &str, width: usize, paint: Paint) {
    let run = group.first();
    match &run.verdict {
        Verdict::Differs => {
            head(out, "Differs", group, width, paint);
            let troubled = run
                .steps
                .iter()
                .filter(|s| !s.difference.is_empty() || !s.findings.is_empty());
            troubled.for_each(|step| self::step(out, step, target, width, paint));
        }
        Verdict::Vanished { reason } => {
            head(out, "Vanished", group, width, paint);
            let text =
                format!("The profile knows a difference here that no longer shows; take it out. It said: {reason}");
            wrapped(out, &text, 2, width);
        }
        Verdict::Broken { why } => {
            head(out, "Broken", group, width, paint);
            wrapped(out, why, 2, width);
        }
        Verdict::Passed | Verdict::Known { .. } | Verdict::Unclaimed { .. } | Verdict::Unreachable { .. } => {}
    }
}

fn head(out: &mut String, word: &str, group: &Group<'_>, width: usize, paint: Paint) {
    let run = group.first();
    let versions = group
        .versions()
        .map_or(String::new(), |versions| format!("{versions}  "));
    let ids = run.ids.join(" ");
    let room = width.saturating_sub(word.len() + 2 + run.case.len() + 2);
    let fold = if versions.chars().count() + ids.len() > room {
        "\n"
    } else {
        ""
    };
    let name = paint.bold(&run.case);
    out.push_str(&format!(
        "\n{}  {name}{fold}  {versions}{}\n",
        paint.bad(word),
        paint.dim(&ids)
    ));
    wrapped(out, &run.intent, 2, width);
}

fn step(out: &mut String, step: &StepReport, target: &str, width: usize, paint: Paint) {
    let mut source = step.source.lines();
    let first = source.next().unwrap_or_default();
    let more = if source.next().is_some() { " …" } else { "" };
    let shown = sides::fit(&format!("line {}: {first}{more}", step.line), width.saturating_sub(4));
    out.push_str(&format!("    {}\n", paint.dim(&shown)));
    let rows = sides::near_changes(&step.difference);
    let cut = rows.len().saturating_sub(ROWS);
    sides::write(out, &rows[..rows.len() - cut], target, width, paint);
    if cut > 0 {
        out.push_str(&format!(
            "      {}\n",
            paint.dim(&format!("… {cut} more rows on the page"))
        ));
    }
    for finding in &step.findings {
        wrapped(out, &format!("! {finding}"), 6, width);
    }
}

/// Names under the reason that they share.
fn by_name<'a>(
    out: &mut String,
    word: &str,
    groups: &'a [Group<'a>],
    width: usize,
    paint: Paint,
    reason: impl Fn(&'a Verdict) -> Option<&'a String>,
) {
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for group in groups {
        if let Some(reason) = reason(&group.first().verdict) {
            let versions = group
                .versions()
                .map_or(String::new(), |versions| format!(" ({versions})"));
            names
                .entry(reason)
                .or_default()
                .push(format!("{}{versions}", group.first().case));
        }
    }
    for (reason, names) in names {
        let indent = word.len() + 2;
        let reason = sides::wrap(reason, width.saturating_sub(indent)).join(&format!("\n{:indent$}", ""));
        out.push_str(&format!("\n{}  {reason}\n", paint.bold(word)));
        wrapped(out, &names.join(", "), 2, width);
    }
}

fn wrapped(out: &mut String, text: &str, indent: usize, width: usize) {
    for line in sides::wrap(text, width.saturating_sub(indent)) {
        out.push_str(&format!("{:indent$}{line}\n", ""));
    }
}
