//! Transactions walked through their states, by commands alone.

use super::*;

const NOW: Now = Now {
    unix_ms: 1_000_000,
    monotonic_ms: 0,
};

struct Walk {
    coordinator: Coordinator,
    next_producer_id: i64,
    records: Vec<Record>,
}

impl Walk {
    fn new() -> Self {
        Self {
            coordinator: Coordinator::default(),
            next_producer_id: 100,
            records: Vec::new(),
        }
    }

    fn ask(&mut self, asked: Asked) -> Outcome {
        self.ask_at(asked, NOW)
    }

    fn ask_at(&mut self, asked: Asked, now: Now) -> Outcome {
        let fresh = self.coordinator.wants_producer_id(&asked).then(|| {
            self.next_producer_id += 1;
            ProducerId(self.next_producer_id)
        });
        let step = self.coordinator.decide(Command { asked, fresh }, now);
        for change in &step.changes {
            self.coordinator.apply(change);
            if let Change::Durable(record) = change {
                self.records.push(record.clone());
            }
        }
        match step.reply {
            Reply::Now(outcome) => outcome,
            Reply::Parked(_) => panic!("nothing here waits"),
        }
    }

    fn init(&mut self) -> Outcome {
        self.ask(Asked::Init("x".into(), 60_000, None))
    }

    fn enlist(&mut self, of: Producer) -> Outcome {
        let partitions = BTreeSet::from([TopicPartition::new("t", 0)]);
        self.ask(Asked::Enlist("x".into(), of, partitions, Version::Second))
    }

    fn end(&mut self, of: Producer, result: TransactionResult, version: Version) -> Outcome {
        self.ask(Asked::End("x".into(), of, result, version))
    }

    fn mark_all(&mut self) {
        let due = self.coordinator.markers_due("x").unwrap();
        self.ask(Asked::Marked("x".into(), due.partitions));
    }

    fn state(&self) -> State {
        self.coordinator.get("x").unwrap().state
    }

    fn replayed(&self) -> Coordinator {
        let mut replayed = Coordinator::default();
        for record in &self.records {
            let (key, value) = encode(record).unwrap();
            let record = decode(&key, value.as_deref()).unwrap().unwrap();
            replayed.apply(&Change::Durable(record));
        }
        replayed
    }
}

fn producer(id: i64, epoch: i16) -> Producer {
    Producer {
        id: ProducerId(id),
        epoch: ProducerEpoch(epoch),
    }
}

#[test]
fn a_commit_of_version_2_ends_in_the_next_epoch() {
    let mut walk = Walk::new();
    assert_eq!(walk.init(), Outcome::Producer(producer(101, 0)));
    assert_eq!(walk.enlist(producer(101, 0)), Outcome::Done);
    let ended = walk.end(producer(101, 0), TransactionResult::Commit, Version::Second);
    assert_eq!(
        (ended, walk.state()),
        (Outcome::Producer(producer(101, 1)), State::PrepareCommit)
    );
    assert_eq!(
        walk.enlist(producer(101, 1)),
        Outcome::Refused(ErrorCode::ConcurrentTransactions)
    );
    walk.mark_all();
    assert_eq!(walk.state(), State::CompleteCommit);
    let again = walk.end(producer(101, 0), TransactionResult::Commit, Version::Second);
    assert_eq!(again, Outcome::Producer(producer(101, 1)));
}

#[test]
fn the_last_epoch_is_followed_by_another_producer() {
    let mut walk = Walk::new();
    walk.init();
    walk.coordinator.transactions.get_mut("x").unwrap().epoch = LAST_EPOCH;
    walk.enlist(Producer {
        id: ProducerId(101),
        epoch: LAST_EPOCH,
    });
    let last = producer(101, LAST_EPOCH.0);
    let ended = walk.end(last, TransactionResult::Abort, Version::Second);
    assert_eq!(ended, Outcome::Producer(producer(102, 0)));
    walk.mark_all();
    let again = walk.end(last, TransactionResult::Abort, Version::Second);
    assert_eq!(again, Outcome::Producer(producer(102, 0)));
}

