//! Two answers beside each other where the window is wide enough, below each other where it is not.

use super::paint::Paint;
use crate::run::event::DiffLine;

const INDENT: usize = 6;
/// Equal rows kept around a changed one.
const CONTEXT: usize = 1;

/// The rows; the words in which the two sides differ are the painted ones.
pub(super) fn write(out: &mut String, rows: &[DiffLine], target: &str, width: usize, paint: Paint) {
    if rows.is_empty() {
        return;
    }
    let longest = |side: fn(&DiffLine) -> &Option<String>, title: &str| {
        rows.iter()
            .filter_map(|row| side(row).as_ref())
            .map(|text| columns(text))
            .max()
            .unwrap_or(0)
            .max(columns(title))
    };
    let (left, right) = (
        longest(|row| &row.expected, "Kafka"),
        longest(|row| &row.actual, target),
    );
    if INDENT + left + 3 + right <= width {
        beside(out, rows, target, left, paint);
    } else {
        below(out, rows, width, paint);
    }
}

fn beside(out: &mut String, rows: &[DiffLine], target: &str, left: usize, paint: Paint) {
    let title = format!("{:INDENT$}{:left$}   {target}", "", "Kafka");
    out.push_str(&format!("{}\n", paint.dim(title.trim_end())));
    for row in rows {
        let (expected, actual) = (
            row.expected.as_deref().unwrap_or(""),
            row.actual.as_deref().unwrap_or(""),
        );
        let pad = " ".repeat(left - columns(expected));
        let line = if row.expected == row.actual {
            format!("{}{pad} │ {}", paint.dim(expected), paint.dim(actual))
        } else {
            let (expected, actual) = marked(expected, actual, paint);
            format!("{expected}{pad} ≠ {actual}")
        };
        out.push_str(&format!("{:INDENT$}{}\n", "", line.trim_end()));
    }
}

fn below(out: &mut String, rows: &[DiffLine], width: usize, paint: Paint) {
    for row in rows {
        if row.expected == row.actual {
            let text = row.expected.as_deref().unwrap_or("");
            hang(out, "      ", &paint.dim(text), text, width);
            continue;
        }
        let painted = marked(
            row.expected.as_deref().unwrap_or(""),
            row.actual.as_deref().unwrap_or(""),
            paint,
        );
        if let Some(expected) = &row.expected {
            hang(out, "Kafka ", &painted.0, expected, width);
        }
        if let Some(actual) = &row.actual {
            hang(out, "  got ", &painted.1, actual, width);
        }
    }
}

/// A label, then the text; folded without paint where it is too long for one row.
fn hang(out: &mut String, label: &str, painted: &str, text: &str, width: usize) {
    let room = width.saturating_sub(INDENT + label.len());
    if columns(text) <= room {
        out.push_str(&format!("{:INDENT$}{label}{painted}\n", ""));
        return;
    }
    for (at, line) in wrap(text, room).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        out.push_str(&format!("{:INDENT$}{label:6}{line}\n", ""));
    }
}

/// Paints the words that one side has and the other has not at the same place.
fn marked(expected: &str, actual: &str, paint: Paint) -> (String, String) {
    let (left, right): (Vec<&str>, Vec<&str>) = (expected.split(' ').collect(), actual.split(' ').collect());
    let side = |own: &[&str], other: &[&str], tone: &dyn Fn(&str) -> String| {
        let words = own.iter().enumerate();
        let words = words.map(|(at, word)| {
            if other.get(at) == Some(word) {
                (*word).to_owned()
            } else {
                tone(word)
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    (
        side(&left, &right, &|word| paint.kafka(word)),
        side(&right, &left, &|word| paint.target(word)),
    )
}

/// The changed rows with a little around them; what is left out between them is one row of dots.
pub(super) fn near_changes(rows: &[DiffLine]) -> Vec<DiffLine> {
    let changed = |row: &DiffLine| row.expected != row.actual;
    let near = |at: usize| {
        rows[at.saturating_sub(CONTEXT)..rows.len().min(at + CONTEXT + 1)]
            .iter()
            .any(changed)
    };
    let mut kept: Vec<DiffLine> = Vec::new();
    let mut skipping = false;
    for (at, row) in rows.iter().enumerate() {
        if near(at) {
            kept.push(row.clone());
        } else if !skipping {
            kept.push(DiffLine {
                expected: Some("…".to_owned()),
                actual: Some("…".to_owned()),
            });
        }
        skipping = !near(at);
    }
    kept
}

/// Folds at spaces; a word that is wider than the room is cut.
pub(in crate::report) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(10);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace().flat_map(|word| chunks(word, room)) {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && columns(&lines[last]) + 1 + columns(&word) > room {
            lines.push(word);
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(&word);
        }
    }
    lines
}

fn chunks(word: &str, room: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(room).map(|chunk| chunk.iter().collect()).collect()
}

/// Cuts to the room, with a mark that something is missing.
pub(super) fn fit(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

fn columns(text: &str) -> usize {
    text.chars().count()
}
