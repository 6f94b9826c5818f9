//! Peers that answer, and peers that do not keep to the protocol.

use std::sync::Mutex;
use std::time::Duration;

use broker_core::log::producers::TransactionResult;
use broker_core::node::transactions::Marked;
use broker_core::peer::{
    AskSnapshot, BrokerEpoch, BrokerHeartbeat, BrokerState, Enlist, ReplicaFetch, ReplicaPartition, SnapshotId,
};
use broker_core::txn::Version;
use broker_core::units::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, Producer, ProducerEpoch, ProducerId, TopicId, TopicPartition,
};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{BrokerHeartbeatResponse, FetchResponse};
use kafka_protocol::protocol::Encodable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use uuid::Uuid;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);
const LIVES: BrokerState = BrokerState {
    is_caught_up: true,
    is_fenced: false,
    should_shut_down: false,
};

fn broker() -> BrokerEpoch {
    BrokerEpoch {
        broker: BrokerId(1),
        epoch: 5,
    }
}

fn heartbeat(id: u64) -> Asked {
    Asked {
        id: AskId(id),
        peer: Peer::Controller,
        question: Question::Heartbeat(BrokerHeartbeat {
            broker: broker(),
            metadata_offset: 9,
            want_fence: false,
            want_shut_down: false,
            offline_log_dirs: Vec::new(),
            cordoned_log_dirs: Vec::new(),
        }),
    }
}

/// A peer that takes requests and lets the test answer them.
struct Peered {
    listener: TcpListener,
    address: Address,
}

impl Peered {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = ("127.0.0.1".into(), listener.local_addr().expect("its address").port());
        Self { listener, address }
    }

    /// The next request: its connection, its correlation id, and all behind it.
    async fn asked(&self) -> (TcpStream, i32, Bytes) {
        let (mut socket, _) = self.listener.accept().await.expect("a connection");
        let (correlation, body) = next(&mut socket).await;
        (socket, correlation, body)
    }
}

async fn next(socket: &mut TcpStream) -> (i32, Bytes) {
    let length = socket.read_i32().await.expect("a length");
    let mut frame = vec![0; usize::try_from(length).expect("a length")];
    socket.read_exact(&mut frame).await.expect("a frame");
    let correlation = i32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]);
    (correlation, Bytes::from(frame))
}

fn framed(correlation: i32, response: &impl Encodable, version: i16) -> Bytes {
    let mut body = BytesMut::new();
    response.encode(&mut body, version).expect("encodes");
    let mut frame = (body.len() as i32 + 5).to_be_bytes().to_vec();
    frame.extend_from_slice(&correlation.to_be_bytes());
    frame.push(0);
    frame.extend_from_slice(&body);
    frame.into()
}

fn lives(correlation: i32) -> Bytes {
    let response = BrokerHeartbeatResponse::default()
        .with_is_caught_up(true)
        .with_is_fenced(false);
    framed(correlation, &response, 1)
}

async fn answer(peers: &mut Peers) -> (AskId, Reply) {
    timeout(LIMIT, peers.answer()).await.expect("an answer in time")
}

#[tokio::test]
async fn questions_go_one_at_a_time_over_one_connection() {
    let peer = Peered::new().await;
    let mut peers = Peers::new(|_| {}, Faults::default(), None);
    for id in [1, 2] {
        peers.send(heartbeat(id), Some(peer.address.clone()), "c");
    }
    let (mut socket, correlation, _) = peer.asked().await;
    socket.write_all(&lives(correlation)).await.expect("sent");
    assert_eq!(answer(&mut peers).await, (AskId(1), Reply::Heartbeat(Ok(LIVES))));
    let (correlation, _) = next(&mut socket).await;
    socket.write_all(&lives(correlation)).await.expect("sent");
    assert_eq!(answer(&mut peers).await, (AskId(2), Reply::Heartbeat(Ok(LIVES))));
}

/// What comes instead of the answer to that request.
type Spoilt = fn(i32) -> Vec<u8>;

static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[tokio::test]
async fn a_peer_that_speaks_nonsense_is_complained_of_and_asked_again() {
    let peer = Peered::new().await;
    let mut peers = Peers::new(
        |what| COMPLAINTS.lock().expect("no panic").push(what.to_owned()),
        Faults::default(),
        None,
    );
    let spoilt: [(&str, Spoilt); 7] = [
        ("request 78", |id| lives(id + 77).to_vec()),
        ("outside", |_| i32::MAX.to_be_bytes().to_vec()),
        ("outside", |_| (-1i32).to_be_bytes().to_vec()),
        ("middle of a frame", |id| lives(id)[..9].to_vec()),
        ("inside its header", |_| vec![0, 0, 0, 2, 7, 7]),
        ("does not decode", |id| {
            [&9i32.to_be_bytes()[..], &id.to_be_bytes(), &[0, 1, 2, 3, 4]].concat()
        }),
        ("follow it", |id| {
            let mut frame = lives(id).to_vec();
            frame.push(9);
            frame[3] += 1;
            frame
        }),
    ];
    for (id, (says, bytes)) in (1..).zip(spoilt) {
        peers.send(heartbeat(id), Some(peer.address.clone()), "c");
        let (mut socket, correlation, _) = peer.asked().await;
        socket.write_all(&bytes(correlation)).await.expect("sent");
        drop(socket);
        let (answered, reply) = answer(&mut peers).await;
        let Reply::Unreachable(why) = reply else {
            panic!("{says}: {reply:?}");
        };
        assert!(answered == AskId(id) && why.contains(says), "{says}: {why}");
        let last = COMPLAINTS.lock().expect("no panic").last().cloned().unwrap_or_default();
        assert!(last.contains(&peer.address.1.to_string()), "{says}: {last}");
    }
    peers.send(heartbeat(99), Some(peer.address.clone()), "c");
    let (mut socket, correlation, _) = peer.asked().await;
    socket.write_all(&lives(correlation)).await.expect("sent");
    assert_eq!(answer(&mut peers).await, (AskId(99), Reply::Heartbeat(Ok(LIVES))));
}

