//! What Kafka answers: read from the blocks of the case, or asked of a real one at the same moment.

mod live;

use std::fmt;

pub use live::Live;

use crate::case::{BASELINE, Case, Cell, Step};
use crate::run::Expectations;
use crate::target::{Target, TargetError};

/// Releases whose answers the case files hold.
pub const RELEASES: [&str; 6] = ["3.9.2", "4.0.2", "4.1.2", "4.2.1", "4.3.1", "4.4.0"];

/// Where the answers come from.
#[derive(Debug)]
pub enum Oracle {
    /// `recorded:4.3.1`: the blocks of the case files.
    Recorded(String),
    /// A target string: a real Kafka that is asked while the target is.
    Live(Box<Live>),
}

impl Oracle {
    /// Reads an oracle string: `recorded`, `recorded:RELEASE`, or any target.
    ///
    /// # Errors
    /// Says what is wrong with it and what there is.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let Some(rest) = text.trim().strip_prefix("recorded") else {
            return Ok(Self::Live(Box::new(Live::new(Target::parse(text)?))));
        };
        match rest.strip_prefix(':') {
            None if rest.is_empty() => Ok(Self::Recorded(BASELINE.to_owned())),
            Some(release) if RELEASES.contains(&release) => Ok(Self::Recorded(release.to_owned())),
            _ => Err(TargetError(format!(
                "oracle {text:?}: recorded releases are {}",
                RELEASES.join(", ")
            ))),
        }
    }

    /// The Kafka release behind it, where the string says one.
    pub fn release(&self) -> Option<&str> {
        match self {
            Self::Recorded(release) => Some(release),
            Self::Live(live) => live.release(),
        }
    }

    /// Starts what has to run before the first case: a live oracle that does not come up is told at once.
    ///
    /// # Errors
    /// Why it did not come up.
    pub async fn warm_up(&self) -> Result<(), TargetError> {
        match self {
            Self::Recorded(_) => Ok(()),
            Self::Live(live) => live.warm_up().await,
        }
    }
}

impl Expectations for Oracle {
    async fn expected(&self, case: &Case, cell: &Cell) -> Result<Vec<Option<Vec<String>>>, String> {
        match self {
            Self::Recorded(release) => Ok(case.steps.iter().map(|step| recorded(step, release, cell)).collect()),
            Self::Live(live) => live.expected(case, cell).await,
        }
    }

    fn covers(&self, case: &Case, _: &Cell) -> bool {
        self.release().is_none_or(|release| case.releases.contains(release))
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded(release) => write!(f, "recorded:{release}"),
            Self::Live(live) => live.target().fmt(f),
        }
    }
}

/// The recorded answer to a step. A step in the background shows its answer where it is awaited.
fn recorded(step: &Step, release: &str, cell: &Cell) -> Option<Vec<String>> {
    if step.background.is_some() {
        return Some(Vec::new());
    }
    step.recorded(release, cell).map(<[String]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::Oracle;

    #[test]
    fn an_oracle_is_a_recorded_release_or_a_target() {
        let release = |text: &str| {
            Oracle::parse(text)
                .ok()
                .and_then(|oracle| oracle.release().map(str::to_owned))
        };
        assert_eq!(release("recorded").as_deref(), Some("4.3.1"));
        assert_eq!(release("recorded:3.9.2").as_deref(), Some("3.9.2"));
        assert_eq!(release("jvm:4.4.0").as_deref(), Some("4.4.0"));
        assert_eq!(release("docker:apache/kafka:4.3.1").as_deref(), Some("4.3.1"));
        assert!(Oracle::parse("recorded:2.0.0").is_err_and(|error| error.to_string().contains("4.3.1")));
    }
}
