//! Puts recorded answers into a case file: equal answers of neighbouring versions and of several releases become one
//! block, and every other byte of the file stays.

use std::collections::BTreeMap;

use super::Answers;
use crate::case::{BASELINE, Case, Cell};

/// The text of the file with its answer blocks replaced.
pub fn rewrite(case: &Case, answers: &Answers) -> String {
    let lines: Vec<&str> = case.text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(case.text.len());
    let mut next = 0;
    for (at, step) in case.steps.iter().enumerate() {
        out.extend(lines[next..step.last_line].iter().copied());
        if !out.ends_with('\n') {
            out.push('\n');
        }
        if step.background.is_none() {
            blocks(case, answers, at).iter().for_each(|block| block.write(&mut out));
        }
        next = step.answers_end;
    }
    out.extend(lines[next..].iter().copied());
    out
}

/// One answer with those who gave it.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    releases: Vec<String>,
    versions: Option<(i16, i16)>,
    lines: Vec<String>,
}

impl Block {
    fn write(&self, out: &mut String) {
        out.push_str("----");
        for release in &self.releases {
            out.push_str(&format!(" {release}"));
        }
        match self.versions {
            Some((low, high)) if low == high => out.push_str(&format!(" v{low}")),
            Some((low, high)) => out.push_str(&format!(" v{low}..{high}")),
            None => {}
        }
        out.push('\n');
        for line in &self.lines {
            out.push_str(&format!("{line}\n"));
        }
    }
}

fn blocks(case: &Case, answers: &Answers, step: usize) -> Vec<Block> {
    let mut blocks = of_baseline(answers, step);
    let mut others: BTreeMap<Vec<(Option<(i16, i16)>, Vec<String>)>, Vec<String>> = BTreeMap::new();
    for release in answers.releases().filter(|release| *release != BASELINE) {
        let own = of_release(case, answers, release, step);
        if !own.is_empty() {
            others.entry(own).or_default().push(release.to_owned());
        }
    }
    let mut others: Vec<_> = others.into_iter().collect();
    others.sort_by(|(_, a), (_, b)| a.cmp(b));
    for (own, releases) in others {
        let block = |(versions, lines)| Block { releases: releases.clone(), versions, lines };
        blocks.extend(own.into_iter().map(block));
    }
    blocks
}

/// The answer that most versions share stands bare; the others say their versions.
fn of_baseline(answers: &Answers, step: usize) -> Vec<Block> {
    let given = given(answers, BASELINE, step);
    let mut shares: BTreeMap<&[String], usize> = BTreeMap::new();
    for (_, lines) in &given {
        *shares.entry(lines).or_default() += 1;
    }
    // Of two that are shared alike the one of the lower versions.
    let most = given.iter().rev().max_by_key(|(_, lines)| shares[lines]).map(|(_, lines)| *lines);
    let Some(most) = most else { return Vec::new() };
    let bare = Block { releases: Vec::new(), versions: None, lines: most.to_vec() };
    let ranged = ranges(&given).into_iter().filter(|(_, lines)| *lines != most);
    let ranged = ranged.map(|(versions, lines)| Block { releases: Vec::new(), versions, lines: lines.to_vec() });
    std::iter::once(bare).chain(ranged).collect()
}

/// Where a release answers otherwise than the baseline.
fn of_release(case: &Case, answers: &Answers, release: &str, step: usize) -> Vec<(Option<(i16, i16)>, Vec<String>)> {
    let given = given(answers, release, step);
    let differs = |(cell, lines): &&(&Cell, &[String])| answers.answer(BASELINE, cell, step) != Some(lines);
    let own: Vec<_> = given.iter().filter(differs).copied().collect();
    let everywhere = own.len() == case.cells().len() && own.iter().all(|(_, lines)| *lines == own[0].1);
    if everywhere {
        return own.first().map(|(_, lines)| (None, lines.to_vec())).into_iter().collect();
    }
    ranges(&own).into_iter().map(|(versions, lines)| (versions, lines.to_vec())).collect()
}

fn given<'a>(answers: &'a Answers, release: &'a str, step: usize) -> Vec<(&'a Cell, &'a [String])> {
    let cells = answers.cells(release);
    cells.filter_map(|cell| Some((cell, answers.answer(release, cell, step)?))).collect()
}

/// Neighbouring versions with one answer.
fn ranges<'a>(given: &[(&Cell, &'a [String])]) -> Vec<(Option<(i16, i16)>, &'a [String])> {
    let version = |cell: &Cell| cell.api.as_ref().map(|(_, version)| *version);
    let neighbours = |(a, left): &(&Cell, &[String]), (b, right): &(&Cell, &[String])| {
        left == right && version(a).is_some_and(|a| version(b) == Some(a + 1))
    };
    let range = |run: &[(&Cell, &'a [String])]| {
        let (first, last) = (version(run[0].0), version(run[run.len() - 1].0));
        (first.zip(last), run[0].1)
    };
    given.chunk_by(neighbours).map(range).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::rewrite;
    use crate::case::{Case, Cell, parse};
    use crate::oracle::Answers;

    const FILE: &str = "# PRO-17  A b.\napis: Produce 3..6\n\nsend Produce {}\n----\nold\n\n# why\nsend Produce { Acks: 0 }\n";

    fn case(text: &str) -> Case {
        parse("produce/a", text).expect("a case")
    }

    fn answered(case: &Case, answer: impl Fn(i16) -> &'static str) -> BTreeMap<Cell, Vec<Option<Vec<String>>>> {
        let column = |cell: &Cell| vec![Some(vec![answer(cell.api.as_ref().map_or(0, |(_, v)| *v)).to_owned()]), Some(Vec::new())];
        case.cells().into_iter().map(|cell| (cell.clone(), column(&cell))).collect()
    }

    #[test]
    fn equal_answers_are_grouped_and_the_rest_of_the_file_stays() {
        let case = case(FILE);
        let mut answers = Answers::default();
        answers.replace("4.3.1", answered(&case, |version| if version == 5 { "five" } else { "same" }));
        answers.replace("4.4.0", answered(&case, |_| "new"));
        answers.replace("4.2.1", answered(&case, |version| if version == 5 { "five" } else { "same" }));
        answers.replace("3.9.2", answered(&case, |version| if version < 5 { "early" } else if version == 5 { "five" } else { "same" }));
        let text = rewrite(&case, &answers);
        assert_eq!(
            text,
            "# PRO-17  A b.\napis: Produce 3..6\n\nsend Produce {}\n----\nsame\n---- v5\nfive\n---- 3.9.2 v3..4\nearly\n---- 4.4.0\nnew\n\n\
             # why\nsend Produce { Acks: 0 }\n----\n"
        );
    }

    #[test]
    fn what_was_written_is_what_is_read() {
        let case = case(FILE);
        let mut answers = Answers::default();
        answers.replace("4.3.1", answered(&case, |version| if version % 2 == 0 { "even" } else { "odd" }));
        answers.replace("3.9.2", answered(&case, |version| if version == 4 { "four" } else { "odd" }));
        let again = self::case(&rewrite(&case, &answers));
        let known: BTreeSet<String> = ["3.9.2", "4.3.1"].map(str::to_owned).into();
        assert_eq!(Answers::of(&again, &known), answers);
        assert_eq!(rewrite(&again, &answers), again.text);
    }
}
