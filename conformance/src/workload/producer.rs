//! A producer without transactions: it sends what its plan says, and notes what its client hears of each record.

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use super::stage::Stage;
use super::{clients, payload, plan};
use crate::history::{Event, Identity, Name, Outcome, Place, Value};

const FLUSH: Duration = Duration::from_secs(25);

/// Notes how each send ended; it knows a send by the id of its invocation.
pub(super) struct Deliveries {
    pub(super) stage: Stage,
    pub(super) process: Name,
    /// With acks=0 the client makes offsets up.
    pub(super) knows_offsets: bool,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, id: usize) {
        let (outcome, offset, error) = match result {
            Ok(message) => {
                let offset = (self.knows_offsets && message.offset() >= 0).then(|| message.offset());
                (Outcome::Ok, offset, None)
            }
            Err((error, _)) => (outcome_of(error), None, Some(error.to_string())),
        };
        self.stage
            .recorder
            .done(&self.process, id as u64, outcome, offset, error);
    }
}

/// Only what never left has failed for good: any other may be in the log.
fn outcome_of(error: &KafkaError) -> Outcome {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull | RDKafkaErrorCode::MessageSizeTooLarge) => Outcome::Fail,
        _ => Outcome::Unknown,
    }
}

/// Hands one record to a client and notes it.
pub(super) fn send(
    producer: &ThreadedProducer<Deliveries>,
    to: &Place,
    value: Value,
    bytes: &[u8],
    transaction: Option<&Name>,
) -> Result<(), KafkaError> {
    let Deliveries { stage, process, .. } = &**producer.context();
    let key = value.key.clone();
    let id = stage.recorder.invoke(process, |id| Event::Send {
        id,
        partition: to.clone(),
        value,
        transaction: transaction.cloned(),
    });
    let opaque = usize::try_from(id).unwrap_or(usize::MAX);
    let record = BaseRecord::with_opaque_to(to.topic.as_str(), opaque)
        .partition(to.partition)
        .key(key.as_str())
        .payload(bytes);
    producer.send(record).map_err(|(error, _)| {
        stage
            .recorder
            .done(process, id, Outcome::Fail, None, Some(error.to_string()));
        error
    })
}

/// Sends until it is to stop. A client that cannot go on is followed by another life.
pub(super) fn run(stage: &Stage, number: usize) -> Result<(), String> {
    let name = format!("p{number}");
    let mut batches = plan::batches(stage.seed, &name, stage.semantics);
    for run in 0.. {
        let life = Name::from(format!("{name}.{run}"));
        let config = clients::producer(&stage.bootstrap, life.as_str(), stage.semantics, number, "");
        let context = Deliveries {
            stage: stage.clone(),
            process: life.clone(),
            knows_offsets: config.get("acks") != Some("0"),
        };
        let producer: ThreadedProducer<Deliveries> = config
            .create_with_context(context)
            .map_err(|error| format!("{life}: {error}"))?;
        let mut sequence = 0;
        while !stage.is_over() && producer.client().fatal_error().is_none() {
            let Some(batch) = batches.next() else { break };
            for order in &batch.orders {
                let identity = Identity {
                    producer: name.as_str().into(),
                    run,
                    sequence,
                };
                sequence += 1;
                let (value, bytes) = payload::made(identity, format!("k{}", order.key).into(), None, order.size);
                // What was refused is noted; the next one may be taken.
                let _ = send(&producer, &stage.input(order.partition), value, &bytes, None);
            }
            std::thread::sleep(batch.pause);
        }
        // What is not told by then stays unknown.
        let _ = producer.flush(FLUSH);
        if stage.is_over() {
            break;
        }
    }
    Ok(())
}
