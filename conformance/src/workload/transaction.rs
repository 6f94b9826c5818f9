//! Transactions of one client, as they are noted: what is not known to be committed or aborted stays unknown.

use std::time::Duration;

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{Producer, ThreadedProducer};

use super::member::{Record, behind, listed};
use super::producer::{Deliveries, send};
use super::stage::Stage;
use super::{clients, payload};
use crate::history::{Decision, Event, Identity, Name, Outcome, Place};

/// For one request of a transaction. Longer than a fault lasts.
const PATIENCE: Duration = Duration::from_secs(12);

/// One life of a transactional producer.
pub(super) struct Transactional {
    producer: ThreadedProducer<Deliveries>,
    stage: Stage,
    process: Name,
    name: String,
    run: u32,
    sequence: u64,
    count: u64,
}

/// A transaction that is open.
pub(super) struct Open(Name);

impl Transactional {
    /// A new life, which fences the one before; None where the target does not let it begin in time.
    pub(super) fn begin(stage: &Stage, name: &str, run: u32) -> Result<Option<Self>, String> {
        let process = Name::from(format!("{name}.{run}"));
        let id = format!("{}{name}", stage.prefix);
        let config = clients::producer(&stage.bootstrap, process.as_str(), stage.semantics, 0, &id);
        let context = Deliveries {
            stage: stage.clone(),
            process: process.clone(),
            knows_offsets: true,
        };
        let producer: ThreadedProducer<Deliveries> = config
            .create_with_context(context)
            .map_err(|error| format!("{process}: {error}"))?;
        let begun = producer.init_transactions(PATIENCE);
        Ok(begun.is_ok().then(|| Self {
            producer,
            stage: stage.clone(),
            process,
            name: name.to_owned(),
            run,
            sequence: 0,
            count: 0,
        }))
    }

    /// Begins a transaction.
    pub(super) fn open(&mut self) -> KafkaResult<Open> {
        let transaction = Name::from(format!("{}.{}", self.process, self.count));
        self.count += 1;
        let id = self.invoke(|id| Event::Begin {
            id,
            transaction: transaction.clone(),
        });
        self.ended(id, self.producer.begin_transaction())?;
        Ok(Open(transaction))
    }

    /// Sends a value within it.
    pub(super) fn send(
        &mut self,
        open: &Open,
        to: &Place,
        key: &str,
        size: usize,
        source: Option<Identity>,
    ) -> KafkaResult<()> {
        let identity = Identity {
            producer: self.name.as_str().into(),
            run: self.run,
            sequence: self.sequence,
        };
        self.sequence += 1;
        let (value, bytes) = payload::made(identity, key.into(), source, size);
        send(&self.producer, to, value, &bytes, Some(&open.0))
    }

    /// Waits until what was sent is written.
    pub(super) fn flush(&self) -> KafkaResult<()> {
        self.producer.flush(PATIENCE)
    }

    /// Commits the offsets behind these records within it.
    pub(super) fn offsets(&self, open: &Open, batch: &[Record], group: &ConsumerGroupMetadata) -> KafkaResult<()> {
        let offsets = behind(batch);
        let id = self.invoke(|id| Event::Commit {
            id,
            group: self.stage.group().into(),
            offsets: offsets.clone(),
            transaction: Some(open.0.clone()),
        });
        let list = listed(&offsets)?;
        self.ended(id, self.producer.send_offsets_to_transaction(&list, group, PATIENCE))
    }

    /// Ends it; where a commit is refused and the client wants an abort, it is aborted.
    pub(super) fn end(&self, open: Open, decision: Decision) -> KafkaResult<()> {
        let id = self.invoke(|id| Event::End {
            id,
            transaction: open.0.clone(),
            decision,
        });
        let ended = match decision {
            // Deliveries are told before the transaction ends.
            Decision::Commit => self.producer.commit_transaction(PATIENCE),
            Decision::Abort => self.producer.abort_transaction(PATIENCE),
        };
        let ended = self.ended(id, ended);
        if decision == Decision::Commit && wants_abort(&ended) {
            // Told as it ended; whoever asked for a commit hears that there is none.
            let _ = self.end(open, Decision::Abort);
        }
        ended
    }

    fn invoke(&self, event: impl FnOnce(u64) -> Event) -> u64 {
        self.stage.recorder.invoke(&self.process, event)
    }

    fn ended(&self, id: u64, ended: KafkaResult<()>) -> KafkaResult<()> {
        // Even a producer that was fenced may have been heard before.
        let (outcome, error) = match &ended {
            Ok(()) => (Outcome::Ok, None),
            Err(error) => (Outcome::Unknown, Some(error.to_string())),
        };
        self.stage.recorder.done(&self.process, id, outcome, None, error);
        ended
    }
}

fn wants_abort(ended: &KafkaResult<()>) -> bool {
    matches!(ended, Err(KafkaError::Transaction(error)) if error.txn_requires_abort())
}
