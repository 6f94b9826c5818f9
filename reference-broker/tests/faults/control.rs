//! The control port of the real binary: what it does, and what it makes of nonsense.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::child::Held;
use crate::ports::free_ports;
use crate::talk::{Client, Heard, LIMIT, SILENCE, none_in};
use kafka_fixtures::value::{Struct, Value};
use rustix::process::Signal;
use serde_json::{Value as Json, json};

/// Between two looks at what a process does.
const PAUSE: Duration = Duration::from_millis(20);

struct Process {
    running: Running,
    brokers: Vec<SocketAddr>,
    control: SocketAddr,
}

/// Stopped when dropped, also by a test that fails before it is up.
struct Running(Held);

impl Process {
    /// The second broker follows the port of the first: both come back to theirs.
    fn start(args: &[&str], brokers: usize) -> Self {
        let [first, _] = free_ports();
        let child = Command::new(env!("CARGO_BIN_EXE_reference-broker"))
            .args(args)
            .args(["--control", "127.0.0.1:0", "--listen", &first.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut running = Running(Held(child));
        let lines = lines(running.0.0.stdout.take().expect("its output"), brokers + 1);
        let address = |line: &String, what: &str| {
            let address = line.trim().strip_prefix(what).expect("the contract");
            address.parse().expect("an address")
        };
        let (at, control) = lines.split_at(brokers);
        Self {
            running,
            brokers: at.iter().map(|line| address(line, "listening on ")).collect(),
            control: address(&control[0], "control on "),
        }
    }

    /// As SIGTERM; how it ends.
    fn terminate(&mut self) -> ExitStatus {
        self.running.0.terminate(LIMIT)
    }

    fn connect(&self) -> Connection {
        let socket = TcpStream::connect(self.control).expect("it listens");
        socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
        Connection(BufReader::new(socket))
    }
}

impl Drop for Running {
    /// SIGTERM, so that its temporary directory goes.
    fn drop(&mut self) {
        // One that has been waited for has no id of its own any more.
        if let Ok(None) = self.0.0.try_wait() {
            self.0.signal(Signal::TERM);
        }
        let _ = self.0.0.wait();
    }
}

fn lines(output: impl Read + Send + 'static, count: usize) -> Vec<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().take(count);
        let _ = tell.send(lines.map_while(Result::ok).collect());
    });
    told.recv_timeout(LIMIT).expect("it comes up in time")
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn line(&mut self, line: &[u8]) -> Json {
        self.sends(line);
        self.hears()
    }

    fn sends(&mut self, line: &[u8]) {
        let socket = self.0.get_mut();
        socket
            .write_all(line)
            .and_then(|()| socket.write_all(b"\n"))
            .expect("sent");
    }

    fn hears(&mut self) -> Json {
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("an answer");
        serde_json::from_str(&answer).expect("a JSON line")
    }

    fn asks(&mut self, order: &Json) -> Json {
        self.line(order.to_string().as_bytes())
    }

    fn does(&mut self, order: Json) {
        let said = self.asks(&order);
        assert_eq!(said["ok"], json!(true), "{order}: {said}");
    }

    fn refuses(&mut self, line: &[u8], why: &str) {
        let said = self.line(line);
        let told = said["error"].as_str().unwrap_or_default();
        assert!(told.contains(why), "{}: {said}", String::from_utf8_lossy(line));
    }
}

async fn coordinator(client: &mut Client) -> Option<i64> {
    let request = Struct::new().with("CoordinatorKeys", vec!["g"]);
    let said = client.asks("FindCoordinator", 4, request).await;
    said.at("Coordinators[0].ErrorCode").and_then(Value::as_i64)
}

