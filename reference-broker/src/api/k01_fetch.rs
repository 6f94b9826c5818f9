//! Fetch. v4 isolation level, the oldest served · v5 log start offset · v7 sessions (KIP-227) · v9 the reader's idea of the
//! leader's epoch (KIP-320) · v11 rack (KIP-392) · v12 flexible, diverging epochs (KIP-595) · v13 topic ids (KIP-516) ·
//! v15 replica state (KIP-903) · v16 the leader with NOT_LEADER and FENCED (KIP-951) · v17 directory ids (KIP-853) ·
//! v18 the replica's high watermark (KIP-1166).
//!
//! The answer is laid out here, not by the codec: records are spans of log files, which it would copy.

use std::ops::RangeInclusive;
use std::sync::Arc;

use broker_core::fetch::{
    FetchCommand, FetchOutcome, Fetched, Interest, Naming, PartitionKey, Reader, Served, SessionRequest, TopicKey,
};
use broker_core::image::BrokerImage;
use broker_core::node::Released;
use broker_core::node::observers::MetadataFetch;
use broker_core::peer::BrokerEpoch;
use broker_core::units::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicId, TopicName};
use broker_core::{Reply, Ticket};
use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::FetchPartition;

use super::{Answer, Api, Body, Call, Listener, Part};

pub(super) struct Fetch;

/// No broker has this many partitions to offer; what a request asks for costs memory before it is answered.
const MOST_PARTITIONS: usize = 100_000;

/// Room for an answer of one partition, without its records.
const ENVELOPE: usize = 128;

/// What a version means.
#[derive(Clone, Copy)]
struct Semantics {
    has_sessions: bool,
    tells_log_start: bool,
    knows_storage_error: bool,
    tells_preferred_replica: bool,
    /// Who may answer consumers.
    served: Served,
    is_flexible: bool,
    tells_leader: bool,
    topics_by_id: bool,
}

impl Semantics {
    fn of(version: i16) -> Self {
        Self {
            has_sessions: version >= 7,
            tells_log_start: version >= 5,
            knows_storage_error: version >= 6,
            tells_preferred_replica: version >= 11,
            served: match version {
                ..=10 => Served::ByLeader,
                11.. => Served::ByAnyReplica,
            },
            is_flexible: version >= 12,
            tells_leader: version >= 16,
            topics_by_id: version >= 13,
        }
    }
}

impl Api for Fetch {
    type Request = FetchRequest;
    const KEY: i16 = 1;
    const NAME: &'static str = "Fetch";
    const VERSIONS: RangeInclusive<i16> = 4..=18;

    fn handle(request: FetchRequest, call: &mut Call<'_>) -> Answer {
        let semantics = Semantics::of(call.version);
        let asked: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
        if asked > MOST_PARTITIONS {
            return Answer::Close(format!("a Fetch of {asked} partitions"));
        }
        if call.listener == Listener::Controller {
            return metadata(&request, call, semantics);
        }
        let command = command(&request, call, semantics);
        if !matches!(request.isolation_level, 0 | 1) {
            let outcome = stumble(&request, command, call, semantics);
            return Answer::Reply(body(&outcome, semantics, call.listener_name));
        }
        match call.node.fetch(&command, call.now) {
            Reply::Now(outcome) => Answer::Reply(body(&outcome, semantics, call.listener_name)),
            Reply::Parked(ticket) => parked(ticket, call, semantics),
        }
    }
}

/// What a controller has is its metadata log, for those that follow it.
fn metadata(request: &FetchRequest, call: &mut Call<'_>, semantics: Semantics) -> Answer {
    let replica = request.replica_id.0.max(request.replica_state.replica_id.0);
    let known = request.topics.first().and_then(|topic| topic.partitions.first());
    let fetch = MetadataFetch {
        replica: BrokerId(replica),
        cluster_id: request.cluster_id.as_ref().map(|id| id.as_str().to_owned()),
        directory: known.map_or([0; 16], |known| known.replica_directory_id.into_bytes()),
        max_wait_ms: request.max_wait_ms,
        high_watermark: Offset(known.map_or(-1, |known| known.high_watermark)),
        partitions: interests(request, semantics),
    };
    match call.node.fetch_metadata_log(fetch, call.now) {
        Reply::Now(outcome) => Answer::Reply(body(&outcome, semantics, call.listener_name)),
        Reply::Parked(ticket) => parked(ticket, call, semantics),
    }
}

