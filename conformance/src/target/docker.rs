//! `docker:IMAGE:TAG`: a real Apache Kafka in a container, through testcontainers.
//!
//! The same start serves the official image and the stand-in of `scripts/kafka-image`: only `bash`, `java`,
//! `/opt/kafka/libs` and a writable `/tmp` are taken for granted. The host port is fixed before the start, so that it is
//! the same after a restart. The data directory is one of the host's, where `files` and `damage` reach it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use testcontainers::bollard::Docker;
use testcontainers::bollard::query_parameters::KillContainerOptions;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use tokio::time::{Instant, timeout};

use super::{LaunchError, Needs, STARTUP_TIMEOUT, TargetError, ports, properties, ready};

const ENGINE_TIMEOUT: Duration = Duration::from_secs(5);
/// For one request to an engine that has work to do.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const PULL_TIMEOUT: Duration = Duration::from_secs(600);
/// Where the container sees the data directory.
const DATA: &str = "/tmp/kraft-data";

pub(super) struct Node {
    container: Option<ContainerAsync<GenericImage>>,
    engine: Docker,
    image: String,
    address: String,
    /// Goes after the container that writes there.
    data: Option<TempDir>,
}

impl Node {
    pub(super) async fn start(image: &str, tag: &str, needs: &Needs) -> Result<Self, TargetError> {
        let engine = engine().await?;
        let name = format!("{image}:{tag}");
        let port = ports::free()?;
        present(&engine, image, tag).await?;
        let (data, owner) = data_directory().map_err(|e| TargetError(format!("no temporary directory: {e}")))?;
        let request = request(image, tag, port, needs)
            .with_mount(Mount::bind_mount(data.path().display().to_string(), DATA))
            .with_user(owner);
        let container = timeout(STARTUP_TIMEOUT, request.start())
            .await
            .map_err(|_| TargetError(format!("the Docker engine did not start {name} in time")))?
            .map_err(|e| TargetError(format!("the Docker engine cannot start {name}: {e}")))?;
        let node = Self {
            container: Some(container),
            engine,
            image: name,
            address: format!("127.0.0.1:{port}"),
            data: Some(data),
        };
        node.ready().await?;
        Ok(node)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
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

    async fn ended_by(&self, signal: &str) -> Result<(), TargetError> {
        let signal = signal.to_owned();
        let what = format!("end the container of {}", self.image);
        let options = Some(KillContainerOptions { signal });
        let kill = self.engine.kill_container(self.container()?.id(), options);
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        in_time(REQUEST_TIMEOUT, &what, kill).await?;
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
    /// On a thread of its own: it takes a second, and nothing that runs beside it may stand still for so long (a runtime that
    /// is entered anew within itself even loses wake-ups). [`settle`] waits for it.
    fn drop(&mut self) {
        let (Some(container), data) = (self.container.take(), self.data.take()) else {
            return;
        };
        let removal = std::thread::spawn(move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(removed(container));
            }
            drop(data);
        });
        removals().push(removal);
    }
}

static REMOVALS: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

fn removals() -> MutexGuard<'static, Vec<JoinHandle<()>>> {
    REMOVALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until every container that was dropped is gone. For the end of the process, outside of any task.
pub(super) fn settle() {
    let removals = std::mem::take(&mut *removals());
    for removal in removals {
        let _ = removal.join(); // one that failed leaves what `docker rm` removes
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

fn request(image: &str, tag: &str, port: u16, needs: &Needs) -> ContainerRequest<GenericImage> {
    GenericImage::new(image, tag)
        .with_exposed_port(9092.tcp())
        .with_entrypoint("bash")
        .with_cmd(["-c".to_owned(), start_script(port, needs)])
        .with_mapped_port(port, 9092.tcp())
        .with_startup_timeout(STARTUP_TIMEOUT)
}

/// Three listeners: the broker must reach itself by an address that is right inside the container, or its own
/// transaction coordinator cannot send markers.
fn server_properties(port: u16, needs: &Needs) -> String {
    let own = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", "1".to_owned()),
        ("controller.quorum.voters", "1@localhost:9094".to_owned()),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("inter.broker.listener.name", "BROKER".to_owned()),
        (
            "listeners",
            "CLIENT://0.0.0.0:9092,BROKER://0.0.0.0:9093,CONTROLLER://0.0.0.0:9094".to_owned(),
        ),
        (
            "advertised.listeners",
            format!("CLIENT://127.0.0.1:{port},BROKER://localhost:9093"),
        ),
        (
            "listener.security.protocol.map",
            "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        ),
        ("log.dirs", DATA.to_owned()),
    ];
    properties::file(&properties::of(needs, &own))
}

/// Writes the configuration, formats where that was not done yet, and becomes the broker.
fn start_script(port: u16, needs: &Needs) -> String {
    let properties = server_properties(port, needs);
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
        let script = start_script(21_100, &needs);
        assert!(script.contains("CLIENT://127.0.0.1:21100"), "{script}");
        assert!(script.contains("\nnum.partitions=3\n"), "{script}");
    }
}
