//! `docker:IMAGE:TAG` and `docker:IMAGE:TAGx3`: a real Apache Kafka in containers, one a node, through testcontainers.
//!
//! The same start serves the official image and the stand-in of `scripts/kafka-image`: only `bash`, `java`,
//! `/opt/kafka/libs` and a writable `/tmp` are taken for granted. The host port is fixed before the start, so that it is
//! the same after a restart. The data directory is one of the host's, where `files` and `damage` reach it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};
use testcontainers::bollard::query_parameters::KillContainerOptions;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::time::{Instant, timeout};

use super::apart::apart;
use super::layout::CONTROLLER;
use super::{LaunchError, Listener, Needs, STARTUP_TIMEOUT, TargetError, ports, properties, ready};

const ENGINE_TIMEOUT: Duration = Duration::from_secs(5);
/// For one request to an engine that has work to do.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const PULL_TIMEOUT: Duration = Duration::from_secs(600);
/// Where the container sees the data directory.
const DATA: &str = "/tmp/kraft-data";

/// The containers of one target; several share a network of their own.
#[derive(Debug)]
pub(super) struct Cluster {
    nodes: Vec<Node>,
    /// A node of its own where there are several brokers.
    controller: Vec<Node>,
}

impl Cluster {
    pub(super) async fn start(
        image: &str,
        tag: &str,
        brokers: usize,
        needs: &Needs,
        listeners: &[Listener],
    ) -> Result<Self, TargetError> {
        let engine = engine().await?;
        present(&engine, image, tag).await?;
        let seats = seats(brokers, listeners)?;
        let mut nodes = Vec::new();
        for index in 0..seats.len() {
            nodes.push(Node::start(engine.clone(), (image, tag), &seats, index, needs).await?);
        }
        // None is ready before the controller is.
        let controller = nodes.split_off(brokers);
        for node in &nodes {
            node.ready().await?;
        }
        Ok(Self { nodes, controller })
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.address.clone()).collect()
    }

    pub(super) fn node(&self, broker: usize) -> Option<&Node> {
        self.nodes.get(broker)
    }

    /// Returns when the containers are gone.
    pub(super) async fn remove(self) {
        for node in self.nodes.into_iter().chain(self.controller) {
            node.remove().await;
        }
    }
}

/// Where a node is met: by clients at a port of the host, by other nodes under a name in their network.
#[derive(Debug, Clone)]
struct Seat {
    id: usize,
    port: u16,
    host: String,
    network: Option<String>,
    /// Where clients come besides: the same port in the container and at the host.
    more: Vec<Listener>,
}

/// Seats for so many brokers. One that is alone needs no network; several have their controller apart, which comes last.
fn seats(brokers: usize, listeners: &[Listener]) -> Result<Vec<Seat>, TargetError> {
    let network = (brokers > 1).then(|| format!("touchstone-{}", uuid::Uuid::new_v4().simple()));
    let seat = |id: usize| {
        let host = |network: &String| format!("{network}-{id}");
        Ok(Seat {
            id,
            port: ports::free()?,
            host: network.as_ref().map_or_else(|| "127.0.0.1".to_owned(), host),
            network: network.clone(),
            more: Listener::of(listeners, id).cloned().collect(),
        })
    };
    let controller = (brokers > 1).then_some(CONTROLLER);
    (1..=brokers).chain(controller).map(seat).collect()
}

pub(super) struct Node {
    container: Option<ContainerAsync<GenericImage>>,
    engine: Docker,
    image: String,
    address: String,
    /// In which the nodes meet, where there are several.
    network: Option<String>,
    /// Goes after the container that writes there.
    data: Option<TempDir>,
}