fn parked(ticket: Ticket, call: &Call<'_>, semantics: Semantics) -> Answer {
    let listener = Arc::clone(call.listener_name);
    let continued = move |released| match released {
        Released::Fetch(outcome) => Answer::Reply(body(&outcome, semantics, &listener)),
        other => Answer::Close(format!("a Fetch was released as {other:?}")),
    };
    Answer::Parked(ticket, Box::new(continued))
}

/// Kafka looks at the isolation level only once the session is found.
fn stumble(request: &FetchRequest, command: FetchCommand, call: &mut Call<'_>, semantics: Semantics) -> FetchOutcome {
    match call.node.fetch(
        &FetchCommand {
            max_wait_ms: 0,
            ..command
        },
        call.now,
    ) {
        Reply::Now(outcome) if outcome.error.is_some() => outcome,
        Reply::Now(_) | Reply::Parked(_) => refused(request, ErrorCode::UnknownServerError, semantics),
    }
}

/// The request as a whole fails: readers that know no topic ids look for the error in each partition.
fn refused(request: &FetchRequest, error: ErrorCode, semantics: Semantics) -> FetchOutcome {
    let topics = request.topics.iter().filter(|_| !semantics.topics_by_id);
    let partitions = topics.flat_map(|topic| {
        let name: TopicName = topic.topic.as_str().into();
        topic.partitions.iter().map(move |asked| {
            let key = PartitionKey {
                topic: TopicKey::Name(name.clone()),
                partition: asked.partition,
            };
            Fetched {
                aborted: Some(Vec::new()),
                ..Fetched::failed(key, None, error)
            }
        })
    });
    FetchOutcome {
        error: Some(error),
        session_id: request.session_id,
        partitions: partitions.collect(),
        leaders: Vec::new(),
    }
}

fn command(request: &FetchRequest, call: &mut Call<'_>, semantics: Semantics) -> FetchCommand {
    let begins = semantics.has_sessions && request.session_epoch == 0;
    // A random number is a system call: only who begins a session needs one.
    let [a, b, c, d, ..] = if begins { call.fresh_id() } else { [0; 16] };
    let session = SessionRequest {
        id: request.session_id,
        epoch: if semantics.has_sessions {
            request.session_epoch
        } else {
            -1
        },
        fresh_id: i32::from_be_bytes([a, b, c, d]),
    };
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let key = topic_key(&topic.topic, &topic.topic_id, semantics);
        forgotten.extend(topic.partitions.iter().map(|partition| PartitionKey {
            topic: key.clone(),
            partition: *partition,
        }));
    }
    FetchCommand {
        session,
        naming: if semantics.topics_by_id {
            Naming::Ids
        } else {
            Naming::Names
        },
        reader: reader(request),
        rack: rack(request),
        max_wait_ms: request.max_wait_ms,
        min_bytes: request.min_bytes,
        max_bytes: request.max_bytes,
        partitions: interests(request, semantics),
        forgotten,
    }
}

/// A replica is where it is.
fn rack(request: &FetchRequest) -> Option<Arc<str>> {
    let is_consumer = !matches!(reader(request), Reader::Replica(_));
    (is_consumer && !request.rack_id.is_empty()).then(|| request.rack_id.as_str().into())
}

fn topic_key(name: &str, id: &uuid::Uuid, semantics: Semantics) -> TopicKey {
    match semantics.topics_by_id {
        true => TopicKey::Id(TopicId(id.into_bytes())),
        false => TopicKey::Name(name.into()),
    }
}