#[test]
fn the_epoch_that_is_kept_back_opens_and_ends_nothing() {
    let mut walk = Walk::new();
    walk.init();
    walk.coordinator.transactions.get_mut("x").unwrap().epoch = LAST_EPOCH;
    walk.enlist(producer(101, LAST_EPOCH.0));
    // Another one comes: what is open is fenced.
    assert_eq!(walk.init(), Outcome::Refused(ErrorCode::ConcurrentTransactions));
    walk.mark_all();
    let kept_back = producer(101, i16::MAX);
    assert_eq!(walk.coordinator.get("x").unwrap().producer(), kept_back);
    let fenced = Outcome::Refused(ErrorCode::ProducerFenced);
    assert_eq!(walk.enlist(kept_back), fenced);
    assert_eq!(walk.end(kept_back, TransactionResult::Abort, Version::Second), fenced);
    let next = walk.init();
    assert!(matches!(next, Outcome::Producer(next) if next.id > kept_back.id && next.epoch == ProducerEpoch(0)));
}

#[test]
fn what_was_decided_is_due_again_after_a_replay() {
    let mut walk = Walk::new();
    walk.init();
    walk.enlist(producer(101, 0));
    walk.end(producer(101, 0), TransactionResult::Abort, Version::First);
    let replayed = walk.replayed();
    assert_eq!(replayed.prepared(), [TransactionalId::from("x")]);
    assert_eq!(replayed.markers_due("x"), walk.coordinator.markers_due("x"));
    walk.mark_all();
    assert_eq!(
        walk.replayed().get("x").map(|known| known.state),
        Some(State::CompleteAbort)
    );
}

#[test]
fn a_transaction_that_is_open_for_too_long_is_aborted_and_its_producer_fenced() {
    let mut walk = Walk::new();
    walk.init();
    walk.enlist(producer(101, 0));
    let late = Now {
        unix_ms: NOW.unix_ms + 60_001,
        ..NOW
    };
    assert!(walk.coordinator.timed_out(NOW).is_empty());
    for id in walk.coordinator.timed_out(late) {
        walk.ask_at(Asked::TimeOut(id), late);
    }
    assert_eq!(walk.state(), State::PrepareAbort);
    walk.mark_all();
    assert_eq!(
        walk.enlist(producer(101, 0)),
        Outcome::Refused(ErrorCode::ProducerFenced)
    );
}

#[test]
fn an_idle_id_is_forgotten() {
    let mut walk = Walk::new();
    walk.init();
    let idle = walk.coordinator.idle_since(NOW.unix_ms);
    walk.ask(Asked::Forget(idle));
    assert_eq!(walk.coordinator, Coordinator::default());
    assert_eq!(walk.replayed(), Coordinator::default());
}

/// A Kafka 4.3.1 has read these bytes, and described what they say.
#[test]
fn a_record_has_the_bytes_that_a_kafka_reads() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let transaction = Transaction {
        producer_id: ProducerId(700),
        previous_producer_id: ProducerId(700),
        next_producer_id: NO_PRODUCER,
        epoch: ProducerEpoch(32_764),
        last_epoch: NO_EPOCH,
        timeout_ms: 60_000,
        state: State::Empty,
        partitions: BTreeSet::new(),
        started_unix_ms: -1,
        updated_unix_ms: 1_700_000_000_000,
        version: Version::First,
    };
    let record = ("used-up".into(), Some(transaction));
    let (key, value) = encode(&record).unwrap();
    assert_eq!(hex(&key), "00000007757365642d7570");
    assert_eq!(
        hex(&value.clone().unwrap()),
        "000100000000000002bc7ffc0000ea6000000000018bcfe56800ffffffffffffffff01000800000000000002bc"
    );
    assert_eq!(decode(&key, value.as_deref()).unwrap(), Some(record));
}
