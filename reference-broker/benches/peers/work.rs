//! What is measured of a living broker: records in and out, a new group, a transaction.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, BrokerId, CreateTopicsRequest, EndTxnRequest, FetchRequest, FindCoordinatorRequest,
    GroupId, InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest, OffsetFetchRequest, ProduceRequest,
    ProduceResponse, SyncGroupRequest, TopicName, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;

use super::life::Life;
use super::wire::{Connection, batch, frame};

/// The versions that all peers have.
const PRODUCE: i16 = 9;
const FETCH: i16 = 12;
const FIND_COORDINATOR: i16 = 3;
const JOIN_GROUP: i16 = 5;
const SYNC_GROUP: i16 = 3;
const OFFSET_FETCH: i16 = 6;
const LEAVE_GROUP: i16 = 3;
const CREATE_TOPICS: i16 = 5;
const INIT_PRODUCER_ID: i16 = 4;
const ADD_PARTITIONS_TO_TXN: i16 = 3;
const END_TXN: i16 = 3;

const TOPIC: &str = "records";
/// The topic of one record.
pub(crate) const ONE: &str = "one";
const RECORDS_A_BATCH: usize = 16;
const RECORD: usize = 1024;
/// Batches before the clock starts, and while it runs.
const WARMING: usize = 2_000;
const MEASURED: usize = 4_000;
const IN_FLIGHT: usize = 4;
const FETCHED_AT_ONCE: i32 = 1 << 20;
/// Of the groups and of the transactions the median counts; the first ones warm up.
const GROUPS: usize = 8;
const TRANSACTIONS: usize = 300;
/// For all groups or all transactions of a round, if there is one within it.
const ENOUGH: Duration = Duration::from_secs(8);
/// With a broker that answers a fetch without records although there are some.
const PATIENCE: Duration = Duration::from_secs(30);
const MEMBER_ID_REQUIRED: i16 = 79;

/// CPU seconds of the broker for a GB that it takes in batches of 16 KiB, and MB a second.
pub(crate) fn produced(life: &Life) -> Result<(f64, f64), String> {
    let one = Load {
        replicas: 1,
        records: RECORDS_A_BATCH,
        connections: 1,
    };
    produced_to(life, TOPIC, one)
}

/// What is sent to a topic.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// The broker that is asked leads.
    pub(crate) replicas: i32,
    /// In a batch.
    pub(crate) records: usize,
    /// Those that share what is in flight.
    pub(crate) connections: usize,
}

/// The same to a topic of this name, which is made for it.
pub(crate) fn produced_to(life: &Life, topic: &str, load: Load) -> Result<(f64, f64), String> {
    let connections = (0..load.connections).map(|_| Connection::open(life.address));
    let mut connections = connections.collect::<Result<Vec<_>, _>>()?;
    create_on(&mut connections[0], topic, load.replicas)?;
    let values = vec![Bytes::from(vec![b'x'; RECORD]); load.records];
    let frame = frame(PRODUCE, &produce(topic, batch(&values, None), None));
    insisted(&mut connections[0], topic, &values)?;
    pour(&mut connections, &frame, WARMING * RECORDS_A_BATCH / load.records)?;
    let (cpu, began) = (life.processor_time(), Instant::now());
    let count = MEASURED * RECORDS_A_BATCH / load.records;
    pour(&mut connections, &frame, count)?;
    Ok(rates(count * frame.len(), life.processor_time() - cpu, began.elapsed()))
}

/// The same for what it gives out, in answers of 1 MiB.
pub(crate) fn fetched(life: &Life) -> Result<(f64, f64), String> {
    let mut connection = Connection::open(life.address)?;
    let warm = i64::try_from(WARMING * RECORDS_A_BATCH).expect("few");
    let (_, next) = drain(&mut connection, 0, warm)?;
    let (cpu, began) = (life.processor_time(), Instant::now());
    let end = warm + i64::try_from(MEASURED * RECORDS_A_BATCH).expect("few");
    let (bytes, _) = drain(&mut connection, next, end)?;
    Ok(rates(bytes, life.processor_time() - cpu, began.elapsed()))
}

/// Milliseconds from a new group's first request to its first record.
pub(crate) fn joined(life: &Life) -> Result<f64, String> {
    let mut connection = Connection::open(life.address)?;
    create(&mut connection, ONE)?;
    insisted(&mut connection, ONE, &[Bytes::from_static(b"x")])?;
    median((0..GROUPS).map(|n| {
        let began = Instant::now();
        let member = first_record(&mut connection, &format!("group-{n}"))?;
        let took = began.elapsed();
        leave(&mut connection, &format!("group-{n}"), member)?;
        Ok(took)
    }))
}

