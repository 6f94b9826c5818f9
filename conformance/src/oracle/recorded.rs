//! The answers that stand in the case files, as far as the lock says that they were recorded.

use crate::case::{BASELINE, Case, Cell};
use crate::record::Lock;
use crate::run::Answers;

/// The recorded answers of one release. The blocks of a case file alone do not say what was asked: a release without a block
/// of its own answered as the baseline did, or was never asked.
#[derive(Debug)]
pub struct Recorded {
    release: String,
    lock: Lock,
}

impl Recorded {
    /// Of a release of this lock.
    pub fn new(release: &str, lock: Lock) -> Self {
        Self {
            release: release.to_owned(),
            lock,
        }
    }

    /// Which release.
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Whether this release has an answer at all: not to a case made for others, nor at a version that it lacks.
    pub(super) fn covers(&self, case: &Case, cell: &Cell) -> bool {
        let version = cell.api.as_ref().map(|(_, version)| *version);
        case.releases.contains(&self.release)
            && (self.release == BASELINE || self.lock.reaches(case, &self.release, version))
    }

    /// The answers, by step.
    ///
    /// # Errors
    /// This release was never asked.
    pub(super) fn expected(&self, case: &Case, cell: &Cell) -> Result<Answers, String> {
        let Self { release, lock } = self;
        if release != BASELINE && !lock.has(case, release) {
            let name = &case.name;
            return Err(format!(
                "Kafka {release} was never asked this; `conformance record --oracle jvm:{release} --case {name}` asks it"
            ));
        }
        let answer = |step: &crate::case::Step| step.recorded(release, cell).map(<[String]>::to_vec);
        Ok(case.steps.iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Recorded;
    use crate::case::{Cell, load_embedded, parse};
    use crate::record::Lock;

    fn recorded(release: &str) -> Recorded {
        Recorded::new(release, Lock::embedded().expect("the lock of the checkout"))
    }

    #[test]
    fn every_release_of_the_lock_answers_every_run_that_it_was_asked() {
        let lock = Lock::embedded().expect("the lock of the checkout");
        let cases = load_embedded().expect("the cases of the checkout");
        for release in lock.all_releases() {
            let recorded = recorded(release);
            for case in cases.iter().filter(|case| lock.has(case, release)) {
                for cell in case.cells().iter().filter(|cell| recorded.covers(case, cell)) {
                    let answers = recorded
                        .expected(case, cell)
                        .unwrap_or_else(|why| panic!("{}: {why}", case.name));
                    assert!(answers.iter().all(Option::is_some), "{release} {}", case.run_id(cell));
                }
            }
        }
    }

    #[test]
    fn a_case_that_a_release_was_never_asked_has_no_answer_of_the_baseline_instead() {
        let text = "# PRO-17  A.\napis: Produce 3..13\n\nproduce t/0 values=[a]\n----\nt/0 error=NONE base=0\n";
        let case = parse("mine/produce", text).expect("a case");
        let at = |version| Cell::of("Produce", version);
        let why = recorded("3.9.2").expected(&case, &at(9)).expect_err("never asked");
        assert!(why.contains("Kafka 3.9.2 was never asked"), "{why}");
        assert!(recorded("4.3.1").expected(&case, &at(9)).is_ok());
        // Kafka 3.9.2 has no Produce v12: there is nothing to ask.
        assert!(recorded("3.9.2").covers(&case, &at(11)) && !recorded("3.9.2").covers(&case, &at(12)));
    }
}
