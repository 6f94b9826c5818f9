//! Two answers side by side. Lines of the same path are one row; the rest keeps its order.

use crate::run::event::DiffLine;

/// Whether two answers are the same.
pub fn same(expected: &[String], actual: &[String]) -> bool {
    expected == actual
}

/// The answers side by side; empty where they are the same.
pub fn compare(expected: &[String], actual: &[String]) -> Vec<DiffLine> {
    if same(expected, actual) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let (mut left, mut right) = (0, 0);
    for (one, other) in common(expected, actual) {
        changed(&expected[left..one], &actual[right..other], &mut rows);
        rows.push(DiffLine {
            expected: Some(expected[one].clone()),
            actual: Some(actual[other].clone()),
        });
        (left, right) = (one + 1, other + 1);
    }
    changed(&expected[left..], &actual[right..], &mut rows);
    rows
}

/// The longest common subsequence, as index pairs.
fn common(expected: &[String], actual: &[String]) -> Vec<(usize, usize)> {
    let width = actual.len() + 1;
    let mut longest = vec![0_u32; (expected.len() + 1) * width];
    for one in (0..expected.len()).rev() {
        for other in (0..actual.len()).rev() {
            longest[one * width + other] = if expected[one] == actual[other] {
                longest[(one + 1) * width + other + 1] + 1
            } else {
                longest[(one + 1) * width + other].max(longest[one * width + other + 1])
            };
        }
    }
    let (mut one, mut other, mut pairs) = (0, 0, Vec::new());
    while one < expected.len() && other < actual.len() {
        if expected[one] == actual[other] {
            pairs.push((one, other));
            (one, other) = (one + 1, other + 1);
        } else if longest[(one + 1) * width + other] >= longest[one * width + other + 1] {
            one += 1;
        } else {
            other += 1;
        }
    }
    pairs
}

/// A stretch without common lines: rows of the same path pair up, in the order of the expected side.
fn changed(expected: &[String], actual: &[String], rows: &mut Vec<DiffLine>) {
    let mut taken = vec![false; actual.len()];
    for line in expected {
        let twin = (0..actual.len()).find(|&index| !taken[index] && path(&actual[index]) == path(line));
        if let Some(index) = twin {
            taken[index] = true;
        }
        rows.push(DiffLine {
            expected: Some(line.clone()),
            actual: twin.map(|index| actual[index].clone()),
        });
    }
    for (line, _) in actual.iter().zip(taken).filter(|(_, taken)| !taken) {
        rows.push(DiffLine {
            expected: None,
            actual: Some(line.clone()),
        });
    }
}

/// What a line is about: its path, or its first word.
fn path(line: &str) -> &str {
    match line.find(['=', ' ']) {
        Some(at) => &line[..at],
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::run::event::DiffLine;

    fn lines(of: &[&str]) -> Vec<String> {
        of.iter().map(|line| (*line).to_owned()).collect()
    }

    fn row(expected: Option<&str>, actual: Option<&str>) -> DiffLine {
        DiffLine {
            expected: expected.map(str::to_owned),
            actual: actual.map(str::to_owned),
        }
    }

    #[test]
    fn equal_answers_have_no_rows() {
        assert_eq!(compare(&lines(&["a=1"]), &lines(&["a=1"])), []);
    }

    #[test]
    fn a_changed_value_is_one_row_and_a_missing_one_has_an_empty_side() {
        let rows = compare(&lines(&["a=1", "b=2", "c=3"]), &lines(&["a=1", "b=5", "d=4"]));
        assert_eq!(
            rows,
            [
                row(Some("a=1"), Some("a=1")),
                row(Some("b=2"), Some("b=5")),
                row(Some("c=3"), None),
                row(None, Some("d=4"))
            ]
        );
    }
}
