//! Produce. v3 the oldest served, magic 2 only · v5 log start offset · v7 zstd (KIP-110) · v8 record errors (KIP-467) ·
//! v9 flexible · v10 the leader with NOT_LEADER_OR_FOLLOWER (KIP-951) · v12 enlists in transactions (KIP-890) ·
//! v13 topic ids (KIP-516). ApiVersions lists it from 0, because librdkafka looks for that (KAFKA-18659).
//!
//! Record bytes are slices of the request: nothing here copies them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use broker_core::controller::is_internal;
use broker_core::image::BrokerImage;
use broker_core::log::append::{Appended, Refusal, Zstd, admissible};
use broker_core::log::walk::{Shape, Walked};
use broker_core::mutant::{self, Mutant};
use broker_core::node::Released;
use broker_core::node::transactions::Enlistment;
use broker_core::units::{ErrorCode, Offset, TopicId, TopicName, TopicPartition};
use broker_core::{Reply, Ticket};
use bytes::Bytes;
use kafka_protocol::messages::produce_request::TopicProduceData;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use kafka_protocol::protocol::StrBytes;

use super::convert::text;
use super::{Answer, Api, Call};

pub(super) struct Produce;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    zstd: Zstd,
    tells_log_start: bool,
    blames_records: bool,
    tells_leader: bool,
    topics_by_id: bool,
    enlistment: Enlistment,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            zstd: if version >= 7 { Zstd::Allowed } else { Zstd::Refused },
            tells_log_start: version >= 5,
            blames_records: version >= 8,
            tells_leader: version >= 10,
            topics_by_id: version >= 13,
            enlistment: match version {
                ..=10 => Enlistment::Refused,
                11 => Enlistment::Abortable,
                12.. => Enlistment::Implicit,
            },
        }
    }
}

impl Api for Produce {
    type Request = ProduceRequest;
    const KEY: i16 = 0;
    const NAME: &'static str = "Produce";
    const VERSIONS: RangeInclusive<i16> = 3..=13;
    const ADVERTISED_MIN: i16 = 0;

    fn handle(request: ProduceRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let (acks, transactional) = (request.acks, request.transactional_id.is_some());
        let entries = match transactions_first(&request.topic_data, transactional) {
            Err(refusal) => Err((refusal, distinct(request.topic_data))),
            Ok(()) => looked_through(distinct(request.topic_data), call, semantics),
        };
        let mut appended = Vec::new();
        let mut answers = match entries {
            Err((refusal, all)) => all
                .into_iter()
                .map(|asked| (asked.topic, refused(asked.index, refusal.clone(), semantics)))
                .collect::<Answers>(),
            Ok(entries) => {
                let id = request.transactional_id.as_ref().map(|id| &***id);
                let entering = match enlisted(&entries, id, call, semantics) {
                    Ok(entering) => entering,
                    Err(ticket) => return Answer::Again(ticket),
                };
                let append = |entry: Entry| entry.append(acks, &entering, call, semantics, &mut appended);
                entries.into_iter().map(append).collect()
            }
        };
        let leaders = tell_leaders(&mut answers, call, semantics);
        if acks == ALL {
            return awaited(answers, leaders, appended, request.timeout_ms, call);
        }
        let response = by_topic(answers).with_node_endpoints(leaders);
        let failed = response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses)
            .find(|p| p.error_code != 0);
        match (acks, failed) {
            (0, None) if !mutant::on(Mutant::AcksZeroAnswered) => Answer::Silent,
            // The producer asked for no answer: closing the connection is the only way to tell it.
            (0, Some(failed)) => Answer::Close(format!("Produce with acks=0 failed with error {}", failed.error_code)),
            _ => call.reply(&response),
        }
    }
}

/// All replicas in sync shall have it.
const ALL: i16 = -1;

/// An answer for each partition.
type Answers = Vec<(Topic, PartitionProduceResponse)>;

