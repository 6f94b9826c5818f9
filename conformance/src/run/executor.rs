//! Runs the plan: brokers shared where cases allow it, several runs at once, one verdict each, made here and never edited.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::event::{Ending, Event, Plan as Announced, RunReport, StepReport};
use super::observed::{Seen, observe_into};
use super::plan::{CORE_FAMILIES, is_of_family};
use super::{Answers, Broker, Expectations, Plan, Planned, Pool, Profiled, StepObservation};
use crate::case::{Case, Cell};
use crate::observe::compare;
use crate::step::Facts;
use crate::target::{Needs, Target, TargetError};
use crate::verdict::Verdict;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many runs at once.
    pub jobs: usize,
    /// Names this run; what `--sample` takes follows from it.
    pub seed: u64,
    /// For one run.
    pub timeout: Duration,
    /// What the target does not advertise counts as a difference.
    pub strict: bool,
    /// The target string as given.
    pub target_text: String,
    /// The oracle string as given.
    pub oracle_text: String,
}

struct Ground<O, P> {
    pool: Pool,
    oracle: Arc<O>,
    profile: Arc<P>,
    options: Options,
    sink: mpsc::UnboundedSender<Event>,
    cancel: watch::Receiver<bool>,
}

/// Runs everything and tells the sink. An error when the target did not come up at all: nothing ran.
pub async fn execute<O: Expectations, P: Profiled>(
    plan: Plan,
    target: Target,
    oracle: Arc<O>,
    profile: Arc<P>,
    options: Options,
    sink: mpsc::UnboundedSender<Event>,
    cancel: watch::Receiver<bool>,
) -> Result<(), TargetError> {
    let started = Instant::now();
    let pool = Pool::new(target);
    let (shared, mut interrupt) = (Needs::default(), cancel.clone());
    let first = tokio::select! {
        first = pool.lease(&shared) => first?,
        _ = interrupt.wait_for(|cancelled| *cancelled) => {
            return Err(TargetError("interrupted before anything was asked".to_owned()));
        }
    };
    tell(&sink, Event::Started(announce(&plan, &options, first.describe().await)));
    let permits = Arc::new(Semaphore::new(options.jobs.max(1)));
    let ground = Arc::new(Ground {
        pool,
        oracle,
        profile,
        options,
        sink,
        cancel,
    });
    for run in &plan.runs {
        ground.pool.announced(&run.case.needs).await;
        ground.oracle.announced(&run.case).await;
    }
    let (mut tasks, mut of_task) = (JoinSet::new(), HashMap::new());
    for planned in plan.runs {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            break;
        };
        if *ground.cancel.borrow() {
            break;
        }
        let (ground, facts, run) = (Arc::clone(&ground), Arc::clone(&first), planned.clone());
        let task = tasks.spawn(async move {
            ground.run(run, &facts).await;
            drop(permit);
        });
        of_task.insert(task.id(), planned);
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && let Some(planned) = of_task.remove(&error.id())
        {
            ground.pool.over(&planned.case.needs).await;
            ground.oracle.over(&planned.case).await;
            tell(&ground.sink, Event::RunFinished(crashed(&planned, error)));
        }
    }
    let interrupted = *ground.cancel.borrow();
    tell(
        &ground.sink,
        Event::Ended(Ending {
            elapsed: started.elapsed(),
            interrupted,
        }),
    );
    Ok(())
}

fn announce(plan: &Plan, options: &Options, target_name: String) -> Announced {
    Announced {
        target: options.target_text.clone(),
        target_name,
        oracle: options.oracle_text.clone(),
        seed: options.seed,
        cases: plan.cases(),
        runs: plan.runs.len(),
    }
}

/// How a case was played.
enum Asked {
    /// Every step; with why the target is gone, if it is gone afterwards.
    ToTheEnd { gone: Option<String> },
    /// It took longer than one run may.
    GivenUp { after: Duration },
}

/// A sink that nobody reads is no reason to stop.
fn tell(sink: &mpsc::UnboundedSender<Event>, event: Event) {
    let _ = sink.send(event);
}

impl<O: Expectations, P: Profiled> Ground<O, P> {
    async fn run(&self, planned: Planned, any: &Broker) {
        let Planned { case, cell } = planned;
        tell(&self.sink, Event::RunStarted { id: case.run_id(&cell) });
        let seen = Seen::default();
        let mut cancel = self.cancel.clone();
        let (verdict, steps) = tokio::select! {
            judged = self.judge(&case, &cell, any, &seen) => judged,
            _ = cancel.wait_for(|cancelled| *cancelled) => return,
        };
        let report = judged(&case, &cell, verdict, seen.elapsed(), steps);
        tell(&self.sink, Event::RunFinished(report));
        self.pool.over(&case.needs).await;
        self.oracle.over(&case).await;
    }