impl Node {
    async fn start(
        engine: Docker,
        (image, tag): (&str, &str),
        seats: &[Seat],
        index: usize,
        needs: &Needs,
    ) -> Result<Self, TargetError> {
        let name = format!("{image}:{tag}");
        let port = seats[index].port;
        let (data, owner) = data_directory().map_err(|e| TargetError(format!("no temporary directory: {e}")))?;
        let request = request(image, tag, seats, index, needs)
            .with_mount(Mount::bind_mount(data.path().display().to_string(), DATA))
            .with_user(owner);
        let container = timeout(STARTUP_TIMEOUT, request.start())
            .await
            .map_err(|_| TargetError(format!("the Docker engine did not start {name} in time")))?
            .map_err(|e| TargetError(format!("the Docker engine cannot start {name}: {e}")))?;
        Ok(Self {
            container: Some(container),
            engine,
            image: name,
            address: format!("127.0.0.1:{port}"),
            network: seats[index].network.clone(),
            data: Some(data),
        })
    }

    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data.as_ref().map(TempDir::path)
    }

    pub(super) async fn kill(&self) -> Result<(), TargetError> {
        self.ended_by("KILL").await
    }

    /// As SIGTERM.
    pub(super) async fn close(&self) -> Result<(), TargetError> {
        self.ended_by("TERM").await
    }

    /// Stands still from now on: it keeps its connections and answers nothing. By a signal: the broker is the one process there, and
    /// not every engine can freeze a container.
    pub(super) async fn pause(&self) -> Result<(), TargetError> {
        self.signalled("STOP", "pause the container").await
    }

    /// Goes on where it stood.
    pub(super) async fn resume(&self) -> Result<(), TargetError> {
        self.signalled("CONT", "let the container go on").await
    }

    /// Out of the network in which the nodes meet; its port at the host goes with that.
    pub(super) async fn disconnect(&self) -> Result<(), TargetError> {
        let request = NetworkDisconnectRequest {
            container: self.container()?.id().to_owned(),
            force: None,
        };
        let what = format!("disconnect the container of {}", self.image);
        let disconnect = self.engine.disconnect_network(self.network()?, request);
        in_time(REQUEST_TIMEOUT, &what, disconnect).await
    }

    /// Into it again, under the same name and with its port.
    pub(super) async fn connect(&self) -> Result<(), TargetError> {
        let request = NetworkConnectRequest {
            container: self.container()?.id().to_owned(),
            endpoint_config: None,
        };
        let what = format!("connect the container of {}", self.image);
        let connect = self.engine.connect_network(self.network()?, request);
        in_time(REQUEST_TIMEOUT, &what, connect).await
    }

    fn network(&self) -> Result<&str, TargetError> {
        let none = || TargetError(format!("the container of {} is alone", self.image));
        self.network.as_deref().ok_or_else(none)
    }

    async fn signalled(&self, signal: &str, what: &str) -> Result<(), TargetError> {
        let signal = signal.to_owned();
        let kill = self
            .engine
            .kill_container(self.container()?.id(), Some(KillContainerOptions { signal }));
        in_time(REQUEST_TIMEOUT, &format!("{what} of {}", self.image), kill).await
    }

    async fn ended_by(&self, signal: &str) -> Result<(), TargetError> {
        let what = format!("end the container of {}", self.image);
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        self.signalled(signal, "end the container").await?;
        // What stands still takes it once it goes on; what has gone by then cannot, which is no error.
        drop(self.resume().await);
        while running(self.container()?).await? {
            if Instant::now() >= deadline {
                return Err(TargetError(format!("the Docker engine did not {what}: it still runs")));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Starts the container again, killed before if it still runs: same port, same data.
    pub(super) async fn launch(&self) -> Result<(), LaunchError> {
        if running(self.container()?).await? {
            self.kill().await?;
        }
        let what = format!("start the container of {} again", self.image);
        in_time(REQUEST_TIMEOUT, &what, self.container()?.start()).await?;
        self.ready().await
    }

    fn container(&self) -> Result<&ContainerAsync<GenericImage>, TargetError> {
        let gone = || TargetError(format!("the container of {} is gone", self.image));
        self.container.as_ref().ok_or_else(gone)
    }

    async fn ready(&self) -> Result<(), LaunchError> {
        let container = self.container()?;
        let deadline = Instant::now() + STARTUP_TIMEOUT;
        ready::wait(&self.address, deadline, || async {
            match running(container).await {
                Ok(true) => return None,
                Ok(false) => {}
                Err(error) => return Some(error.into()),
            }
            let said = last_words(container).await;
            Some(LaunchError::Ended(format!(
                "the container of {} ended before it answered. It has to be an image of Apache Kafka with a JVM \
                 (/opt/kafka/libs, java, bash). Its last words:\n{said}",
                self.image
            )))
        })
        .await
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "container of {} at {}", self.image, self.address)
    }
}

impl Node {
    /// Returns when the container is gone.
    pub(super) async fn remove(mut self) {
        if let Some(container) = self.container.take() {
            removed(container).await;
        }
    }
}

impl Drop for Node {
    /// A runtime that is entered anew within itself loses wake-ups.
    fn drop(&mut self) {
        let (Some(container), data) = (self.container.take(), self.data.take()) else {
            return;
        };
        apart(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(removed(container));
            }
            drop(data);
        });
    }
}

/// What the engine does not remove in time stays there.
async fn removed(container: ContainerAsync<GenericImage>) {
    let _ = timeout(STARTUP_TIMEOUT, container.rm()).await;
}

/// An engine that cannot say it is an error, and not a container that ended.
async fn running(container: &ContainerAsync<GenericImage>) -> Result<bool, TargetError> {
    in_time(REQUEST_TIMEOUT, "say whether a container runs", container.is_running()).await
}