/// Where a partition is led elsewhere, its answer says by whom; and where they listen, each once (KIP-951).
fn tell_leaders(answers: &mut Answers, call: &Call<'_>, semantics: Semantics) -> Vec<NodeEndpoint> {
    let mut leaders = BTreeSet::new();
    let elsewhere = |answer: &PartitionProduceResponse| answer.error_code == ErrorCode::NotLeaderOrFollower.code();
    for (topic, answer) in answers.iter_mut().filter(|(_, answer)| elsewhere(answer)) {
        let tp = partition_of(topic, answer.index, call, semantics).ok();
        let Some((leader, epoch)) = tp
            .and_then(|tp| call.node.leader_of(&tp))
            .filter(|_| semantics.tells_leader)
        else {
            continue;
        };
        answer.current_leader = LeaderIdAndEpoch::default()
            .with_leader_id(leader.0.into())
            .with_leader_epoch(epoch.0);
        leaders.insert(leader);
    }
    let brokers = leaders.into_iter().filter_map(|id| call.node.image().broker(id));
    let endpoint = |broker: &BrokerImage| {
        let at = broker.listener(call.listener_name)?;
        let endpoint = NodeEndpoint::default()
            .with_node_id(broker.id.0.into())
            .with_host(text(&at.host))
            .with_port(at.port.into())
            .with_rack(broker.rack.as_deref().map(text));
        Some(endpoint)
    };
    brokers.filter_map(endpoint).collect()
}

/// The answer once all replicas in sync have what was appended, or it is known that they will not in time.
fn awaited(
    answers: Answers,
    leaders: Vec<NodeEndpoint>,
    mut appended: Vec<(TopicPartition, Offset)>,
    timeout_ms: i32,
    call: &mut Call<'_>,
) -> Answer {
    let (version, own) = (call.version, appended.len());
    // A partition that came into its transaction with this is in it once the replicas of its coordinator know.
    appended.extend(call.node.take_unreplicated().0);
    let told = move |results| by_topic(acknowledged(answers, settled(results, own))).with_node_endpoints(leaders);
    match call.node.await_replicas(appended, timeout_ms, call.now) {
        Reply::Now(results) => call.reply(&told(results)),
        Reply::Parked(ticket) => Answer::Parked(
            ticket,
            Box::new(move |released| match released {
                Released::Produce(results) => Answer::reply(&told(results), version),
                other => Answer::Close(format!("a Produce was released as {other:?}")),
            }),
        ),
    }
}

/// What became of the first so many, all of which fail with any that follows.
fn settled(mut results: Vec<Result<(), ErrorCode>>, own: usize) -> Vec<Result<(), ErrorCode>> {
    let others = results.split_off(own.min(results.len()));
    if let Some(error) = others.into_iter().find_map(Result::err) {
        results.fill(Err(error));
    }
    results
}

/// Those that were appended, in order, with what became of them since. They keep their offsets: they are in the log.
fn acknowledged(mut answers: Answers, results: Vec<Result<(), ErrorCode>>) -> Answers {
    let appended = answers.iter_mut().filter(|(_, answer)| answer.error_code == 0);
    for ((_, answer), result) in appended.zip(results) {
        answer.error_code = result.err().map_or(0, |error| error.code());
    }
    answers
}

/// A topic as the request names it.
type Topic = (kafka_protocol::messages::TopicName, uuid::Uuid);

/// What the request asks of one partition.
struct Asked {
    topic: Topic,
    index: i32,
    records: Option<Bytes>,
}

/// The same, looked through.
struct Entry {
    topic: Topic,
    index: i32,
    found: Result<(TopicPartition, Walked), ErrorCode>,
}

/// What all batches of a request together may decompress to: this much, and more the more was sent.
const INFLATED_BASE: u64 = 32 << 20;
const INFLATED_RATIO: u64 = 16;

/// Fewer bytes than these have no producer id, and Kafka stumbles over a batch without one.
const UP_TO_PRODUCER_ID: usize = 51;

/// Kafka looks for transactional batches before anything else, and what it cannot read there fails every partition.
fn transactions_first(topics: &[TopicProduceData], transactional: bool) -> Result<(), Refusal> {
    let partitions = topics.iter().flat_map(|topic| &topic.partition_data);
    for records in partitions.filter_map(|partition| partition.records.as_ref()) {
        match Walked::shape_of(records) {
            Shape::Corrupt => {
                let message = Some("a record batch has an impossible length or magic".to_owned());
                return Err(Refusal {
                    message,
                    ..Refusal::bare(ErrorCode::CorruptMessage)
                });
            }
            Shape::Nothing => {}
            Shape::CorruptTail | Shape::OldMagic | Shape::Many | Shape::One => {
                if Walked::is_transactional(records) {
                    let refusal = Refusal::bare(ErrorCode::TransactionalIdAuthorizationFailed);
                    return if transactional { Ok(()) } else { Err(refusal) };
                }
            }
        }
    }
    Ok(())
}

