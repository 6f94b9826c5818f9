//! `conformance deliver`: a load, faults beside it, healing, final reads. What comes out is a history; judges look at it.

mod replicas;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::driver::wire::Capabilities;
use crate::fault::{Generations, Kind, Proxies, inject, schedule};
use crate::history::{FORMAT, Header, History, Recorder, Semantics};
use crate::target::{LaunchError, Needs, Running, Target, TargetError};
use crate::workload::{Crew, Protocol, Segments, Stage, create, delete};

const ONE_REQUEST: Duration = Duration::from_secs(10);

/// What is to be delivered.
#[derive(Debug, Clone)]
pub struct Order {
    /// To whom.
    pub target: Target,
    /// The target string as given.
    pub target_text: String,
    /// What is promised.
    pub semantics: Semantics,
    /// What is done meanwhile; None for all that the target lets us do.
    pub kinds: Option<Vec<Kind>>,
    /// How long producers send.
    pub length: Duration,
    /// Where the plan comes from.
    pub seed: u64,
    /// Where the history goes.
    pub history: Option<PathBuf>,
    /// How long the target may take for each step after healing.
    pub patience: Duration,
}

/// Why there is no history to judge.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The order cannot be carried out.
    #[error("{0}")]
    Usage(String),
    /// The target never came up, or the harness failed.
    #[error("{0}")]
    CouldNotAsk(String),
    /// A broker was started again and ended by itself.
    #[error("{0}")]
    Died(String),
}

impl From<TargetError> for Failed {
    fn from(TargetError(why): TargetError) -> Self {
        Self::CouldNotAsk(why)
    }
}

impl From<LaunchError> for Failed {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Ended(why) => Self::Died(format!("a broker did not survive a fault: {why}")),
            LaunchError::Other(error) => error.into(),
        }
    }
}