fn interests(request: &FetchRequest, semantics: Semantics) -> Vec<(PartitionKey, Interest)> {
    let served = match (reader(request), semantics.served) {
        (Reader::Replica(_), _) => Served::ByLeader,
        (Reader::Committed | Reader::Uncommitted, served) => served,
    };
    let mut partitions = Vec::new();
    for topic in &request.topics {
        let key = topic_key(&topic.topic, &topic.topic_id, semantics);
        let of = |asked: &FetchPartition| PartitionKey {
            topic: key.clone(),
            partition: asked.partition,
        };
        partitions.extend(
            topic
                .partitions
                .iter()
                .map(|asked| (of(asked), interest(asked, served))),
        );
    }
    partitions
}

/// v15 moved the replica's id into its state; the other place then says that nobody is there.
fn reader(request: &FetchRequest) -> Reader {
    let replica = request.replica_id.0.max(request.replica_state.replica_id.0);
    match (replica, request.isolation_level) {
        (0.., _) => Reader::Replica(BrokerEpoch {
            broker: BrokerId(replica),
            epoch: request.replica_state.replica_epoch,
        }),
        (_, 1) => Reader::Committed,
        _ => Reader::Uncommitted,
    }
}

fn interest(asked: &FetchPartition, served: Served) -> Interest {
    Interest {
        offset: Offset(asked.fetch_offset),
        max_bytes: asked.partition_max_bytes,
        leader_epoch: LeaderEpoch(asked.current_leader_epoch.max(-1)),
        last_fetched_epoch: LeaderEpoch(asked.last_fetched_epoch),
        served,
        log_start: Offset(asked.log_start_offset),
        high_watermark: Offset(asked.high_watermark),
    }
}

/// Lays out the answer: bytes, and spans between them. Brokers are named as who came by this listener finds them.
fn body(outcome: &FetchOutcome, semantics: Semantics, listener: &str) -> Body {
    let mut layout = Layout {
        parts: Vec::new(),
        bytes: BytesMut::with_capacity(ENVELOPE),
        semantics,
    };
    layout.bytes.put_i32(0);
    if semantics.has_sessions {
        layout.bytes.put_i16(outcome.error.map_or(0, |error| error.code()));
        layout.bytes.put_i32(outcome.session_id);
    }
    let topics: Vec<&[Fetched]> = outcome.partitions.chunk_by(|a, b| a.key.topic == b.key.topic).collect();
    layout.count(topics.len());
    topics.iter().for_each(|partitions| layout.topic(partitions));
    layout.leaders(&outcome.leaders, listener);
    layout.finish()
}

struct Layout {
    parts: Vec<Part>,
    bytes: BytesMut,
    semantics: Semantics,
}

impl Layout {
    fn topic(&mut self, partitions: &[Fetched]) {
        match partitions.first().map(|partition| &partition.key.topic) {
            Some(TopicKey::Id(id)) => self.bytes.put_slice(&id.0),
            Some(TopicKey::Name(name)) => self.string(name),
            None => {}
        }
        self.count(partitions.len());
        partitions.iter().for_each(|partition| self.partition(partition));
        self.end_of_struct();
    }

    fn partition(&mut self, fetched: &Fetched) {
        self.bytes.put_i32(fetched.key.partition);
        self.bytes.put_i16(self.error_code(fetched.error));
        self.bytes.put_i64(fetched.high_watermark.0);
        self.bytes.put_i64(fetched.last_stable_offset.0);
        if self.semantics.tells_log_start {
            self.bytes.put_i64(fetched.log_start.0);
        }
        self.aborted(fetched);
        if self.semantics.tells_preferred_replica {
            self.bytes.put_i32(fetched.preferred.map_or(-1, |id| id.0));
        }
        self.records(fetched);
        if self.semantics.is_flexible {
            self.tags(fetched);
        }
    }

