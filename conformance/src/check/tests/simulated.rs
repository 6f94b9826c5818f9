//! A correct execution, simulated: nothing is wrong with it whatever happened. An anomaly put into it is found, always. And a
//! long one is looked at in a time that grows as it does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::tale::{Tale, place};
use crate::check::{Anomaly, check};
use crate::history::{Event, History, Isolation, Outcome};

/// What a producer does next.
#[derive(Debug, Clone)]
struct Act {
    producer: usize,
    partition: usize,
    /// How many records a transaction has; 0: one record without a transaction.
    many: usize,
    is_commit: bool,
    /// Whether the client hears how it ended.
    is_told: bool,
    /// Where nobody is told, whether it happened.
    happened: bool,
    /// How many records a reader takes afterwards, and which reader.
    polls: usize,
    reader: usize,
}

fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = (
        0..3_usize,
        0..3_usize,
        0..4_usize,
        any::<[bool; 3]>(),
        0..4_usize,
        0..2_usize,
    );
    let act = act.prop_map(
        |(producer, partition, many, [is_commit, is_told, happened], polls, reader)| Act {
            producer,
            partition,
            many,
            is_commit,
            is_told,
            happened,
            polls,
            reader,
        },
    );
    prop::collection::vec(act, 1..most)
}

const PARTITIONS: usize = 3;

/// Three logs, three producers that are idempotent or transactional, two readers, all in one thread.
struct World {
    tale: Tale,
    logs: [Vec<Option<String>>; PARTITIONS],
    sequences: [u64; 3],
    positions: BTreeMap<(usize, usize), usize>,
    transactions: usize,
}

impl World {
    fn played(acts: &[Act]) -> History {
        let mut world = Self {
            tale: Tale::new(),
            logs: Default::default(),
            sequences: [0; 3],
            positions: BTreeMap::new(),
            transactions: 0,
        };
        for act in acts {
            world.play(act);
            for _ in 0..act.polls {
                world.poll(act.reader, act.partition);
            }
        }
        world.read_all();
        world.tale.history
    }

    fn play(&mut self, act: &Act) {
        if act.many == 0 {
            let visible = act.is_told || act.happened;
            self.send(
                act,
                act.partition,
                if act.is_told { Outcome::Ok } else { Outcome::Unknown },
                visible,
            );
            return;
        }
        self.transactions += 1;
        let name = format!("x{}", self.transactions);
        let visible = act.is_commit && (act.is_told || act.happened);
        self.tale.in_transaction(&name, |tale| tale);
        for n in 0..act.many {
            self.send_in(&name, act, (act.partition + n) % PARTITIONS, visible);
        }
        let outcome = if act.is_told { Outcome::Ok } else { Outcome::Unknown };
        self.tale.ended(&name, act.is_commit, outcome);
        // Markers, one in each partition that took part.
        for n in 0..act.many.min(PARTITIONS) {
            self.logs[(act.partition + n) % PARTITIONS].push(None);
        }
    }

    fn send_in(&mut self, name: &str, act: &Act, partition: usize, visible: bool) {
        self.send(act, partition, Outcome::Ok, visible);
        let lines = self.tale.history.lines.iter_mut().rev();
        if let Some(Event::Send { transaction, .. }) = lines.map(|line| &mut line.event).nth(1) {
            *transaction = Some(name.into());
        }
    }

    /// Appends where it is visible in the end; an aborted record takes an offset all the same.
    fn send(&mut self, act: &Act, partition: usize, outcome: Outcome, visible: bool) {
        let (producer, sequence) = (format!("p{}", act.producer), self.sequences[act.producer]);
        self.sequences[act.producer] += 1;
        let at = format!("t/{partition}");
        let offset = if outcome == Outcome::Ok {
            self.logs[partition].len() as i64
        } else {
            -1
        };
        self.tale.sent(&producer, &at, sequence, outcome, offset);
        if outcome == Outcome::Ok || visible {
            self.logs[partition].push(visible.then(|| format!("{producer}.0.{sequence}")));
        }
    }