/// Delivers.
///
/// # Errors
/// See [`Failed`].
pub async fn deliver(order: &Order) -> Result<History, Failed> {
    let kinds = kinds(order)?;
    let mut running = order.target.start(&needs(order, &kinds)).await?;
    let header = Header {
        history: FORMAT,
        semantics: order.semantics,
        seed: order.seed,
        target: order.target_text.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let bootstrap = running.bootstrap().to_vec();
    let protocol = protocol(order.seed, &bootstrap).await?;
    let recorder = Recorder::begin(header, order.history.as_deref()).map_err(|error| not_written(order, &error))?;
    let (recorder, generations) = (Arc::new(recorder), Arc::new(Generations::default()));
    let proxies = Proxies::open(&bootstrap, Arc::clone(&recorder), Arc::clone(&generations))
        .map_err(|error| Failed::CouldNotAsk(format!("no proxy: {error}")))?;
    let stage = Stage::new(
        order.semantics,
        order.seed,
        proxies.bootstrap(),
        protocol,
        prefix(&order.target),
        Arc::clone(&recorder),
        generations,
    );
    let direct = bootstrap.join(",");
    create(&stage, &direct, bootstrap.len(), segments(&order.target))
        .await
        .map_err(Failed::CouldNotAsk)?;
    let played = play(order, &kinds, &stage, &mut running, &proxies).await;
    if played.is_ok() {
        replicas::note(&stage, &running, order.patience).await;
    }
    if matches!(order.target, Target::Address(_)) {
        // What the load came to is told in any case.
        let _ = delete(&stage, &direct).await;
    }
    running.stop().await;
    played?;
    recorder.history().map_err(|error| not_written(order, &error))
}

async fn play(
    order: &Order,
    kinds: &[Kind],
    stage: &Stage,
    running: &mut Running,
    proxies: &Proxies,
) -> Result<(), Failed> {
    let begun = stage.recorder().elapsed();
    let planned = schedule(
        order.seed,
        kinds,
        order.length,
        running.bootstrap().len(),
        order.semantics,
    );
    let crew = Crew::start(stage).map_err(Failed::CouldNotAsk)?;
    inject(&planned, begun + order.length, running, proxies, stage).await?;
    let patience = order.patience;
    let ended = tokio::task::spawn_blocking(move || crew.end(patience)).await;
    ended
        .map_err(|error| Failed::CouldNotAsk(error.to_string()))?
        .map_err(Failed::CouldNotAsk)
}

/// What is asked for must be possible; what is not asked for is left out where it is not.
fn kinds(order: &Order) -> Result<Vec<Kind>, Failed> {
    let possible = |kind: &Kind| {
        order.target.provides(&Needs {
            kill: *kind == Kind::Kill,
            pause: *kind == Kind::Pause,
            links: *kind == Kind::Disconnect,
            brokers: brokers(&order.target),
            ..Needs::default()
        })
    };
    match &order.kinds {
        Some(kinds) => {
            for kind in kinds {
                possible(kind).map_err(|missing| {
                    Failed::Usage(format!(
                        "{} cannot give {missing}: leave it out of --faults",
                        order.target
                    ))
                })?;
            }
            Ok(kinds.clone())
        }
        None => {
            let all = [Kind::Kill, Kind::Pause, Kind::Disconnect, Kind::Partition, Kind::Cut];
            Ok(all.into_iter().filter(|kind| possible(kind).is_ok()).collect())
        }
    }
}

/// Members of the consumer protocol hear of rebalances at their heartbeats, and Kafka's default is one in five seconds. A broker
/// that was killed is let in again when its session is over, which takes nine.
fn needs(order: &Order, kinds: &[Kind]) -> Needs {
    let quick = Needs {
        config: [
            ("group.consumer.min.heartbeat.interval.ms", "500"),
            ("group.consumer.heartbeat.interval.ms", "500"),
            ("group.consumer.min.session.timeout.ms", "6000"),
            ("group.consumer.session.timeout.ms", "6000"),
            ("broker.heartbeat.interval.ms", "250"),
            ("broker.session.timeout.ms", "3000"),
            ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec(),
        kill: kinds.contains(&Kind::Kill),
        pause: kinds.contains(&Kind::Pause),
        brokers: brokers(&order.target),
        ..Needs::default()
    };
    match order.target.provides(&quick) {
        Ok(()) => quick,
        Err(_) => Needs {
            config: Vec::new(),
            ..quick
        },
    }
}

/// As many as the target has.
fn brokers(target: &Target) -> usize {
    target.brokers(&Needs::default())
}

/// One node of Kafka 4.3.1 that rolls them so often, is paused and killed was seen to end transactions without some of their
/// markers. Elsewhere they stay as they are, and what is judged is delivery.
fn segments(target: &Target) -> Segments {
    match target {
        Target::Reference { .. } => Segments::Rolling,
        Target::Address(_)
        | Target::Exec(_)
        | Target::Docker { .. }
        | Target::Jvm { .. }
        | Target::JvmZooKeeper { .. } => Segments::Default,
    }
}

/// The seed says how the group shares partitions, among the ways that the target knows.
async fn protocol(seed: u64, bootstrap: &[String]) -> Result<Protocol, Failed> {
    let first = bootstrap.first().map_or("", String::as_str);
    let capabilities = Capabilities::ask(first, ONE_REQUEST)
        .await
        .map_err(Failed::CouldNotAsk)?;
    Ok(match seed % 3 {
        2 if capabilities.covers("ConsumerGroupHeartbeat", 0) => Protocol::Consumer,
        1 => Protocol::Cooperative,
        _ => Protocol::Eager,
    })
}

/// A broker that was there before has topics of others.
fn prefix(target: &Target) -> String {
    match target {
        Target::Address(_) => format!("touchstone-{}-", &uuid::Uuid::new_v4().simple().to_string()[..8]),
        _ => String::new(),
    }
}

fn not_written(order: &Order, error: &std::io::Error) -> Failed {
    let path = order.history.as_ref().map(|path| path.display().to_string());
    Failed::Usage(format!("--history {}: {error}", path.unwrap_or_default()))
}