/// One entry a partition: of one that comes twice the last counts, in the place of the first.
fn distinct(topics: Vec<TopicProduceData>) -> Vec<Asked> {
    let mut places = HashMap::new();
    let mut distinct: Vec<Asked> = Vec::new();
    for topic in topics {
        for partition in topic.partition_data {
            let key = (topic.name.clone(), topic.topic_id, partition.index);
            let place = *places.entry(key).or_insert(distinct.len());
            match distinct.get_mut(place) {
                Some(asked) => asked.records = partition.records,
                None => {
                    let topic = (topic.name.clone(), topic.topic_id);
                    distinct.push(Asked {
                        topic,
                        index: partition.index,
                        records: partition.records,
                    });
                }
            }
        }
    }
    distinct
}

/// Looks through what each partition is sent; what Kafka stumbles over fails all of them.
fn looked_through(all: Vec<Asked>, call: &Call<'_>, semantics: Semantics) -> Result<Vec<Entry>, (Refusal, Vec<Asked>)> {
    let sent: usize = all
        .iter()
        .filter_map(|asked| asked.records.as_ref())
        .map(Bytes::len)
        .sum();
    let mut inflated = INFLATED_BASE + INFLATED_RATIO * sent as u64;
    let found: Vec<_> = all
        .iter()
        .map(|asked| look_through(asked, &mut inflated, call, semantics))
        .collect();
    if let Some(refusal) = stumble(&found, semantics) {
        return Err((refusal, all));
    }
    let entry = |(asked, found): (Asked, _)| Entry {
        topic: asked.topic,
        index: asked.index,
        found,
    };
    Ok(all.into_iter().zip(found).map(entry).collect())
}

fn look_through(
    asked: &Asked,
    inflated: &mut u64,
    call: &Call<'_>,
    semantics: Semantics,
) -> Result<(TopicPartition, Walked), ErrorCode> {
    let tp = partition_of(&asked.topic, asked.index, call, semantics)?;
    let log = call.node.partition(&tp)?;
    let limit = usize::try_from(log.config().max_message_bytes).unwrap_or(0);
    // Kafka never answers where the records are null. We do.
    let records = asked.records.as_ref().ok_or(ErrorCode::UnknownServerError)?;
    let walked = Walked::within(records, limit, inflated);
    if semantics.zstd == Zstd::Refused && walked.codec().is_some_and(|codec| codec > 4) {
        return Ok((tp, walked));
    }
    admissible(&walked, semantics.zstd)?;
    Ok((tp, walked))
}

fn partition_of(
    topic: &Topic,
    partition: i32,
    call: &Call<'_>,
    semantics: Semantics,
) -> Result<TopicPartition, ErrorCode> {
    let topic = if semantics.topics_by_id {
        let named = call.node.topic_named_by(TopicId(topic.1.into_bytes()));
        named.cloned().ok_or(ErrorCode::UnknownTopicId)?
    } else {
        TopicName::from(topic.0.as_str())
    };
    Ok(TopicPartition { topic, partition })
}

/// What fails the request as a whole once its partitions were looked through.
fn stumble(found: &[Result<(TopicPartition, Walked), ErrorCode>], semantics: Semantics) -> Option<Refusal> {
    let batches = || found.iter().flatten().map(|(_, walked)| walked);
    let unknown_codec = |walked: &Walked| walked.codec().is_some_and(|codec| codec > 4);
    if semantics.zstd == Zstd::Refused && batches().any(unknown_codec) {
        return Some(Refusal::bare(ErrorCode::UnknownServerError));
    }
    if batches().any(|walked| walked.batch.len() < UP_TO_PRODUCER_ID) {
        return Some(Refusal::bare(ErrorCode::UnknownServerError));
    }
    let producers: HashSet<_> = batches().filter_map(Walked::transactional_producer).collect();
    let message = Some("transactional records of more than one producer id".to_owned());
    (producers.len() > 1).then(|| Refusal {
        message,
        ..Refusal::bare(ErrorCode::InvalidProducerIdMapping)
    })
}

/// The partitions that come into a transaction with this request, or are refused because they are not in it.
type Entering = HashMap<TopicPartition, Result<(), ErrorCode>>;

