//! poll-skip and nonmonotonic-poll: one reader jumped over a record that another one was given, or went back. A rebalance
//! that it saw, or a seek, lets it begin anywhere.

use std::collections::{BTreeMap, HashMap};

use super::lost_write::{Positions, follow};
use super::{Anomaly, Facts, Finding};
use crate::history::{Event, Isolation, Place};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let visible = Visible::of(facts);
    let mut last: Positions<'_> = HashMap::new();
    let mut found = Vec::new();
    for (line, entry) in facts.history.lines.iter().enumerate() {
        let Some((partition, offset, Some((before, first)))) = follow(&mut last, line, &entry.process, &entry.event)
        else {
            continue;
        };
        if offset <= before {
            let told = format!(
                "{} went back in {partition}: from offset {before} to {offset}",
                entry.process
            );
            found.push(Finding::new(Anomaly::NonmonotonicPoll, told, [first, line]));
        } else if let Event::Poll { isolation, .. } = &entry.event
            && let Some((skipped, shown)) = visible.between(*isolation, partition, before, offset)
        {
            let told = format!(
                "{} went from {partition} offset {before} to {offset} and left out {skipped}, which is there",
                entry.process
            );
            found.push(Finding::new(Anomaly::PollSkip, told, [first, line, shown]));
        }
    }
    found
}

/// What readers of each kind can be given: offset to the first line that shows it.
struct Visible<'f>(HashMap<(Isolation, &'f Place), BTreeMap<i64, usize>>);

impl<'f> Visible<'f> {
    /// What is committed is there for all.
    fn of(facts: &'f Facts<'_>) -> Self {
        let mut visible: HashMap<_, BTreeMap<i64, usize>> = HashMap::new();
        let mut show = |isolation, partition: &'f Place, offset, line| {
            let log = visible.entry((isolation, partition)).or_default();
            log.entry(offset).or_insert(line);
        };
        for poll in &facts.polls {
            show(Isolation::Uncommitted, poll.partition, poll.offset, poll.line);
            if poll.isolation == Isolation::Committed {
                show(Isolation::Committed, poll.partition, poll.offset, poll.line);
            }
        }
        Self(visible)
    }

    /// The first offset between these two, with the line that shows it.
    fn between(&self, isolation: Isolation, partition: &Place, from: i64, to: i64) -> Option<(i64, usize)> {
        let log = self.0.get(&(isolation, partition))?;
        let (offset, line) = log.range(from + 1..to).next()?;
        Some((*offset, *line))
    }
}
