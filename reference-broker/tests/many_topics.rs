//! Ten thousand topics: made, described, there again after kill -9, and deleted, in little memory and with few open files.

mod said;
mod starter;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, MetadataRequest,
    MetadataResponse, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

const TOPICS: usize = 10_000;
const A_REQUEST: usize = 100;
const MOST_MEMORY_KIB: usize = 200 * 1024;
/// Sockets and the like, and the logs that a start itself writes to.
const FEW_FILES: usize = 200;
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "makes tens of thousands of files"]
fn ten_thousand_topics_fit_in_little_memory_and_few_files() {
    let data = tempfile::tempdir().expect("a directory");
    let mut broker = Broker::start("127.0.0.1:0".parse().expect("an address"), data.path());
    for names in names().chunks(A_REQUEST) {
        broker.create(names);
    }
    assert_eq!(broker.described(), TOPICS);
    broker.holds_little();

    broker.kill();
    broker = Broker::start(broker.address, data.path());
    assert_eq!(broker.described(), TOPICS);
    broker.holds_little();
    let files = broker.open_files();
    assert!(files < FEW_FILES, "{files} files are open, and nobody touched a topic");

    for names in names().chunks(A_REQUEST) {
        broker.delete(names);
    }
    assert_eq!(broker.described(), 0);
    broker.holds_little();
    broker.kill();
}

fn names() -> Vec<TopicName> {
    let name = |index| TopicName(StrBytes::from_string(format!("topic-{index:05}")));
    (0..TOPICS).map(name).collect()
}

struct Broker {
    child: Child,
    address: SocketAddr,
    socket: TcpStream,
}

impl Broker {
    fn start(listen: SocketAddr, data: &Path) -> Self {
        let (child, address) = starter::start(listen, &[OsStr::new("--data-dir"), data.as_os_str()]);
        let socket = TcpStream::connect(address).expect("it listens");
        socket.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        Self { child, address, socket }
    }

    fn kill(&mut self) {
        self.child.kill().expect("a running broker");
        self.child.wait().expect("it ends");
    }

    fn create(&mut self, names: &[TopicName]) {
        let topic = |name: &TopicName| {
            CreatableTopic::default()
                .with_name(name.clone())
                .with_num_partitions(1)
                .with_replication_factor(1)
        };
        let request = CreateTopicsRequest::default()
            .with_topics(names.iter().map(topic).collect())
            .with_timeout_ms(60_000);
        let response: CreateTopicsResponse = self.ask(19, 2, &request);
        assert!(response.topics.iter().all(|topic| topic.error_code == 0));
        assert_eq!(response.topics.len(), names.len());
    }

    fn delete(&mut self, names: &[TopicName]) {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(names.to_vec())
            .with_timeout_ms(60_000);
        let response: DeleteTopicsResponse = self.ask(20, 1, &request);
        assert!(response.responses.iter().all(|topic| topic.error_code == 0));
        assert_eq!(response.responses.len(), names.len());
    }

    /// How many topics there are that have a leader.
    fn described(&mut self) -> usize {
        let response: MetadataResponse = self.ask(3, 1, &MetadataRequest::default().with_topics(None));
        let led = response
            .topics
            .iter()
            .filter(|topic| topic.partitions.iter().all(|partition| partition.error_code == 0));
        led.count()
    }

    fn ask<Response: Decodable>(&mut self, key: i16, version: i16, request: &impl Encodable) -> Response {
        let mut frame = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(key)
            .with_request_api_version(version);
        header.encode(&mut frame, 1).expect("a header");
        request.encode(&mut frame, version).expect("a request");
        let length = i32::try_from(frame.len()).expect("a small request").to_be_bytes();
        self.socket.write_all(&length).expect("it reads");
        self.socket.write_all(&frame).expect("it reads");
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.socket.read_exact(&mut answer).expect("an answer");
        let mut body = Bytes::from(answer).split_off(size_of::<i32>());
        Response::decode(&mut body, version).expect("a response")
    }

    /// The most memory that was ever resident.
    fn holds_little(&self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: usize = line
            .and_then(|line| line.split_ascii_whitespace().next()?.parse().ok())
            .expect("a number");
        assert!(kib < MOST_MEMORY_KIB, "{kib} KiB");
    }

    fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("Linux tells");
        files.count()
    }
}