/// Milliseconds of a transaction of one record: begin, send, commit.
pub(crate) fn committed(life: &Life) -> Result<f64, String> {
    let mut connection = Connection::open(life.address)?;
    create(&mut connection, "transactions")?;
    find(&mut connection, "t", 1)?;
    let init = InitProducerIdRequest::default()
        .with_transactional_id(Some(transactional_id()))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    let init = connection.insist(INIT_PRODUCER_ID, &init, |answer| answer.error_code)?;
    let producer = (init.producer_id.0, init.producer_epoch);
    median((0..TRANSACTIONS).map(|n| {
        let values = [Bytes::from_static(b"x")];
        let records = batch(&values, Some((producer.0, producer.1, n as i32)));
        let began = Instant::now();
        transact(&mut connection, producer, records)?;
        Ok(began.elapsed())
    }))
}

fn transact(connection: &mut Connection, (id, epoch): (i64, i16), records: Bytes) -> Result<(), String> {
    let topic = AddPartitionsToTxnTopic::default()
        .with_name(topic("transactions"))
        .with_partitions(vec![0]);
    let add = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(transactional_id())
        .with_v3_and_below_producer_id(id.into())
        .with_v3_and_below_producer_epoch(epoch)
        .with_v3_and_below_topics(vec![topic]);
    connection.insist(ADD_PARTITIONS_TO_TXN, &add, |answer| {
        let mut topics = answer.results_by_topic_v3_and_below.iter();
        topics
            .find_map(|topic| topic.results_by_partition.first())
            .map_or(-1, |partition| partition.partition_error_code)
    })?;
    let send = produce("transactions", records, Some(transactional_id()));
    connection.insist(PRODUCE, &send, produce_error)?;
    let end = EndTxnRequest::default()
        .with_transactional_id(transactional_id())
        .with_producer_id(id.into())
        .with_producer_epoch(epoch)
        .with_committed(true);
    connection.insist(END_TXN, &end, |answer| answer.error_code)?;
    Ok(())
}

/// What a consumer does until it has its first record; answers with its member id.
fn first_record(connection: &mut Connection, group: &str) -> Result<StrBytes, String> {
    find(connection, group, 0)?;
    let (member, generation) = join(connection, group)?;
    let share = SyncGroupRequestAssignment::default()
        .with_member_id(member.clone())
        .with_assignment(Bytes::from_static(
            b"\0\0\0\0\0\x01\0\x03one\0\0\0\x01\0\0\0\0\xff\xff\xff\xff",
        ));
    let sync = SyncGroupRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id(generation)
        .with_member_id(member.clone())
        .with_assignments(vec![share]);
    connection.insist(SYNC_GROUP, &sync, |answer| answer.error_code)?;
    let topics = OffsetFetchRequestTopic::default()
        .with_name(topic(ONE))
        .with_partition_indexes(vec![0]);
    let offsets = OffsetFetchRequest::default()
        .with_group_id(group_id(group))
        .with_topics(Some(vec![topics]));
    connection.insist(OFFSET_FETCH, &offsets, |answer| answer.error_code)?;
    let records = fetch(connection, ONE, 0)?;
    if records.is_empty() {
        return Err("a fetch without the record".into());
    }
    Ok(member)
}

/// Twice, where a member gets its id from the first answer; answers with it and with its generation.
fn join(connection: &mut Connection, group: &str) -> Result<(StrBytes, i32), String> {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(StrBytes::from_static_str("range"))
        .with_metadata(Bytes::from_static(b"\0\0\0\0\0\x01\0\x03one\xff\xff\xff\xff"));
    let mut join = JoinGroupRequest::default()
        .with_group_id(group_id(group))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(vec![protocol]);
    let given = connection.insist(JOIN_GROUP, &join, |answer| match answer.error_code {
        MEMBER_ID_REQUIRED => 0,
        code => code,
    })?;
    if given.error_code == 0 {
        return Ok((given.member_id, given.generation_id));
    }
    join.member_id = given.member_id;
    let answer = connection.insist(JOIN_GROUP, &join, |answer| answer.error_code)?;
    Ok((answer.member_id, answer.generation_id))
}

fn leave(connection: &mut Connection, group: &str, member: StrBytes) -> Result<(), String> {
    let leaving = MemberIdentity::default().with_member_id(member);
    let leave = LeaveGroupRequest::default()
        .with_group_id(group_id(group))
        .with_members(vec![leaving]);
    connection.ask(LEAVE_GROUP, &leave)?;
    Ok(())
}

fn find(connection: &mut Connection, key: &str, kind: i8) -> Result<(), String> {
    let find = FindCoordinatorRequest::default()
        .with_key(StrBytes::from_string(key.to_owned()))
        .with_key_type(kind);
    connection.insist(FIND_COORDINATOR, &find, |answer| answer.error_code)?;
    Ok(())
}

fn create(connection: &mut Connection, name: &str) -> Result<(), String> {
    create_on(connection, name, 1)
}

