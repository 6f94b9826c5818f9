//! Whoever writes a client can be told why the broker closed its connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::Duration;

use reference_broker::{Cluster, Config};

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(what: &str) {
    TOLD.lock().expect("nobody has panicked").push(what.to_owned());
}

async fn started(properties: &[(&str, &str)]) -> Cluster {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let config = Config {
        explain: note,
        properties: properties.iter().map(own).collect(),
        ..Config::default()
    };
    Cluster::start(config).await.expect("it starts")
}

fn connected(cluster: &Cluster) -> TcpStream {
    let socket = TcpStream::connect(cluster.addresses()[0]).expect("it listens");
    let patience = Some(Duration::from_secs(30));
    socket.set_read_timeout(patience).expect("a time out");
    socket
}

/// What comes until the broker closes.
fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it is closed");
    answer
}

fn assert_told(why: &str) {
    let told = TOLD.lock().expect("nobody has panicked");
    assert!(told.iter().any(|line| line.starts_with(why)), "{why}: {told:?}");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_explained_to_whoever_asks() {
    let cluster = started(&[]).await;
    let mut socket = connected(&cluster);
    let peer = socket.local_addr().expect("an address");
    // Produce v9, correlation id 1, no client id, and no body.
    let frame = [0, 0, 0, 11, 0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0];
    socket.write_all(&frame).expect("it is sent");
    assert!(rest(socket).is_empty());
    cluster.stop().await;
    assert_told(&format!("{peer} closed: the body was refused: "));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_of_its_address_is_explained_and_so_is_one_that_a_stop_cuts() {
    let cluster = started(&[("max.connections.per.ip", "1")]).await;
    let mut first = connected(&cluster);
    // ApiVersions v0, correlation id 7, no client id: once it is answered the connection is served.
    let frame = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    first.write_all(&frame).expect("it is sent");
    first.read_exact(&mut [0; 8]).expect("it is answered");
    let second = connected(&cluster);
    let peers = [&first, &second].map(|socket| socket.local_addr().expect("an address"));
    assert!(rest(second).is_empty());
    cluster.stop().await;
    assert_told(&format!("{} closed: its address has as many connections", peers[1]));
    assert_told(&format!("{} closed: the broker stopped", peers[0]));
}
