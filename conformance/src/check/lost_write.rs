//! lost-write: an acknowledged value that lies between two records which one reader was given one after the other, and
//! that nobody read at all.

use std::collections::{BTreeMap, HashMap};

use super::{Anomaly, Facts, Finding};
use crate::history::{Event, History, Name, Place};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for send in facts.sends.iter().filter(|send| !facts.was_read(send.value)) {
        let (Some(offset), Some(lines)) = (send.offset, facts.acknowledged(send)) else {
            continue;
        };
        let Some((before, after)) = facts.passed.over(send.partition, offset) else {
            continue;
        };
        let told = format!(
            "{} was acknowledged at {} offset {offset}; a reader passed it, and nobody was given it",
            send.value.identity(),
            send.partition
        );
        let proof = lines.into_iter().chain([before, after]);
        found.push(Finding::new(Anomaly::LostWrite, told, proof));
    }
    found
}

/// What readers have passed, by partition: from one record to the next one that the same reader was given.
#[derive(Debug)]
pub(super) struct Spans<'h>(HashMap<&'h Place, BTreeMap<i64, Span>>);

/// From the offset that is its key.
#[derive(Debug, Clone, Copy)]
struct Span {
    to: i64,
    lines: (usize, usize),
}

impl<'h> Spans<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let mut spans: HashMap<&Place, BTreeMap<i64, Span>> = HashMap::new();
        let mut last: Positions<'_> = HashMap::new();
        for (line, entry) in history.lines.iter().enumerate() {
            if let Some((partition, offset, previous)) = follow(&mut last, line, &entry.process, &entry.event)
                && let Some((from, first)) = previous
            {
                let span = Span {
                    to: offset,
                    lines: (first, line),
                };
                let known = spans.entry(partition).or_default().entry(from).or_insert(span);
                if known.to < offset {
                    *known = span;
                }
            }
        }
        let longest = spans.into_iter().map(|(place, spans)| (place, rising(spans)));
        Self(longest.collect())
    }

    /// The two lines between which a reader passed this offset.
    pub(super) fn over(&self, partition: &Place, offset: i64) -> Option<(usize, usize)> {
        let (_, span) = self.0.get(partition)?.range(..offset).next_back()?;
        (span.to > offset).then_some(span.lines)
    }
}

/// Leaves out what lies within another: the last one that begins before an offset is then the one that reaches furthest.
fn rising(spans: BTreeMap<i64, Span>) -> BTreeMap<i64, Span> {
    let mut furthest = i64::MIN;
    let further = spans.into_iter().filter(|(_, span)| {
        let further = span.to > furthest;
        furthest = furthest.max(span.to);
        further
    });
    further.collect()
}

/// Where each reader is in each partition, and the line that says so. Nobody knows after a rebalance or a seek.
pub(super) type Positions<'h> = HashMap<(&'h Name, &'h Place), (i64, usize)>;

/// A poll: its place, its offset, and where this reader was before, if that is known.
type Move<'h> = (&'h Place, i64, Option<(i64, usize)>);

/// Follows the readers.
pub(super) fn follow<'h>(
    last: &mut Positions<'h>,
    line: usize,
    process: &'h Name,
    event: &'h Event,
) -> Option<Move<'h>> {
    match event {
        Event::Poll { partition, offset, .. } => {
            let before = last.insert((process, partition), (*offset, line));
            return Some((partition, *offset, before));
        }
        Event::Assigned { partitions, .. } | Event::Revoked { partitions, .. } => {
            for partition in partitions {
                last.remove(&(process, partition));
            }
        }
        Event::Seek { partition, .. } => drop(last.remove(&(process, partition))),
        Event::Send { .. }
        | Event::Commit { .. }
        | Event::Begin { .. }
        | Event::End { .. }
        | Event::Done { .. }
        | Event::Process { .. }
        | Event::Session
        | Event::Fault { .. }
        | Event::Read { .. }
        | Event::Batch { .. }
        | Event::Replica { .. }
        | Event::Drained { .. } => {}
    }
    None
}