    fn aborted(&mut self, fetched: &Fetched) {
        let Some(aborted) = &fetched.aborted else {
            return if self.semantics.is_flexible {
                self.bytes.put_u8(0)
            } else {
                self.bytes.put_i32(-1)
            };
        };
        self.count(aborted.len());
        for aborted in aborted {
            self.bytes.put_i64(aborted.producer_id.0);
            self.bytes.put_i64(aborted.first_offset.0);
            self.end_of_struct();
        }
    }

    /// Never null: an empty set of records is what clients expect where there is nothing to read (KAFKA-18646).
    fn records(&mut self, fetched: &Fetched) {
        self.count(fetched.size());
        if let Some(span) = &fetched.span {
            let before = self.bytes.split().freeze();
            self.parts.extend([Part::Bytes(before), Part::Span(span.clone())]);
        }
    }

    /// The tagged fields of a partition: 0 the diverging epoch, 1 the leader.
    fn tags(&mut self, fetched: &Fetched) {
        let leader = fetched.leader.filter(|_| self.semantics.tells_leader);
        self.bytes
            .put_u8(u8::from(fetched.diverging.is_some()) + u8::from(leader.is_some()));
        if let Some((epoch, end)) = fetched.diverging {
            self.bytes.put_slice(&[0, 13]);
            self.bytes.put_i32(epoch.0);
            self.bytes.put_i64(end.0);
            self.bytes.put_u8(0);
        }
        if let Some((broker, epoch)) = leader {
            self.bytes.put_slice(&[1, 9]);
            self.bytes.put_i32(broker.0);
            self.bytes.put_i32(epoch.0);
            self.bytes.put_u8(0);
        }
    }

    /// The tagged field of the answer: 0 where the leaders listen that its partitions name (KIP-951).
    fn leaders(&mut self, leaders: &[BrokerImage], listener: &str) {
        let at = |leader| Some((leader, BrokerImage::listener(leader, listener)?));
        let reached: Vec<_> = leaders.iter().filter_map(at).collect();
        if !self.semantics.tells_leader || reached.is_empty() {
            return self.end_of_struct();
        }
        let before = self.bytes.split();
        self.count(reached.len());
        for (leader, at) in reached {
            self.bytes.put_i32(leader.id.0);
            self.string(&at.host);
            self.bytes.put_i32(at.port.into());
            match &leader.rack {
                Some(rack) => self.string(rack),
                None => self.bytes.put_u8(0),
            }
            self.end_of_struct();
        }
        let nodes = std::mem::replace(&mut self.bytes, before);
        self.bytes.put_slice(&[1, 0]);
        self.varint(nodes.len() as u64);
        self.bytes.put_slice(&nodes);
    }

    fn error_code(&self, error: Option<ErrorCode>) -> i16 {
        match error {
            Some(ErrorCode::KafkaStorageError) if !self.semantics.knows_storage_error => {
                ErrorCode::NotLeaderOrFollower.code()
            }
            Some(error) => error.code(),
            None => 0,
        }
    }

    /// A length or a count; the compact form is one more, as a varint.
    fn count(&mut self, count: usize) {
        if !self.semantics.is_flexible {
            return self.bytes.put_i32(count as i32);
        }
        self.varint(count as u64 + 1);
    }