    fn poll(&mut self, reader: usize, partition: usize) -> bool {
        let position = self.positions.entry((reader, partition)).or_default();
        let next = self.logs[partition]
            .iter()
            .enumerate()
            .skip(*position)
            .find(|(_, value)| value.is_some());
        let Some((offset, Some(value))) = next else {
            return false;
        };
        *position = offset + 1;
        let (by, at) = (format!("c{reader}"), format!("t/{partition}"));
        self.tale
            .polled(&by, &at, offset as i64, value)
            .as_isolation(Isolation::Committed);
        true
    }

    fn read_all(&mut self) {
        for partition in 0..PARTITIONS {
            while self.poll(2, partition) {}
            let end = self.logs[partition].len() as i64;
            self.tale.read("c2", &format!("t/{partition}"), 0, end);
        }
    }
}

/// Everything that reached a reader, by the index of its line.
fn polls(history: &History) -> Vec<usize> {
    let lines = history.lines.iter().enumerate();
    let polls = lines.filter(|(_, line)| matches!(line.event, Event::Poll { .. }));
    polls.map(|(index, _)| index).collect()
}

fn has(history: &History, anomaly: Anomaly) -> bool {
    check(history).iter().any(|finding| finding.anomaly == anomaly)
}

proptest! {
    #[test]
    fn a_correct_execution_has_no_anomaly(acts in acts(60)) {
        let history = World::played(&acts);
        prop_assert_eq!(check(&history), []);
    }

    #[test]
    fn a_cut_off_history_of_a_correct_execution_has_no_anomaly(acts in acts(40), share in 0.0..1.0_f64) {
        let mut history = World::played(&acts);
        history.lines.truncate((history.lines.len() as f64 * share) as usize);
        prop_assert_eq!(check(&history), []);
    }

    #[test]
    fn a_value_that_was_acknowledged_and_is_read_by_nobody_is_found(acts in acts(40), which in any::<prop::sample::Index>()) {
        let mut history = World::played(&acts);
        let acknowledged: Vec<_> = history.lines.windows(2).filter_map(|pair| match (&pair[0].event, &pair[1].event) {
            (Event::Send { value, transaction: None, .. }, Event::Done { outcome: Outcome::Ok, .. }) => Some(value.identity()),
            _ => None,
        }).collect();
        prop_assume!(!acknowledged.is_empty());
        let lost = which.get(&acknowledged).clone();
        history.lines.retain(|line| !matches!(&line.event, Event::Poll { value, .. } if value.identity() == lost));
        prop_assert!(has(&history, Anomaly::LostWrite) || has(&history, Anomaly::Unseen));
    }

    #[test]
    fn a_second_copy_is_found(acts in acts(40), which in any::<prop::sample::Index>()) {
        let mut history = World::played(&acts);
        let polls = polls(&history);
        prop_assume!(!polls.is_empty());
        let mut copy = history.lines[*which.get(&polls)].clone();
        if let Event::Poll { offset, .. } = &mut copy.event { *offset += 1_000_000; }
        history.lines.push(copy);
        prop_assert!(has(&history, Anomaly::Duplicate));
    }

    #[test]
    fn an_offset_that_shows_two_values_is_found(acts in acts(40), which in any::<prop::sample::Index>()) {
        let mut history = World::played(&acts);
        let polls = polls(&history);
        prop_assume!(!polls.is_empty());
        let mut copy = history.lines[*which.get(&polls)].clone();
        if let Event::Poll { value, .. } = &mut copy.event { value.sequence += 1_000_000; }
        history.lines.push(copy);
        prop_assert!(has(&history, Anomaly::InconsistentOffsets) && has(&history, Anomaly::Phantom));
    }

    #[test]
    fn an_aborted_record_that_is_shown_is_found(acts in acts(40), which in any::<prop::sample::Index>()) {
        let mut history = World::played(&acts);
        let mut aborted = Vec::new();
        let mut undone = std::collections::BTreeSet::new();
        for line in history.lines.iter().rev() {
            match &line.event {
                Event::End { transaction, decision: crate::history::Decision::Abort, .. } => drop(undone.insert(transaction.clone())),
                Event::Send { transaction: Some(name), partition, value, .. } if undone.contains(name) => {
                    aborted.push((partition.clone(), value.clone()));
                }
                _ => {}
            }
        }
        prop_assume!(!aborted.is_empty());
        let (partition, value) = which.get(&aborted).clone();
        let mut tale = Tale::new();
        tale.history = history;
        tale.add("c9", Event::Poll { partition, offset: 1_000_000, value, since: 0, isolation: Isolation::Committed });
        history = tale.history;
        prop_assert!(has(&history, Anomaly::AbortedRead));
    }

    #[test]
    fn a_transaction_that_lost_one_of_its_records_is_found(acts in acts(40), which in any::<prop::sample::Index>()) {
        let mut history = World::played(&acts);
        let read: std::collections::HashSet<_> = polls(&history).into_iter().filter_map(|index| match &history.lines[index].event {
            Event::Poll { value, .. } => Some(value.identity()),
            _ => None,
        }).collect();
        let mut parts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in &history.lines {
            if let Event::Send { transaction: Some(name), value, .. } = &line.event && read.contains(&value.identity()) {
                parts.entry(name.clone()).or_default().push(value.identity());
            }
        }
        let whole: Vec<_> = parts.into_values().filter(|parts| parts.len() > 1).collect();
        prop_assume!(!whole.is_empty());
        let lost = which.get(&whole)[0].clone();
        history.lines.retain(|line| !matches!(&line.event, Event::Poll { value, .. } if value.identity() == lost));
        prop_assert!(has(&history, Anomaly::TornTransaction));
    }

    #[test]
    fn two_records_of_one_producer_in_the_wrong_order_are_found(acts in acts(60), which in any::<prop::sample::Index>()) {
        let mut history = World::played(&acts);
        // The final reader's polls of one partition and one producer.
        let mut lines: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for index in polls(&history) {
            if let Event::Poll { partition, value, .. } = &history.lines[index].event {
                lines.entry((partition.clone(), value.producer.clone(), history.lines[index].process.clone())).or_default().push(index);
            }
        }
        let pairs: Vec<_> = lines.into_values().filter(|lines| lines.len() > 1).collect();
        prop_assume!(!pairs.is_empty());
        let pair = which.get(&pairs);
        let (one, other) = (pair[0], pair[1]);
        let taken = |event: &Event| match event { Event::Poll { value, .. } => Some(value.clone()), _ => None };
        let values = [taken(&history.lines[one].event), taken(&history.lines[other].event)];
        for (index, new) in [(one, &values[1]), (other, &values[0])] {
            if let (Event::Poll { value, .. }, Some(new)) = (&mut history.lines[index].event, new) { *value = new.clone(); }
        }
        prop_assert!(has(&history, Anomaly::NonmonotonicSend) || has(&history, Anomaly::InconsistentOffsets));
    }

    #[test]
    fn a_reader_that_leaves_one_out_or_goes_back_is_found(acts in acts(60), which in any::<prop::sample::Index>(), back in any::<bool>()) {
        let mut history = World::played(&acts);
        // c0 reads again what the final reader read, but for one.
        let of_final: Vec<_> = polls(&history).into_iter().map(|index| history.lines[index].clone())
            .filter(|line| line.process.as_str() == "c2" && matches!(&line.event, Event::Poll { partition, .. } if *partition == place("t/0")))
            .collect();
        prop_assume!(of_final.len() > 2);
        let place = 1 + which.index(of_final.len() - 2);
        for (index, line) in of_final.iter().enumerate() {
            let mut line = line.clone();
            line.process = "c9".into();
            match (index == place, back) {
                (true, false) => {}
                (true, true) => {
                    history.lines.push(line.clone());
                    history.lines.push(line);
                }
                (false, _) => history.lines.push(line),
            }
        }
        let wanted = if back { Anomaly::NonmonotonicPoll } else { Anomaly::PollSkip };
        prop_assert!(has(&history, wanted));
    }
}

#[test]
fn a_million_events_are_looked_at_in_the_time_of_a_test() {
    let mut world = Vec::new();
    for n in 0..110_000_usize {
        world.push(Act {
            producer: n % 3,
            partition: n / 7 % PARTITIONS,
            many: n % 4,
            is_commit: n % 5 != 0,
            is_told: n % 11 != 0,
            happened: n % 2 == 0,
            polls: 2,
            reader: n % 2,
        });
    }
    let history = World::played(&world);
    assert!(history.lines.len() >= 1_000_000, "{}", history.lines.len());
    let began = Instant::now();
    assert_eq!(check(&history), []);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
