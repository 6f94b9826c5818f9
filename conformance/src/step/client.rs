//! Steps that librdkafka asks: names are bound here, the rest is the client driver's.

use tokio::time::{Instant, sleep};

use super::{PAUSE, Patience, Session, StepRun};
use crate::case::{Capture, Step};
use crate::driver::apart::Clients;
use crate::observe::project;

/// Runs one step of the client driver.
pub async fn run_client(session: &Session, clients: &mut Clients, step: &Step) -> StepRun {
    let broken = |why: String| StepRun {
        broken: Some(format!("line {}: {why}", step.line)),
        ..StepRun::default()
    };
    if let Some(Capture { name, .. }) = step.captures.first() {
        return broken(format!("client steps bind nothing, not ${name} either"));
    }
    let bound = session.bind(&step.args).await;
    let patient = bound.and_then(|mut args| Ok((Patience::take(&mut args)?, args)));
    let (patience, args) = match patient {
        Ok(patient) => patient,
        Err(error) => return broken(error.to_string()),
    };
    let started = Instant::now();
    loop {
        match clients.run(&args).await {
            Ok(lines) if patience.wants_more(&lines) && started.elapsed() < session.limits().step => sleep(PAUSE).await,
            Ok(lines) => return answered(project(lines, &step.projection), patience.timed(started.elapsed())),
            Err(error) => return broken(error.to_string()),
        }
    }
}

fn answered(mut lines: Vec<String>, timed: Vec<String>) -> StepRun {
    lines.extend(timed);
    StepRun {
        lines,
        ..StepRun::default()
    }
}
