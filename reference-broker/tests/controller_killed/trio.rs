//! A controller and three brokers, a process each, at places that they come back to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::nodes::Node;
use crate::ports::free_ports;

pub(crate) struct Trio {
    pub(crate) brokers: Vec<Place>,
    pub(crate) controller: Place,
    _dir: TempDir,
}

/// A node, whether it runs or not.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    args: Vec<String>,
    data: PathBuf,
    running: Option<Node>,
}

/// Who is silent for so long is put out of sync.
pub(crate) const LAG: Duration = Duration::from_secs(1);
/// Who was killed is let in again when its session is over; who is alive asks often enough not to lag on a busy machine.
const CONFIG: [&str; 4] = [
    "replica.lag.time.max.ms=1000",
    "replica.fetch.wait.max.ms=100",
    "broker.session.timeout.ms=3000",
    "broker.heartbeat.interval.ms=200",
];

impl Trio {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let [first, second, third, at] = free_ports();
        let place = |id: i32, roles: &str, address: SocketAddr| {
            let (id, at_own, voters) = (id.to_string(), address.to_string(), format!("100@{at}"));
            let args = ["--id", &id, "--roles", roles, "--voters", &voters];
            let at = ["--listen", &at_own, "--controller-listen", &at_own];
            let config = CONFIG.iter().flat_map(|property| ["--config", property]);
            let args = args.into_iter().chain(at).chain(config);
            Place {
                address,
                args: args.map(str::to_owned).collect(),
                data: dir.path().join(&id),
                running: None,
            }
        };
        let mut trio = Self {
            controller: place(100, "controller", at),
            brokers: vec![
                place(1, "broker", first),
                place(2, "broker", second),
                place(3, "broker", third),
            ],
            _dir: dir,
        };
        trio.controller.restart();
        for broker in &mut trio.brokers {
            broker.restart();
        }
        trio
    }

    /// Ends all in order. Each broker has of the metadata log what the controller has, as far as it came, byte for byte.
    pub(crate) fn stop_and_compare(mut self) {
        let nodes = self.brokers.iter_mut().chain([&mut self.controller]);
        for node in nodes.filter_map(|place| place.running.take()) {
            assert!(node.terminate().success());
        }
        let whole = self.controller.metadata();
        for broker in &self.brokers {
            let copy = broker.metadata();
            assert!(
                !copy.is_empty() && whole.starts_with(&copy),
                "{}",
                broker.data.display()
            );
        }
    }
}

impl Place {
    /// As SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running.as_ref().expect("it runs").0.signal(signal);
    }

    /// Kills what runs there and starts it again; returns when it takes part.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut node = Node::start(&self.args, &self.data, Stdio::null());
        assert_eq!(node.listens(), self.address);
        self.running = Some(node);
    }

    fn metadata(&self) -> Vec<u8> {
        let log = self.data.join("__cluster_metadata-0/00000000000000000000.log");
        std::fs::read(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()))
    }
}
