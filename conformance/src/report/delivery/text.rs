//! For someone at a terminal: what happened in numbers, each promise and whether it held, the proof of what did not.

use crate::check::{Finding, Judgement, Promise, Row, Verdict};
use crate::history::History;
use crate::report::Look;
use crate::report::terminal::{Paint, wrap};

/// So many findings of one kind are shown with their proof.
const PROOFS: usize = 3;

/// Everything there is to say, laid out for 40 columns and more.
pub fn text(history: &History, judgement: &Judgement, look: Look) -> String {
    let paint = Paint { colour: look.colour };
    let header = &history.header;
    let mut out = String::new();
    let head = format!("{} on {}, seed {}", header.semantics.word(), header.target, header.seed);
    wrapped(&mut out, &head, 0, look.width);
    for line in numbers(judgement) {
        wrapped(&mut out, &line, 2, look.width);
    }
    out.push('\n');
    for row in &judgement.rows {
        self::row(&mut out, row, look.width, paint);
    }
    for row in judgement.rows.iter().filter(|row| !row.findings.is_empty()) {
        proofs(&mut out, row, history, look.width, paint);
    }
    out.push('\n');
    wrapped(&mut out, &conclusion(history, judgement), 0, look.width);
    out
}

fn numbers(judgement: &Judgement) -> Vec<String> {
    let counts = &judgement.counts;
    let unknown = counts.sends - counts.acknowledged - counts.failed;
    let mut lines = vec![
        format!(
            "sent {}: acknowledged {}, failed {}, unknown {unknown}",
            counts.sends, counts.acknowledged, counts.failed
        ),
        format!(
            "read {}, processed {}, rebalances {}",
            counts.polls, counts.processed, counts.rebalances
        ),
    ];
    if counts.replicas > 0 {
        lines.push(format!("replicas compared {}", counts.replicas));
    }
    if counts.transactions > 0 {
        lines.push(format!(
            "transactions {}: committed {}, aborted {}, unknown {}",
            counts.transactions,
            counts.committed,
            counts.aborted,
            counts.transactions.saturating_sub(counts.committed + counts.aborted)
        ));
    }
    let faults: Vec<String> = counts
        .faults
        .iter()
        .map(|(name, touched)| format!("{name} {touched}"))
        .collect();
    if !faults.is_empty() {
        lines.push(format!("faults: {}", faults.join(", ")));
    }
    lines
}

fn row(out: &mut String, row: &Row, width: usize, paint: Paint) {
    let count = row.findings.len();
    let (word, tone) = match (row.promise, count) {
        (Promise::Never, 0) if row.is_held() => ("held".to_owned(), "passed"),
        (Promise::Never, 1..) => (format!("BROKEN {count}"), "differs"),
        (_, 0) => ("not seen".to_owned(), "unclaimed"),
        (Promise::Shown | Promise::Open, _) => (format!("seen {count}"), "known"),
    };
    let name = format!("{:<22}", row.anomaly.name());
    let mut line = format!("{}  {name}", paint.verdict(tone, &format!("{word:<11}")));
    if width >= 77 {
        line.push_str(&paint.dim(row.anomaly.meaning()));
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

fn proofs(out: &mut String, row: &Row, history: &History, width: usize, paint: Paint) {
    // Nobody has to act on what is allowed.
    let shown = if row.is_broken() { PROOFS } else { 1 };
    for finding in row.findings.iter().take(shown) {
        out.push('\n');
        let told = format!("{}: {}", row.anomaly.name(), finding.told);
        wrapped(out, &told, 0, width);
        for (number, text) in proof(finding, history).filter(|_| row.is_broken()) {
            let shown = format!("{number}: {text}");
            for (index, line) in pieces(&shown, width.saturating_sub(4)).into_iter().enumerate() {
                let indent = if index == 0 { 2 } else { 4 };
                out.push_str(&format!("{:indent$}{}\n", "", paint.dim(&line)));
            }
        }
    }
    let more = row.findings.len().saturating_sub(shown);
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
}

/// The lines of a proof as they stand in the file, each with its number.
pub(super) fn proof<'a>(finding: &'a Finding, history: &'a History) -> impl Iterator<Item = (usize, String)> + 'a {
    finding.proof.iter().map(|index| {
        // What was read as JSON is written as JSON.
        let text = serde_json::to_string(&history.lines[*index]).unwrap_or_default();
        (History::number(*index), text)
    })
}

fn conclusion(history: &History, judgement: &Judgement) -> String {
    let semantics = history.header.semantics.word();
    match &judgement.verdict {
        Verdict::Held => format!("{semantics} held."),
        Verdict::Broken => {
            let broken = judgement.rows.iter().filter(|row| row.is_broken());
            let names: Vec<&str> = broken.map(|row| row.anomaly.name()).collect();
            format!("{semantics} was broken: {}.", names.join(", "))
        }
        Verdict::TooLittle(why) => format!("Too little happened to tell: {}.", why.join("; ")),
    }
}

fn wrapped(out: &mut String, text: &str, indent: usize, width: usize) {
    for line in wrap(text, width.saturating_sub(indent)) {
        out.push_str(&format!("{:indent$}{line}\n", ""));
    }
}

/// JSON has no spaces to break at.
fn pieces(text: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(width.max(20))
        .map(|piece| piece.iter().collect())
        .collect()
}
