//! Histories told by hand: each verb adds the lines that a load would write.

use crate::history::{
    Decision, Event, FORMAT, Header, History, Identity, Isolation, Line, Name, Outcome, Place, Semantics, Value,
};

pub(super) struct Tale {
    pub(super) history: History,
    ids: u64,
    transaction: Option<Name>,
}

impl Tale {
    pub(super) fn new() -> Self {
        let header = Header {
            history: FORMAT,
            semantics: Semantics::ExactlyOnce,
            seed: 0,
            target: "none".to_owned(),
            version: "0".to_owned(),
        };
        Self {
            history: History {
                header,
                lines: Vec::new(),
            },
            ids: 0,
            transaction: None,
        }
    }

    pub(super) fn add(&mut self, process: &str, event: Event) -> &mut Self {
        let at = self.history.lines.len() as u64;
        self.history.lines.push(Line {
            at,
            process: process.into(),
            event,
        });
        self
    }

    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn done(&mut self, process: &str, id: u64, outcome: Outcome, offset: i64) -> &mut Self {
        let offset = (offset >= 0).then_some(offset);
        self.add(
            process,
            Event::Done {
                id,
                outcome,
                offset,
                error: None,
            },
        )
    }

    /// An offset below 0 was not told.
    pub(super) fn sent(&mut self, by: &str, to: &str, sequence: u64, outcome: Outcome, offset: i64) -> &mut Self {
        let (id, transaction) = (self.id(), self.transaction.clone());
        let send = Event::Send {
            id,
            partition: place(to),
            value: value(&format!("{by}.0.{sequence}")),
            transaction,
        };
        self.add(by, send).done(by, id, outcome, offset)
    }

    pub(super) fn polled(&mut self, by: &str, from: &str, offset: i64, what: &str) -> &mut Self {
        self.add(
            by,
            Event::Poll {
                partition: place(from),
                offset,
                value: value(what),
                since: 0,
                isolation: Isolation::Uncommitted,
            },
        )
    }

    /// Of the poll before.
    pub(super) fn as_isolation(&mut self, wanted: Isolation) -> &mut Self {
        if let Some(Event::Poll { isolation, .. }) = self.last() {
            *isolation = wanted;
        }
        self
    }

    /// Of the poll before.
    pub(super) fn harmed(&mut self) -> &mut Self {
        if let Some(Event::Poll { value, .. }) = self.last() {
            value.checksum += 1;
        }
        self
    }

    /// Of the poll or the send before.
    pub(super) fn made_of(&mut self, what: &str) -> &mut Self {
        let source = Identity::parse(what);
        for line in self.history.lines.iter_mut().rev().take(2) {
            if let Event::Poll { value, .. } | Event::Send { value, .. } = &mut line.event {
                value.source = source;
                break;
            }
        }
        self
    }

    fn last(&mut self) -> Option<&mut Event> {
        self.history.lines.last_mut().map(|line| &mut line.event)
    }

    pub(super) fn in_transaction(&mut self, name: &str, within: impl FnOnce(&mut Self) -> &mut Self) -> &mut Self {
        let (id, transaction) = (self.id(), Name::from(name));
        self.transaction = Some(transaction.clone());
        self.add("p1", Event::Begin { id, transaction });
        self.done("p1", id, Outcome::Ok, -1);
        within(self);
        self.transaction = None;
        self
    }

    pub(super) fn ended(&mut self, name: &str, is_commit: bool, outcome: Outcome) -> &mut Self {
        let (id, transaction) = (self.id(), name.into());
        let decision = if is_commit { Decision::Commit } else { Decision::Abort };
        self.add(
            "p1",
            Event::End {
                id,
                transaction,
                decision,
            },
        );
        self.done("p1", id, outcome, -1)
    }

    pub(super) fn committed(&mut self, by: &str, at: &str, offset: i64, outcome: Outcome) -> &mut Self {
        let id = self.id();
        self.add(
            by,
            Event::Commit {
                id,
                group: "g".into(),
                offsets: [(place(at), offset)].into(),
                transaction: None,
            },
        );
        self.done(by, id, outcome, -1)
    }

    pub(super) fn assigned(&mut self, to: &str, generation: i32, places: &[&str]) -> &mut Self {
        self.add(
            to,
            Event::Assigned {
                group: "g".into(),
                generation: Some(generation),
                partitions: places.iter().map(|at| place(at)).collect(),
            },
        )
    }

    pub(super) fn revoked(&mut self, from: &str, generation: i32, places: &[&str]) -> &mut Self {
        self.add(
            from,
            Event::Revoked {
                group: "g".into(),
                generation: Some(generation),
                partitions: places.iter().map(|at| place(at)).collect(),
            },
        )
    }

    pub(super) fn processed(&mut self, by: &str, at: &str, offset: i64, what: &str) -> &mut Self {
        self.add(
            by,
            Event::Process {
                group: "g".into(),
                partition: place(at),
                offset,
                value: value(what),
            },
        )
    }

    /// All of a partition was read by this reader of committed records.
    pub(super) fn read(&mut self, by: &str, at: &str, from: i64, to: i64) -> &mut Self {
        self.add(
            by,
            Event::Read {
                partition: place(at),
                from,
                to,
                isolation: Isolation::Committed,
            },
        )
    }

    /// A batch with one record each.
    pub(super) fn replica(&mut self, of: &str, at: &str, from: i64, batches: &[&str]) -> &mut Self {
        for (offset, digest) in (from..).zip(batches) {
            self.add(
                of,
                Event::Batch {
                    partition: place(at),
                    offset,
                    to: offset + 1,
                    digest: (*digest).into(),
                },
            );
        }
        self.add(
            of,
            Event::Replica {
                partition: place(at),
                from,
                to: from + batches.len() as i64,
            },
        )
    }

    pub(super) fn drained(&mut self, at: &str, to: i64) -> &mut Self {
        self.add(
            "final",
            Event::Drained {
                group: "g".into(),
                offsets: [(place(at), to)].into(),
            },
        )
    }
}

pub(super) fn place(text: &str) -> Place {
    Place::parse(text).expect("a partition")
}

pub(super) fn value(text: &str) -> Value {
    let Identity {
        producer,
        run,
        sequence,
    } = Identity::parse(text).expect("a value");
    Value {
        producer,
        run,
        sequence,
        key: "k".into(),
        checksum: sequence as u32,
        source: None,
    }
}
