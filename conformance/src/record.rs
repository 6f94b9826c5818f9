//! Asks a real Kafka what it answers and writes that into the case files, with a lock of what was recorded and the golden
//! frames on the way. It judges nothing: an answer that is not the same twice is refused, never picked.

mod ask;
mod blocks;
mod day;
mod frames;
mod lock;
mod place;
mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::case::{self, BASELINE, Case};
use crate::run::{Filters, Pool, matches, panic_text};
use crate::step::Facts;
use crate::target::{Needs, Target, TargetError};

pub use lock::{Lock, LockError};
pub use place::Place;

use frames::Candidate;
use lock::Entry;
use table::{Row, Table};

/// What to record.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whom to ask: a target whose string says its Kafka release.
    pub oracle: Target,
    /// Which cases; a case is recorded at all its versions or not at all.
    pub filters: Filters,
    /// How many runs at once.
    pub jobs: usize,
    /// Writes golden frames anew where there are some already.
    pub renew_frames: bool,
}

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its answers stand in its file.
    Recorded {
        /// Name of the case.
        case: String,
        /// Whether its file reads otherwise than before.
        changed: bool,
    },
    /// This Kafka is not to be asked: the release is excluded, or does not advertise what the case is about.
    Skipped {
        /// Name of the case.
        case: String,
        /// Why, in words.
        why: String,
    },
    /// Nothing was written; the reason starts with file:line.
    Refused {
        /// Name of the case.
        case: String,
        /// Every reason.
        why: String,
    },
}

/// The Kafka release that a target string names, if it names one.
pub fn release_of(oracle: &Target) -> Option<&str> {
    let release = match oracle {
        Target::Jvm { version, .. } => version,
        Target::Docker { tag, .. } => tag,
        // What ZooKeeper's brokers answer is shown by running them, and is no recording of their release.
        Target::JvmZooKeeper { .. } | Target::Reference { .. } | Target::Address(_) | Target::Exec(_) => return None,
    };
    (release.split('.').count() == 3 && release.split('.').all(|part| part.parse::<u16>().is_ok())).then_some(release)
}

/// Records every case that the order names and tells the outcome of each.
///
/// # Errors
/// The oracle says no release or did not come up: nothing was asked.
pub async fn record(order: Order, place: Place, sink: mpsc::UnboundedSender<Outcome>) -> Result<(), TargetError> {
    let Some(release) = release_of(&order.oracle).map(str::to_owned) else {
        let why = format!(
            "{} does not say which Kafka it is; record from jvm:{BASELINE} or docker:apache/kafka:{BASELINE}",
            order.oracle
        );
        return Err(TargetError(why));
    };
    let (cases, unread) = chosen(&place, &order.filters)?;
    unread.into_iter().for_each(|outcome| tell(&sink, outcome));
    let (mut cases, left_alone): (Vec<Case>, Vec<Case>) = cases
        .into_iter()
        .partition(|case| is_of_its_size(&order.oracle, &case.needs));
    if !order.filters.cases.is_empty() {
        left_alone
            .into_iter()
            .for_each(|case| tell(&sink, of_another_size(&order.oracle, case)));
    }
    cases.sort_by(|one, other| (&one.needs, &one.name).cmp(&(&other.needs, &other.name)));
    let Some(first) = cases.first() else {
        return Ok(());
    };
    let pool = Pool::new(order.oracle.clone());
    let facts = Arc::clone(pool.lease(&first.needs).await?.facts());
    let recorder = Arc::new(Recorder {
        facts,
        pool,
        release,
        from: order.oracle.to_string(),
        place,
        permits: Semaphore::new(order.jobs.max(1)),
        starts: Semaphore::new(STARTS),
        candidates: Mutex::default(),
        sink,
    });
    recorder.all(cases).await;
    if recorder.release == BASELINE {
        recorder.golden(order.renew_frames).await;
    }
    Ok(())
}

/// A cluster records what is about several brokers, and a broker that is alone records the rest.
fn is_of_its_size(oracle: &Target, needs: &Needs) -> bool {
    (needs.brokers > 1) == (oracle.brokers(needs) > 1)
}

fn of_another_size(oracle: &Target, case: Case) -> Outcome {
    let why = match case.needs.brokers {
        0 | 1 => format!("{oracle} records only cases that need several brokers"),
        brokers => format!("it needs {brokers} brokers, as jvm:{BASELINE}x3 has them"),
    };
    Outcome::Skipped { case: case.name, why }
}

/// How many brokers that only one run uses may be up at once.
const STARTS: usize = 3;

struct Recorder {
    pool: Pool,
    facts: Arc<Facts>,
    release: String,
    from: String,
    place: Place,
    permits: Semaphore,
    starts: Semaphore,
    candidates: Mutex<Vec<Candidate>>,
    sink: mpsc::UnboundedSender<Outcome>,
}

