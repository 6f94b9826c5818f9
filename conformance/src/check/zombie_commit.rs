//! zombie-commit: a member's commit was taken although, when it was invoked, another member had been given the partition
//! that this one still took for its own.

use std::collections::HashMap;

use super::{Anomaly, Facts, Finding};
use crate::history::{Event, Name, Outcome, Place};

pub(super) fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut owned: HashMap<(&Name, &Place), Owners<'_>> = HashMap::new();
    let mut found = Vec::new();
    for (line, entry) in facts.history.lines.iter().enumerate() {
        match &entry.event {
            Event::Assigned { group, partitions, .. } => {
                for partition in partitions {
                    owned.entry((group, partition)).or_default().got(&entry.process, line);
                }
            }
            Event::Revoked { group, partitions, .. } => {
                for partition in partitions {
                    owned.entry((group, partition)).or_default().gave_up(&entry.process);
                }
            }
            Event::Commit { id, group, offsets, .. } => {
                let Some((done, Outcome::Ok)) = facts.ended(*id) else {
                    continue;
                };
                let places = offsets.keys();
                let shown = places.filter_map(|at| Some((at, owned.get(&(group, at))?.since(&entry.process)?)));
                for (partition, (owner, mine, theirs)) in shown {
                    let told = format!(
                        "{} committed {partition} for {group} after {owner} had been given it",
                        entry.process
                    );
                    let proof = [mine, theirs, line, done];
                    found.push(Finding::new(Anomaly::ZombieCommit, told, proof));
                }
            }
            Event::Send { .. }
            | Event::Begin { .. }
            | Event::End { .. }
            | Event::Done { .. }
            | Event::Poll { .. }
            | Event::Process { .. }
            | Event::Session
            | Event::Seek { .. }
            | Event::Fault { .. }
            | Event::Read { .. }
            | Event::Batch { .. }
            | Event::Replica { .. }
            | Event::Drained { .. } => {}
        }
    }
    found
}

/// Who takes a partition for its own, in the order of being given it, with the line of that.
#[derive(Default)]
struct Owners<'h>(Vec<(&'h Name, usize)>);

impl<'h> Owners<'h> {
    fn got(&mut self, member: &'h Name, line: usize) {
        self.gave_up(member);
        self.0.push((member, line));
    }

    fn gave_up(&mut self, member: &Name) {
        self.0.retain(|(owner, _)| *owner != member);
    }

    /// Who was given it after this member: that one, and the lines of both.
    fn since(&self, member: &Name) -> Option<(&'h Name, usize, usize)> {
        let mine = self.0.iter().position(|(owner, _)| *owner == member)?;
        let (owner, line) = self.0.get(mine + 1)?;
        Some((owner, self.0[mine].1, *line))
    }
}
