//! The table of families and verdicts, the slowest cases, and the last line.

use std::time::Duration;

use super::paint::Paint;
use super::sides::fit;
use crate::report::{Collected, Family, Overview};

/// Headers for windows in which the words do not fit.
const SHORT: [&str; 7] = ["pass", "diff", "known", "gone", "uncl.", "unr.", "brkn"];
const SLOWEST: usize = 5;

pub(super) fn write(out: &mut String, collected: &Collected, width: usize, paint: Paint) {
    let overview = collected.overview();
    if overview.total.cases > 0 {
        out.push('\n');
        families(out, &overview, width, paint);
        out.push('\n');
        slowest(out, collected, width, paint);
    }
    out.push_str(&totals(collected, &overview, width, paint));
}

fn families(out: &mut String, overview: &Overview, width: usize, paint: Paint) {
    // Passed and Differs are what the table is for; a column of zeros under another word says nothing.
    let shown: Vec<usize> = (0..7).filter(|at| *at < 2 || overview.total.runs[*at] > 0).collect();
    let wide: usize = 15
        + shown
            .iter()
            .map(|at| Overview::WORDS[*at].len().max(5) + 2)
            .sum::<usize>();
    let (words, gap) = if wide <= width {
        (Overview::WORDS, "  ")
    } else {
        (SHORT, " ")
    };
    let heads = shown
        .iter()
        .map(|at| format!("{gap}{:>5}", words[*at]))
        .collect::<String>();
    out.push_str(&format!("{}\n", paint.dim(&format!("family   cases{heads}"))));
    for family in overview.families.iter().chain([&overview.total]) {
        out.push_str(&row(family, &shown, &words, gap, paint));
    }
}

fn row(family: &Family, shown: &[usize], words: &[&str; 7], gap: &str, paint: Paint) -> String {
    let cells = shown.iter().map(|at| {
        let count = family.runs[*at];
        let text = if count == 0 { "·".to_owned() } else { count.to_string() };
        let cell = format!("{gap}{text:>width$}", width = words[*at].len().max(5));
        if count == 0 {
            paint.dim(&cell)
        } else {
            paint.verdict(Overview::WORDS[*at], &cell)
        }
    });
    format!("{:8} {:>5}{}\n", family.name, family.cases, cells.collect::<String>())
}

fn slowest(out: &mut String, collected: &Collected, width: usize, paint: Paint) {
    out.push_str(&format!("{}\n", paint.dim("slowest")));
    for run in collected.slowest(SLOWEST) {
        out.push_str(&format!(
            "{:>8}  {}\n",
            time(run.elapsed),
            fit(&run.id, width.saturating_sub(10))
        ));
    }
    out.push('\n');
}

fn totals(collected: &Collected, overview: &Overview, width: usize, paint: Paint) -> String {
    let runs = collected.runs.len();
    let planned = collected.plan.as_ref().map_or(runs, |plan| plan.runs);
    let elapsed = collected
        .ending
        .as_ref()
        .map_or(Duration::ZERO, |ending| ending.elapsed);
    let rate = runs as f64 / elapsed.as_secs_f64().max(1e-3);
    let interrupted = collected.ending.as_ref().is_some_and(|ending| ending.interrupted);
    let ran = if interrupted {
        format!("Interrupted after {runs} of {planned} runs")
    } else {
        format!("{runs} runs")
    };
    let mut out = format!(
        "{ran} of {} cases in {} ({rate:.0}/s)\n",
        overview.total.cases,
        time(elapsed)
    );
    let counts = Overview::WORDS
        .iter()
        .zip(overview.total.runs)
        .filter(|(_, count)| *count > 0);
    let mut column = 0;
    for (word, count) in counts {
        let item = format!("{count} {word}");
        let joint = if column == 0 {
            ""
        } else if column + 2 + item.len() > width {
            ",\n"
        } else {
            ", "
        };
        column = if joint == ", " {
            column + 2 + item.len()
        } else {
            item.len()
        };
        out.push_str(joint);
        out.push_str(&paint.verdict(word, &item));
    }
    out.push_str(if column == 0 { "nothing ran\n" } else { "\n" });
    out
}

fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 60.0 => format!("{}m {:02}s", time.as_secs() / 60, time.as_secs() % 60),
        s if s >= 1.0 => format!("{s:.1} s"),
        s => format!("{:.0} ms", s * 1e3),
    }
}
