//! A seeded load through librdkafka: producers, a group that works off what they send, and final reads of everything.
//!
//! What each client does comes from the seed ([`plan`]); what happened goes to a recorder. Nothing here judges.

mod chance;
mod clients;
mod ending;
mod member;
mod payload;
pub mod plan;
mod processor;
mod producer;
mod recess;
mod stage;
mod topics;
mod transaction;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

pub use chance::Chance;
pub use clients::Protocol;
pub use recess::Recess;
pub use stage::Stage;
pub use topics::{Segments, create, delete};

use crate::history::Semantics;

/// Producers of a load.
const PRODUCERS: usize = 2;
/// Members of its group.
const MEMBERS: usize = 3;
/// How long clients may take to come to their end. librdkafka was seen to go on for 60 s and more with the offsets of a
/// transaction whose producer was fenced.
const TO_END: Duration = Duration::from_secs(180);

type Role = fn(&Stage, usize) -> Result<(), String>;

/// The clients of a load, at work.
#[derive(Debug)]
pub struct Crew {
    stage: Stage,
    producers: Threads,
    members: Threads,
}

impl Crew {
    /// Everyone begins.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(stage: &Stage) -> Result<Self, String> {
        let (producer, member): (Role, Role) = match stage.semantics {
            Semantics::ExactlyOnce => (processor::write, processor::process),
            Semantics::AtMostOnce | Semantics::AtLeastOnce | Semantics::Idempotent => (producer::run, member::run),
        };
        Ok(Self {
            stage: stage.clone(),
            producers: Threads::start(stage, PRODUCERS, producer)?,
            members: Threads::start(stage, MEMBERS, member)?,
        })
    }

    /// After healing: producers stop, everything is read, the group works off what is left. `patience` is how long the target
    /// may take for each of these.
    ///
    /// # Errors
    /// The harness failed: a client that did not come to its end, one that could not be made.
    pub fn end(self, patience: Duration) -> Result<(), String> {
        let stage = &self.stage;
        stage.end();
        self.producers.ended("producers")?;
        let ends = ending::read_all(stage, &stage.inputs(), patience)?;
        // Where it is not, the history does not say so, and the judges do.
        ending::drained(stage, &ends, patience)?;
        stage.close();
        self.members.ended("members")?;
        if !stage.outputs().is_empty() {
            ending::read_all(stage, &stage.outputs(), patience)?;
        }
        Ok(())
    }
}

impl Drop for Crew {
    /// Whoever gives up leaves nobody at work.
    fn drop(&mut self) {
        self.stage.end();
        self.stage.close();
    }
}

#[derive(Debug)]
struct Threads {
    count: usize,
    ended: Receiver<Result<(), String>>,
}

impl Threads {
    fn start(stage: &Stage, count: usize, role: Role) -> Result<Self, String> {
        let (tell, ended) = channel();
        for number in 1..=count {
            let (stage, tell) = (stage.clone(), tell.clone());
            let work = move || {
                // Nobody listens any more where the load was given up.
                let _ = tell.send(role(&stage, number));
            };
            thread::Builder::new().spawn(work).map_err(|error| error.to_string())?;
        }
        Ok(Self { count, ended })
    }

    fn ended(&self, who: &str) -> Result<(), String> {
        let deadline = Instant::now() + TO_END;
        for _ in 0..self.count {
            match self
                .ended
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(ended) => ended?,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("the {who} did not come to their end within {TO_END:?}"));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(format!("one of the {who} panicked")),
            }
        }
        Ok(())
    }
}
