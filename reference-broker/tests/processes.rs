//! One process a node: a controller and brokers that find each other by what their command lines say.

mod child;
mod nodes;
mod ports;
mod said;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nodes::{LIMIT, Node};
use ports::free_ports;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use said::first_line;

/// Node 0, where the others look for it.
fn controller(at: &SocketAddr, data: &Path) -> Node {
    let (listen, voters) = (at.to_string(), format!("0@{at}"));
    let role = ["--id", "0", "--roles", "controller"];
    let place = ["--controller-listen", &listen, "--voters", &voters];
    Node::start(&[role, place].concat(), data, Stdio::piped())
}

/// A broker in a rack of its own.
fn broker(id: &str, controller_at: &SocketAddr, data: &Path) -> Node {
    let voters = format!("0@{controller_at}");
    let role = ["--id", id, "--roles", "broker", "--rack", id];
    let place = ["--listen", "127.0.0.1:0", "--voters", &voters];
    Node::start(&[&role[..], &place].concat(), data, Stdio::piped())
}

/// What it says on standard error first.
fn complaint(node: &mut Node) -> String {
    let output = node.0.0.stderr.take().expect("its complaints");
    first_line(output, "it complains")
}

/// All that it says on standard error until it ends, which it does by itself.
fn all_that(node: &mut Node) -> String {
    let mut output = node.0.0.stderr.take().expect("its complaints");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        let _ = tell.send(text);
    });
    told.recv_timeout(LIMIT).expect("it ends in time")
}

fn brokers_seen_by(address: SocketAddr) -> BTreeSet<i32> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address.to_string())
        .create()
        .expect("a client");
    let metadata = consumer.fetch_metadata(None, Duration::from_secs(5));
    metadata.map_or_else(
        |_| BTreeSet::new(),
        |metadata| metadata.brokers().iter().map(|broker| broker.id()).collect(),
    )
}

#[test]
fn brokers_wait_for_their_controller_become_one_cluster_with_it_and_leave_it_in_order() {
    let data = tempfile::tempdir().expect("a directory");
    let [at] = free_ports();
    let controller_at = at.to_string();
    let mut first = broker("1", &at, &data.path().join("1"));
    let complaint = complaint(&mut first);
    assert!(
        complaint.contains(&controller_at) && complaint.contains("tried again"),
        "{complaint}"
    );

    let mut controller = controller(&at, &data.path().join("0"));
    assert_eq!(controller.listens().to_string(), controller_at);
    let mut second = broker("2", &at, &data.path().join("2"));
    let addresses = [first.listens(), second.listens()];
    let deadline = Instant::now() + LIMIT;
    for address in addresses {
        while brokers_seen_by(address) != BTreeSet::from([1, 2]) {
            assert!(Instant::now() < deadline, "{address} sees both in time");
        }
    }
    let began = Instant::now();
    assert!(first.terminate().success());
    // It asked, and did not wait for its session to expire.
    assert!(began.elapsed() < Duration::from_secs(8));
    while brokers_seen_by(addresses[1]) != BTreeSet::from([2]) {
        assert!(Instant::now() < deadline, "the other sees that it left");
    }
    assert!(second.terminate().success());
    assert!(controller.terminate().success());
}

#[test]
fn a_directory_of_another_cluster_is_refused_on_both_sides() {
    let data = tempfile::tempdir().expect("a directory");
    let [at] = free_ports();
    let mut controller = controller(&at, &data.path().join("0"));
    controller.listens();
    let stranger = data.path().join("1");
    std::fs::create_dir(&stranger).expect("made");
    let meta = "version=1\nnode.id=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\ndirectory.id=m3t66wA_jFmMaKuN5EViHw\n";
    std::fs::write(stranger.join("meta.properties"), meta).expect("written");
    let mut broker = broker("1", &at, &stranger);
    let told = complaint(&mut broker);
    assert!(told.contains("cluster"), "{told}");
    let told = complaint(&mut controller);
    assert!(told.contains("Expected cluster ID"), "{told}");
    assert!(broker.terminate().success());
}

#[test]
fn a_broker_that_no_controller_takes_in_gives_up_in_time_and_says_so() {
    let data = tempfile::tempdir().expect("a directory");
    let [at, nobody] = free_ports();
    let mut controller = controller(&at, &data.path().join("0"));
    controller.listens();
    let mut holder = broker("1", &at, &data.path().join("1"));
    holder.listens();
    let stranger = data.path().join("stranger");
    std::fs::create_dir(&stranger).expect("made");
    let meta = "version=1\nnode.id=2\ncluster.id=4L6g3nShT-eMCtK--X86sw\ndirectory.id=m3t66wA_jFmMaKuN5EViHw\n";
    std::fs::write(stranger.join("meta.properties"), meta).expect("written");
    // Two have to hear that they are refused in that time.
    for (id, at, directory, patience_ms, says) in [
        ("1", at, "twin", 6_000, "another broker of this node.id is alive"),
        ("2", at, "stranger", 6_000, "its cluster is not"),
        ("3", nobody, "lonely", 1_500, "gives up"),
    ] {
        let voters = format!("0@{at}");
        let role = [
            "--id",
            id,
            "--roles",
            "broker",
            "--listen",
            "127.0.0.1:0",
            "--voters",
            &voters,
        ];
        let limit = format!("initial.broker.registration.timeout.ms={patience_ms}");
        let limit = ["--config", &limit];
        let data = data.path().join(directory);
        let mut refused = Node::start(&[&role[..], &limit].concat(), &data, Stdio::piped());
        let told = all_that(&mut refused);
        assert!(told.contains(says) && told.contains("gives up"), "{told}");
        assert_eq!(refused.0.ended_within(LIMIT).code(), Some(3), "{told}");
    }
    assert!(holder.terminate().success());
    assert!(controller.terminate().success());
}

#[test]
fn a_node_that_lacks_what_its_roles_need_says_so() {
    let data = tempfile::tempdir().expect("a directory");
    for (args, says) in [
        (&["--id", "1", "--roles", "broker", "--voters", "0@h:1"][..], "--listen"),
        (
            &["--id", "1", "--roles", "controller", "--voters", "1@h:1"],
            "--controller-listen",
        ),
        (&["--id", "1", "--roles", "king", "--voters", "1@h:1"], "process.roles"),
        (
            &[
                "--id",
                "1",
                "--roles",
                "broker",
                "--listen",
                "127.0.0.1:0",
                "--voters",
                "h:1",
            ],
            "ID@HOST:PORT",
        ),
    ] {
        let mut node = Node::start(args, data.path(), Stdio::piped());
        let told = complaint(&mut node);
        assert!(told.contains(says), "{told}");
        assert_eq!(node.0.ended_within(LIMIT).code(), Some(2), "{told}");
    }
}
