//! Does what was planned, when it was planned, and notes what took effect. In the end everything is whole again.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::plan::{Fault, Planned};
use super::proxy::Proxies;
use crate::history::{Event, Name};
use crate::target::{LaunchError, Running};
use crate::workload::Stage;

/// So many times its length a load may take where brokers come back slowly.
const LONGEST: u32 = 3;
/// How long members are waited for that are to leave.
const TO_LEAVE: Duration = Duration::from_secs(8);
const BETWEEN: Duration = Duration::from_millis(5);

/// A kind of fault, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// Brokers are killed (-9) and started again.
    Kill,
    /// Brokers stand still for a while.
    Pause,
    /// Brokers are cut off from all other nodes.
    Disconnect,
    /// Nothing passes between clients and a broker, or between a client and all brokers.
    Partition,
    /// Connections are cut before a request or its answer arrives; answers are slow.
    Cut,
}

/// Carries a schedule out and heals.
///
/// # Errors
/// A broker could not be harmed or did not come back: told apart where it ended by itself.
pub async fn inject(
    planned: &[Planned],
    length: Duration,
    running: &mut Running,
    proxies: &Proxies,
    stage: &Stage,
) -> Result<(), LaunchError> {
    let mut hand = Hand {
        brokers: running.bootstrap().to_vec(),
        running,
        proxies,
        stage,
        down: BTreeSet::new(),
        paused: BTreeSet::new(),
        alone: BTreeSet::new(),
    };
    // A broker that takes seconds to come back shifts what comes after: between two faults there is always work.
    let recorder = stage.recorder();
    let mut shift = Duration::ZERO;
    for next in planned {
        sleep((next.at + shift).saturating_sub(recorder.elapsed())).await;
        if recorder.elapsed() > LONGEST * length && hand.is_whole() {
            break;
        }
        let begun = recorder.elapsed();
        hand.act(&next.fault).await?;
        shift += recorder.elapsed().saturating_sub(begun);
    }
    sleep((length + shift).saturating_sub(recorder.elapsed())).await;
    hand.heal(!planned.is_empty()).await
}

struct Hand<'a> {
    running: &'a mut Running,
    brokers: Vec<String>,
    proxies: &'a Proxies,
    stage: &'a Stage,
    down: BTreeSet<usize>,
    paused: BTreeSet<usize>,
    alone: BTreeSet<usize>,
}

impl Hand<'_> {
    async fn act(&mut self, fault: &Fault) -> Result<(), LaunchError> {
        match fault {
            Fault::Kill(broker) => {
                self.running.kill(*broker).await?;
                self.down.insert(*broker);
                self.note("kill", format!("broker {broker}"), 1);
            }
            Fault::Restart(broker) => self.restart(*broker).await?,
            Fault::Pause(broker) => {
                self.running.pause(*broker).await?;
                self.paused.insert(*broker);
                self.note("pause", format!("broker {broker}"), 1);
            }
            Fault::Resume(broker) => self.resume(*broker).await?,
            Fault::Disconnect(broker) => {
                self.running.disconnect(*broker).await?;
                self.alone.insert(*broker);
                self.note("disconnect", format!("broker {broker}"), 1);
            }
            Fault::Reconnect(broker) => self.reconnect(*broker).await?,
            Fault::Silence(broker) => {
                self.proxies.silence(&self.brokers[*broker]);
                self.note("partition", format!("clients from broker {broker}"), 1);
            }
            Fault::Heard(broker) => {
                self.proxies.hear(&self.brokers[*broker]);
                self.note("heal", format!("clients from broker {broker}"), 1);
            }
            Fault::Isolate(client) => {
                self.proxies.isolate(client);
                self.note("partition", format!("{client}* from all brokers"), 1);
            }
            Fault::Rejoin(client) => {
                self.proxies.rejoin(client);
                self.note("heal", format!("{client}* from all brokers"), 1);
            }
            Fault::Leave => self.leave().await,
            Fault::Return => self.come_back(),
            Fault::Cut(key, side) => self.proxies.arm(*key, *side),
            Fault::Delay(ms) => self.proxies.delay(*ms),
        }
        Ok(())
    }

    async fn restart(&mut self, broker: usize) -> Result<(), LaunchError> {
        if self.down.remove(&broker) {
            self.running.restart(broker).await?;
            self.note("heal", format!("broker {broker}"), 1);
        }
        Ok(())
    }

    async fn resume(&mut self, broker: usize) -> Result<(), LaunchError> {
        if self.paused.remove(&broker) {
            self.running.resume(broker).await?;
            self.note("heal", format!("broker {broker}"), 1);
        }
        Ok(())
    }

    async fn reconnect(&mut self, broker: usize) -> Result<(), LaunchError> {
        if self.alone.remove(&broker) {
            self.running.reconnect(broker).await?;
            self.note("heal", format!("broker {broker}"), 1);
        }
        Ok(())
    }

    async fn leave(&self) {
        let recess = self.stage.recess();
        let before = recess.present();
        // Who is cut off cannot leave.
        self.proxies.rejoin_all();
        recess.call();
        let deadline = Instant::now() + TO_LEAVE;
        while recess.present() > 0 && Instant::now() < deadline {
            sleep(BETWEEN).await;
        }
        let left = before.saturating_sub(recess.present());
        self.note("leave", format!("{left} of {before} members"), left as u64);
    }

    fn come_back(&self) {
        self.stage.recess().end();
        self.note("heal", "members".to_owned(), 1);
    }

    fn is_whole(&self) -> bool {
        self.down.is_empty() && self.paused.is_empty() && self.alone.is_empty()
    }

    /// What never met a request had no effect, and is told as that.
    async fn heal(&mut self, was_harmed: bool) -> Result<(), LaunchError> {
        self.proxies.heal();
        self.stage.recess().end();
        if self.proxies.disarm() > 0 {
            self.note("cut", "nobody: no such request came".to_owned(), 0);
        }
        for broker in self.paused.clone() {
            self.resume(broker).await?;
        }
        for broker in self.alone.clone() {
            self.reconnect(broker).await?;
        }
        for broker in self.down.clone() {
            self.restart(broker).await?;
        }
        if was_harmed {
            self.note("heal", "everything".to_owned(), 1);
        }
        Ok(())
    }

    fn note(&self, fault: &str, on: String, effect: u64) {
        let event = Event::Fault {
            fault: fault.to_owned(),
            on,
            effect,
        };
        self.stage.recorder().add(&Name::from("faults"), event);
    }
}
