//! What Kafka answers: read from the blocks of the case, or asked of a real one at the same moment.

mod live;
mod recorded;

use std::fmt;
use std::sync::Arc;

pub use live::Live;
pub use recorded::Recorded;

use crate::case::{BASELINE, Case, Cell};
use crate::record::Lock;
use crate::run::{Answers, Broker, Expectations};
use crate::target::{Target, TargetError};

/// Where the answers come from.
#[derive(Debug)]
pub enum Oracle {
    /// `recorded:4.3.1`: the blocks of the case files.
    Recorded(Recorded),
    /// A target string: a real Kafka that is asked while the target is.
    Live(Box<Live>),
}

impl Oracle {
    /// Reads an oracle string: `recorded`, `recorded:RELEASE`, or any target. The lock says which releases are recorded.
    ///
    /// # Errors
    /// Says what is wrong with it and what there is.
    pub fn parse(text: &str, lock: Lock) -> Result<Self, TargetError> {
        let Some(rest) = text.trim().strip_prefix("recorded") else {
            return Ok(Self::Live(Box::new(Live::new(Target::parse(text)?))));
        };
        let release = match rest.strip_prefix(':') {
            None if rest.is_empty() => Some(BASELINE),
            None => None,
            Some(release) => Some(release).filter(|release| lock.all_releases().contains(release)),
        };
        match release {
            Some(release) => Ok(Self::Recorded(Recorded::new(release, lock))),
            None => Err(TargetError(format!(
                "oracle {text:?}: recorded releases are {}",
                lock.all_releases().join(", ")
            ))),
        }
    }

    /// The Kafka release behind it, where the string says one.
    pub fn release(&self) -> Option<&str> {
        match self {
            Self::Recorded(recorded) => Some(recorded.release()),
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
    async fn lease(&self, case: &Case) -> Result<Option<Arc<Broker>>, String> {
        match self {
            Self::Recorded(_) => Ok(None),
            Self::Live(live) => live
                .lease(&case.needs)
                .await
                .map(Some)
                .map_err(|error| error.to_string()),
        }
    }

    async fn expected(&self, case: &Case, cell: &Cell, on: Option<Arc<Broker>>) -> Result<Answers, String> {
        match (self, on) {
            (Self::Recorded(recorded), _) => recorded.expected(case, cell),
            (Self::Live(live), Some(broker)) => live.expected(case, cell, &broker).await,
            (Self::Live(_), None) => Err("no broker was leased".to_owned()),
        }
    }

    fn reaches(&self, case: &Case) -> Result<(), String> {
        match self {
            Self::Recorded(_) => Ok(()),
            Self::Live(live) => live.target().provides(&case.needs),
        }
    }

    async fn announced(&self, case: &Case) {
        if let Self::Live(live) = self {
            live.pool().announced(&case.needs).await;
        }
    }

    async fn over(&self, case: &Case) {
        if let Self::Live(live) = self {
            live.pool().over(&case.needs).await;
        }
    }

    fn covers(&self, case: &Case, cell: &Cell) -> bool {
        match self {
            Self::Recorded(recorded) => recorded.covers(case, cell),
            Self::Live(live) => live.release().is_none_or(|release| case.releases.contains(release)),
        }
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded(recorded) => write!(f, "recorded:{}", recorded.release()),
            Self::Live(live) => live.target().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Oracle;
    use crate::record::Lock;

    fn oracle(text: &str) -> Result<Oracle, String> {
        let lock = Lock::embedded().expect("the lock of the checkout");
        Oracle::parse(text, lock).map_err(|error| error.to_string())
    }

    #[test]
    fn an_oracle_is_a_recorded_release_or_a_target() {
        let release = |text: &str| oracle(text).ok().and_then(|oracle| oracle.release().map(str::to_owned));
        assert_eq!(release("recorded").as_deref(), Some("4.3.1"));
        assert_eq!(release("recorded:3.9.2").as_deref(), Some("3.9.2"));
        assert_eq!(release("jvm:4.4.0").as_deref(), Some("4.4.0"));
        assert_eq!(release("docker:apache/kafka:4.3.1").as_deref(), Some("4.3.1"));
    }

    #[test]
    fn a_release_is_recorded_where_the_lock_says_so_and_the_readme_names_those() {
        let lock = Lock::embedded().expect("the lock of the checkout");
        let readme = include_str!("../../README.md");
        let row = readme.lines().find(|line| line.starts_with("| `recorded:"));
        let releases = lock.all_releases();
        for release in ["2.0.0", "3.9.2", "4.0.2", "4.1.2", "4.2.1", "4.3.1", "4.4.0"] {
            let is_recorded = releases.contains(&release);
            assert_eq!(oracle(&format!("recorded:{release}")).is_ok(), is_recorded, "{release}");
            assert_eq!(row.is_some_and(|row| row.contains(release)), is_recorded, "{release}");
        }
        let error = oracle("recorded:4.0.2").expect_err("never recorded");
        assert!(
            error.ends_with(&format!("recorded releases are {}", releases.join(", "))),
            "{error}"
        );
        assert!(oracle("recorder").is_err());
    }
}
