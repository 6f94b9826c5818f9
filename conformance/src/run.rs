//! Cases × versions become a stream of events: plan, run, judge. No reporter is known here, nothing is printed.

pub mod event;
mod executor;
mod observed;
mod plan;
mod pool;

pub use executor::{Options, execute};
pub(crate) use executor::{panic_text, unadvertised};
pub use observed::{StepObservation, observe_case};
pub use plan::{Filters, Plan, Planned, plan};
pub(crate) use plan::{is_named, is_of_family, matches};
pub(crate) use pool::cores;
pub use pool::{Broker, Pool};

use std::future::Future;
use std::sync::Arc;

use crate::case::{Case, Cell};

/// What is answered to a case, by step; None for a step without an answer.
pub type Answers = Vec<Option<Vec<String>>>;

/// What Kafka answers to a run.
pub trait Expectations: Send + Sync + 'static {
    /// What a live oracle asks the case of, up and ready; None where nothing has to run.
    fn lease(&self, case: &Case) -> impl Future<Output = Result<Option<Arc<Broker>>, String>> + Send {
        let _ = case;
        std::future::ready(Ok(None))
    }

    /// The answers of what was leased. An error when the oracle could not be asked.
    fn expected(
        &self,
        case: &Case,
        cell: &Cell,
        on: Option<Arc<Broker>>,
    ) -> impl Future<Output = Result<Answers, String>> + Send;

    /// Whether the oracle can be asked; otherwise what it cannot give of what the case needs, in words.
    ///
    /// # Errors
    /// As of [`crate::target::Target::provides`].
    fn reaches(&self, case: &Case) -> Result<(), String> {
        let _ = case;
        Ok(())
    }

    /// One more run of the case is to come.
    fn announced(&self, case: &Case) -> impl Future<Output = ()> + Send {
        let _ = case;
        std::future::ready(())
    }

    /// One run of the case is over.
    fn over(&self, case: &Case) -> impl Future<Output = ()> + Send {
        let _ = case;
        std::future::ready(())
    }

    /// Whether an answer is to be expected at all: a recorded oracle has none for a case made for other releases.
    fn covers(&self, case: &Case, cell: &Cell) -> bool {
        let _ = (case, cell);
        true
    }
}

/// What the profile of a target says beforehand.
pub trait Profiled: Send + Sync + 'static {
    /// What the target does not claim of this case, in words.
    fn unclaimed(&self, case: &Case, cell: &Cell) -> Option<String>;
    /// The known difference that this run shows: reason and link.
    fn known(&self, case: &Case, cell: &Cell) -> Option<(String, Option<String>)>;
}

/// No profile: everything is claimed and nothing is known.
impl Profiled for () {
    fn unclaimed(&self, _: &Case, _: &Cell) -> Option<String> {
        None
    }

    fn known(&self, _: &Case, _: &Cell) -> Option<(String, Option<String>)> {
        None
    }
}