/// One partition; several replicas are on the brokers from 1 on, the first of which leads.
fn create_on(connection: &mut Connection, name: &str, replicas: i32) -> Result<(), String> {
    let creatable = CreatableTopic::default().with_name(topic(name));
    let creatable = match replicas {
        1 => creatable.with_num_partitions(1).with_replication_factor(1),
        several => creatable
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![
                CreatableReplicaAssignment::default().with_broker_ids((1..=several).map(BrokerId).collect()),
            ]),
    };
    let create = CreateTopicsRequest::default()
        .with_topics(vec![creatable])
        .with_timeout_ms(10_000);
    connection.insist(CREATE_TOPICS, &create, |answer| {
        answer.topics.first().map_or(-1, |topic| topic.error_code)
    })?;
    Ok(())
}

/// The first batch of a topic, for which its leader may not be ready.
fn insisted(connection: &mut Connection, name: &str, values: &[Bytes]) -> Result<(), String> {
    connection.insist(PRODUCE, &produce(name, batch(values, None), None), produce_error)?;
    Ok(())
}

/// The same request over and over, a few of them in flight, on each connection in turn.
fn pour(connections: &mut [Connection], frame: &BytesMut, count: usize) -> Result<(), String> {
    let turns = connections.len();
    for n in 0..count + IN_FLIGHT {
        if n < count {
            connections[n % turns].send(frame)?;
        }
        if let Some(sent) = n.checked_sub(IN_FLIGHT) {
            match produce_error(&connections[sent % turns].receive::<ProduceRequest>(PRODUCE)?) {
                0 => {}
                code => return Err(format!("error {code} from API 0")),
            }
        }
    }
    Ok(())
}

/// Reads from one offset up to another or beyond; answers the bytes and the next offset.
fn drain(connection: &mut Connection, from: i64, to: i64) -> Result<(usize, i64), String> {
    let (mut bytes, mut next) = (0, from);
    let deadline = Instant::now() + PATIENCE;
    while next < to {
        let records = fetch(connection, TOPIC, next)?;
        bytes += records.len();
        let mut rest = records.as_ref();
        // Base offset, length, …, last offset delta (23..27); a batch that is cut off does not count.
        while let Some(size) = rest.get(8..12).map(|length| 12 + number(length) as usize) {
            if size > rest.len() {
                break;
            }
            next = (i64::from(number(&rest[..4])) << 32 | i64::from(number(&rest[4..8])))
                + i64::from(number(&rest[23..27]))
                + 1;
            rest = &rest[size..];
        }
        if records.is_empty() && Instant::now() > deadline {
            return Err(format!("nothing at offset {next}"));
        }
    }
    Ok((bytes, next))
}

fn fetch(connection: &mut Connection, name: &str, offset: i64) -> Result<Bytes, String> {
    let partition = FetchPartition::default()
        .with_current_leader_epoch(-1)
        .with_fetch_offset(offset)
        .with_last_fetched_epoch(-1)
        .with_partition_max_bytes(FETCHED_AT_ONCE);
    let fetch = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(FETCHED_AT_ONCE)
        .with_session_epoch(-1)
        .with_topics(vec![
            FetchTopic::default()
                .with_topic(topic(name))
                .with_partitions(vec![partition]),
        ]);
    let answer = connection.ask(FETCH, &fetch)?;
    let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
    match partitions.next() {
        Some(partition) if partition.error_code == 0 => Ok(partition.records.unwrap_or_default()),
        Some(partition) => Err(format!("error {} from API 1", partition.error_code)),
        None => Err("a fetch that answers nothing".into()),
    }
}

fn produce(name: &str, records: Bytes, transactional_id: Option<TransactionalId>) -> ProduceRequest {
    let partition = PartitionProduceData::default().with_records(Some(records));
    ProduceRequest::default()
        .with_transactional_id(transactional_id)
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![
            TopicProduceData::default()
                .with_name(topic(name))
                .with_partition_data(vec![partition]),
        ])
}

fn produce_error(answer: &ProduceResponse) -> i16 {
    let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    partitions.next().map_or(-1, |partition| partition.error_code)
}

fn rates(bytes: usize, cpu: Duration, wall: Duration) -> (f64, f64) {
    (
        cpu.as_secs_f64() / (bytes as f64 / 1e9),
        bytes as f64 / 1e6 / wall.as_secs_f64(),
    )
}

/// In milliseconds, of the second half: the first warms up. Who is slow is not asked as often.
pub(crate) fn median(times: impl Iterator<Item = Result<Duration, String>>) -> Result<f64, String> {
    let began = Instant::now();
    let times = times.take_while(|_| began.elapsed() < ENOUGH);
    let mut times = times.collect::<Result<Vec<_>, _>>()?;
    times.drain(..times.len() / 2);
    times.sort_unstable();
    let middle = times.get(times.len() / 2).ok_or("not once within the time for it")?;
    Ok(middle.as_secs_f64() * 1e3)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn topic(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn group_id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}

fn transactional_id() -> TransactionalId {
    TransactionalId(StrBytes::from_static_str("t"))
}