fn enlisted(
    entries: &[Entry],
    id: Option<&str>,
    call: &mut Call<'_>,
    semantics: Semantics,
) -> Result<Entering, Ticket> {
    let mut outside = Vec::new();
    let mut by = None;
    for (tp, walked) in entries.iter().filter_map(|entry| entry.found.as_ref().ok()) {
        if let Some(producer) = walked.transactional_producer()
            && !call.node.is_in_transaction(tp, producer)
            && !call.node.is_led_elsewhere(tp)
        {
            let sequence = walked.header.map_or(i32::MAX, |header| header.base_sequence);
            call.node.tries_to_enter(tp, producer, sequence);
            outside.push(tp.clone());
            by = Some(producer);
        }
    }
    let Some(producer) = by else {
        return Ok(Entering::new());
    };
    let (id, enlistment) = (id.unwrap_or_default(), semantics.enlistment);
    if let Some(ticket) = call.node.ask_coordinator(id, producer, &outside, enlistment) {
        return Err(ticket);
    }
    let verdicts = call.node.enlist(id, producer, &outside, enlistment, call.now);
    Ok(outside.into_iter().zip(verdicts).collect())
}

impl Entry {
    fn append(
        self,
        acks: i16,
        entering: &Entering,
        call: &mut Call<'_>,
        semantics: Semantics,
        all: &mut Vec<(TopicPartition, Offset)>,
    ) -> (Topic, PartitionProduceResponse) {
        let appended = match self.found {
            Ok((tp, walked)) => append(&tp, walked, acks, entering.get(&tp), call, semantics)
                .inspect(|appended| all.push((tp, Offset(appended.last_offset.0 + 1)))),
            Err(error) => Err(Refusal::bare(error)),
        };
        let answer = match appended {
            Ok(appended) => accepted(self.index, &appended, semantics),
            Err(refusal) => refused(self.index, refusal, semantics),
        };
        (self.topic, answer)
    }
}

fn append(
    tp: &TopicPartition,
    walked: Walked,
    acks: i16,
    entering: Option<&Result<(), ErrorCode>>,
    call: &mut Call<'_>,
    semantics: Semantics,
) -> Result<Appended, Refusal> {
    if let Some(Err(error)) = entering {
        return Err(outside(*error));
    }
    if !matches!(acks, -1..=1) {
        return Err(Refusal::bare(ErrorCode::InvalidRequiredAcks));
    }
    if is_internal(&tp.topic) && call.client_id != "__admin_client" {
        return Err(Refusal::bare(ErrorCode::InvalidTopicException));
    }
    call.node.may_take(tp, acks == ALL).map_err(Refusal::bare)?;
    match walked.transactional_producer().filter(|_| entering.is_some()) {
        Some(producer) => call
            .node
            .produce_entering(tp, walked, producer, semantics.enlistment, call.now),
        None => call.node.produce(tp, walked, call.now),
    }
}

/// Kafka tells in words what it says under another name.
fn outside(error: ErrorCode) -> Refusal {
    let message = match error {
        ErrorCode::InvalidTxnState => Some("the partition is not in the transaction"),
        ErrorCode::NotEnoughReplicas => Some("the transaction coordinator cannot say as yet"),
        _ => None,
    };
    Refusal {
        message: message.map(str::to_owned),
        ..Refusal::bare(error)
    }
}

fn by_topic(answers: Vec<(Topic, PartitionProduceResponse)>) -> ProduceResponse {
    let mut places = HashMap::new();
    let mut topics: Vec<TopicProduceResponse> = Vec::new();
    for ((name, id), answer) in answers {
        let place = *places.entry((name.clone(), id)).or_insert(topics.len());
        if place == topics.len() {
            topics.push(TopicProduceResponse::default().with_name(name).with_topic_id(id));
        }
        topics[place].partition_responses.push(answer);
    }
    ProduceResponse::default().with_responses(topics)
}

fn accepted(index: i32, appended: &Appended, semantics: Semantics) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default()
        .with_index(index)
        .with_base_offset(appended.base_offset.0)
        .with_log_append_time_ms(appended.log_append_time);
    if semantics.tells_log_start {
        answer.with_log_start_offset(appended.log_start.0)
    } else {
        answer
    }
}

fn refused(index: i32, refusal: Refusal, semantics: Semantics) -> PartitionProduceResponse {
    let mut answer = failed(index, refusal.error);
    if let Some(log_start) = refusal.log_start.filter(|_| semantics.tells_log_start) {
        answer.log_start_offset = log_start.0;
    }
    if semantics.blames_records {
        answer.error_message = refusal.message.map(StrBytes::from);
        let blame = |record: broker_core::log::append::RecordError| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(record.index)
                .with_batch_index_error_message(Some(StrBytes::from(record.message)))
        };
        answer.record_errors = refusal.records.into_iter().map(blame).collect();
    }
    answer
}

fn failed(index: i32, error: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(error.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1)
}
