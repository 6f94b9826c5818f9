//! The brokers of one target: one for all cases that need nothing special, one for each configuration, a new one for each
//! case that wants it fresh.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_fixtures::value::{Struct, Value};
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::driver::wire::{Capabilities, Connection, Exchange, Reply, Request};
use crate::step::Facts;
use crate::target::{Needs, Running, STARTUP_TIMEOUT, Target, TargetError};

/// A broker that answers, with what is known of it.
#[derive(Debug)]
pub struct Broker {
    running: Arc<Mutex<Running>>,
    facts: Arc<Facts>,
    gone: AtomicBool,
    /// Held by a broker of one run's own, for as long as it lives.
    _seat: Option<OwnedSemaphorePermit>,
}

/// Brokers by what cases need of them.
#[derive(Debug)]
pub struct Pool {
    target: Target,
    shared: Mutex<HashMap<Needs, Arc<OnceCell<Arc<Broker>>>>>,
    /// How many runs are still to come, by what they need: a broker that none of them will share is not kept until the end.
    to_come: Mutex<HashMap<Needs, usize>>,
    /// How many brokers of one run's own may live at once: a Java process takes a core while it starts.
    seats: Arc<Semaphore>,
}

/// For a target that answers already.
const ANSWER: Duration = Duration::from_secs(10);
/// For the first group coordinator of a new cluster: its topic must be made.
const COORDINATOR: Duration = Duration::from_secs(60);

impl Broker {
    /// Takes over a target that runs.
    pub async fn of(running: Running) -> Result<Self, TargetError> {
        let mut facts = Facts::learn(running.bootstrap(), ANSWER).await.map_err(TargetError)?;
        facts.listeners = running.listeners().to_vec();
        if running.brokers() > 1 {
            let known = facts.wait_for_brokers(running.brokers(), STARTUP_TIMEOUT).await;
            known.map_err(TargetError)?;
        }
        Ok(Self {
            running: Arc::new(Mutex::new(running)),
            facts: Arc::new(facts),
            gone: AtomicBool::new(false),
            _seat: None,
        })
    }

    /// What is known of it.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    /// Control over it.
    pub fn running(&self) -> &Arc<Mutex<Running>> {
        &self.running
    }

    /// What it says of itself.
    pub async fn describe(&self) -> String {
        self.running.lock().await.describe().to_owned()
    }

    /// Whether it still answers; if not, what happened. One that is gone is not leased again.
    pub async fn still_answers(&self) -> Result<(), String> {
        let mut answer = Err("it has no address".to_owned());
        for address in &self.facts.bootstrap {
            answer = Capabilities::ask(address, ANSWER).await.map(|_| ());
            if answer.is_err() {
                break;
            }
        }
        if answer.is_err() {
            self.gone.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Waits until groups can be coordinated, so that no case pays for the first look-up.
    async fn warm_up(&self) {
        let deadline = Instant::now() + COORDINATOR;
        while Instant::now() < deadline && self.coordinates().await == Some(false) {
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn coordinates(&self) -> Option<bool> {
        let version = self.facts.common_version("FindCoordinator")?.min(3);
        let request = Request::new(
            "FindCoordinator",
            version,
            Value::Struct(Struct::new().with("Key", "warm-up")),
        );
        let address = self.facts.bootstrap.first()?;
        let connection = Connection::open(address, ANSWER).await.ok()?;
        let Reply::Frame(frame) = connection.ask(&request.encode(1).ok()?).await.reply(ANSWER).await else {
            return None;
        };
        let reply = Exchange::decode(&request, &frame).ok()?;
        Some(reply.body.get("ErrorCode").and_then(Value::as_i64) == Some(0))
    }
}

impl Pool {
    /// No broker runs yet.
    pub fn new(target: Target) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(seats(&target))),
            target,
            shared: Mutex::default(),
            to_come: Mutex::default(),
        }
    }

    /// The target that its brokers are of.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A broker that gives what a case needs. Dropping the last hold on a fresh one ends it.
    pub async fn lease(&self, needs: &Needs) -> Result<Arc<Broker>, TargetError> {
        let needs = &self.target.settled(needs);
        if !needs.is_shared() {
            let seat = Arc::clone(&self.seats).acquire_owned().await.ok();
            let mut broker = Broker::of(self.target.start(needs).await?).await?;
            broker._seat = seat;
            return Ok(Arc::new(broker));
        }
        let slot = self.slot(needs).await;
        let broker = slot
            .get_or_try_init(|| async {
                let broker = Broker::of(self.target.start(needs).await?).await?;
                broker.warm_up().await;
                Ok::<_, TargetError>(Arc::new(broker))
            })
            .await?;
        Ok(Arc::clone(broker))
    }

    /// The slot of these needs; a new one where its broker is gone and another can be started.
    async fn slot(&self, needs: &Needs) -> Arc<OnceCell<Arc<Broker>>> {
        let mut shared = self.shared.lock().await;
        let is_gone =
            |slot: &Arc<OnceCell<Arc<Broker>>>| slot.get().is_some_and(|broker| broker.gone.load(Ordering::Relaxed));
        if shared.get(needs).is_some_and(is_gone) {
            shared.remove(needs);
        }
        Arc::clone(shared.entry(needs.clone()).or_default())
    }

    /// One more run with these needs is to come.
    pub async fn announced(&self, needs: &Needs) {
        *self.to_come.lock().await.entry(self.target.settled(needs)).or_default() += 1;
    }

    /// One run with these needs is over; the broker that it shared ends with the last of them.
    pub async fn over(&self, needs: &Needs) {
        let settled = self.target.settled(needs);
        let mut to_come = self.to_come.lock().await;
        let left = to_come.get(&settled).map_or(0, |count| count.saturating_sub(1));
        to_come.insert(settled, left);
        drop(to_come);
        if left == 0 {
            self.retire(needs).await;
        }
    }

    /// Ends the broker of these needs once nobody holds it.
    pub async fn retire(&self, needs: &Needs) {
        let ended = self.shared.lock().await.remove(&self.target.settled(needs));
        // Others lease theirs while it stops.
        drop(ended);
    }
}

/// How many cores there are; two where the system does not say.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// In this process a broker costs next to nothing; elsewhere it is a process of its own.
fn seats(target: &Target) -> usize {
    match target {
        Target::Reference { .. } => 16 * cores(),
        // Three processes at once.
        Target::Docker { brokers, .. } | Target::Jvm { brokers, .. } if *brokers > 1 => 1,
        Target::Address(_)
        | Target::Exec(_)
        | Target::Docker { .. }
        | Target::Jvm { .. }
        | Target::JvmZooKeeper { .. } => 2 * cores(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Needs, Pool};
    use crate::target::Target;

    #[tokio::test]
    async fn a_shared_broker_lives_until_the_last_run_that_wants_it_is_over() {
        let pool = Pool::new(Target::parse("reference").expect("a target"));
        let needs = Needs::default();
        pool.announced(&needs).await;
        pool.announced(&needs).await;
        let first = pool.lease(&needs).await.expect("a broker");
        pool.over(&needs).await;
        let second = pool.lease(&needs).await.expect("a broker");
        assert!(Arc::ptr_eq(&first, &second));
        pool.over(&needs).await;
        let third = pool.lease(&needs).await.expect("a broker");
        assert!(!Arc::ptr_eq(&first, &third));
    }
}
