//! The controller, a process of its own, is killed in the middle of what it is asked, over and over: what was asked is done whole
//! or not at all, and all nodes tell the same of it.

mod child;
mod nodes;
mod ports;
mod said;
#[expect(dead_code, reason = "the tests of faults listen in more ways")]
mod talk;

mod controller_killed {
    pub(crate) mod asked;
    pub(crate) mod chance;
    pub(crate) mod seen;
    pub(crate) mod trio;
}

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use controller_killed::asked;
use controller_killed::chance::Chance;
use controller_killed::seen::Seen;
use controller_killed::trio::{LAG, Trio};
use kafka_fixtures::value::Struct;
use nodes::LIMIT;
use rustix::process::Signal;
use talk::{Client, Heard};
use tokio::time::{sleep, timeout};

const ROUNDS: usize = 21;
const SEED: u64 = 7;
const NONE: i64 = 0;
const TOPIC_ALREADY_EXISTS: i64 = 36;

#[tokio::test]
async fn what_a_killed_controller_was_asked_is_done_whole_or_not_at_all() {
    let mut bench = Bench::start().await;
    for round in 0..ROUNDS {
        match round % 3 {
            0 => bench.creates(&format!("made-{round}")).await,
            1 => bench.moves().await,
            _ => bench.loses_a_follower().await,
        }
    }
    bench.trio.stop_and_compare();
}

struct Bench {
    trio: Trio,
    seen: Seen,
    chance: Chance,
    /// How long a request takes whose controller lives.
    usual: Duration,
}

/// The topic that is moved, and that loses followers.
const MOVED: &str = "moved";
const PARTITIONS: usize = 24;

impl Bench {
    async fn start() -> Self {
        let mut bench = Self {
            trio: Trio::start(),
            seen: Seen::default(),
            chance: Chance(SEED),
            usual: Duration::ZERO,
        };
        let began = Instant::now();
        let (api, version, request) = asked::create(MOVED, PARTITIONS, 2);
        let heard = bench.client().await.hears(api, version, request, LIMIT).await;
        assert_eq!(asked::error(&heard), Some(NONE), "{heard:?}");
        bench.usual = began.elapsed();
        bench.seen.agreed(&bench.trio).await;
        bench
    }

    /// A connection to any broker.
    async fn client(&mut self) -> Client {
        let broker = self.chance.below(self.trio.brokers.len());
        Client::to(self.trio.brokers[broker].address).await
    }

    /// Sends a request and kills the controller a moment later, whether it has answered or not. The next one runs when this returns.
    async fn interrupted(&mut self, (api, version, request): (&'static str, i16, Struct)) -> Heard {
        let mut client = self.client().await;
        let mut asking = tokio::spawn(async move { client.hears(api, version, request, LIMIT).await });
        let moment = self.chance.up_to(self.usual.mul_f64(1.5));
        let early = timeout(moment, &mut asking).await;
        self.trio.controller.restart();
        match early {
            Ok(heard) => heard.expect("it was asked"),
            Err(_) => asking.await.expect("it was asked"),
        }
    }

    async fn creates(&mut self, topic: &str) {
        let first = self.interrupted(asked::create(topic, PARTITIONS, 3)).await;
        let before = self.seen.agreed(&self.trio).await;
        let must_be_there = asked::error(&first) == Some(NONE) || before.has(topic);
        let again = self.answered(asked::create(topic, PARTITIONS, 3)).await;
        let wanted = if must_be_there { TOPIC_ALREADY_EXISTS } else { NONE };
        assert_eq!(again, wanted, "{topic}: first {first:?}, then {before:?}");
        let after = self.seen.agreed(&self.trio).await;
        assert_eq!(after.partitions(topic).len(), PARTITIONS, "{after:?}");
    }

    /// Moves every partition to the two brokers that follow its own in the circle.
    async fn moves(&mut self) {
        let old = self.seen.agreed(&self.trio).await;
        let next = |replicas: &BTreeSet<i64>| replicas.iter().map(|id| id % 3 + 1).collect();
        let goal: Vec<BTreeSet<i64>> = old.replicas(MOVED).iter().map(next).collect();
        let first = self.interrupted(asked::reassign(MOVED, &goal)).await;
        let before = self.seen.agreed(&self.trio).await;
        let done = before.replicas(MOVED) == goal;
        assert!(
            done || before.replicas(MOVED) == old.replicas(MOVED),
            "half: {first:?}, {before:?}"
        );
        assert!(done || asked::error(&first) != Some(NONE), "it was promised: {first:?}");
        assert_eq!(self.answered(asked::reassign(MOVED, &goal)).await, NONE);
        let after = self.seen.agreed(&self.trio).await;
        assert_eq!(after.replicas(MOVED), goal);
    }

    /// A follower is silent until its leaders put it out of sync, or it is killed; the controller dies at that time.
    async fn loses_a_follower(&mut self) {
        let broker = self.chance.below(self.trio.brokers.len());
        let is_killed = self.chance.below(2) == 0;
        match is_killed {
            true => self.trio.brokers[broker].kill(),
            false => self.trio.brokers[broker].signal(Signal::STOP),
        }
        // No synchronisation: any moment will do, and most are about when leaders ask for a smaller ISR.
        sleep(self.chance.up_to(2 * LAG)).await;
        self.trio.controller.restart();
        match is_killed {
            true => self.trio.brokers[broker].restart(),
            false => self.trio.brokers[broker].signal(Signal::CONT),
        }
        self.seen.agreed(&self.trio).await;
    }

    /// The first answer that says whether it was done.
    async fn answered(&mut self, (api, version, request): (&'static str, i16, Struct)) -> i64 {
        let deadline = Instant::now() + LIMIT;
        loop {
            let heard = self.client().await.hears(api, version, request.clone(), LIMIT).await;
            match asked::error(&heard) {
                Some(error @ (NONE | TOPIC_ALREADY_EXISTS)) => return error,
                _ => assert!(Instant::now() < deadline, "{api} is answered in time: {heard:?}"),
            }
        }
    }
}
