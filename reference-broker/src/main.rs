//! The binary: flags to configuration, start, wait for a signal, stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use reference_broker::{Cluster, Config, Control, Listen, NodeConfig, RunningNode, StartError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use command_line::{Listeners, Named, parse_address, parse_advertise, parse_listen, parse_property};

mod command_line;

/// A small and readable Kafka broker, as close to Apache Kafka 4.3 as its conformance suite can show.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = format!("Examples:\n  reference-broker --brokers 3\n  reference-broker --listen 127.0.0.1:9092\n  reference-broker --listen 127.0.0.1:0 --data-dir ./data --config auto.create.topics.enable=false\n\n{CONTROL}")
)]
struct Arguments {
    /// Where to listen; port 0 takes a free one. Repeated with names for more listeners: who comes by one of them is told of
    /// brokers by it.
    #[arg(long, value_name = "[NAME://]HOST:PORT", default_value = "127.0.0.1:9092", value_parser = parse_listen)]
    listen: Vec<Named<SocketAddr>>,
    /// What clients of a listener are told to connect to, where that is not the listening address.
    #[arg(long, value_name = "[NAME://]HOST:PORT", value_parser = parse_advertise)]
    advertise: Vec<Named<(String, u16)>>,
    /// How many brokers to run in this process; several have a controller beside them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    brokers: usize,
    /// Where to keep the data; without it, in a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A broker property in Kafka's words; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_property)]
    config: Vec<(String, String)>,
    /// Take orders for faults as JSON lines; see below. Whoever reaches this port may stop the brokers: there is no authentication.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    control: Option<SocketAddr>,
    /// Say on standard error why each connection was closed.
    #[arg(long)]
    explain: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one node of a cluster, a process each.
    #[command(
        after_help = format!("Examples:\n  reference-broker node --id 0 --roles controller --controller-listen 127.0.0.1:9093 --voters 0@127.0.0.1:9093 --data-dir ./c0\n  reference-broker node --id 1 --roles broker --listen 127.0.0.1:9092 --voters 0@127.0.0.1:9093 --data-dir ./b1 --rack r1\n\n{CONTROL}")
    )]
    Node(NodeArguments),
}

#[derive(Debug, Args)]
struct NodeArguments {
    /// The node's id in the cluster.
    #[arg(long, value_name = "I")]
    id: i32,
    /// broker, controller, or both.
    #[arg(long, value_name = "ROLES", default_value = "broker,controller")]
    roles: String,
    /// Where clients and other brokers find it, if it is a broker; a controller alone leaves it aside. Repeated with names for
    /// more listeners: who comes by one of them is told of brokers by it.
    #[arg(long, value_name = "[NAME://]HOST:PORT", value_parser = parse_listen)]
    listen: Vec<Named<SocketAddr>>,
    /// What they are told to connect to, where that is not the listening address.
    #[arg(long, value_name = "[NAME://]HOST:PORT", value_parser = parse_advertise)]
    advertise: Vec<Named<(String, u16)>>,
    /// Where brokers find it, if it is a controller; a broker alone leaves it aside.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    controller_listen: Option<SocketAddr>,
    /// The controller, by id and where it listens.
    #[arg(long, value_name = "ID@HOST:PORT")]
    voters: String,
    /// Where to keep the data.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where the machine stands, for replicas to be spread and readers to be near.
    #[arg(long, value_name = "R")]
    rack: Option<String>,
    /// A property in Kafka's words; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_property)]
    config: Vec<(String, String)>,
    /// Take orders for faults of this node as JSON lines; see below. Whoever reaches this port may stop the node: there is no
    /// authentication.
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_address)]
    control: Option<SocketAddr>,
    /// Say on standard error why each connection was closed.
    #[arg(long)]
    explain: bool,
}