#[tokio::test]
async fn faults_are_set_listed_and_taken_back_over_the_port() {
    let process = Process::start(&[], 1);
    let mut control = process.connect();
    let mut client = Client::to(process.brokers[0]).await;
    let said = control.asks(&json!({"do": "error", "api": "FindCoordinator", "error": "NOT_COORDINATOR", "times": 2}));
    assert_eq!(said, json!({"ok": true, "set": [{"broker": 1, "id": 1}]}));
    assert_eq!(coordinator(&mut client).await, Some(16));
    let listed = control.asks(&json!({"do": "list"}));
    let set =
        json!([{"id": 1, "do": "error", "api": "FindCoordinator", "error": "NOT_COORDINATOR", "times": 2, "met": 1}]);
    assert_eq!(listed["nodes"][0]["faults"], set);
    control.does(json!({"do": "clear", "id": 1}));
    assert_ne!(coordinator(&mut client).await, Some(16));

    control.does(json!({"do": "close", "api": 3, "client": "tests", "from": "clients", "at": "answer", "nth": 2}));
    assert!(client.is_served().await);
    assert!(!client.is_served().await);
    control.does(json!({"do": "drop", "api": "Metadata", "until": "ApiVersions", "broker": 1}));
    control.does(json!({"do": "delay", "api": "Metadata", "ms": 1, "once": true}));
    let mut client = Client::to(process.brokers[0]).await;
    assert_eq!(
        client.hears("Metadata", 8, none_in("Topics"), SILENCE).await,
        Heard::Nothing
    );
    control.does(json!({"do": "clear"}));
    assert_eq!(control.asks(&json!({"do": "list"}))["nodes"][0]["faults"], json!([]));
}

