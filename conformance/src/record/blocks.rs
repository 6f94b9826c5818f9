//! Answers become blocks: equal ones are grouped over versions and over Kafka releases, so that a case file says at which
//! version the behaviour changed. The rest of the file is kept byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Table, Version};
use crate::case::{BASELINE, Case};

/// One block as it will stand in the file.
struct Block<'a> {
    releases: Vec<&'a str>,
    range: Option<(i16, i16)>,
    lines: &'a [String],
}

/// The text of the case with the blocks of every step replaced by what the table says.
pub(super) fn rewritten(case: &Case, table: &Table) -> String {
    let lines: Vec<&str> = case.text.split_inclusive('\n').collect();
    let mut text = String::with_capacity(case.text.len());
    let mut at = 0;
    for (index, step) in case.steps.iter().enumerate() {
        lines[at..step.last_line].iter().for_each(|line| text.push_str(line));
        let blocks = if step.background.is_some() {
            Vec::new()
        } else {
            blocks(table, index)
        };
        if !blocks.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        blocks.iter().for_each(|block| block.write(&mut text));
        at = step.answers_end;
    }
    lines[at..].iter().for_each(|line| text.push_str(line));
    text
}

/// The fewest blocks from which every release finds its answer at every version: the baseline's, then those of releases
/// that answered otherwise.
fn blocks(table: &Table, step: usize) -> Vec<Block<'_>> {
    let base = table.of_step(BASELINE, step);
    let mut blocks = baseline(table, &base);
    let first_other = blocks.len();
    for release in table.others() {
        let mut own = table.of_step(release, step);
        own.retain(|version, lines| base.get(version) != Some(lines));
        for block in others(table, release, &own) {
            let alike = |known: &&mut Block<'_>| (known.range, known.lines) == (block.range, block.lines);
            match blocks[first_other..].iter_mut().find(alike) {
                Some(known) => known.releases.push(release),
                None => blocks.push(block),
            }
        }
    }
    blocks
}

/// The bare block is the answer of most versions, of two alike that of the newer; where a version of the matrix has no answer,
/// no block is bare, lest it speak for that version.
fn baseline<'a>(table: &Table, base: &BTreeMap<Version, &'a [String]>) -> Vec<Block<'a>> {
    let mut groups = groups(base);
    let mut blocks = Vec::new();
    if base.len() == table.versions.len() {
        let most = groups
            .iter()
            .enumerate()
            .max_by_key(|(_, (_, versions))| (versions.len(), versions.last().copied()));
        if let Some(index) = most.map(|(index, _)| index) {
            blocks.push(Block {
                releases: Vec::new(),
                range: None,
                lines: groups.remove(index).0,
            });
        }
    }
    let mut ranged: Vec<Block<'_>> = groups
        .iter()
        .flat_map(|(lines, versions)| ranged(&[], versions, lines))
        .collect();
    ranged.sort_by_key(|block| block.range);
    blocks.extend(ranged);
    blocks
}

/// Another release names no versions only where it answers otherwise at all of them, and always the same.
fn others<'a>(table: &Table, release: &'a str, own: &BTreeMap<Version, &'a [String]>) -> Vec<Block<'a>> {
    let groups = groups(own);
    if let [(lines, versions)] = groups.as_slice()
        && versions.len() == table.versions.len()
    {
        return vec![Block {
            releases: vec![release],
            range: None,
            lines,
        }];
    }
    let mut blocks: Vec<Block<'_>> = groups
        .iter()
        .flat_map(|(lines, versions)| ranged(&[release], versions, lines))
        .collect();
    blocks.sort_by_key(|block| block.range);
    blocks
}

/// Versions by answer.
fn groups<'a>(answers: &BTreeMap<Version, &'a [String]>) -> Vec<(&'a [String], BTreeSet<Version>)> {
    let mut groups: Vec<(&[String], BTreeSet<Version>)> = Vec::new();
    for (version, lines) in answers {
        match groups.iter_mut().find(|(known, _)| known == lines) {
            Some((_, versions)) => {
                versions.insert(*version);
            }
            None => groups.push((lines, BTreeSet::from([*version]))),
        }
    }
    groups
}