#[tokio::test]
async fn who_is_not_there_or_nowhere_is_unreachable() {
    let peer = Peered::new().await;
    let address = peer.address.clone();
    drop(peer);
    let mut peers = Peers::new(|_| {}, Faults::default(), None);
    for (id, address) in [(1, Some(address)), (2, None)] {
        peers.send(heartbeat(id), address, "c");
        assert!(
            matches!(answer(&mut peers).await, (AskId(_), Reply::Unreachable(_))),
            "{id}"
        );
    }
}

fn wanted() -> ReplicaFetch {
    ReplicaFetch {
        replica: broker(),
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 1 << 20,
        partitions: vec![ReplicaPartition {
            tp: TopicPartition::new("t", 3),
            topic_id: TopicId([7; 16]),
            leader_epoch: LeaderEpoch(2),
            offset: Offset(10),
            last_fetched_epoch: LeaderEpoch(1),
            log_start: Offset(0),
            high_watermark: Offset(10),
            max_bytes: 1 << 20,
            directory: [8; 16],
        }],
    }
}

fn fetched(topic: u8, partition: i32, records: &[u8]) -> Result<Reply, String> {
    let partition = PartitionData::default()
        .with_partition_index(partition)
        .with_high_watermark(12)
        .with_records(Some(Bytes::copy_from_slice(records)));
    let topic = FetchableTopicResponse::default()
        .with_topic_id(Uuid::from_bytes([topic; 16]))
        .with_partitions(vec![partition]);
    let mut body = BytesMut::new();
    let response = FetchResponse::default().with_responses(vec![topic]);
    response.encode(&mut body, 18).expect("encodes");
    fetch::reply(body.freeze(), &wanted())
}

#[test]
fn only_whole_batches_of_partitions_that_were_asked_for_are_taken() {
    let batch = [&[0; 8][..], &50i32.to_be_bytes(), &[1; 50]].concat();
    let and_a_part = [&batch[..], &batch[..30]].concat();
    let Ok(Reply::Fetched(Ok(found))) = fetched(7, 3, &and_a_part) else {
        panic!("a good answer is refused");
    };
    assert_eq!(
        (found[0].records.as_ref(), found[0].high_watermark),
        (&batch[..], Offset(12))
    );
    for (topic, partition, records) in [
        (8, 3, &batch),
        (7, 4, &batch),
        (7, 3, &vec![0; 61]),
        (7, 3, &vec![0xff; 61]),
    ] {
        assert!(fetched(topic, partition, records).is_err(), "{topic} {partition}");
    }
}

#[test]
fn an_error_of_the_whole_answer_is_an_answer() {
    let mut body = BytesMut::new();
    let response = FetchResponse::default().with_error_code(ErrorCode::InconsistentClusterId.code());
    response.encode(&mut body, 18).expect("encodes");
    let reply = fetch::reply(body.freeze(), &wanted());
    assert_eq!(reply, Ok(Reply::Fetched(Err(ErrorCode::InconsistentClusterId))));
}

#[test]
fn markers_hold_up_no_partition_that_comes_into_a_transaction() {
    let producer = Producer {
        id: ProducerId(1),
        epoch: ProducerEpoch(0),
    };
    let marked = Marked {
        producer,
        result: TransactionResult::Commit,
        coordinator_epoch: 0,
        version: Version::Second,
    };
    let enlist = Enlist {
        id: "x".into(),
        producer,
        partitions: Vec::new(),
        verify_only: false,
    };
    let lanes = [Question::WriteMarkers(marked, Vec::new()), Question::Enlist(enlist)].map(|asked| lane_of(&asked));
    assert_ne!(lanes[0], lanes[1]);
}

#[test]
fn a_snapshot_on_its_way_holds_up_no_change_of_who_is_in_sync() {
    let snapshot = AskSnapshot {
        replica: BrokerId(1),
        leader_epoch: LeaderEpoch(1),
        snapshot: SnapshotId {
            end: Offset(9),
            epoch: LeaderEpoch(1),
        },
        position: 0,
        max_bytes: 100,
    };
    let asked = [Question::Snapshot(snapshot), Question::AllocateProducerIds(broker())];
    let lanes = asked.map(|asked| lane_of(&asked));
    assert_ne!(lanes[0], lanes[1]);
}
