//! Steps that librdkafka asks: names are bound here, the rest is the client driver's.

use super::{Session, StepRun};
use crate::case::{Capture, Step};
use crate::driver::client;
use crate::observe::project;

/// Runs one step of the client driver.
pub async fn run_client(session: &Session, clients: &mut client::Session, step: &Step) -> StepRun {
    let broken = |why: String| StepRun {
        broken: Some(format!("line {}: {why}", step.line)),
        ..StepRun::default()
    };
    if let Some(Capture { name, .. }) = step.captures.first() {
        return broken(format!("client steps bind nothing, not ${name} either"));
    }
    let args = match session.bind(&step.args).await {
        Ok(args) => args,
        Err(error) => return broken(error.to_string()),
    };
    match client::run(clients, &args.verb, &args).await {
        Ok(lines) => StepRun {
            lines: project(lines, &step.projection),
            ..StepRun::default()
        },
        Err(error) => broken(error.to_string()),
    }
}