    async fn judge(&self, case: &Case, cell: &Cell, any: &Broker, seen: &Seen) -> (Verdict, Vec<StepReport>) {
        if let Err(needs) = self.pool.target().provides(&case.needs) {
            return (Verdict::Unreachable { needs }, Vec::new());
        }
        if let Err(needs) = self.oracle.reaches(case) {
            let needs = format!("{needs} (of the oracle)");
            return (Verdict::Unreachable { needs }, Vec::new());
        }
        if let Some(missing) = self.profile.unclaimed(case, cell) {
            return (Verdict::Unclaimed { missing }, Vec::new());
        }
        if let Some(missing) = unadvertised(case, cell, any.facts()) {
            return if self.options.strict && CORE_FAMILIES.iter().any(|family| is_of_family(case, family)) {
                (self.differs(case, cell), Vec::new())
            } else {
                (Verdict::Unclaimed { missing }, Vec::new())
            };
        }
        match self.asked_both(case, cell, seen).await {
            Err(why) => (Verdict::Broken { why }, Vec::new()),
            Ok((expected, Asked::ToTheEnd { gone })) => self.compared(case, cell, expected, seen.take(), gone),
            Ok((expected, Asked::GivenUp { after })) => self.given_up(case, cell, expected, seen.take(), after),
        }
    }

    /// Both are asked at once, and neither while the other starts: a Java process takes all of a small machine. The oracle's
    /// broker is taken first, always: two runs that each hold what the other waits for would wait for ever.
    async fn asked_both(&self, case: &Case, cell: &Cell, seen: &Seen) -> Result<(Answers, Asked), String> {
        let of_oracle = |why: String| format!("the oracle: {why}");
        let oracles = self.oracle.lease(case).await.map_err(of_oracle)?;
        let broker = self.pool.lease(&case.needs).await.map_err(|error| error.to_string())?;
        let (expected, asked) = tokio::join!(
            self.oracle.expected(case, cell, oracles),
            self.ask(case, cell, broker, seen)
        );
        Ok((expected.map_err(of_oracle)?, asked))
    }

    /// A run that took too long: the target's difference where a step shows one, ours otherwise.
    fn given_up(
        &self,
        case: &Case,
        cell: &Cell,
        expected: Answers,
        observed: Vec<StepObservation>,
        after: Duration,
    ) -> (Verdict, Vec<StepReport>) {
        let why = format!(
            "not done after {after:?}: {} of {} steps",
            observed.len(),
            case.steps.len()
        );
        match self.compared(case, cell, expected, observed, None) {
            (Verdict::Passed | Verdict::Vanished { .. }, steps) => (Verdict::Broken { why }, steps),
            judged => judged,
        }
    }

    /// Elections and the sessions of brokers are waited for.
    fn limit(&self, broker: &Broker) -> Duration {
        match broker.facts().brokers.len() {
            0 | 1 => self.options.timeout,
            _ => self.options.timeout * 3,
        }
    }

    /// Plays the case on the target.
    async fn ask(&self, case: &Case, cell: &Cell, broker: Arc<Broker>, seen: &Seen) -> Asked {
        seen.start();
        let limit = self.limit(&broker);
        let played = timeout(limit, observe_into(case, cell, &broker, seen)).await;
        seen.stop();
        if played.is_err() {
            return Asked::GivenUp { after: limit };
        }
        let gone = match case.leaves_a_broker_down() {
            true => None,
            false => broker.still_answers().await.err(),
        };
        Asked::ToTheEnd { gone }
    }