    fn varint(&mut self, mut rest: u64) {
        while rest >= 0x80 {
            self.bytes.put_u8(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.put_u8(rest as u8);
    }

    fn string(&mut self, text: &str) {
        if self.semantics.is_flexible {
            self.count(text.len())
        } else {
            self.bytes.put_i16(text.len() as i16)
        }
        self.bytes.put_slice(text.as_bytes());
    }

    fn end_of_struct(&mut self) {
        if self.semantics.is_flexible {
            self.bytes.put_u8(0);
        }
    }

    fn finish(mut self) -> Body {
        self.parts.push(Part::Bytes(self.bytes.freeze()));
        Body { parts: self.parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_core::log::aborted::AbortedTransaction;
    use broker_core::units::ProducerId;
    use broker_core::{Span, image};
    use bytes::Bytes;
    use kafka_protocol::messages::FetchResponse;
    use kafka_protocol::messages::fetch_response::NodeEndpoint;
    use kafka_protocol::protocol::Decodable;

    fn outcome(topic: TopicKey, is_flexible: bool) -> FetchOutcome {
        let key = |partition| PartitionKey {
            topic: topic.clone(),
            partition,
        };
        let failed = Fetched::failed(key(1), None, ErrorCode::OffsetOutOfRange);
        let transaction = AbortedTransaction {
            producer_id: ProducerId(7),
            first_offset: Offset(3),
            last_offset: Offset(5),
            last_stable_offset: Offset(6),
        };
        let found = Fetched {
            error: None,
            high_watermark: Offset(9),
            last_stable_offset: Offset(8),
            log_start: Offset(2),
            aborted: Some(vec![transaction]),
            diverging: is_flexible.then_some((LeaderEpoch(4), Offset(6))),
            leader: Some((BrokerId(3), LeaderEpoch(8))),
            span: Some(Span {
                directory: "t-0".into(),
                file: "f".into(),
                position: 0,
                length: 300,
            }),
            ..Fetched::failed(key(0), None, ErrorCode::UnknownServerError)
        };
        let leader = |id: i32, listener: &str, rack: Option<&str>| BrokerImage {
            id: BrokerId(id),
            listeners: vec![image::Listener::plaintext(listener, "localhost", 9092)],
            rack: rack.map(str::to_owned),
            ..BrokerImage::default()
        };
        FetchOutcome {
            error: None,
            session_id: 0,
            partitions: vec![found, failed],
            leaders: vec![
                leader(3, "PLAINTEXT", Some("r1")),
                leader(4, "PLAINTEXT", None),
                leader(5, "EXTRA", None),
            ],
        }
    }

    #[test]
    fn what_is_laid_out_reads_back_in_every_version() {
        for version in Fetch::VERSIONS {
            let semantics = Semantics::of(version);
            let topic = if semantics.topics_by_id {
                TopicKey::Id(TopicId([9; 16]))
            } else {
                TopicKey::Name("t".into())
            };
            let outcome = outcome(topic, semantics.is_flexible);
            let mut bytes = BytesMut::new();
            for part in body(&outcome, semantics, "PLAINTEXT").parts {
                match part {
                    Part::Bytes(part) => bytes.extend_from_slice(&part),
                    Part::Span(span) => bytes.extend(std::iter::repeat_n(0xab, span.length)),
                }
            }
            let mut bytes = bytes.freeze();
            let response = FetchResponse::decode(&mut bytes, version).expect("decodes");
            assert!(bytes.is_empty(), "v{version} leaves {} bytes", bytes.len());
            let partitions = &response.responses[0].partitions;
            assert_eq!(partitions[0].records, Some(Bytes::from(vec![0xab; 300])), "v{version}");
            assert_eq!(partitions[0].high_watermark, 9);
            assert_eq!(partitions[0].aborted_transactions.as_ref().map(Vec::len), Some(1));
            assert_eq!(
                partitions[0].diverging_epoch.end_offset,
                if semantics.is_flexible { 6 } else { -1 }
            );
            let leader = if semantics.tells_leader { (3, 8) } else { (-1, -1) };
            assert_eq!(
                (
                    partitions[0].current_leader.leader_id.0,
                    partitions[0].current_leader.leader_epoch
                ),
                leader
            );
            assert_eq!(
                (partitions[1].error_code, partitions[1].aborted_transactions.is_none()),
                (1, true)
            );
            assert_eq!(partitions[1].records, Some(Bytes::new()));
            let rack = |endpoint: &NodeEndpoint| endpoint.rack.as_ref().map(|rack| rack.to_string());
            let nodes = response.node_endpoints.iter();
            let nodes: Vec<_> = nodes.map(|node| (node.node_id.0, node.port, rack(node))).collect();
            let told = [(3, 9092, Some("r1".to_owned())), (4, 9092, None)];
            assert_eq!(nodes, told[..if semantics.tells_leader { 2 } else { 0 }], "v{version}");
        }
    }
}