/// How the control port is spoken to.
const CONTROL: &str = "\
Control: a line is a JSON object that asks for one thing; its answer is a line, {\"ok\":true,…} or {\"error\":\"the reason\"}.
  {\"do\":\"error\",\"api\":\"Produce\",\"error\":\"NOT_LEADER_OR_FOLLOWER\",\"times\":2}
  {\"do\":\"delay\",\"api\":\"Fetch\",\"ms\":500,\"client\":\"slow\",\"until\":\"LeaveGroup\"}
  {\"do\":\"close\",\"api\":\"EndTxn\",\"at\":\"answer\",\"once\":true}   also drop; nth; from clients or brokers; broker
  {\"do\":\"pause\",\"broker\":1}       also resume, stop, kill, start, restart, fill-disk, slow-disk with ms
  {\"do\":\"cut\",\"between\":[1,2]}    also clients-of; silent: nothing passes, nobody is told
  {\"do\":\"move-leader\",\"topic\":\"t\",\"partition\":0,\"to\":2}
  {\"do\":\"list\"}   {\"do\":\"heal\"}   {\"do\":\"clear\"}

  reference-broker --brokers 3 --control 127.0.0.1:9099 &
  echo '{\"do\":\"pause\",\"broker\":1}' | nc -N 127.0.0.1 9099";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    take_all_descriptors();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}"), 3),
    };
    runtime.block_on(async {
        match serve(arguments).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(
                error @ (StartError::Config(_)
                | StartError::Brokers(_)
                | StartError::Listener(..)
                | StartError::Advertised(..)
                | StartError::SameName(_)
                | StartError::SameAddress(_)
                | StartError::NoListener(_)),
            ) => fail(&error.to_string(), 2),
            Err(error) => fail(&error.to_string(), 3),
        }
    })
}

/// As Java does: a broker holds a descriptor for each connection, and the default is few.
fn take_all_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What the system refuses, it refuses: then fewer have to do.
    let _ = setrlimit(Resource::Nofile, all);
}

async fn serve(arguments: Arguments) -> Result<(), StartError> {
    match arguments.command {
        Some(Command::Node(arguments)) => serve_node(arguments).await,
        None => serve_cluster(arguments).await,
    }
}

async fn serve_node(arguments: NodeArguments) -> Result<(), StartError> {
    let mut signals = Signals::take()?;
    let mut control = listen_for_control(arguments.control).await?;
    let listeners = Listeners::of(arguments.listen, arguments.advertise)?;
    let starting = RunningNode::start(NodeConfig {
        id: arguments.id,
        roles: arguments.roles,
        listen: listeners.first,
        advertise: listeners.advertise,
        listeners: listeners.more,
        controller_listen: arguments.controller_listen,
        voters: arguments.voters,
        rack: arguments.rack,
        data_dir: arguments.data_dir,
        properties: arguments.config,
        complain,
        explain: if arguments.explain { complain } else { |_| {} },
    });
    let mut node = tokio::select! {
        started = starting => started?,
        () = signals.stop() => return Ok(()),
    };
    let has_joined = tokio::select! {
        joined = node.joined() => if joined { true } else { return Err(ended()) },
        () = signals.stop() => false,
    };
    if has_joined {
        announce(&[node.address()], node.listeners(), control.as_ref());
        if !node.obey(&mut control, signals.stop()).await {
            return Err(ended());
        }
    }
    node.stop().await;
    Ok(())
}

/// Some tell a process and then its group: signals that come together are one.
const TOGETHER: Duration = Duration::from_millis(200);

/// What tells a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn take() -> Result<Self, StartError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when the process is to stop. From then on, once they no longer come together, the next signal ends it at once.
    async fn stop(&mut self) {
        self.next().await;
        tokio::spawn(async move {
            sleep(TOGETHER).await;
            // Taken only now: it would remember one that came meanwhile.
            if let Ok(mut again) = Self::take() {
                again.next().await;
                complain("told to stop again: what was not written down is recovered at the next start");
                std::process::exit(1);
            }
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn ended() -> StartError {
    std::io::Error::other("the broker ended by itself; what it said stands above").into()
}

async fn serve_cluster(arguments: Arguments) -> Result<(), StartError> {
    let mut signals = Signals::take()?;
    let mut control = listen_for_control(arguments.control).await?;
    let listeners = Listeners::of(arguments.listen, arguments.advertise)?;
    let starting = Cluster::start(Config {
        listen: listeners.first.ok_or(StartError::Listener("a broker", "--listen"))?,
        advertise: listeners.advertise,
        listeners: listeners.more.into_iter().map(|listen| (listen, None)).collect(),
        brokers: arguments.brokers,
        data_dir: arguments.data_dir,
        temporary_in: None,
        properties: arguments.config,
        complain,
        explain: if arguments.explain { complain } else { |_| {} },
    });
    let mut cluster = tokio::select! {
        started = starting => started?,
        () = signals.stop() => return Ok(()),
    };
    announce(&cluster.addresses(), &cluster.listeners(), control.as_ref());
    if !cluster.obey(&mut control, signals.stop()).await {
        return Err(ended());
    }
    cluster.stop().await;
    Ok(())
}

/// Scripts wait for these lines. Where nobody reads them the broker serves all the same.
fn announce(addresses: &[SocketAddr], more: &[Listen], control: Option<&Control>) {
    for address in addresses {
        let _ = writeln!(std::io::stdout(), "listening on {address}");
    }
    for Listen { name, at, .. } in more {
        let _ = writeln!(std::io::stdout(), "listening on {name}://{at}");
    }
    if let Some(control) = control {
        let _ = writeln!(std::io::stdout(), "control on {}", control.address());
    }
}

async fn listen_for_control(address: Option<SocketAddr>) -> Result<Option<Control>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let control = Control::listen(address).await;
    control.map(Some).map_err(|error| StartError::Listen { address, error })
}

fn fail(message: &str, code: u8) -> ExitCode {
    complain(message);
    ExitCode::from(code)
}

/// Where nobody reads it the broker serves all the same.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "reference-broker: {message}");
}
