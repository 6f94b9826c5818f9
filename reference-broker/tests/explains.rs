//! Whoever writes a client can be told why the broker closed its connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use reference_broker::{Cluster, Config};

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(what: &str) {
    TOLD.lock().expect("nobody has panicked").push(what.to_owned());
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_explained_to_whoever_asks() {
    let config = Config {
        explain: note,
        ..Config::default()
    };
    let cluster = Cluster::start(config).await.expect("it starts");
    let mut socket = TcpStream::connect(cluster.addresses()[0]).expect("it listens");
    let peer = socket.local_addr().expect("an address");
    // Produce v9, correlation id 1, no client id, and no body.
    let frame = [0, 0, 0, 11, 0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0];
    socket.write_all(&frame).expect("it is sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("it is closed");
    assert!(answer.is_empty());
    cluster.stop().await;
    let told = TOLD.lock().expect("nobody has panicked");
    let why = format!("{peer} closed: the body was refused: ");
    assert!(told.iter().any(|line| line.starts_with(&why)), "{told:?}");
}