#[tokio::test]
async fn brokers_are_paused_killed_started_cut_and_healed_over_the_port() {
    let process = Process::start(
        &[
            "--brokers",
            "2",
            "--config",
            "broker.session.timeout.ms=6000",
            "--config",
            "broker.heartbeat.interval.ms=200",
        ],
        2,
    );
    let mut control = process.connect();
    let first = process.brokers[0];
    control.does(json!({"do": "pause", "broker": 1}));
    let mut client = Client::to(first).await;
    assert_eq!(
        client.hears("Metadata", 8, none_in("Topics"), SILENCE).await,
        Heard::Nothing
    );
    assert_eq!(control.asks(&json!({"do": "list"}))["nodes"][0]["paused"], json!(true));
    control.does(json!({"do": "resume", "broker": 1}));
    assert!(matches!(client.still_hears("Metadata", 8).await, Heard::Answer(_)));

    for end in ["kill", "stop"] {
        control.does(json!({"do": end, "broker": 1}));
        assert!(TcpStream::connect(first).is_err(), "nobody listens");
        for verb in ["kill", "pause"] {
            control.refuses(json!({"do": verb, "broker": 1}).to_string().as_bytes(), "does not run");
        }
        control.does(json!({"do": "start", "broker": 1}));
        control.refuses(br#"{"do":"start","broker":1}"#, "runs already");
        assert!(Client::to(first).await.is_served().await);
    }
    control.does(json!({"do": "restart", "broker": 100}));

    control.does(json!({"do": "cut", "between": [1, 2], "silent": true}));
    control.does(json!({"do": "cut", "clients-of": 1}));
    let cut = &control.asks(&json!({"do": "list"}))["nodes"][0]["cut"];
    assert_eq!(
        *cut,
        json!([{"from": "clients", "silent": false}, {"from": 2, "silent": true}])
    );
    assert!(!Client::to(first).await.is_served().await);
    control.does(json!({"do": "slow-disk", "broker": 2, "ms": 1}));
    control.does(json!({"do": "fill-disk", "broker": 2}));
    let disk = &control.asks(&json!({"do": "list"}))["nodes"][1]["disk"];
    assert_eq!(*disk, json!({"slow_ms": 1, "full": true}));
    control.does(json!({"do": "heal"}));
    assert!(Client::to(first).await.is_served().await);
    control.refuses(
        br#"{"do":"move-leader","topic":"t","partition":0,"to":1}"#,
        "no partition t-0",
    );
}

#[test]
fn nonsense_is_refused_with_the_reason_and_the_connection_lives() {
    let process = Process::start(&[], 1);
    let mut control = process.connect();
    let huge = [b"{\"do\":\"", &vec![b'x'; 1 << 20][..], b"\"}"].concat();
    let deep = vec![b'['; 10_000];
    for (line, why) in [
        (&b""[..], "no JSON object"),
        (b"\xff\xfe\x00", "no JSON object"),
        (b"GET / HTTP/1.1", "no JSON object"),
        (&deep, "no JSON object"),
        (&huge, "at most 65536 bytes"),
        (b"[]", "is a JSON object"),
        (b"7", "is a JSON object"),
        (b"{}", "'do' is missing"),
        (br#"{"do":7}"#, "'do' is a string"),
        (br#"{"do":"explode"}"#, "there is no 'explode'; there are delay"),
        (br#"{"do":"list","broker":1}"#, "'broker' says nothing here"),
        (br#"{"do":"pause"}"#, "'broker' is missing"),
        (br#"{"do":"pause","broker":-1}"#, "no node -1 here; there is 1"),
        (br#"{"do":"pause","broker":1e99}"#, "'broker' is a whole number"),
        (br#"{"do":"pause","broker":4294967297}"#, "'broker' is a whole number"),
        (br#"{"do":"drop"}"#, "'api' is missing"),
        (br#"{"do":"drop","api":"Nothing"}"#, "'Nothing' is no API"),
        (br#"{"do":"drop","api":-3}"#, "'-3' is no API"),
        (
            br#"{"do":"drop","api":3,"times":-1}"#,
            "'times' is a whole number from 0",
        ),
        (br#"{"do":"drop","api":3,"times":0}"#, "a count begins at 1"),
        (br#"{"do":"drop","api":3,"times":1,"nth":1}"#, "say one of"),
        (br#"{"do":"drop","api":3,"until":"Metadata"}"#, "say until another API"),
        (br#"{"do":"delay","api":3,"ms":-5}"#, "'ms' is milliseconds"),
        (br#"{"do":"delay","api":3,"ms":18446744073709551615}"#, "too long"),
        (br#"{"do":"error","api":3,"error":0}"#, "'0' is no error"),
        (br#"{"do":"error","api":3,"error":"OOPS"}"#, "'OOPS' is no error"),
        (
            br#"{"do":"error","api":51,"error":1}"#,
            "AlterUserScramCredentials cannot be answered",
        ),
        (
            br#"{"do":"error","api":3,"error":1,"at":"answer"}"#,
            "takes the place of the answer",
        ),
        (br#"{"do":"clear","id":9}"#, "no fault 9 is set"),
        (br#"{"do":"cut","between":[1]}"#, "two node ids"),
        (br#"{"do":"cut","between":[1,1]}"#, "no link to itself"),
        (br#"{"do":"slow-disk","broker":1,"ms":99999999}"#, "too long"),
    ] {
        control.refuses(line, why);
    }
    control.does(json!({"do": "list"}));
    // A line that is not ended is not done.
    control
        .0
        .get_mut()
        .write_all(br#"{"do":"kill","broker":1}"#)
        .expect("sent");
    control.0.get_ref().shutdown(std::net::Shutdown::Write).expect("shut");
    let mut rest = String::new();
    control.0.read_to_string(&mut rest).expect("the end");
    assert_eq!(rest, "");
    assert_eq!(
        process.connect().asks(&json!({"do": "list"}))["nodes"][0]["runs"],
        json!(true)
    );
}

#[test]
fn faults_are_so_many_and_no_more_and_who_has_no_room_keeps_the_others_from_having_one() {
    let process = Process::start(&["--brokers", "2"], 2);
    let mut control = process.connect();
    for _ in 0..100 {
        control.does(json!({"do": "drop", "api": "SaslHandshake", "broker": 2}));
    }
    control.refuses(br#"{"do":"drop","api":17,"broker":2}"#, "100 faults are set already");
    control.refuses(br#"{"do":"drop","api":17}"#, "100 faults are set already");
    let nodes = &control.asks(&json!({"do": "list"}))["nodes"];
    assert_eq!((&nodes[0]["faults"], &nodes[2]["faults"]), (&json!([]), &json!([])));
}

#[test]
fn one_fault_is_taken_back_from_the_node_that_has_it() {
    let process = Process::start(&["--brokers", "2"], 2);
    let mut control = process.connect();
    let said = control.asks(&json!({"do": "drop", "api": "SaslHandshake"}));
    let all = json!([{"broker": 1, "id": 1}, {"broker": 2, "id": 1}, {"broker": 100, "id": 1}]);
    assert_eq!(said["set"], all);
    control.refuses(br#"{"do":"clear","id":1}"#, "say 'broker' too");
    control.does(json!({"do": "clear", "id": 1, "broker": 2}));
    control.refuses(br#"{"do":"clear","id":1,"broker":2}"#, "no fault 1 is set");
    let nodes = &control.asks(&json!({"do": "list"}))["nodes"];
    let left = |node: usize| nodes[node]["faults"].as_array().map(Vec::len);
    assert_eq!([left(0), left(1), left(2)], [Some(1), Some(0), Some(1)]);
}

/// Returns when this order to the first broker is under way; the controller, which stands still, keeps it from ending.
fn begun(process: &Process, verb: &str) -> Connection {
    let mut control = process.connect();
    control.does(json!({"do": "pause", "broker": 100}));
    let mut ordered = process.connect();
    ordered.sends(json!({"do": verb, "broker": 1}).to_string().as_bytes());
    let deadline = Instant::now() + LIMIT;
    while control.asks(&json!({"do": "list"}))["nodes"][0]["runs"] != json!(false) {
        assert!(Instant::now() < deadline, "it begins in time");
        std::thread::sleep(PAUSE);
    }
    ordered
}

#[test]
fn who_stands_still_goes_on_at_once_while_a_restart_waits_for_it() {
    let process = Process::start(&["--brokers", "2", "--config", "broker.session.timeout.ms=6000"], 2);
    let mut restarting = begun(&process, "restart");
    let began = Instant::now();
    process.connect().does(json!({"do": "resume", "broker": 100}));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(restarting.hears(), json!({"ok": true}));
}

#[test]
fn an_order_that_is_under_way_is_finished_and_answered_before_a_signal_ends_the_process() {
    // It would wait for its controller for longer than a test.
    let args = ["--brokers", "2", "--config", "broker.session.timeout.ms=120000"];
    let mut process = Process::start(&args, 2);
    let mut stopping = begun(&process, "stop");
    assert!(process.terminate().success());
    assert_eq!(stopping.hears(), json!({"ok": true}));
}

#[tokio::test]
async fn a_node_of_a_process_of_its_own_controls_itself() {
    let data = tempfile::tempdir().expect("a directory");
    let [controller] = free_ports().map(|address| address.to_string());
    let voters = format!("7@{controller}");
    let args = [
        "node",
        "--id",
        "7",
        "--controller-listen",
        &controller,
        "--voters",
        &voters,
        "--data-dir",
        path(data.path()),
    ];
    let process = Process::start(&args, 1);
    let mut control = process.connect();
    control.does(json!({"do": "cut", "between": [7, 8]}));
    control.does(json!({"do": "kill", "broker": 7}));
    assert!(TcpStream::connect(process.brokers[0]).is_err(), "nobody listens");
    control.does(json!({"do": "start", "broker": 7}));
    assert!(Client::to(process.brokers[0]).await.is_served().await);
    control.refuses(br#"{"do":"kill","broker":8}"#, "no node 8 here; there is 7");
    control.does(json!({"do": "pause", "broker": 7}));
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

#[test]
fn whoever_has_nothing_to_say_keeps_nobody_out() {
    let process = Process::start(&[], 1);
    let mut idle: Vec<Connection> = (0..64).map(|_| process.connect()).collect();
    let list = || json!({"do": "list"});
    idle.iter_mut().for_each(|connection| connection.does(list()));
    process.connect().does(list());
    let mut rest = String::new();
    idle[0].0.read_to_string(&mut rest).expect("the end");
    assert_eq!(rest, "", "who has waited longest makes room");
    idle[1].does(list());
}

#[test]
fn a_second_signal_ends_a_process_that_would_still_wait() {
    let [controller, broker] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [address] = free_ports().map(|address| address.to_string());
    let voters = format!("7@{address}");
    let node = |id, roles, data: &tempfile::TempDir| {
        let long = "broker.session.timeout.ms=120000";
        let data = path(data.path()).to_owned();
        let [mut node, mut door, mut rest] = [
            vec!["node", "--id", id, "--roles", roles],
            vec!["--controller-listen", &address, "--voters", &voters],
            vec!["--data-dir", &data, "--config", long],
        ];
        node.append(&mut door);
        node.append(&mut rest);
        Process::start(&node, 1)
    };
    let mut controller = node("7", "controller", &controller);
    let mut broker = node("1", "broker", &broker);
    // It would wait for its controller for longer than a test.
    controller.connect().does(json!({"do": "pause", "broker": 7}));
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        broker.running.0.signal(Signal::TERM);
        if let Some(status) = broker.running.0.0.try_wait().expect("it is ours") {
            break status;
        }
        assert!(Instant::now() < deadline, "it ends in time");
        std::thread::sleep(PAUSE);
    };
    assert_eq!(status.code(), Some(1));
    assert!(controller.terminate().success());
}

#[test]
fn a_control_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_reference-broker"))
        .args(["--listen", "127.0.0.1:0", "--control", &address])
        .output()
        .expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&address) && output.status.code() == Some(3), "{told}");
}