/// One block for each run of versions without a gap.
fn ranged<'a>(releases: &[&'a str], versions: &BTreeSet<Version>, lines: &'a [String]) -> Vec<Block<'a>> {
    let mut ranges: Vec<(i16, i16)> = Vec::new();
    for version in versions.iter().flatten() {
        match ranges.last_mut() {
            Some((_, high)) if *high + 1 == *version => *high = *version,
            _ => ranges.push((*version, *version)),
        }
    }
    ranges
        .into_iter()
        .map(|range| Block {
            releases: releases.to_vec(),
            range: Some(range),
            lines,
        })
        .collect()
}

impl Block<'_> {
    fn write(&self, text: &mut String) {
        text.push_str("----");
        for release in &self.releases {
            text.push(' ');
            text.push_str(release);
        }
        match self.range {
            Some((low, high)) if low == high => text.push_str(&format!(" v{low}")),
            Some((low, high)) => text.push_str(&format!(" v{low}..{high}")),
            None => {}
        }
        text.push('\n');
        for line in self.lines {
            text.push_str(line);
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, proptest};

    use super::rewritten;
    use crate::case::{BASELINE, Case, parse};
    use crate::record::table::{Row, Table, cell};

    const RELEASES: [&str; 4] = ["3.9.2", "4.0.2", BASELINE, "4.4.0"];
    const TEXT: &str = "# PRO-17  A b.\n# why\napis: Produce 0..5\n\n# first\nproduce t/0 values=[a]\n----\nold\n---- v1\n\n\n&j produce t/0 values=[b]\n\nawait j";

    fn case(text: &str) -> Case {
        parse("produce/x", text).expect("a case")
    }

    /// For each release the versions that it has and which of three answers it gave at each; no versions: not recorded.
    fn matrices() -> impl Strategy<Value = Vec<(usize, usize, Vec<usize>)>> {
        proptest::collection::vec((0..6_usize, 0..7_usize, proptest::collection::vec(0..3_usize, 12)), 4)
    }

    fn table(case: &Case, matrix: &[(usize, usize, Vec<usize>)]) -> Table {
        let texts = [
            vec!["t/0 error=NONE".to_owned()],
            Vec::new(),
            vec!["closed".to_owned(), "- v2".to_owned()],
        ];
        let mut table = Table::empty(case);
        for (release, (from, count, picks)) in RELEASES.iter().zip(matrix) {
            let versions = table
                .versions
                .iter()
                .skip(*from)
                .take(*count)
                .copied()
                .collect::<Vec<_>>();
            let row: Row = versions
                .into_iter()
                .zip(picks.chunks(2))
                .map(|(version, picks)| {
                    (
                        version,
                        vec![
                            Some(texts[picks[0]].clone()),
                            Some(Vec::new()),
                            Some(texts[picks[1]].clone()),
                        ],
                    )
                })
                .collect();
            table.put(release, row);
        }
        table
    }

    proptest! {
        #[test]
        fn every_release_finds_its_answer_at_every_version(matrix in matrices()) {
            let case = case(TEXT);
            let table = table(&case, &matrix);
            let text = rewritten(&case, &table);
            let again = table.verified("produce/x", &text).expect("it reads back");
            assert_eq!(rewritten(&again, &table), text);
            let (head, steps) = (TEXT.find("----").expect("a block"), TEXT.find("\n\n&j").expect("a step"));
            assert!(text.starts_with(&TEXT[..head]) && text.contains(&TEXT[steps..]), "{text}");
            let unrecorded = &table.versions.iter().filter(|version| !table.of_step(BASELINE, 0).contains_key(version)).collect::<Vec<_>>();
            for version in unrecorded {
                assert_eq!(again.steps[0].recorded(BASELINE, &cell(&again, **version)), None, "{text}");
            }
        }
    }

    #[test]
    fn equal_answers_of_versions_and_releases_are_one_block() {
        let case = case(TEXT);
        let matrix = [
            (0, 5, vec![0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
            (0, 6, vec![2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (0, 6, vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
            (0, 6, vec![1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]),
        ];
        let text = rewritten(&case, &table(&case, &matrix));
        let wanted = "\
produce t/0 values=[a]
----
t/0 error=NONE
---- v4
---- 3.9.2 v1
closed
- v2
---- 3.9.2 4.0.2 v4
t/0 error=NONE
---- 4.0.2 v0..1
closed
- v2
---- 4.4.0 v0..3
---- 4.4.0 v5

";
        assert!(text.contains(wanted), "{text}");
        assert!(
            text.ends_with("&j produce t/0 values=[b]\n\nawait j\n----\nt/0 error=NONE\n"),
            "{text}"
        );
    }
}
