//! When what is done to whom, from the seed alone.

use std::time::Duration;

use super::Kind;
use crate::history::Semantics;
use crate::workload::Chance;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The request never arrives.
    Before,
    /// The answer never arrives.
    After,
    /// The request arrives this many milliseconds after the client has given the connection up.
    Late(u64),
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// kill -9 of a broker.
    Kill(usize),
    /// It is started again.
    Restart(usize),
    /// A broker stands still.
    Pause(usize),
    /// It goes on.
    Resume(usize),
    /// Nothing passes between a broker and all other nodes.
    Disconnect(usize),
    /// It passes again.
    Reconnect(usize),
    /// Nothing passes between clients and a broker.
    Silence(usize),
    /// It passes again, with what was held up.
    Heard(usize),
    /// Nothing passes between a client and all brokers, whatever life it is in.
    Isolate(&'static str),
    /// It passes again.
    Rejoin(&'static str),
    /// All members of the group leave.
    Leave,
    /// They come back.
    Return,
    /// The next request of this API is the last one on its connection.
    Cut(i16, Side),
    /// From now on each answer takes so many milliseconds longer.
    Delay(u64),
}

/// A fault and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Since the load began.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// Everything that is done in a load of this length, in order. Whatever begins also ends within it.
pub fn schedule(seed: u64, kinds: &[Kind], length: Duration, brokers: usize, semantics: Semantics) -> Vec<Planned> {
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut planned = broker_faults(seed, kinds, length, brokers);
    planned = with_recesses(seed, planned);
    if kinds.contains(&Kind::Partition) {
        planned.extend(isolations(seed, length, semantics));
    }
    if kinds.contains(&Kind::Cut) {
        planned.extend(cuts(seed, length, semantics));
    }
    planned.sort_by_key(|planned| planned.at);
    planned
}

fn at(ms: u64, fault: Fault) -> Planned {
    Planned {
        at: Duration::from_millis(ms),
        fault,
    }
}

/// One broker at a time.
fn broker_faults(seed: u64, kinds: &[Kind], length: u64, brokers: usize) -> Vec<Planned> {
    let kinds: Vec<Kind> = kinds.iter().copied().filter(|kind| *kind != Kind::Cut).collect();
    let mut chance = Chance::new(seed, "brokers");
    let mut planned = Vec::new();
    let mut now = 700;
    let mut turn = chance.number() as usize;
    while let Some(kind) = kinds.get(turn % kinds.len().max(1)) {
        let broker = chance.within(0, brokers.max(1) as u64) as usize;
        let (begin, end, span) = match kind {
            Kind::Kill => (Fault::Kill(broker), Fault::Restart(broker), chance.within(50, 600)),
            Kind::Pause => (Fault::Pause(broker), Fault::Resume(broker), chance.within(300, 1500)),
            // Now and then for so long that others take it for gone.
            Kind::Disconnect => {
                let span = match chance.once_in(2) {
                    true => chance.within(3500, 5000),
                    false => chance.within(300, 1500),
                };
                (Fault::Disconnect(broker), Fault::Reconnect(broker), span)
            }
            Kind::Partition | Kind::Cut => (Fault::Silence(broker), Fault::Heard(broker), chance.within(300, 1500)),
        };
        if now + span + 300 > length {
            break;
        }
        planned.extend([at(now, begin), at(now + span, end)]);
        now += span + chance.within(800, 2000);
        turn += 1;
    }
    planned
}

/// Around the last kill, and some others, no member is there: what a group goes on from is then what brokers kept of it.
fn with_recesses(seed: u64, planned: Vec<Planned>) -> Vec<Planned> {
    let mut chance = Chance::new(seed, "recesses");
    let last = planned
        .iter()
        .rposition(|planned| matches!(planned.fault, Fault::Kill(_)));
    let (mut all, mut is_away) = (Vec::new(), false);
    for (index, next) in planned.into_iter().enumerate() {
        let time = next.at;
        let leave = matches!(next.fault, Fault::Kill(_)) && (chance.once_in(4) || Some(index) == last);
        if leave {
            all.push(Planned {
                at: time,
                fault: Fault::Leave,
            });
        }
        is_away |= leave;
        let come = is_away && matches!(next.fault, Fault::Restart(_));
        all.push(next);
        if come {
            all.push(Planned {
                at: time,
                fault: Fault::Return,
            });
            is_away = false;
        }
    }
    all
}

/// One client at a time, now and then for longer than its session.
fn isolations(seed: u64, length: u64, semantics: Semantics) -> Vec<Planned> {
    let clients: &[&'static str] = match semantics {
        Semantics::ExactlyOnce => &["x1.", "x2.", "x3.", "w1."],
        Semantics::AtMostOnce | Semantics::AtLeastOnce | Semantics::Idempotent => &["c1.", "c2.", "c3.", "p1."],
    };
    let mut chance = Chance::new(seed, "clients");
    let (mut planned, mut now) = (Vec::new(), 1000);
    while let Some(client) = chance.one(clients) {
        let span = match chance.once_in(3) {
            true => chance.within(6500, 8000),
            false => chance.within(300, 2000),
        };
        if now + span + 300 > length {
            break;
        }
        planned.extend([at(now, Fault::Isolate(client)), at(now + span, Fault::Rejoin(client))]);
        now += span + chance.within(500, 1500);
    }
    planned
}

/// Requests that change something, often; the others now and then.
fn cuts(seed: u64, length: u64, semantics: Semantics) -> Vec<Planned> {
    const PRODUCE: i16 = 0;
    let keys: &[i16] = match semantics {
        Semantics::AtMostOnce | Semantics::AtLeastOnce => &[0, 0, 0, 8, 8, 1, 11, 14],
        Semantics::Idempotent => &[0, 0, 0, 0, 8, 8, 1, 11, 14, 22],
        Semantics::ExactlyOnce => &[0, 0, 0, 26, 26, 28, 28, 24, 25, 22, 1, 14],
    };
    let mut chance = Chance::new(seed, "cuts");
    let (mut planned, mut now) = (Vec::new(), 300);
    while now + 300 < length {
        let key = chance.one(keys).copied().unwrap_or(PRODUCE);
        // A commit that arrives late within its generation takes offsets back, and Kafka lets it: no promise covers that.
        let may_be_late = semantics != Semantics::ExactlyOnce && key == PRODUCE;
        let side = match chance.within(0, 5) {
            0 | 1 => Side::Before,
            // What is sent with acks=0 and never arrives is what this promise allows.
            2 | 3 if semantics == Semantics::AtMostOnce => Side::Before,
            2 if may_be_late => Side::Late(chance.within(100, 2500)),
            _ => Side::After,
        };
        planned.push(at(now, Fault::Cut(key, side)));
        now += chance.within(100, 400);
        if chance.once_in(8) {
            planned.push(at(now, Fault::Delay(chance.within(5, 120))));
            now += chance.within(200, 500);
            planned.push(at(now, Fault::Delay(0)));
        }
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 4] = [Kind::Kill, Kind::Pause, Kind::Partition, Kind::Cut];

    #[test]
    fn the_same_seed_gives_the_same_faults_and_another_gives_others() {
        let of = |seed| schedule(seed, &ALL, Duration::from_secs(20), 3, Semantics::Idempotent);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn every_kind_that_was_asked_for_comes_and_what_begins_ends() {
        for seed in 0..50 {
            let planned = schedule(seed, &ALL, Duration::from_secs(12), 3, Semantics::ExactlyOnce);
            let count = |of: fn(&Fault) -> bool| planned.iter().filter(|planned| of(&planned.fault)).count();
            let kills = count(|fault| matches!(fault, Fault::Kill(_)));
            let pauses = count(|fault| matches!(fault, Fault::Pause(_)));
            assert!(kills > 0 && pauses > 0, "seed {seed}");
            assert_eq!(kills, count(|fault| matches!(fault, Fault::Restart(_))));
            assert_eq!(pauses, count(|fault| matches!(fault, Fault::Resume(_))));
            let recesses = count(|fault| matches!(fault, Fault::Leave));
            assert!((1..=kills).contains(&recesses), "seed {seed}: {recesses}");
            assert_eq!(recesses, count(|fault| matches!(fault, Fault::Return)));
            assert!(count(|fault| matches!(fault, Fault::Cut(..))) > 10);
            assert!(planned.is_sorted_by_key(|planned| planned.at));
        }
    }

    #[test]
    fn what_was_not_asked_for_is_not_done() {
        assert_eq!(schedule(1, &[], Duration::from_secs(20), 1, Semantics::AtLeastOnce), []);
        let cuts = schedule(1, &[Kind::Cut], Duration::from_secs(5), 1, Semantics::AtLeastOnce);
        let only = |planned: &Planned| matches!(planned.fault, Fault::Cut(..) | Fault::Delay(_));
        assert!(cuts.iter().all(only));
    }
}