    fn compared(
        &self,
        case: &Case,
        cell: &Cell,
        expected: Answers,
        observed: Vec<StepObservation>,
        gone: Option<String>,
    ) -> (Verdict, Vec<StepReport>) {
        let broken = observed
            .iter()
            .find_map(|step| Some((step.broken.clone()?, step.by_target)));
        let mut steps: Vec<StepReport> = Vec::new();
        for observation in observed {
            let place = case.steps.iter().position(|step| step.line == observation.line);
            let source = place.map_or_else(|| "given".to_owned(), |index| case.steps[index].source.clone());
            let expected = place.and_then(|index| expected.get(index).cloned()).flatten();
            steps.push(report(observation, source, expected));
        }
        if let (Some(gone), Some(last)) = (&gone, steps.last_mut()) {
            last.findings
                .push(format!("afterwards the target no longer answers: {gone}"));
        }
        match (broken, steps.last_mut()) {
            (Some((why, true)), Some(last)) => {
                last.findings.push(why);
                return (self.differs(case, cell), steps);
            }
            (Some((why, _)), _) => return (Verdict::Broken { why }, steps),
            (None, _) => {}
        }
        if let Some(step) = steps.iter().find(|step| step.expected.is_none()) {
            let why = format!(
                "line {}: no answer is recorded for this run; `conformance record` asks a real Kafka",
                step.line
            );
            return (Verdict::Broken { why }, steps);
        }
        let same = steps
            .iter()
            .all(|step| step.difference.is_empty() && step.findings.is_empty());
        (
            if same {
                self.passes(case, cell)
            } else {
                self.differs(case, cell)
            },
            steps,
        )
    }

    fn passes(&self, case: &Case, cell: &Cell) -> Verdict {
        match self.profile.known(case, cell) {
            None => Verdict::Passed,
            Some((reason, _)) => Verdict::Vanished { reason },
        }
    }

    fn differs(&self, case: &Case, cell: &Cell) -> Verdict {
        match self.profile.known(case, cell) {
            None => Verdict::Differs,
            Some((reason, link)) => Verdict::Known { reason, link },
        }
    }
}

/// A run whose task panicked has a verdict like any other: ours is the fault, and it must not go unseen.
fn crashed(Planned { case, cell }: &Planned, error: JoinError) -> RunReport {
    let why = format!("the suite itself failed: {}", panic_text(error));
    judged(case, cell, Verdict::Broken { why }, Duration::ZERO, Vec::new())
}

/// What a task that did not end by itself said.
pub(crate) fn panic_text(error: JoinError) -> String {
    let what = error.to_string();
    let Ok(panic) = error.try_into_panic() else {
        return what;
    };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.map_or(what, |text| format!("panicked: {text}"))
}

fn judged(case: &Case, cell: &Cell, verdict: Verdict, elapsed: Duration, steps: Vec<StepReport>) -> RunReport {
    RunReport {
        id: case.run_id(cell),
        case: case.name.clone(),
        family: case.family().to_owned(),
        ids: case.ids.clone(),
        intent: case.intent.clone(),
        apis: case.apis.iter().map(|api| api.name.clone()).collect(),
        version: cell.api.clone(),
        driver: case.driver,
        verdict,
        elapsed,
        steps,
    }
}

fn report(observation: StepObservation, source: String, expected: Option<Vec<String>>) -> StepReport {
    let difference = expected
        .as_deref()
        .map(|expected| compare(expected, &observation.lines))
        .unwrap_or_default();
    StepReport {
        line: observation.line,
        source,
        expected,
        actual: observation.lines,
        difference,
        findings: observation.findings,
        frames: observation.frames,
    }
}