impl Recorder {
    /// Cases that share a broker run together; when they are done it makes room for the next one.
    async fn all(self: &Arc<Self>, cases: Vec<Case>) {
        for group in cases.chunk_by(|one, other| one.needs == other.needs) {
            let (mut tasks, mut of_task) = (JoinSet::new(), HashMap::new());
            for case in group {
                let (recorder, case) = (Arc::clone(self), Arc::new(case.clone()));
                let name = case.name.clone();
                let task = tasks.spawn(async move {
                    let outcome = recorder.one(&case).await;
                    tell(&recorder.sink, outcome);
                });
                of_task.insert(task.id(), name);
            }
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended
                    && let Some(case) = of_task.remove(&error.id())
                {
                    let why = format!("the recorder itself failed: {}", panic_text(error));
                    tell(&self.sink, Outcome::Refused { case, why });
                }
            }
            self.pool.retire(&group[0].needs).await;
        }
    }

    async fn one(self: &Arc<Self>, case: &Arc<Case>) -> Outcome {
        let name = case.name.clone();
        if !case.releases.contains(&self.release) {
            return Outcome::Skipped {
                case: name,
                why: format!("its releases: line leaves {} out", self.release),
            };
        }
        match self.ask(case).await {
            Err(why) => Outcome::Refused { case: name, why },
            Ok(asked) if asked.row.is_empty() => Outcome::Skipped {
                case: name,
                why: format!("Kafka {} does not advertise {}", self.release, asked.missing),
            },
            Ok(asked) => match self.write(case, asked.row).await {
                Ok(changed) => {
                    self.candidates.lock().await.extend(asked.candidates);
                    Outcome::Recorded { case: name, changed }
                }
                Err(why) => Outcome::Refused { case: name, why },
            },
        }
    }

    /// The file first, then its entry in the lock: a crash between them is seen by the test, not hidden.
    async fn write(&self, case: &Case, row: Row) -> Result<bool, String> {
        let path = self.place.file(&case.name);
        let held = lock::hold(&self.place.lock).await;
        let _held = held.map_err(|error| format!("{}: {error}", self.place.lock.display()))?;
        if read(&path)? != case.text {
            return Err(format!(
                "{}:1: edited while its case ran; record it again",
                path.display()
            ));
        }
        let mut lock = Lock::load(&self.place.lock).map_err(|error| error.to_string())?;
        let versions: Vec<_> = row.keys().copied().collect();
        let mut table = Table::standing(case, &lock);
        table.put(&self.release, row);
        let text = blocks::rewritten(case, &table);
        let written = table
            .verified(&case.name, &text)
            .map_err(|why| format!("{}:{why}", path.display()))?;
        if text != case.text {
            replace(&path, &text)?;
        }
        if lock.enter(
            &case.name,
            &self.release,
            Entry::of(&written, &self.release, &versions, &self.from),
        ) {
            replace(&self.place.lock, &lock.to_string())?;
        }
        Ok(text != case.text)
    }

    async fn golden(&self, renew: bool) {
        let Some(dir) = &self.place.frames else { return };
        let candidates = std::mem::take(&mut *self.candidates.lock().await);
        let refused = match lock::hold(&self.place.lock).await {
            Ok(_held) => frames::write(candidates, dir, renew),
            Err(error) => vec![format!("{}: {error}", dir.display())],
        };
        for why in refused {
            tell(
                &self.sink,
                Outcome::Refused {
                    case: "golden frames".to_owned(),
                    why,
                },
            );
        }
    }
}

/// The cases that the filters name; with them, the files that cannot be read and might have been meant.
fn chosen(place: &Place, filters: &Filters) -> Result<(Vec<Case>, Vec<Outcome>), TargetError> {
    let files = case::load_each(&place.cases).map_err(|error| TargetError(error.to_string()))?;
    let (mut cases, mut unread) = (Vec::new(), Vec::new());
    for (name, loaded) in files {
        match loaded {
            Ok(case) => cases.push(case),
            Err(error) if filters.cases.is_empty() || filters.cases.iter().any(|glob| matches(glob, &name)) => {
                unread.push(Outcome::Refused {
                    case: name,
                    why: error.to_string(),
                });
            }
            Err(_) => {}
        }
    }
    let mut wanted: Vec<Case> = crate::run::plan(cases, filters)
        .runs
        .into_iter()
        .map(|planned| Arc::unwrap_or_clone(planned.case))
        .collect();
    wanted.dedup_by(|one, other| one.name == other.name);
    Ok((wanted, unread))
}

fn tell(sink: &mpsc::UnboundedSender<Outcome>, outcome: Outcome) {
    // Whoever no longer listens does not stop the recording.
    let _ = sink.send(outcome);
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A reader never meets half a file.
fn replace(path: &Path, text: &str) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(fail)?;
    }
    let part = PathBuf::from(format!("{}.part", path.display()));
    std::fs::write(&part, text).map_err(fail)?;
    std::fs::rename(&part, path).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::is_of_its_size;
    use crate::target::{Needs, Target};

    #[test]
    fn a_cluster_records_what_is_about_several_brokers_and_one_broker_the_rest() {
        let of = |target: &str, brokers: usize| {
            let needs = Needs {
                brokers,
                ..Needs::default()
            };
            is_of_its_size(&Target::parse(target).expect(target), &needs)
        };
        assert!(of("jvm:4.3.1", 0) && of("jvm:4.3.1", 1) && of("jvm:4.3.1x3", 3));
        assert!(!of("jvm:4.3.1", 3) && !of("jvm:4.3.1x3", 0));
    }
}