/// What the engine answers to one request; an error where it says one, or nothing.
async fn in_time<T, E: std::fmt::Display>(
    within: Duration,
    what: &str,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, TargetError> {
    match timeout(within, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(e)) => Err(TargetError(format!("the Docker engine cannot {what}: {e}"))),
        Err(_) => Err(TargetError(format!("the Docker engine did not {what} in {within:?}"))),
    }
}

async fn last_words(container: &ContainerAsync<GenericImage>) -> String {
    // Where the engine does not say them, there are none.
    let said = in_time(REQUEST_TIMEOUT, "tell", container.stdout_to_vec()).await;
    let mut said = said.unwrap_or_default();
    let errors = in_time(REQUEST_TIMEOUT, "tell", container.stderr_to_vec()).await;
    said.extend(errors.unwrap_or_default());
    let text = String::from_utf8_lossy(&said).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

async fn engine() -> Result<Docker, TargetError> {
    let none = |why: String| {
        TargetError(format!(
            "no Docker engine answers ({why}): start one, as root `scripts/docker-engine` does it, or use jvm:VERSION, \
             which needs only Java"
        ))
    };
    let engine = Docker::connect_with_defaults().map_err(|e| none(e.to_string()))?;
    match timeout(ENGINE_TIMEOUT, engine.ping()).await {
        Ok(Ok(_)) => Ok(engine),
        Ok(Err(e)) => Err(none(e.to_string())),
        Err(_) => Err(none("silent for 5 s".to_owned())),
    }
}

/// Sees to it that the image is here; pulls it where a registry has it.
async fn present(engine: &Docker, image: &str, tag: &str) -> Result<(), TargetError> {
    let name = format!("{image}:{tag}");
    match timeout(REQUEST_TIMEOUT, engine.inspect_image(&name)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(_)) => {}
        Err(_) => {
            let why = format!("the Docker engine did not say in {REQUEST_TIMEOUT:?} whether {name} is here");
            return Err(TargetError(why));
        }
    }
    let pull = GenericImage::new(image, tag).pull_image();
    let why = match timeout(PULL_TIMEOUT, pull).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(e)) => e.to_string(),
        Err(_) => "it took more than 10 minutes".to_owned(),
    };
    let hint = match name.strip_prefix("apache/kafka:") {
        Some(version) => format!("`scripts/kafka-image {version}` builds a stand-in without a registry"),
        None => "check its name and tag".to_owned(),
    };
    Err(TargetError(format!(
        "the image {name} is not here and cannot be pulled: {hint}. ({why})"
    )))
}

/// A directory of the host and `uid:gid` of its owner, so that what the container writes there is the caller's.
fn data_directory() -> std::io::Result<(TempDir, String)> {
    let data = tempfile::Builder::new().prefix("touchstone-").tempdir()?;
    let metadata = data.path().metadata()?;
    Ok((data, format!("{}:{}", metadata.uid(), metadata.gid())))
}

fn request(image: &str, tag: &str, seats: &[Seat], index: usize, needs: &Needs) -> ContainerRequest<GenericImage> {
    let seat = &seats[index];
    let request = GenericImage::new(image, tag)
        .with_exposed_port(9092.tcp())
        .with_entrypoint("bash")
        .with_cmd(["-c".to_owned(), start_script(seats, index, needs)])
        .with_mapped_port(seat.port, 9092.tcp())
        .with_startup_timeout(STARTUP_TIMEOUT);
    let more = seat.more.iter();
    let request = more.fold(request, |request, Listener { port, .. }| {
        request.with_mapped_port(*port, port.tcp())
    });
    match &seat.network {
        Some(network) => request.with_network(network).with_container_name(&seat.host),
        None => request,
    }
}