/// The first API or version of the case that the target does not advertise.
pub(crate) fn unadvertised(case: &Case, cell: &Cell, facts: &Facts) -> Option<String> {
    let capabilities = &facts.capabilities;
    if let Some((api, version)) = &cell.api
        && !capabilities.covers(api, *version)
    {
        return Some(format!("{api} v{version}"));
    }
    case.apis
        .iter()
        .find(|api| capabilities.range(&api.name).is_none())
        .map(|api| api.name.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::{mpsc, watch};

    use super::{Options, execute};
    use crate::case::{Case, Cell, parse};
    use crate::run::event::{Event, RunReport};
    use crate::run::{Answers, Broker, Expectations, Filters, Profiled, plan};
    use crate::target::Target;

    /// The answers that stand in the case.
    struct Written;

    impl Expectations for Written {
        async fn expected(&self, case: &Case, cell: &Cell, _: Option<Arc<Broker>>) -> Result<Answers, String> {
            Ok(case
                .steps
                .iter()
                .map(|step| step.recorded("4.3.1", cell).map(<[String]>::to_vec))
                .collect())
        }
    }

    struct KnowsAll;

    impl Profiled for KnowsAll {
        fn unclaimed(&self, case: &Case, _: &Cell) -> Option<String> {
            case.name.starts_with("unclaimed").then(|| "profile".to_owned())
        }

        fn known(&self, _: &Case, _: &Cell) -> Option<(String, Option<String>)> {
            Some(("as ever".to_owned(), None))
        }
    }

    /// A fault of the suite in the middle of a run.
    struct Panics;

    impl Profiled for Panics {
        fn unclaimed(&self, case: &Case, _: &Cell) -> Option<String> {
            assert!(!case.name.starts_with("panics"), "a rule of the suite does not hold");
            None
        }

        fn known(&self, _: &Case, _: &Cell) -> Option<(String, Option<String>)> {
            None
        }
    }

    async fn run<P: Profiled>(texts: &[(&str, &str)], profile: P) -> Vec<RunReport> {
        let cases = texts
            .iter()
            .map(|(name, text)| parse(name, text).expect("a case"))
            .collect();
        let options = Options {
            jobs: 4,
            seed: 1,
            timeout: Duration::from_secs(30),
            strict: false,
            target_text: "reference".to_owned(),
            oracle_text: "written".to_owned(),
        };
        let (sink, mut events) = mpsc::unbounded_channel();
        let (_cancel, cancelled) = watch::channel(false);
        let target = Target::parse("reference").expect("a target");
        execute(
            plan(cases, &Filters::default()),
            target,
            Arc::new(Written),
            Arc::new(profile),
            options,
            sink,
            cancelled,
        )
        .await
        .expect("it starts");
        let mut reports = Vec::new();
        while let Some(event) = events.recv().await {
            if let Event::RunFinished(report) = event {
                reports.push(report);
            }
        }
        reports.sort_by(|one, other| one.id.cmp(&other.id));
        reports
    }

    const ASKS: &str = "# API-01  A.\napis: ApiVersions 0..4\n\nsend ApiVersions { ClientSoftwareName?: x, ClientSoftwareVersion?: y } | ErrorCode\n----\nErrorCode=NONE\n---- v2\nErrorCode=UNKNOWN_SERVER_ERROR\n";

    fn words(reports: &[RunReport]) -> Vec<&str> {
        reports.iter().map(|report| report.verdict.word()).collect()
    }

    #[tokio::test]
    async fn a_run_is_judged_against_the_answer_of_its_version() {
        let reports = run(&[("a", ASKS)], ()).await;
        assert_eq!(words(&reports), ["passed", "passed", "differs", "passed", "passed"]);
        assert_eq!(reports[2].steps[0].difference.len(), 1);
        assert_eq!(reports[2].steps[0].frames.len(), 2);
    }

    #[tokio::test]
    async fn what_the_profile_knows_is_known_and_must_show() {
        let reports = run(&[("a", ASKS), ("unclaimed", ASKS)], KnowsAll).await;
        assert_eq!(
            words(&reports[..5]),
            ["vanished", "vanished", "known", "vanished", "vanished"]
        );
        assert!(words(&reports[5..]).iter().all(|word| *word == "unclaimed"));
    }

    #[tokio::test]
    async fn a_step_that_would_do_nothing_names_its_line() {
        let wrong = [
            "send ApiVersions v0 {} within=-1",
            "send ApiVersions v0 {} at-most=-1",
            "metadata api-version=40000",
            "raw [0x00]",
            "kill x",
            "commit g t/0=5 metdata=x",
            "fetch [{ at: t/0, form: 0 }]",
            "send ApiVersions v0 {} -> $x=NoSuchField",
        ];
        for step in wrong {
            let text = format!("# API-01  A.\n\n{step}\n----\n");
            let reports = run(&[("a", &text)], ()).await;
            let verdict = format!("{:?}", reports[0].verdict);
            assert!(verdict.starts_with("Broken { why: \"line 3: "), "{step}: {verdict}");
        }
    }

    #[tokio::test]
    async fn a_run_that_panics_is_broken_and_not_lost() {
        let one = "# API-01  A.\n\nsend ApiVersions v0 {} | ErrorCode\n----\nErrorCode=NONE\n";
        let reports = run(&[("panics", one), ("works", one)], Panics).await;
        assert_eq!(words(&reports), ["broken", "passed"]);
        let why = format!("{:?}", reports[0].verdict);
        assert!(why.contains("a rule of the suite does not hold"), "{why}");
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_named_and_never_the_targets_fault() {
        let reports = run(
            &[
                ("broken", "# API-01  A.\n\nsend ApiVersions { NoSuchField: 1 }\n----\n"),
                (
                    "unclaimed",
                    "# API-01  A.\napis: StreamsGroupTopologyDescriptionUpdate\n\nsend ApiVersions {}\n----\n",
                ),
                (
                    "unreachable",
                    "# API-01  A.\nneeds: brokers 4\n\nsend ApiVersions {}\n----\n",
                ),
                ("unrecorded", "# API-01  A.\n\nsend ApiVersions v0 {}\n"),
            ],
            (),
        )
        .await;
        assert_eq!(words(&reports), ["broken", "unclaimed", "unreachable", "broken"]);
    }
}
