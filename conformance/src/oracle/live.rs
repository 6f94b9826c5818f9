//! A real Kafka that is asked the same case at the same moment. It sees a case as any target does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::case::{Case, Cell};
use crate::run::{Answers, Broker, Pool, StepObservation, observe_case};
use crate::target::{Needs, Target, TargetError};

/// A loaded machine and Kafka's longest timers included.
const CASE_TIMEOUT: Duration = Duration::from_secs(180);

/// A running oracle with its brokers.
#[derive(Debug)]
pub struct Live {
    pool: Pool,
    release: Option<String>,
}

impl Live {
    /// Nothing is started yet.
    pub fn new(target: Target) -> Self {
        let release = match &target {
            Target::Jvm { version, .. } | Target::JvmZooKeeper { version } => Some(version.clone()),
            Target::Docker { tag, .. } if tag.starts_with(|c: char| c.is_ascii_digit()) => Some(tag.clone()),
            Target::Docker { .. } | Target::Reference { .. } | Target::Address(_) | Target::Exec(_) => None,
        };
        Self {
            pool: Pool::new(target),
            release,
        }
    }

    /// What is asked.
    pub fn target(&self) -> &Target {
        self.pool.target()
    }

    /// Its brokers.
    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The release that the string names.
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Starts the broker that most cases share.
    pub(super) async fn warm_up(&self) -> Result<(), TargetError> {
        self.pool.lease(&Needs::default()).await.map(drop)
    }

    /// The broker on which a case with these needs is asked.
    ///
    /// # Errors
    /// What it cannot give, or why it did not start.
    pub async fn lease(&self, needs: &Needs) -> Result<Arc<Broker>, TargetError> {
        self.pool.target().provides(needs).map_err(TargetError)?;
        self.pool.lease(needs).await
    }

    /// Asks a case at a cell: an observation for every step.
    ///
    /// # Errors
    /// The step that could not be asked, and why.
    pub async fn observe(&self, case: &Case, cell: &Cell) -> Result<Vec<StepObservation>, String> {
        let broker = self.lease(&case.needs).await.map_err(|error| error.to_string())?;
        observed(case, cell, &broker).await
    }

    pub(super) async fn expected(&self, case: &Case, cell: &Cell, broker: &Broker) -> Result<Answers, String> {
        let observed = observed(case, cell, broker).await?;
        let answer = |line: usize| {
            let step = observed.iter().find(|step| step.line == line)?;
            Some(step.lines.clone())
        };
        Ok(case.steps.iter().map(|step| answer(step.line)).collect())
    }
}

async fn observed(case: &Case, cell: &Cell, broker: &Broker) -> Result<Vec<StepObservation>, String> {
    let observed = timeout(CASE_TIMEOUT, observe_case(case, cell, broker))
        .await
        .map_err(|_| format!("not done with the case after {CASE_TIMEOUT:?}"))?;
    match observed.iter().find_map(|step| step.broken.clone()) {
        Some(why) => Err(why),
        None => Ok(observed),
    }
}