/// Three listeners: the broker must reach itself by an address that is right inside the container, or its own
/// transaction coordinator cannot send markers.
fn server_properties(seats: &[Seat], index: usize, needs: &Needs) -> String {
    let Seat {
        id, port, host, more, ..
    } = &seats[index];
    let each = |said: &dyn Fn(&Listener) -> String| more.iter().map(said).collect::<String>();
    // Alone it is its own controller.
    let (brokers, controller) = (seats.len().saturating_sub(1).max(1), &seats[seats.len() - 1]);
    let (is_broker, is_controller) = (index < brokers, index + 1 == seats.len());
    let of = |is_it: bool, what: &str| is_it.then(|| what.to_owned());
    let listed = |some: [Option<String>; 2]| some.into_iter().flatten().collect::<Vec<_>>().join(",");
    let mut own = vec![
        (
            "process.roles",
            listed([of(is_broker, "broker"), of(is_controller, "controller")]),
        ),
        ("node.id", id.to_string()),
        (
            "controller.quorum.voters",
            format!("{}@{}:9094", controller.id, controller.host),
        ),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listeners",
            listed([
                of(is_broker, "CLIENT://0.0.0.0:9092,BROKER://0.0.0.0:9093")
                    .map(|own| own + &each(&|Listener { name, port, .. }| format!(",{name}://0.0.0.0:{port}"))),
                of(is_controller, "CONTROLLER://0.0.0.0:9094"),
            ]),
        ),
        (
            "listener.security.protocol.map",
            "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned()
                + &each(&|listener| format!(",{}:PLAINTEXT", listener.name)),
        ),
        ("log.dirs", DATA.to_owned()),
    ];
    if is_broker {
        let more = each(&|listener| format!(",{}", listener.spelled()));
        let advertised = format!("CLIENT://127.0.0.1:{port},BROKER://{host}:9093{more}");
        own.push(("inter.broker.listener.name", "BROKER".to_owned()));
        own.push(("advertised.listeners", advertised));
    }
    if is_broker && seats.len() > 1 {
        own.push(("broker.rack", format!("r{id}")));
    }
    properties::file(&properties::of(needs, &own, brokers))
}

/// Writes the configuration, formats where that was not done yet, and becomes the broker.
fn start_script(seats: &[Seat], index: usize, needs: &Needs) -> String {
    let properties = server_properties(seats, index, needs);
    let (log4j2, reload4j) = (properties::LOG4J2, properties::RELOAD4J);
    format!(
        "cat >/tmp/log4j2.yaml <<'END'
{log4j2}END
cat >/tmp/log4j.properties <<'END'
{reload4j}END
cat >/tmp/server.properties <<'END'
{properties}END
J='-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=/tmp/log4j2.yaml \
-Dlog4j.configuration=file:/tmp/log4j.properties -Dkafka.logs.dir=/tmp/logs'
java -Xmx256m $J -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --ignore-formatted -t {id} \
-c /tmp/server.properties || exit 1
exec java -Xms256m -Xmx512m $J -cp '/opt/kafka/libs/*' kafka.Kafka /tmp/server.properties
",
        id = properties::CLUSTER_ID
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_fails_or_says_nothing_is_told_from_an_answer() {
        let within = Duration::from_millis(5);
        let answer = in_time(within, "count", async { Ok::<_, String>(1) }).await;
        assert_eq!(answer.expect("an answer"), 1);
        let refused = in_time(within, "count", async { Err::<u8, _>("no") }).await;
        assert!(refused.is_err_and(|error| error.to_string().ends_with("cannot count: no")));
        let silent = in_time(within, "count", std::future::pending::<Result<u8, String>>()).await;
        assert!(silent.is_err_and(|error| error.to_string().ends_with("did not count in 5ms")));
    }

    #[test]
    fn the_start_script_carries_the_port_and_what_the_case_asks_for() {
        let needs = Needs {
            config: vec![("num.partitions".into(), "3".into())],
            ..Needs::default()
        };
        let alone = Seat {
            id: 1,
            port: 21_100,
            host: "127.0.0.1".to_owned(),
            network: None,
            more: Vec::new(),
        };
        let script = start_script(&[alone], 0, &needs);
        assert!(script.contains("CLIENT://127.0.0.1:21100"), "{script}");
        assert!(!script.contains("broker.rack"), "{script}");
        assert!(script.contains("\nnum.partitions=3\n"), "{script}");
    }

    #[test]
    fn three_nodes_meet_by_name() {
        let seats = seats(3, &[Listener::extra(0, 21_200)]).expect("free ports");
        let text = server_properties(&seats, 0, &Needs::default());
        for said in [
            "BROKER://0.0.0.0:9093,EXTRA://0.0.0.0:21200\n",
            ":9093,EXTRA://127.0.0.1:21200\n",
            "CONTROLLER:PLAINTEXT,EXTRA:PLAINTEXT\n",
        ] {
            assert!(text.contains(said), "{text}");
        }
        let text = server_properties(&seats, 2, &Needs::default());
        let controller = format!("controller.quorum.voters=100@{}:9094\n", seats[3].host);
        assert!(text.contains(&controller), "{text}");
        assert!(
            text.contains("node.id=3\n") && text.contains("broker.rack=r3\n") && !text.contains("EXTRA"),
            "{text}"
        );
        let text = server_properties(&seats, 3, &Needs::default());
        assert!(
            text.contains(&controller) && text.contains("process.roles=controller\n"),
            "{text}"
        );
    }
}
